"""Registration, checkers, stable-baselines3, several environments in a process, renderers."""

from __future__ import annotations

import json
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from envs import ENV_ID
from envs.play import ArticulatedPlay
from envs.simulator import Simulator
from envs.wrappers import DepthAsImage
from episodes import episode, python

pytestmark = pytest.mark.usefixtures("cache")


def test_make_in_a_fresh_process():
    code = "import gymnasium as gym; e = gym.make('envs:ArticulatedPlay-v0'); e.reset(seed=0); print(e.spec.id)"
    assert python(code).strip() == ENV_ID
    code = "import atp, sys, gymnasium as gym; print(gym.spec('ArticulatedPlay-v0').id, 'torch' in sys.modules)"
    assert python(code).split() == [ENV_ID, "False"]


def test_standard_output_is_clean():
    code = (
        "import json, gymnasium as gym\n"
        "env = gym.make('envs:ArticulatedPlay-v0', randomization=True)\n"
        "for seed in range(3):\n    env.reset(seed=seed)\n"
        "_, reward, *_ = env.step(env.action_space.sample())\n"
        "env.close()\nprint(json.dumps({'reward': reward}))"
    )
    assert set(json.loads(python(code))) == {"reward"}


@pytest.mark.parametrize("randomization", [False, True])
def test_gymnasiums_checker(randomization, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = gym.make(f"envs:{ENV_ID}", randomization=randomization, render_mode="rgb_array")
        check_env(made.unwrapped)
    made.close()


def test_stable_baselines3s_checker(env):
    from stable_baselines3.common.env_checker import check_env as check

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(DepthAsImage(env))
        # of the bare environment it says one thing, advice rather than a fault: depth lacks a channel
        warnings.filterwarnings("ignore", message="Your observation depth has an unconventional shape")
        check(env)


@pytest.mark.parametrize("wrapper", [DepthAsImage, lambda env: env], ids=["image", "flat"])
def test_stable_baselines3_learns(wrapper):
    from stable_baselines3 import PPO

    env = wrapper(gym.make(f"envs:{ENV_ID}", resolution=36, interactions=4))
    model = PPO("MultiInputPolicy", env, n_steps=8, batch_size=8, n_epochs=1, seed=0, device="cpu")
    model.learn(16)
    assert model.num_timesteps == 16
    observation, _ = env.reset(seed=0)
    action, _ = model.predict(observation)
    assert env.action_space.contains(action.astype(np.int64))
    env.close()


def test_depth_as_an_image():
    env = DepthAsImage(ArticulatedPlay(resolution=(30, 40), category="knife"))
    depth = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 4.0], np.float32).repeat(200).reshape(30, 40)
    observation = {"rgb": np.ones((30, 40, 3), np.uint8), "depth": depth, "touch": np.zeros(2, np.int8)}
    seen = env.observation(observation)
    assert env.observation_space.contains(seen)
    assert seen["depth"].reshape(-1)[::200].tolist() == [0, 255, 255, 128, 1, 1]
    assert observation["depth"] is depth
    assert env.observation_space.contains(env.reset(seed=0)[0])
    env.close()


def test_vector_environments():
    from stable_baselines3.common.vec_env import SubprocVecEnv

    def make():
        return gym.make(f"envs:{ENV_ID}", category="scissors")

    vector = SubprocVecEnv([make, make], start_method="forkserver")
    vector.seed(0)
    observation = vector.reset()
    assert observation["rgb"].shape == (2, 90, 90, 3)
    for step in range(5):
        observation, _, done, infos = vector.step(np.array([[40, 40, 50, 50, 0]] * 2))
        assert done.tolist() == [step == 4] * 2
    assert infos[0]["terminal_observation"]["depth"].shape == (90, 90)
    vector.close()


def test_many_environments_one_process():
    envs = [ArticulatedPlay(category="knife") for _ in range(3)]
    alone = episode(envs[0], 0)
    for other in envs[1:]:
        other.reset(seed=1)
    for other in envs[1:]:
        assert episode(other, 0) == alone
    for made in envs:
        made.close()
        made.close()


def test_egl():
    try:
        Simulator("egl").close()
    except RuntimeError as error:
        pytest.skip(str(error))
    env, tiny = ArticulatedPlay(renderer="egl"), ArticulatedPlay()
    for seed in range(2):
        (seen, info), (wanted, _) = (made.reset(seed=seed) for made in (env, tiny))
        assert np.median(np.abs(seen["depth"] - wanted["depth"])) < 0.002
        assert info["privileged"]["num_parts"] == 2
        assert env.observation_space.contains(env.step(env.oracle_action(0))[0])
    env.close()
    tiny.close()
