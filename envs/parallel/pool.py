"""Environments in workers, each of which goes on as soon as its own answer is there.

A worker that is lost is replaced: episodes are decided by their seed and their actions, so the new worker plays them
again up to where they were, and nothing is lost.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from assets.catalog import outside_modules
from envs.parallel.process_workers import ProcessWorkers
from envs.parallel.worker import Answer, Arrays, Call, Command, MakeEnv, Maker, Reset, Setting, Step, layout_of

__all__ = ["Answer", "Arrays", "EnvironmentFailed", "EnvironmentPool", "WorkerLost", "play_pool"]

Backend = Literal["processes", "ray"]

#: Seconds after which a silent worker counts as lost. A step takes milliseconds; the first reset makes objects.
STEP_DEADLINE, RESET_DEADLINE = 60.0, 300.0
#: Times in a row that a worker may be lost before it has answered anything.
MOST_LOSSES = 3


class WorkerLost(RuntimeError):
    """A worker died or stopped answering, again and again."""


class EnvironmentFailed(WorkerLost):
    """An environment raised an error, which is the cause. The pool is closed, as when a worker is lost."""


class Workers(Protocol):
    """What serves the environments; :class:`envs.parallel.process_workers.ProcessWorkers` says what its methods do."""

    current: dict[str, Arrays]
    final: dict[str, Arrays]

    @property
    def pids(self) -> list[int]: ...
    def start(self, worker: int) -> None: ...
    def send(self, worker: int, commands: list[tuple[int, Command]]) -> None: ...
    def receive(self, timeout: float) -> Iterable[tuple[int, list[tuple[int, Any]], str | None]]: ...
    def close(self) -> None: ...


@dataclass
class _Episode:
    """What an environment was asked since its last reset, and what it has not answered yet."""

    start: Reset | None = None
    since: list[Step | Setting] = field(default_factory=list)
    settings: dict[str, Setting] = field(default_factory=dict)  # of before the start
    asked: Reset | Step | None = None

    def take(self, answer: Answer) -> None:
        """Note that what was asked is done."""
        asked, self.asked = self.asked, None
        if isinstance(asked, Reset):
            self._begin(asked)
        elif asked is not None and answer.done and asked.then is not None:
            self._begin(asked.then)
        elif asked is not None:
            self.since.append(Step(asked.action, None))

    def _begin(self, start: Reset) -> None:
        self.settings |= {each.name: each for each in self.since if isinstance(each, Setting)}
        self.start, self.since = start, []

    def again(self) -> tuple[Reset | Step | Setting, ...]:
        """What brings a new environment to where this one is."""
        start = () if self.start is None else (self.start,)
        return (*self.settings.values(), *start, *self.since)


class EnvironmentPool:
    """Environments that are asked one by one and answer when they are ready.

    Episodes depend on their seeds and actions alone, whatever the number of workers and however fast they are.

    Args:
        make: Makes an environment; it is called in the workers and must be picklable. If the environment has a
            ``privileged_space``, ``info["privileged"]`` is passed in arrays.
        count: Environments.
        workers: Environment i lives in worker i modulo ``workers``. None takes one for each core, at most ``count``.
            With ``renderer="egl"`` each environment needs its own.
        backend: ``"processes"`` of this machine, or actors of a ``"ray"`` cluster.

    Attributes:
        observation: Arrays by key, (count, ...): the observation that each environment answered last. They are
            overwritten when the environment is asked again.
        privileged: The same of ``info["privileged"]``.
        final_observation: The last observation of the episode that ended before the reset in the same step.
        final_privileged: The same of the privileged truth.
        observation_space: Of one environment.
        action_space: Of one environment.
        metadata: Of the environment.
        render_mode: Of the environment.
        max_episode_steps: Of the environment's spec.

    Raises:
        ValueError: An option of the environment, ``count`` or ``workers`` is out of its range.
        ImportError: The backend is not installed.
        WorkerLost: A worker could not start.
    """

    def __init__(self, make: MakeEnv, count: int, workers: int | None = None, backend: Backend = "processes") -> None:
        self._closed = True
        workers = min(count, len(os.sched_getaffinity(0))) if workers is None else workers
        if count < 1 or not 1 <= workers <= count:
            raise ValueError(f"there must be 1 to {count} workers for {count} environments, not {workers}")
        env = make()
        assert isinstance(env.observation_space, spaces.Dict)
        self.observation_space, self.action_space = env.observation_space, env.action_space
        self.metadata, self.render_mode = env.metadata, env.render_mode
        self.max_episode_steps = None if env.spec is None else env.spec.max_episode_steps
        layout = layout_of(env)
        env.close()
        self.count = count
        self._episodes = [_Episode() for _ in range(count)]
        self._served = [range(first, count, workers) for first in range(workers)]
        self._heard_at = [0.0] * workers  # when it last answered or, being idle, was asked
        self._losses = [0] * workers
        self._workers = _workers_of(backend)(Maker(make, outside_modules()), layout, count, self._served)
        self.observation: Arrays = self._workers.current["observation"]
        self.privileged: Arrays = self._workers.current.get("privileged", {})
        self.final_observation: Arrays = self._workers.final["observation"]
        self.final_privileged: Arrays = self._workers.final.get("privileged", {})
        self._closed = False
        for worker in range(workers):
            self._start(worker)

    def reset_async(self, index: int, seed: int, options: dict[str, Any] | None = None) -> None:
        """Ask an environment to start an episode.

        Args:
            index: Which one.
            seed: Decides the episode.
            options: As of the environment's ``reset``.

        Raises:
            RuntimeError: It has not answered yet, or the pool is closed.
        """
        self._ask(index, Reset(int(seed), options))

    def step_async(self, index: int, action: NDArray[np.integer], then_seed: int | None = None) -> None:
        """Ask an environment to carry out an interaction.

        Args:
            index: Which one.
            action: The action.
            then_seed: If the episode ends, the environment is reset with this seed in the same step, and what came
                last is in ``final_observation``; None leaves it as it is.

        Raises:
            RuntimeError: It has not answered yet, was never reset, or the pool is closed.
        """
        start = self._episodes[index].start
        if start is None:
            raise RuntimeError(f"environment {index} was not reset before its first step")
        then = None if then_seed is None else Reset(int(then_seed), start.options)
        self._ask(index, Step(np.array(action), then))

    def wait(self, at_least: int = 1) -> dict[int, Answer]:
        """Wait for answers and take all that are there.

        Args:
            at_least: How many to wait for; no more than are asked are waited for, and with 0 there is no wait.

        Returns:
            Answers by environment, in the order in which they came.

        Raises:
            EnvironmentFailed: An environment raised an error, which is the cause.
            WorkerLost: A worker was lost several times in a row.
        """
        answers: dict[int, Answer] = {}
        wanted = min(at_least, sum(episode.asked is not None for episode in self._episodes))
        while True:
            self._receive(answers, timeout=1.0 if len(answers) < wanted else 0.0)
            if len(answers) >= wanted:
                return answers
            for worker in range(len(self._served)):
                if self._silent_for(worker) > self._deadline(worker):
                    self._replace(worker, "did not answer in time")

    def call(self, name: str, *args: Any, **kwargs: Any) -> list[Any]:
        """The results of a method of all environments, or the values of an attribute.

        What a method changes in an environment is lost with its worker; :meth:`set_attr` is not.

        Args:
            name: Of the environment or of one of its wrappers.
            *args: Of the method.
            **kwargs: Of the method.

        Raises:
            RuntimeError: An environment has not answered yet, or the pool is closed.
            WorkerLost: A worker was lost meanwhile.
            Exception: Whatever an environment raised; the pool goes on.
        """
        return self._collect(name, [Call(name, args, kwargs)] * self.count)

    def set_attr(self, name: str, values: Sequence[Any]) -> None:
        """Set an attribute of all environments.

        Args:
            name: Of the environment or of one of its wrappers.
            values: One for each environment.

        Raises:
            ValueError: There are not as many values as environments.
            RuntimeError: An environment has not answered yet, or the pool is closed.
            WorkerLost: A worker was lost meanwhile.
        """
        if len(values) != self.count:
            raise ValueError(f"there must be {self.count} values of {name}, not {len(values)}")
        settings = [Setting(name, value) for value in values]
        self._collect(name, settings)
        for episode, setting in zip(self._episodes, settings, strict=True):
            episode.since.append(setting)

    def _collect(self, name: str, commands: Sequence[Call | Setting]) -> list[Any]:
        """The answers of all environments, which must be idle, to a command for each."""
        if self._closed:
            raise RuntimeError("the environments are closed")
        self._check_idle(range(self.count))
        for worker, served in enumerate(self._served):
            self._workers.send(worker, [(index, commands[index]) for index in served])
        results: dict[int, Any] = {}
        while len(results) < self.count:
            for _, answers, reason in self._workers.receive(1.0):
                results.update(answers)
                if reason is not None:
                    raise WorkerLost(
                        f"an environment worker {reason} while {name} was called; "
                        "close() the environments and make them anew"
                    )
        for result in results.values():
            if isinstance(result, Exception):
                raise result
        return [results[index] for index in range(self.count)]

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers."""
        return self._workers.pids

    def close(self) -> None:
        """End the workers."""
        if not self._closed:
            self._closed = True
            self._workers.close()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            self.close()

    # --- Inside --------------------------------------------------------------------------------------------------

    def _start(self, worker: int) -> None:
        try:
            self._workers.start(worker)
        except ConnectionError as error:
            raise WorkerLost("an environment worker ended while it started") from error
        self._heard_at[worker] = time.monotonic()

    def _ask(self, index: int, command: Reset | Step) -> None:
        if self._closed:
            raise RuntimeError("the environments are closed")
        self._check_idle((index,))
        worker = index % len(self._served)
        if not self._asked_of(worker):
            self._heard_at[worker] = time.monotonic()
        self._episodes[index].asked = command
        self._workers.send(worker, [(index, command)])

    def _check_idle(self, indices: Sequence[int]) -> None:
        for index in indices:
            if self._episodes[index].asked is not None:
                raise RuntimeError(f"environment {index} has not answered yet: call wait() first")

    def _receive(self, answers: dict[int, Answer], timeout: float) -> None:
        """Take in what workers answered, and replace those that are lost."""
        for worker, found, reason in self._workers.receive(timeout):
            for index, answer in found:
                if isinstance(answer, Exception):
                    self.close()
                    name = type(answer).__name__
                    raise EnvironmentFailed(f"environment {index} failed ({name}: {answer})") from answer
                self._episodes[index].take(answer)
                self._heard_at[worker], self._losses[worker] = time.monotonic(), 0
                answers[index] = answer
            if reason is not None:
                self._replace(worker, reason)

    def _asked_of(self, worker: int) -> list[Reset | Step]:
        """What a worker has not answered yet."""
        asked = [self._episodes[index].asked for index in self._served[worker]]
        return [command for command in asked if command is not None]

    def _asked_where(self, worker: int) -> str:
        """The environments that a worker has not answered for, with the seeds of their episodes, for messages."""
        places = []
        for index in self._served[worker]:
            episode = self._episodes[index]
            reset = episode.asked if isinstance(episode.asked, Reset) else episode.start
            if episode.asked is not None and reset is not None:
                places.append(f"environment {index} (seed {reset.seed})")
        return ", ".join(places) or "no environment"

    def _silent_for(self, worker: int) -> float:
        """Seconds since a worker that has something to do was heard of."""
        return time.monotonic() - self._heard_at[worker] if self._asked_of(worker) else 0.0

    def _deadline(self, worker: int) -> float:
        steps = all(isinstance(asked, Step) and asked.then is None for asked in self._asked_of(worker))
        return STEP_DEADLINE if steps and not self._losses[worker] else RESET_DEADLINE

    def _replace(self, worker: int, reason: str) -> None:
        """Start another worker in place of one, and bring its environments to where they were."""
        self._losses[worker] += 1
        if self._losses[worker] > MOST_LOSSES:
            self.close()
            raise WorkerLost(
                f"an environment worker {reason}, {self._losses[worker]} times in a row, while it served "
                f"{self._asked_where(worker)}"
            )
        self._start(worker)
        for index in self._served[worker]:
            episode = self._episodes[index]
            commands: list[tuple[int, Command]] = []
            if episode.again():
                commands.append((index, episode.again()))
            if episode.asked is not None:
                commands.append((index, episode.asked))
            self._workers.send(worker, commands)


def _workers_of(backend: Backend) -> Callable[..., Workers]:
    """The class of a backend."""
    if backend == "ray":
        from envs.parallel.ray_workers import RayWorkers

        return RayWorkers
    if backend != "processes":
        raise ValueError(f"backend must be 'processes' or 'ray', not {backend!r}")
    return ProcessWorkers


def play_pool(
    count: int, workers: int | None = None, backend: Backend = "processes", **options: Any
) -> EnvironmentPool:
    """A pool of `ArticulatedPlay-v0`.

    Args:
        count: Environments.
        workers: How many, see :class:`EnvironmentPool`.
        backend: Where they are, see :class:`EnvironmentPool`.
        **options: Keyword arguments of :class:`envs.play.ArticulatedPlay`.
    """
    make = functools.partial(gym.make, "envs:ArticulatedPlay-v0", disable_env_checker=True, **options)
    return EnvironmentPool(make, count, workers, backend)
