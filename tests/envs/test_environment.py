"""The Gymnasium environment: interface, seeds, options, errors, checkers, stable-baselines3."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import envs.human_render as drawing
from assets.catalog import TRAIN_CATEGORIES, instance_folder
from assets.importing.urdf import ObjectError
from envs import ENV_ID
from envs.play import ArticulatedPlay
from envs.simulator import Simulator
from envs.wrappers import DepthAsImage


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATP_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def env():
    made = ArticulatedPlay()
    yield made
    made.close()


def flat(value, name=""):
    """Every array and number of an observation or info as (name, type, bytes)."""
    if isinstance(value, dict):
        return [entry for key in sorted(value) for entry in flat(value[key], f"{name}/{key}")]
    if isinstance(value, np.ndarray):
        return [(name, str(value.dtype), value.shape, value.tobytes())]
    return [(name, type(value).__name__, (), repr(value))]


def action_on_object(info, rng):
    labels = info["privileged"]["labels"]
    hold, push = rng.choice(np.flatnonzero(labels), 2)
    width = labels.shape[1]
    return np.array([*divmod(hold, width), *divmod(push, width), rng.integers(8)])


def episode(env, seed, options=None):
    """Everything that an episode of actions drawn from ``seed`` gives, to the byte."""
    rng = np.random.default_rng(seed)
    observation, info = env.reset(seed=seed, options=options)
    record = [flat(observation), flat(info)]
    for _ in range(env.unwrapped.interactions):
        observation, reward, terminated, truncated, info = env.step(action_on_object(info, rng))
        record += [flat(observation), flat(info), [reward, terminated, truncated]]
    return record


def python(code, **environment):
    """Run code in a process of its own; returns what it prints."""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **environment}
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


# --- Interface ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resolution", [90, (48, 64)])
def test_spaces_shapes_and_types(resolution):
    height, width = (90, 90) if resolution == 90 else resolution
    env = ArticulatedPlay(resolution=resolution, randomization=True)
    assert env.action_space.nvec.tolist() == [height, width, height, width, 8]
    observation, info = env.reset(seed=0)
    outputs = [(observation, info)]
    for _ in range(2):
        observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
        assert type(reward) is float
        assert (type(terminated), type(truncated)) == (bool, bool)
        outputs.append((observation, info))
    for observation, info in outputs:
        assert env.observation_space.contains(observation)
        assert observation["rgb"].shape == (height, width, 3)
        assert observation["depth"].shape == (height, width)
        assert observation["touch"].dtype == np.int8
        assert (info["category"] in TRAIN_CATEGORIES, type(info["instance"])) == (True, str)
        truth = info["privileged"]
        shapes = {name: (value.shape, value.dtype) for name, value in truth.items() if hasattr(value, "shape")}
        assert shapes == {
            "labels": ((height, width), np.uint8),
            "moved_before": ((height, width), np.bool_),
            "moved_after": ((height, width), np.bool_),
            "flow": ((height, width, 2), np.float32),
            "moved_parts": ((15,), np.bool_),
            "seen_parts": ((15,), np.bool_),
        }
        types = {name: type(value) for name, value in truth.items() if name not in shapes}
        assert types == {
            "held_part": int, "pushed_part": int, "effective": bool, "optimal": bool, "num_parts": int
        }  # fmt: skip
    env.close()


def test_after_reset_nothing_has_been_touched_or_moved(env):
    observation, info = env.reset(seed=1)
    truth = info["privileged"]
    assert observation["touch"].tolist() == [0, 0]
    for name in ("moved_before", "moved_after", "flow", "moved_parts"):
        assert not truth[name].any()
    assert (truth["held_part"], truth["pushed_part"], truth["effective"], truth["optimal"]) == (
        0,
        0,
        False,
        False,
    )
    assert truth["num_parts"] == truth["seen_parts"].sum() == 2
    assert np.unique(truth["labels"]).tolist() == [0, 1, 2]


def test_an_episode_is_truncated_after_its_interactions():
    env = ArticulatedPlay(interactions=3)
    for _ in range(2):
        env.reset(seed=0)
        ends = [env.step(env.action_space.sample())[2:4] for _ in range(3)]
        assert ends == [(False, False), (False, False), (False, True)]
        with pytest.raises(gym.error.ResetNeeded):
            env.step(env.action_space.sample())
    env.close()


def test_touch_says_whether_a_gripper_met_the_object(env):
    _, info = env.reset(seed=2)
    labels = info["privileged"]["labels"]
    on, off = (np.argwhere(labels == label)[0] for label in (1, 0))
    for hold, push in ((off, off), (on, off), (off, on)):
        before = env.simulator.state()
        observation, reward, _, _, info = env.step(np.array([*hold, *push, 0]))
        truth = info["privileged"]
        wanted = [int(hold is on), int(push is on)]
        assert observation["touch"].tolist() == wanted
        assert [truth["held_part"], truth["pushed_part"]] == wanted
        if push is off:  # not a bit of it moves
            assert env.simulator.state() == before
            np.testing.assert_array_equal(truth["labels"], labels)
            assert not truth["flow"].any()
        assert (reward, truth["effective"]) == (0.0, False)  # nothing held, or nothing pushed


def test_truth_of_steps():
    """Masks, flow, labels, touch and reward agree with one another on every step."""
    env = ArticulatedPlay(split="test", category="multilink", randomization=True)
    rng, seen_effective = np.random.default_rng(0), 0
    for seed in range(6):
        _, info = env.reset(seed=seed, options={"index": seed % 3})
        moved_ever = np.zeros(15, bool)
        for _ in range(5):
            labels = info["privileged"]["labels"]
            action = action_on_object(info, rng)
            _, reward, _, _, info = env.step(action)
            truth = info["privileged"]
            moved = np.flatnonzero(truth["moved_parts"]) + 1
            np.testing.assert_array_equal(truth["moved_before"], np.isin(labels, moved))
            np.testing.assert_array_equal(truth["moved_after"], np.isin(truth["labels"], moved))
            speed = np.hypot(*np.moveaxis(truth["flow"], -1, 0))
            assert not speed[labels == 0].any()
            for label in range(1, truth["num_parts"] + 1):
                if (labels == label).any():
                    assert (speed[labels == label].max() > 1.5) == (label in moved)
            assert truth["held_part"] == labels[action[0], action[1]]
            assert truth["pushed_part"] == labels[action[2], action[3]]
            counts = np.bincount(truth["labels"].ravel(), minlength=16)[1:16]
            np.testing.assert_array_equal(truth["seen_parts"], counts >= 20)
            assert truth["effective"] == (len(moved) > 0 and truth["held_part"] not in moved)
            fresh = (truth["moved_parts"] & ~moved_ever).sum()
            assert truth["optimal"] == (truth["effective"] and fresh == 1)
            assert reward == float(truth["optimal"])
            moved_ever |= truth["moved_parts"]
            seen_effective += truth["effective"]
    assert seen_effective > 5
    env.close()


def test_flow_carries_labels_and_follows_the_push(env):
    pushes = 0
    for seed in range(6):
        _, info = env.reset(seed=seed)
        before = info["privileged"]["labels"]
        action = env.oracle_action(seed)
        _, _, _, _, info = env.step(action)
        truth = info["privileged"]
        if not truth["optimal"]:
            continue
        pushes += 1
        rows, cols = np.nonzero(before)
        flow = truth["flow"][rows, cols]
        to_rows, to_cols = (np.floor(a + 0.5 + f).astype(int) for a, f in ((rows, flow[:, 1]), (cols, flow[:, 0])))
        inside = (to_rows >= 0) & (to_rows < 90) & (to_cols >= 0) & (to_cols < 90)
        same = truth["labels"][to_rows[inside], to_cols[inside]] == before[rows, cols][inside]
        assert same.mean() > 0.8
        angle = action[4] * np.pi / 4
        at_push = truth["flow"][action[2], action[3]]  # (d col, d row): right, down
        assert at_push @ [np.cos(angle), -np.sin(angle)] > 0
    assert pushes >= 4


def test_arrays_are_fresh(env):
    """What was handed out never changes afterwards, and changing it changes nothing inside."""
    observation, info = env.reset(seed=0)
    handed = [(observation, info)]
    copies = [(flat(observation), flat(info))]
    rng = np.random.default_rng(0)
    for _ in range(3):
        observation, _, _, _, info = env.step(action_on_object(info, rng))
        handed.append((observation, info))
        copies.append((flat(observation), flat(info)))
    assert [(flat(o), flat(i)) for o, i in handed] == copies

    untouched, vandal = ArticulatedPlay(), ArticulatedPlay()
    records = []
    for made, spoil in ((untouched, False), (vandal, True)):
        rng = np.random.default_rng(1)
        observation, info = made.reset(seed=5)
        record = []
        for _ in range(3):
            action = action_on_object(info, rng)
            if spoil:
                for array in (*observation.values(), *info["privileged"].values()):
                    if isinstance(array, np.ndarray):
                        array[...] = 1
            observation, _, _, _, info = made.step(action)
            record += [flat(observation), flat(info)]
        records.append(record)
        made.close()
    assert records[0] == records[1]


# --- Seeds -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("randomization", [False, True])
def test_same_seed_same_episode(randomization):
    """In fresh environments, and after other episodes: of other objects, and of the same one."""
    first, second = (ArticulatedPlay(randomization=randomization) for _ in range(2))
    wanted = episode(first, 11)
    for seed in (3, 12, 4):
        episode(second, seed)
    assert episode(second, 11) == wanted
    assert episode(second, 11) == wanted
    assert episode(second, 12) != wanted
    options = {"category": "knife", "index": 1}
    same_object = [episode(second, seed, options) for seed in range(6)]
    assert [episode(second, seed, options) for seed in range(6)] == same_object
    assert episode(first, 5, options) == same_object[5]
    first.close()
    second.close()


def test_without_a_seed_the_next_episode_is_another(env):
    env.reset(seed=0)
    names = {env.reset()[1]["instance"] for _ in range(6)}
    assert len(names) > 1
    env.reset(seed=0)
    assert {env.reset()[1]["instance"] for _ in range(6)} == names


def test_same_seed_in_another_process():
    code = (
        "import hashlib, sys, gymnasium as gym; env = gym.make('envs:ArticulatedPlay-v0', randomization=True)\n"
        "o, i = env.reset(seed=7, options={'category': 'scissors', 'index': 0})\n"
        "env.step([40, 40, 50, 50, 3]); o, *_ = env.step([45, 45, 40, 50, 1])\n"
        "print(hashlib.sha256(o['rgb'].tobytes() + o['depth'].tobytes()).hexdigest())"
    )
    assert python(code, PYTHONHASHSEED="1") == python(code, PYTHONHASHSEED="2")


# --- Options -----------------------------------------------------------------------------------------------------


def test_reset_options_pick_the_object(env):
    for category in TRAIN_CATEGORIES:
        _, info = env.reset(seed=0, options={"category": category, "index": 1})
        assert (info["category"], info["instance"]) == (category, f"{category}-train-0-001")
    assert env.reset(seed=0, options={"category": "knife"})[1]["category"] == "knife"
    names = {env.reset(seed=seed, options={"index": 2})[1]["instance"] for seed in range(24)}
    assert names == {f"{category}-train-0-002" for category in TRAIN_CATEGORIES}


def test_the_category_of_the_environment():
    env = ArticulatedPlay(split="val", category="knife")
    _, info = env.reset(seed=0, options={"index": 0})
    assert info["instance"] == "knife-val-0-000"
    with pytest.raises(ValueError, match=r"category='scissors'.*knife"):
        env.reset(options={"category": "scissors"})
    env.close()


def test_a_folder_of_ones_own(env):
    folder = instance_folder("pliers", 0, "test")
    for given in (folder, str(folder), folder / "mobility.urdf"):
        _, info = env.reset(seed=0, options={"object": given})
        assert info["category"] == "pliers"
    own = ArticulatedPlay(object=str(folder))
    wanted = episode(env, 4, {"object": folder})
    assert episode(own, 4) == wanted
    own.close()


def test_an_object_that_others_made(env):
    objects = Path(os.environ.get("ATP_OBJECTS", Path(__file__).parents[3] / "shared" / "objects"))
    folder = objects / "sektion_cabinet_model"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here; set ATP_OBJECTS")
    _, info = env.reset(seed=0, options={"object": folder / "urdf" / "sektion_cabinet.urdf"})
    assert info["privileged"]["num_parts"] >= 2
    rng = np.random.default_rng(0)
    for _ in range(env.interactions):
        observation, _, _, _, info = env.step(action_on_object(info, rng))
        assert env.observation_space.contains(observation)


def test_point_hold_lets_the_held_part_turn():
    turned = {}
    for hold in ("fixed", "point"):
        env = ArticulatedPlay(hold=hold, category="knife")  # type: ignore[arg-type]
        rng, moved = np.random.default_rng(0), 0
        for seed in range(4):
            _, info = env.reset(seed=seed, options={"index": 0})
            for _ in range(5):
                _, _, _, _, info = env.step(action_on_object(info, rng))
                truth = info["privileged"]
                moved += truth["moved_parts"][truth["held_part"] - 1]
        turned[hold] = moved
        env.close()
    assert turned["fixed"] == 0
    assert turned["point"] > 5


# --- Errors ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "action",
    [[90, 0, 0, 0, 0], [0, 0, 0, -1, 0], [0, 0, 0, 0, 8], [0, 0, 0, 0], [[0, 0, 0, 0, 0]], [0.5, 0, 0, 0, 0]],
)
def test_bad_actions(env, action):
    env.reset(seed=0)
    state = env.simulator.state()
    for use in (env.step, env.try_action):
        with pytest.raises(ValueError, match="is not in MultiDiscrete"):
            use(np.array(action))
    assert env.simulator.state() == state
    env.step([0, 0, 0, 0, 0])  # the episode goes on; plain integers will do


def test_before_the_first_reset(env):
    for use in (
        lambda: env.step(np.zeros(5, int)),
        lambda: env.try_action(np.zeros(5, int)),
        env.oracle_action,
        env.render,
    ):
        with pytest.raises(gym.error.ResetNeeded):
            use()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"colour": 1}, "unknown reset options.*colour"),
        (
            {"category": "pliers"},
            r"no instance with category='pliers'.*\['knife', 'safe', 'scissors', 'usb'\]",
        ),
        ({"index": 100000}, "index=100000"),
        ({"object": "/no/such/folder"}, "/no/such/folder"),
        ({"object": "/no/such/folder", "index": 0}, "do not go with object"),
    ],
)
def test_bad_reset_options(env, options, message):
    with pytest.raises(ValueError, match=message):  # an ObjectError is one
        env.reset(seed=0, options=options)
    env.reset(seed=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "dev"}, "unknown split 'dev'"),
        ({"category": "spoon"}, "unknown category 'spoon'"),
        ({"category": "pliers"}, "split 'train' has the categories"),
        ({"resolution": 8}, "between 16 and 4096"),
        ({"resolution": (90, 5000)}, "between 16 and 4096"),
        ({"interactions": 0}, "at least 1"),
        ({"hold": "glue"}, "'fixed' or 'point', not 'glue'"),
        ({"renderer": "gl"}, "'tiny' or 'egl', not 'gl'"),
        ({"render_mode": "ansi"}, "'rgb_array' or 'human', not 'ansi'"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        ArticulatedPlay(**options)


def test_objects_that_cannot_be_used(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "mobility.urdf").write_text("<robot><link")
    for name in ("empty", "broken"):
        env = ArticulatedPlay(object=tmp_path / name)
        with pytest.raises(ObjectError, match=name):
            env.reset()
        env.close()


# --- Pictures ----------------------------------------------------------------------------------------------------


def test_rgb_array():
    env = ArticulatedPlay(render_mode="rgb_array", resolution=(90, 100))
    env.reset(seed=0)
    first = env.render()
    assert first is not None
    assert first.shape == (270, 600, 3)
    assert first.dtype == np.uint8
    env.step(np.array([20, 30, 60, 70, 2]))
    second = env.render()
    assert second is not None
    assert first.tobytes() != second.tobytes()
    # the hold and the push are drawn in the left half: a circle about its pixel, an arrow upwards from its own
    assert (second[61 + 9 - 2 : 61 + 9 + 3, 91] == drawing.HOLD_COLOUR).all(axis=-1).any()
    assert (second[140:182, 211] == drawing.PUSH_COLOUR).all(axis=-1).sum() > 20
    env.close()


def test_no_render_mode_no_picture(env):
    env.reset(seed=0)
    assert env.render() is None


def test_human_mode_without_a_screen(monkeypatch):
    """OpenCV would end the process: hence an error before it is asked."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(RuntimeError, match=r"needs a screen.*rgb_array"):
        ArticulatedPlay(render_mode="human")
    env = ArticulatedPlay()
    assert env.metadata["render_modes"] == ["rgb_array"]  # so that checkers do not try
    assert "human" in ArticulatedPlay.metadata["render_modes"]
    env.close()


def test_human_mode_with_a_screen_that_is_not_there():
    code = (
        "import gymnasium as gym\n"
        "try:\n    gym.make('envs:ArticulatedPlay-v0', render_mode='human')\n"
        "except RuntimeError as error:\n    print(error)"
    )
    printed = python(code, DISPLAY=":4242", WAYLAND_DISPLAY="")
    assert "render_mode='human' needs a screen" in printed


def test_human_mode_shows_every_image(monkeypatch):
    shown = []
    monkeypatch.setattr(drawing, "require_screen", lambda: None)
    monkeypatch.setattr(drawing.cv2, "imshow", lambda name, picture: shown.append(picture))
    monkeypatch.setattr(drawing.cv2, "waitKey", lambda milliseconds: -1)
    monkeypatch.setattr(drawing.cv2, "destroyAllWindows", lambda: shown.append("closed"))
    human = ArticulatedPlay(render_mode="human")
    human.reset(seed=0)
    human.step(np.array([20, 30, 60, 70, 2]))
    assert human.render() is None
    human.close()
    assert len(shown) == 4
    assert shown[-1] == "closed"
    array = ArticulatedPlay(render_mode="rgb_array")
    array.reset(seed=0)
    array.step(np.array([20, 30, 60, 70, 2]))
    np.testing.assert_array_equal(shown[1][..., ::-1], array.render())  # a window takes blue first
    array.close()


# --- Registration and checkers ------------------------------------------------------------------------------------


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
