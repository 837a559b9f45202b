"""PPO: training learns, stops and resumes exactly; a saved policy acts as before; foreign files are refused."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3.common.vec_env import SubprocVecEnv

import envs
from atp import checkpoint
from atp.checkpoint import CheckpointError
from atp.perception.foreground import object_mask
from atp.playing.policies import _load_ppo, make_policy, weights_available
from atp.playing.ppo_policy import PpoPolicy, build_policy
from envs.wrappers import depth_image
from train.learning.ppo_trainer import PpoConfig, PpoTrainer, _SnapToForeground
from train.ppo_train import main
from train.runs.command import WorkerLost
from train.runs.curve_file import read_curve

SIDE = 32
#: Rounds of 10 interactions; checkpoints at 10, 20 and 30.
TINY = PpoConfig(
    total_interactions=30,
    envs=1,
    resolution=SIDE,
    interactions=5,
    episodes=2,
    batch_size=5,
    epochs=2,
    learning_rate=1e-2,
    width=4,
    features=16,
    device="cpu",
    threads=1,
    checkpoint_every=10,
    log_every=10,
)
OPTIONS = [
    *(
        "--total-interactions",
        "10",
        "--envs",
        "1",
        "--resolution",
        "32",
        "--episodes",
        "2",
        "--batch-size",
        "5",
    ),
    *("--width", "4", "--features", "16", "--device", "cpu"),
]


def train(config: PpoConfig, stop_after: int | None = None) -> PpoTrainer:
    """Train; with ``stop_after``, die without a word after so many rounds."""
    trainer = PpoTrainer(config, "a command")
    if stop_after is None:
        assert trainer.run()
    else:
        for _ in range(stop_after):
            trainer._round()
        trainer.save()
        trainer._round()  # lost
    trainer.close()
    return trainer


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that was never stopped."""
    return train(replace(TINY, out=tmp_path_factory.mktemp("runs") / "whole"))


def observation(seed: int = 0) -> dict:
    rng = np.random.default_rng(seed)
    return {
        "rgb": rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8),
        "depth": (1 + rng.random((SIDE, SIDE))).astype(np.float32),
        "touch": rng.integers(0, 2, 2).astype(np.int8),
    }


def test_training_changes_actor_and_critic(whole):
    trained = whole.model.policy.state_dict()
    with closing(PpoTrainer(replace(TINY, out=whole.config.out.with_name("fresh")))) as fresh:
        before = fresh.model.policy.state_dict()
        changed = {key for key in trained if not torch.equal(trained[key], before[key])}
    assert {"action_net.weight", "value_net.weight", "features_extractor.convolutions.0.weight"} <= changed


def test_a_stopped_run_goes_on_to_the_same_weights(whole, tmp_path):
    config = replace(TINY, out=tmp_path / "run")
    train(config, stop_after=1)
    resumed = train(config)
    assert resumed.played == 30
    for key, value in whole.model.policy.state_dict().items():
        assert torch.equal(value, resumed.model.policy.state_dict()[key]), key


def test_other_options_are_refused(whole):
    with pytest.raises(ValueError, match="other values of gamma"):
        PpoTrainer(replace(whole.config, gamma=0.5))


def test_the_curve_covers_the_run(whole):
    entries = read_curve(whole.config.out)
    assert [entry.interactions for entry in entries] == [10, 20, 30]
    assert all(0 <= entry.rates["effective/policy"] <= 1 for entry in entries)


def test_loaded_policy_acts_as_the_trained_one(whole):
    folder = whole.config.out / "weights"
    assert {path.name for path in folder.iterdir()} == {"config.json", "policy.safetensors"}
    loaded = PpoPolicy.from_pretrained(folder)
    assert loaded.config["interactions_played"] == 30
    assert loaded.config["command"] == "a command"
    trained = whole.policy()
    for seed in range(20):
        seen = observation(seed)
        for rng in (None, seed):
            both = [p.act(seen, None if rng is None else np.random.default_rng(rng)) for p in (loaded, trained)]
            np.testing.assert_array_equal(*both)
        # the most likely action is what stable-baselines3 itself predicts
        predicted, _ = whole.model.policy.predict({**seen, "depth": depth_image(seen["depth"])}, deterministic=True)
        np.testing.assert_array_equal(loaded.act(seen), predicted)


def test_actions_follow_the_seed_and_the_distribution(whole):
    policy, seen = whole.policy(), observation()
    assert (policy.act(seen, np.random.default_rng(3)) == policy.act(seen, np.random.default_rng(3))).all()
    rng = np.random.default_rng(0)
    drawn = np.array([policy.act(seen, rng)[4] for _ in range(400)])
    tensors, _ = policy.policy.obs_to_tensor({**seen, "depth": depth_image(seen["depth"])})
    chances = policy.policy.get_distribution(tensors).distribution[4].probs[0].detach().numpy()
    assert np.abs(np.bincount(drawn, minlength=8) / 400 - chances).max() < 0.1


def test_every_input_counts(whole):
    torch.manual_seed(0)
    policy = build_policy(SIDE, 4, 16)
    seen = observation()
    base = {**seen, "depth": depth_image(seen["depth"])}

    @torch.no_grad()
    def value(changed: dict) -> float:
        return float(policy.predict_values(policy.obs_to_tensor({**base, **changed})[0]))

    others = {"rgb": 255 - base["rgb"], "depth": 255 - base["depth"], "touch": 1 - base["touch"]}
    for name, other in others.items():
        assert abs(value({name: other}) - value({})) > 1e-6, name


def test_an_image_of_another_size_is_refused(whole):
    small = {"rgb": np.zeros((16, 16, 3), np.uint8), "depth": np.zeros((16, 16), np.float32)}
    with pytest.raises(ValueError, match="32 x 32 pixels and cannot use 16 x 16"):
        whole.policy().act(small)


@pytest.mark.parametrize(
    ("change", "file"),
    [
        ({"format": 1}, "config.json"),
        ({"width": 5}, "policy.safetensors"),
        ({"resolution": 10**9}, "config.json"),
        ({"features": "16"}, "config.json"),
    ],
)
def test_configs_that_do_not_fit_are_refused(whole, tmp_path, change, file):
    whole.policy().save_pretrained(tmp_path / "p")
    config = json.loads((tmp_path / "p/config.json").read_text())
    (tmp_path / "p/config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(CheckpointError, match=file):
        PpoPolicy.from_pretrained(tmp_path / "p")


def test_pickle_is_refused(whole, tmp_path):
    whole.policy().save_pretrained(tmp_path / "p")
    torch.save(whole.model.policy.state_dict(), tmp_path / "p/policy.safetensors")
    with pytest.raises(CheckpointError, match="is a pickle file"):
        PpoPolicy.from_pretrained(tmp_path / "p")


def test_ppo_is_no_agent_and_is_not_offered_as_one(whole, tmp_path, monkeypatch):
    whole.policy().save_pretrained(tmp_path / "ppo")
    monkeypatch.setattr(checkpoint, "_shipped", lambda: tmp_path)
    assert checkpoint.available() == []


def test_the_policy_plays_in_the_environment(whole):
    env = gym.make(envs.ENV_ID, resolution=SIDE, split="test", category="pliers", disable_env_checker=True)
    policy, rng = whole.policy(), np.random.default_rng(0)
    seen, _ = env.reset(seed=0)
    for _ in range(5):
        action = policy.act(seen, rng)
        assert env.action_space.contains(action)
        seen, *_ = env.step(action)
    env.close()


class Table(gym.Env):
    """A block on a table; keeps the actions that reach it. The block has moved after each step."""

    def __init__(self) -> None:
        self.actions: list[list[int]] = []

    def look(self) -> dict[str, np.ndarray]:
        depth = np.full((SIDE, SIDE), 1.0, np.float32)
        depth[10 + len(self.actions) :, 5:25] = 0.9
        depth[20 + len(self.actions) :] = 1.0
        return {"depth": depth}

    def reset(self, **_: Any) -> tuple[Any, dict[str, Any]]:
        return self.look(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.actions.append(list(action))
        return self.look(), 0.0, False, False, {}


def test_actions_are_moved_to_the_object_as_it_is_now():
    table = Table()
    env = _SnapToForeground(table)
    env.reset()
    for _ in range(3):
        env.step(np.array([0, 15, 31, 31, 3]))
    assert table.actions == [[10 + t, 15, 19 + t, 24, 3] for t in range(3)]


def test_kept_to_the_object_it_acts_on_the_object(tmp_path):
    with closing(PpoTrainer(replace(TINY, restrict_to_foreground=True, out=tmp_path / "run"))) as trainer:
        assert trainer.run()
    policy = PpoPolicy.from_pretrained(tmp_path / "run/weights")
    env = gym.make(envs.ENV_ID, resolution=SIDE, split="test", category="pliers", disable_env_checker=True)
    rng = np.random.default_rng(0)
    for seed in range(5):
        seen, _ = env.reset(seed=seed)
        action, mask = policy.act(seen, rng), object_mask(seen["depth"])
        assert mask[action[0], action[1]]
        assert mask[action[2], action[3]]
    env.close()


def test_the_policy_of_the_benchmark_draws_from_its_shipped_weights(whole, tmp_path, monkeypatch):
    monkeypatch.setattr("assets.shipped.SHIPPED", tmp_path)
    _load_ppo.cache_clear()
    whole.policy().save_pretrained(tmp_path / "ppo")
    assert weights_available("ppo")
    agent: Any = SimpleNamespace(device=torch.device("cpu"))
    policy = make_policy("ppo", None, agent, np.random.default_rng(7))  # type: ignore[arg-type]
    rng = np.random.default_rng(7)
    for seed in range(5):
        np.testing.assert_array_equal(policy.act(observation(seed)), whole.policy().act(observation(seed), rng))
    _load_ppo.cache_clear()


def test_command_trains_and_refuses(tmp_path, capsys):
    assert main([*OPTIONS, "--out", str(tmp_path / "run")]) == 0
    assert "weights:" in capsys.readouterr().out
    assert main([*OPTIONS, "--out", str(tmp_path / "run"), "--seed", "1"]) == 2
    assert "other values of seed" in capsys.readouterr().err
    assert main([*OPTIONS, "--out", str(tmp_path / "other"), "--category", "spoon"]) == 2
    assert "spoon" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*OPTIONS, "--out", str(tmp_path / "other"), "--batch-size", "11"])
    assert "--batch-size must be at most" in capsys.readouterr().err


@pytest.mark.slow
def test_a_lost_worker_ends_the_run_which_can_go_on(tmp_path):
    config = replace(TINY, envs=2, total_interactions=40, out=tmp_path / "run")
    trainer = PpoTrainer(config)
    workers = trainer.model.get_env().unwrapped
    assert isinstance(workers, SubprocVecEnv)
    trainer._round()
    workers.processes[0].kill()
    workers.processes[0].join()
    with pytest.raises(WorkerLost, match="worker was lost"):
        trainer.run()
    trainer.close()
    assert train(config).played == 40
