"""Workers that are Ray actors, on any machine of a cluster. Needs the extra ``ray``."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import create_empty_array

from envs.parallel.worker import Arrays, Command, MakeEnv, Server

try:
    import ray
    from ray.exceptions import RayActorError, RayError
except ImportError as error:
    raise ImportError("Ray is missing: pip install 'act-the-part[ray]'") from error


class RayWorkers:
    """Ray actors that serve environments; Ray chooses their machines.

    A cluster that runs is joined (``ray.init`` was called, or ``RAY_ADDRESS`` is set); else one is started here.

    Args:
        make: Makes an environment.
        layout: Space of what is passed in arrays.
        count: Environments.
        served: Indices of the environments of each worker.
        cpus: Cores that each worker asks of the cluster.

    Attributes:
        current: Arrays of what each environment answered last.
        final: Arrays of what came last before a reset in the same step.
    """

    def __init__(
        self, make: MakeEnv, layout: spaces.Dict, count: int, served: Sequence[range], cpus: float = 1.0
    ) -> None:
        if not ray.is_initialized():
            ray.init(log_to_driver=False)
        self.current, self.final = _empty(layout, count), _empty(layout, count)
        self._arguments = (make, layout)
        self._served = served
        self._actor = ray.remote(num_cpus=cpus, max_restarts=0)(_Actor)
        self._workers: list[Any] = [None] * len(served)
        self._calls: dict[Any, int] = {}  # calls under way, and whose they are

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers, each on its own machine."""
        pids: list[int] = ray.get([worker.pid.remote() for worker in self._workers])
        return pids

    def start(self, worker: int) -> None:
        """Start a worker, in place of its predecessor if it had one, which is killed."""
        if self._workers[worker] is not None:
            ray.kill(self._workers[worker])
            self._calls = {call: whose for call, whose in self._calls.items() if whose != worker}
        self._workers[worker] = self._actor.remote(*self._arguments, list(self._served[worker]))

    def send(self, worker: int, commands: list[tuple[int, Command]]) -> None:
        """Send a worker commands, each with the index of an environment."""
        for index, command in commands:
            self._calls[self._workers[worker].answer.remote(index, command)] = worker

    def receive(self, timeout: float) -> list[tuple[int, list[tuple[int, Any]], str | None]]:
        """Wait for answers.

        Args:
            timeout: Seconds to wait if there are none.

        Returns:
            For each worker that was heard of: its number, its answers with the indices of the environments, and, if it
            is lost, the reason.
        """
        if not self._calls:
            time.sleep(timeout)
            return []
        calls = list(self._calls)
        ready, _ = ray.wait(calls, num_returns=1, timeout=timeout, fetch_local=True)
        if ready:  # all that are there
            ready, _ = ray.wait(calls, num_returns=len(calls), timeout=0, fetch_local=True)
        heard: dict[int, tuple[list[tuple[int, Any]], str | None]] = {}
        for call in ready:
            worker = self._calls.pop(call)
            answers, reason = heard.get(worker, ([], None))
            try:
                result = ray.get(call)
                if result is not None:
                    index, answer, current, final = result
                    _copy(current, self.current, index)
                    _copy(final, self.final, index)
                    answers.append((index, answer))
            except RayActorError as error:
                reason = f"died ({str(error).splitlines()[0]})"
            except RayError as error:
                reason = f"was lost ({str(error).splitlines()[0]})"
            heard[worker] = (answers, reason)
        return [(worker, answers, reason) for worker, (answers, reason) in heard.items()]

    def close(self) -> None:
        """End the workers; the cluster stays."""
        self._calls.clear()
        for worker in self._workers:
            if worker is not None and ray.is_initialized():
                ray.kill(worker)


class _Actor:
    """Serves environments in a process of the cluster."""

    def __init__(self, make: MakeEnv, layout: spaces.Dict, served: list[int]) -> None:
        self._places = {index: place for place, index in enumerate(served)}
        self._current, self._final = _empty(layout, len(served)), _empty(layout, len(served))
        self._server = Server(make, self._current, self._final)

    def pid(self) -> int:
        """Process id."""
        return os.getpid()

    def answer(self, index: int, command: Command) -> tuple[int, Any, Any, Any] | None:
        """Carry out a command; None for what was answered before."""
        place = self._places[index]
        answer = self._server.answer(place, command)
        if isinstance(command, tuple):
            return None
        final = getattr(answer, "final_info", None) is not None
        return index, answer, _row(self._current, place), _row(self._final, place) if final else {}


def _empty(layout: spaces.Dict, count: int) -> dict[str, Arrays]:
    """Arrays of a layout."""
    return create_empty_array(layout, count)  # type: ignore[return-value]


def _row(arrays: dict[str, Arrays], place: int) -> dict[str, dict[str, np.ndarray]]:
    """Copies of what one environment answered."""
    return {kind: {name: array[place].copy() for name, array in each.items()} for kind, each in arrays.items()}


def _copy(row: dict[str, dict[str, np.ndarray]], arrays: dict[str, Arrays], index: int) -> None:
    """Copy what one environment answered to its place."""
    for kind, each in row.items():
        for name, value in each.items():
            arrays[kind][name][index] = value
