"""PPO (stable-baselines3) on the same environment: the baseline that learns from the reward of whole episodes."""

from __future__ import annotations

import functools
import multiprocessing
import os
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnv

from atp.agent import pick_device
from atp.perception.foreground import snap_to_foreground
from atp.playing.ppo_policy import PpoPolicy, policy_arguments
from envs.parallel.pool import WorkerLost
from envs.wrappers import DepthAsImage
from train.config import RunConfig, check_range
from train.runs.loop import TrainingRun
from train.runs.round_statistics import RoundStatistics
from train.runs.training_log import TrainingLog


@dataclass(frozen=True)
class PpoConfig(RunConfig):
    """Options of a PPO run. With ``envs`` 1 it plays in this process.

    Attributes:
        out: Folder of the run: checkpoint, log, weights.
        restrict_to_foreground: Whether both pixels are moved to the nearest ones of the object, as depth shows it.
        episodes: Episodes that every environment plays between two updates.
        batch_size: Interactions in a gradient step.
        epochs: Passes over what was played, for each update.
        learning_rate: Of Adam.
        gamma: Discount.
        gae_lambda: Of the generalised advantage estimate.
        clip_range: Of the policy's change.
        entropy: Weight of the entropy bonus.
        width: Channels of the first convolution.
        features: Length of the feature vector.
    """

    out: Path = Path("runs/ppo")
    restrict_to_foreground: bool = False
    episodes: int = 8
    batch_size: int = 64
    epochs: int = 4
    learning_rate: float = 3e-4
    gamma: float = 0.9
    gae_lambda: float = 0.95
    clip_range: float = 0.2
    entropy: float = 0.01
    width: int = 32
    features: int = 256

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, 1, None, "episodes", "epochs", "width", "features")
        check_range(self, 2, None, "batch_size")
        check_range(self, 0, None, "learning_rate", "entropy")
        check_range(self, 0, 1, "gamma", "gae_lambda", "clip_range")
        if self.round_size < self.batch_size:
            raise ValueError(
                f"--batch-size must be at most envs x episodes x interactions = {self.round_size}, "
                f"not {self.batch_size}"
            )

    @property
    def round_size(self) -> int:
        """Interactions between two updates."""
        return self.envs * self.episodes * self.interactions


class PpoTrainer(TrainingRun):
    """One PPO run.

    The reward is the environment's (1 for an optimal step), which comes from the simulator's state. Every round starts
    with new episodes seeded by the run's seed and the round's number, so that a resumed run ends with the very same
    weights as one that was never stopped.

    Args:
        config: The options.
        command: The command line, for the policy's config.

    Raises:
        ValueError: An option cannot be used, or ``config.out`` holds a run with other options.
    """

    def __init__(self, config: PpoConfig, command: str = "") -> None:
        self.config, self.rounds = config, 0
        super().__init__(config, command)

    def _open(self, opened: ExitStack) -> None:
        config = self.config
        envs = _make_envs(config)
        opened.callback(_close_envs, envs)
        self.model = PPO(
            "MultiInputPolicy",
            envs,
            learning_rate=config.learning_rate,
            n_steps=config.episodes * config.interactions,
            batch_size=config.batch_size,
            n_epochs=config.epochs,
            gamma=config.gamma,
            gae_lambda=config.gae_lambda,
            clip_range=config.clip_range,
            ent_coef=config.entropy,
            policy_kwargs=policy_arguments(config.width, config.features),
            seed=config.seed,
            device=pick_device(config.device),
        )
        self._resume()
        self.log = opened.enter_context(closing(TrainingLog(config.out / "tensorboard", self.played)))

    @property
    def played(self) -> int:
        """Interactions played so far."""
        return self.rounds * self.config.round_size

    @property
    def done(self) -> int:
        """Interactions played so far."""
        return self.played

    @property
    def total(self) -> int:
        """Interactions to play."""
        return self.config.total_interactions

    def policy(self) -> PpoPolicy:
        """The policy as it is now."""
        description = {
            "command": self.command,
            "seed": self.config.seed,
            "renderer": self.config.renderer,
            "resolution": self.config.resolution,
            "restrict_to_foreground": self.config.restrict_to_foreground,
            "width": self.config.width,
            "features": self.config.features,
            "interactions_played": self.played,
            "training_seconds": round(self.seconds),
            "options": self.folder.options,
        }
        return PpoPolicy(self.model.policy, description)  # type: ignore[arg-type]

    def _flush(self) -> None:
        self.log.flush()

    def _state(self) -> dict[str, Any]:
        policy = self.model.policy
        return {"policy": policy.state_dict(), "optimizer": policy.optimizer.state_dict(), "rounds": self.rounds}

    def _restore(self, state: dict[str, Any]) -> None:
        self.model.policy.load_state_dict(state["policy"])
        self.model.policy.optimizer.load_state_dict(state["optimizer"])
        self.rounds = int(state["rounds"])
        self.model.num_timesteps = self.played

    def _round(self) -> None:
        """Play the episodes of one round and update the policy."""
        model, config = self.model, self.config
        seed = np.random.SeedSequence([config.seed, self.rounds]).generate_state(1)[0]
        model.set_random_seed(int(seed) // 2)  # of actions, batches and episodes
        environments = model.get_env()
        assert environments is not None
        model.set_env(environments, force_reset=True)
        outcomes = _Outcomes()
        try:
            model.learn(config.round_size, callback=outcomes, reset_num_timesteps=False)
        except (EOFError, ConnectionError) as error:
            raise WorkerLost("an environment worker was lost (PPO does not replace it)") from error
        losses = {
            "loss/policy": "policy_gradient_loss",
            "loss/value": "value_loss",
            "entropy": "entropy_loss",
        }
        values = model.logger.name_to_value
        self.log.add_step({name: float(values[f"train/{key}"]) for name, key in losses.items()})
        self.rounds += 1
        self.log.add_round(outcomes.statistics)

    def _log(self, rate: float) -> None:
        self.log.write(self.played, {"interactions_per_second": rate})

    def _write_weights(self) -> None:
        self.policy().save_pretrained(self.config.out / "weights")


class _Outcomes(BaseCallback):
    """Gathers what the steps of a round achieved."""

    def __init__(self) -> None:
        super().__init__()
        self.statistics = RoundStatistics()

    def _on_step(self) -> bool:
        for info in self.locals["infos"]:
            self.statistics.explored.append(False)
            for name in ("optimal", "effective", "first"):
                getattr(self.statistics, name).append(bool(info[name]))
        return True


class _OutcomeInfo(gym.Wrapper):
    """Keeps of the info what :class:`_Outcomes` needs: true images are not sent from worker to trainer."""

    def __init__(self, env: gym.Env) -> None:
        super().__init__(env)
        self._steps = 0

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        observation, _ = self.env.reset(**options)
        self._steps = 0
        return observation, {}

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = self.env.step(action)
        truth = info["privileged"]
        outcome = {
            "optimal": truth["optimal"],
            "effective": truth["effective"],
            "first": self._steps < truth["num_parts"],
        }
        self._steps += 1
        return observation, reward, terminated, truncated, outcome


class _SnapToForeground(gym.Wrapper):
    """Moves both pixels of every action to the nearest ones of the object."""

    def __init__(self, env: gym.Env) -> None:
        super().__init__(env)
        self._depth = np.zeros((1, 1), np.float32)

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        observation, info = self.env.reset(**options)
        self._depth = observation["depth"]
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        observation, *rest = self.env.step(snap_to_foreground(self._depth, action))
        self._depth = observation["depth"]
        return observation, *rest


def _make_env(options: dict[str, Any], restrict_to_foreground: bool, apart: bool) -> gym.Env:
    if apart:
        os.setpgid(0, 0)  # Ctrl-C is for the trainer, which saves and then ends its workers
    env = gym.make("envs:ArticulatedPlay-v0", disable_env_checker=True, **options)
    if restrict_to_foreground:
        env = _SnapToForeground(env)
    return DepthAsImage(_OutcomeInfo(env))


def _make_envs(config: PpoConfig) -> VecEnv:
    make = functools.partial(_make_env, config.environment, config.restrict_to_foreground, config.envs > 1)
    if config.envs == 1:
        return DummyVecEnv([make])
    # an option that cannot be used is reported here, not by a worker's traceback
    _make_env(config.environment, config.restrict_to_foreground, False).close()
    # the server imports what its workers share
    multiprocessing.get_context("forkserver").set_forkserver_preload(["train.learning.ppo_trainer"])
    return SubprocVecEnv([make] * config.envs, start_method="forkserver")


def _close_envs(envs: VecEnv) -> None:
    """End all workers, also when one of them is lost."""
    try:
        envs.close()
    except (EOFError, ConnectionError):
        for process in getattr(envs, "processes", ()):
            process.terminate()
            process.join()
