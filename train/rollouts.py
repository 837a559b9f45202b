"""Vectorised environments in worker processes, with a deadline on every answer."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AsyncVectorEnv, AutoresetMode
from numpy.typing import NDArray

#: Seconds after which a silent worker counts as lost. A step takes milliseconds; the first reset makes objects.
STEP_DEADLINE, RESET_DEADLINE = 60.0, 300.0


class WorkerLost(RuntimeError):
    """A worker process died or stopped answering."""


def _make(options: dict[str, Any]) -> gym.Env:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the trainer, which saves and then closes us
    return gym.make("envs:ArticulatedPlay-v0", disable_env_checker=True, **options)


def _maker(options: dict[str, Any]) -> Callable[[], gym.Env]:
    return lambda: _make(options)


class Rollouts:
    """Environments that start together and play whole episodes together.

    Every episode is decided by its seed alone, whatever the number of workers and however fast they are.

    Args:
        count: Environments, one process each.
        options: Keyword arguments of ``ArticulatedPlay-v0``.
    """

    def __init__(self, count: int, options: dict[str, Any]) -> None:
        # forkserver: a fork of this process would copy its threads' locks, and would inherit the other workers'
        # pipes, which hides the death of a worker
        self._envs = AsyncVectorEnv(
            [_maker(options) for _ in range(count)],
            context="forkserver",
            autoreset_mode=AutoresetMode.DISABLED,
        )
        self.count = count

    def reset(self, seeds: NDArray[np.integer]) -> tuple[dict[str, NDArray], dict[str, Any]]:
        """Start an episode in every environment.

        Args:
            seeds: (count,) seeds of the episodes.

        Returns:
            Batched observation and info.

        Raises:
            WorkerLost: A worker died or did not answer in time.
        """
        self._envs.reset_async(seed=[int(s) for s in seeds])
        return self._await(lambda: self._envs.reset_wait(timeout=RESET_DEADLINE))

    def step(self, actions: NDArray[np.integer]) -> tuple[dict[str, NDArray], NDArray, NDArray, dict[str, Any]]:
        """Carry out one interaction in every environment.

        Args:
            actions: (count, 5).

        Returns:
            Batched observation, rewards, truncated and info.

        Raises:
            WorkerLost: A worker died or did not answer in time.
        """
        self._await(lambda: self._envs.step_async(actions))
        observation, rewards, _, truncated, info = self._await(lambda: self._envs.step_wait(timeout=STEP_DEADLINE))
        return observation, rewards, truncated, info

    def close(self) -> None:
        """End the workers."""
        if not self._envs.closed:
            self._envs.close_extras(terminate=True)
            self._envs.closed = True

    def _await(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except (multiprocessing.TimeoutError, EOFError, OSError) as error:
            states = [f"{p.name}: {p.exitcode}" for p in self._envs.processes if p.exitcode is not None]
            reason = "ended with " + ", ".join(states) if states else "did not answer in time"
            self.close()
            raise WorkerLost(
                f"an environment worker {reason} (a negative number is the signal that killed it; "
                "-9 is often a lack of memory: use fewer --envs). Start again with the same command to resume."
            ) from error
