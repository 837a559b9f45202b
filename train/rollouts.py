"""Vectorised environments in worker processes, with a deadline on every answer."""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import multiprocessing.connection
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AsyncVectorEnv, AutoresetMode
from gymnasium.vector.async_vector_env import _async_worker
from numpy.typing import NDArray

from train.command import WorkerLost

#: Seconds after which a silent worker counts as lost. A step takes milliseconds; the first reset makes objects.
STEP_DEADLINE, RESET_DEADLINE = 60.0, 300.0
#: Seconds that workers get to end by themselves before they are killed.
GRACE = 2.0
_ADVICE = ". Start again with the same command to go on from the last checkpoint."


def _worker(*arguments: Any) -> None:
    """What a worker process does.

    It runs in a process group of its own: signals to the trainer's group (Ctrl-C, ``timeout``) are for the trainer,
    which finishes the round, saves and then ends its workers. A worker ends by itself when its pipe closes, so none
    outlives a trainer that was killed.
    """
    os.setpgid(0, 0)
    with contextlib.suppress(OSError):  # the trainer is gone: there is nobody left to tell
        _async_worker(*arguments)


class Rollouts:
    """Environments that start together and play whole episodes together.

    Every episode is decided by its seed alone, whatever the number of workers and however fast they are.

    Args:
        count: Environments, one process each.
        options: Keyword arguments of ``ArticulatedPlay-v0``.

    Raises:
        ValueError: An option is out of its range.
        WorkerLost: A worker could not start.
    """

    def __init__(self, count: int, options: dict[str, Any]) -> None:
        make = functools.partial(gym.make, "envs:ArticulatedPlay-v0", disable_env_checker=True, **options)
        self.count = count
        self._closed = False
        # the server imports the simulator once and its workers share that memory
        multiprocessing.get_context("forkserver").set_forkserver_preload(["envs.play"])
        try:
            # forkserver: a fork of this process would copy its threads' locks, and would inherit the other workers'
            # pipes, which hides the death of a worker
            self._envs = AsyncVectorEnv(
                [make] * count, context="forkserver", autoreset_mode=AutoresetMode.DISABLED, worker=_worker
            )
        except (EOFError, ConnectionError) as error:
            raise WorkerLost(f"an environment worker ended while it started{_ADVICE}") from error

    def reset(self, seeds: NDArray[np.integer]) -> tuple[dict[str, NDArray], dict[str, Any]]:
        """Start an episode in every environment.

        Args:
            seeds: (count,) seeds of the episodes.

        Returns:
            Batched observation and info.

        Raises:
            WorkerLost: A worker died, failed or did not answer in time.
        """
        with_seeds: list[int | None] = [int(seed) for seed in seeds]
        result: tuple[dict[str, NDArray], dict[str, Any]] = self._ask(
            lambda: self._envs.reset_async(seed=with_seeds), self._envs.reset_wait, RESET_DEADLINE
        )
        return result

    def step(
        self, actions: NDArray[np.integer]
    ) -> tuple[dict[str, NDArray], NDArray, NDArray, dict[str, Any]]:
        """Carry out one interaction in every environment.

        Args:
            actions: (count, 5).

        Returns:
            Batched observation, rewards, truncated and info.

        Raises:
            WorkerLost: A worker died, failed or did not answer in time.
        """
        observation, rewards, _, truncated, info = self._ask(
            lambda: self._envs.step_async(actions), self._envs.step_wait, STEP_DEADLINE
        )
        return observation, rewards, truncated, info

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers, in the order of the environments."""
        return [process.pid or 0 for process in self._envs.processes]

    def close(self) -> None:
        """End the workers. They end when their pipes close; one that does not is killed."""
        if self._closed:
            return
        self._closed = self._envs.closed = True
        for pipe in self._envs.parent_pipes:
            if pipe is not None:  # a worker that failed has been closed already
                pipe.close()
        give_up = time.monotonic() + GRACE
        for process in self._envs.processes:
            process.join(max(0.0, give_up - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()
        self._envs.error_queue.close()

    def _ask(self, send: Callable[[], Any], receive: Callable[..., Any], deadline: float) -> Any:
        """Send commands to all workers and wait for the answers."""
        cause: Exception
        try:
            send()
            return receive(timeout=deadline)
        except multiprocessing.TimeoutError as error:
            cause, reason = error, f"did not answer within {deadline:.0f} s"
        except (EOFError, ConnectionError) as error:
            cause, reason = error, f"died ({self._deaths()})"
        except Exception as error:  # raised by an environment, in its worker
            cause, reason = error, f"failed ({type(error).__name__}: {error})"
        self.close()
        raise WorkerLost(f"an environment worker {reason}{_ADVICE}") from cause

    def _deaths(self) -> str:
        """How the workers that ended did so."""
        processes = self._envs.processes
        # the pipe closes a moment before the exit code is known
        multiprocessing.connection.wait([process.sentinel for process in processes], timeout=GRACE)
        codes = [code for code in (process.exitcode for process in processes) if code is not None]
        names = [f"killed by {signal.Signals(-c).name}" if c < 0 else f"exit status {c}" for c in codes]
        if -signal.SIGKILL in codes:
            names.append("often a lack of memory: use fewer --envs")
        return "; ".join(names) or "its pipe closed"
