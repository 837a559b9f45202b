"""Environments in worker processes, each of which goes on as soon as its own answer is there.

Observations and privileged truth are passed in shared memory. A worker that dies is replaced: episodes are decided by
their seed and their actions, so the new worker plays them again up to where they were, and nothing is lost.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import selectors
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import create_shared_memory, read_from_shared_memory
from numpy.typing import NDArray

#: Seconds after which a silent worker counts as lost. A step takes milliseconds; the first reset makes objects.
STEP_DEADLINE, RESET_DEADLINE = 60.0, 300.0
#: Seconds that workers get to end by themselves before they are killed.
GRACE = 2.0
#: Times in a row that a worker may be lost before it has answered anything.
MOST_LOSSES = 3

Arrays = dict[str, NDArray[Any]]


class WorkerLost(RuntimeError):
    """A worker process died or stopped answering again and again, or failed."""


@dataclass(frozen=True)
class Answer:
    """What an environment answered; its observation and its privileged truth are in the pool's arrays.

    Attributes:
        reward: Of the step; 0.0 after a reset.
        terminated: Whether the episode ended by itself.
        truncated: Whether the episode was cut.
        info: The info, without ``privileged``.
        final_info: The same of the last step, where the environment was reset after it.
    """

    reward: float
    terminated: bool
    truncated: bool
    info: dict[str, Any]
    final_info: dict[str, Any] | None = None

    @property
    def done(self) -> bool:
        """Whether the episode ended."""
        return self.terminated or self.truncated


@dataclass(frozen=True)
class _Reset:
    seed: int
    options: dict[str, Any] | None


@dataclass(frozen=True)
class _Step:
    action: NDArray[np.integer]
    then: _Reset | None  # what follows if the episode ends


@dataclass
class _Episode:
    """What an environment was told since its last reset, and what it has not answered yet."""

    start: _Reset | None = None
    actions: list[NDArray[np.integer]] = field(default_factory=list)
    asked: _Reset | _Step | None = None


@dataclass
class _Worker:
    indices: range
    process: Any
    pipe: Connection
    asked_at: float = 0.0  # when it last answered or, being idle, was asked
    losses: int = 0


class EnvironmentPool:
    """Environments that are asked one by one and answer when they are ready.

    Episodes depend on their seeds and actions alone, whatever the number of workers and however fast they are.

    Args:
        make: Makes an environment; it is called in the workers and must be picklable. If the environment has a
            ``privileged_space``, ``info["privileged"]`` is passed in shared memory.
        count: Environments.
        workers: Processes; environment i lives in process i modulo ``workers``. None takes one for each core, at most
            ``count``. With ``renderer="egl"`` each environment needs its own.

    Attributes:
        observation: Arrays by key, (count, ...): the observation that each environment answered last. They are
            overwritten when the environment is asked again.
        privileged: The same of ``info["privileged"]``.
        final_observation: The last observation of the episode that ended before the reset in the same step.
        final_privileged: The same of the privileged truth.
        observation_space: Of one environment.
        action_space: Of one environment.
        metadata: Of the environment.

    Raises:
        ValueError: An option of the environment, ``count`` or ``workers`` is out of its range.
        WorkerLost: A worker could not start.
    """

    def __init__(self, make: Callable[[], gym.Env[Any, Any]], count: int, workers: int | None = None) -> None:
        self._closed = True
        workers = min(count, len(os.sched_getaffinity(0))) if workers is None else workers
        if count < 1 or not 1 <= workers <= count:
            raise ValueError(f"there must be 1 to {count} workers for {count} environments, not {workers}")
        env = make()
        assert isinstance(env.observation_space, spaces.Dict)
        self.observation_space, self.action_space = env.observation_space, env.action_space
        self.metadata, self.spec, self.render_mode = env.metadata, env.spec, env.render_mode
        layout = spaces.Dict({"observation": self.observation_space})
        privileged = getattr(env.unwrapped, "privileged_space", None)
        if privileged is not None:
            layout["privileged"] = privileged
        env.close()
        self.count = count
        # forkserver: a fork of this process would copy its threads' locks, and would inherit the other workers' pipes,
        # which hides the death of a worker. The server imports the simulator once and its workers share that memory.
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["envs.play"])
        shared: Any = self._context  # the annotation of `ctx` names the module
        memory = [create_shared_memory(layout, count, shared) for _ in range(2)]
        self._serves = (make, layout, *memory)
        current, final = (_views(layout, each, count) for each in memory)
        self.observation, self.privileged = current["observation"], current.get("privileged", {})
        self.final_observation, self.final_privileged = final["observation"], final.get("privileged", {})
        self._episodes = [_Episode() for _ in range(count)]
        self._selector = selectors.DefaultSelector()
        self._closed = False
        self._workers: list[_Worker] = []
        for first in range(workers):
            indices = range(first, count, workers)
            process, pipe = self._start(indices)
            self._workers.append(_Worker(indices, process, pipe))
            self._selector.register(pipe, selectors.EVENT_READ, self._workers[-1])

    def reset_async(self, index: int, seed: int, options: dict[str, Any] | None = None) -> None:
        """Ask an environment to start an episode.

        Args:
            index: Which one.
            seed: Decides the episode.
            options: As of the environment's ``reset``.

        Raises:
            RuntimeError: It has not answered yet, or the pool is closed.
        """
        self._ask(index, _Reset(int(seed), options))

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
        episode = self._episodes[index]
        if episode.start is None:
            raise RuntimeError(f"environment {index} was not reset before its first step")
        then = None if then_seed is None else _Reset(int(then_seed), episode.start.options)
        self._ask(index, _Step(np.array(action), then))

    def wait(self, at_least: int = 1) -> dict[int, Answer]:
        """Wait for answers and take all that are there.

        Args:
            at_least: How many to wait for; no more than are asked are waited for, and with 0 there is no wait.

        Returns:
            Answers by environment, in the order in which they came.

        Raises:
            WorkerLost: An environment raised an error, which is the cause; or a worker was lost several times in a row.
        """
        answers: dict[int, Answer] = {}
        wanted = min(at_least, sum(episode.asked is not None for episode in self._episodes))
        while True:
            for key, _ in self._selector.select(timeout=1.0 if len(answers) < wanted else 0):
                self._take(key.data, answers)
            if len(answers) >= wanted:
                break
            for worker in self._workers:
                if self._silent_for(worker) > self._deadline(worker):
                    self._replace(worker, "did not answer in time")
        return answers

    def call(self, name: str) -> list[Any]:
        """The results of a method of all environments, which must be idle."""
        self._check_idle(range(self.count))
        for worker in self._workers:
            worker.pipe.send([(index, name) for index in worker.indices])
        results: dict[int, Any] = {}
        for worker in self._workers:
            for _ in worker.indices:
                index, result = worker.pipe.recv()
                if isinstance(result, Exception):
                    raise result
                results[index] = result
        return [results[index] for index in range(self.count)]

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers."""
        return [worker.process.pid for worker in self._workers]

    def close(self) -> None:
        """End the workers. They end when their pipes close; one that does not is killed."""
        if self._closed:
            return
        self._closed = True
        self._selector.close()
        for worker in self._workers:
            worker.pipe.close()
        give_up = time.monotonic() + GRACE
        for worker in self._workers:
            worker.process.join(max(0.0, give_up - time.monotonic()))
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            self.close()

    # --- Inside --------------------------------------------------------------------------------------------------

    def _start(self, indices: range) -> tuple[Any, Connection]:
        """Start a process for some environments."""
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_serve, args=(theirs, indices, self.count, *self._serves), daemon=True
        )
        try:
            process.start()
        except (EOFError, ConnectionError) as error:
            raise WorkerLost("an environment worker ended while it started") from error
        theirs.close()
        return process, ours

    def _ask(self, index: int, command: _Reset | _Step) -> None:
        if self._closed:
            raise RuntimeError("the environments are closed")
        self._check_idle((index,))
        worker = self._workers[index % len(self._workers)]
        if all(self._episodes[i].asked is None for i in worker.indices):
            worker.asked_at = time.monotonic()
        self._episodes[index].asked = command
        with contextlib.suppress(ConnectionError):  # its death is dealt with where answers are waited for
            worker.pipe.send([(index, command)])

    def _check_idle(self, indices: Sequence[int]) -> None:
        for index in indices:
            if self._episodes[index].asked is not None:
                raise RuntimeError(f"environment {index} has not answered yet")

    def _take(self, worker: _Worker, answers: dict[int, Answer]) -> None:
        """Take all answers that a worker has sent."""
        try:
            while worker.pipe.poll():
                index, answer = worker.pipe.recv()
                if isinstance(answer, Exception):
                    self.close()
                    name = type(answer).__name__
                    raise WorkerLost(f"environment {index} failed ({name}: {answer})") from answer
                episode = self._episodes[index]
                asked, episode.asked = episode.asked, None
                if isinstance(asked, _Reset):
                    episode.start, episode.actions = asked, []
                elif asked is not None and answer.done and asked.then is not None:
                    episode.start, episode.actions = asked.then, []
                elif asked is not None:
                    episode.actions.append(asked.action)
                worker.asked_at, worker.losses = time.monotonic(), 0
                answers[index] = answer
        except (EOFError, ConnectionError):
            self._replace(worker, f"died ({self._death_of(worker)})")

    def _silent_for(self, worker: _Worker) -> float:
        """Seconds since a worker that has something to do was heard of."""
        busy = any(self._episodes[index].asked is not None for index in worker.indices)
        return time.monotonic() - worker.asked_at if busy else 0.0

    def _deadline(self, worker: _Worker) -> float:
        asked = [self._episodes[index].asked for index in worker.indices]
        steps = all(
            command is None or (isinstance(command, _Step) and command.then is None) for command in asked
        )
        return STEP_DEADLINE if steps and not worker.losses else RESET_DEADLINE

    def _replace(self, worker: _Worker, reason: str) -> None:
        """Start another process in place of a worker, and bring its environments to where they were."""
        worker.losses += 1
        if worker.losses > MOST_LOSSES:
            self.close()
            raise WorkerLost(f"an environment worker {reason}, {worker.losses} times in a row")
        self._selector.unregister(worker.pipe)
        worker.pipe.close()
        worker.process.kill()
        worker.process.join()
        worker.process, worker.pipe = self._start(worker.indices)
        worker.asked_at = time.monotonic()
        self._selector.register(worker.pipe, selectors.EVENT_READ, worker)
        for index in worker.indices:
            episode = self._episodes[index]
            commands: list[tuple[int, Any]] = []
            if episode.start is not None:
                commands.append(
                    (index, (episode.start, *(_Step(action, None) for action in episode.actions)))
                )
            if episode.asked is not None:
                commands.append((index, episode.asked))
            with contextlib.suppress(ConnectionError):  # as in _ask
                worker.pipe.send(commands)

    def _death_of(self, worker: _Worker) -> str:
        """How a worker ended."""
        worker.process.join(GRACE)  # the pipe closes a moment before the exit code is known
        code = worker.process.exitcode
        if code is None:
            return "its pipe closed"
        if code == -signal.SIGKILL:
            return "killed by SIGKILL; often a lack of memory: use fewer workers"
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


def play_pool(count: int, workers: int | None = None, **options: Any) -> EnvironmentPool:
    """A pool of `ArticulatedPlay-v0`.

    Args:
        count: Environments.
        workers: Processes, see :class:`EnvironmentPool`.
        **options: Keyword arguments of :class:`envs.play.ArticulatedPlay`.
    """
    make = functools.partial(gym.make, "envs:ArticulatedPlay-v0", disable_env_checker=True, **options)
    return EnvironmentPool(make, count, workers)


def _views(layout: spaces.Dict, memory: Any, count: int) -> dict[str, Arrays]:
    """The shared memory as arrays."""
    return read_from_shared_memory(layout, memory, count)  # type: ignore[return-value]


def _serve(
    pipe: Connection,
    indices: range,
    count: int,
    make: Callable[[], gym.Env[Any, Any]],
    layout: spaces.Dict,
    current_memory: Any,
    final_memory: Any,
) -> None:
    """What a worker process does.

    It runs in a process group of its own: signals to the trainer's group (Ctrl-C, ``timeout``) are for the trainer,
    which finishes the round, saves and then ends its workers. A worker ends by itself when its pipe closes, so none
    outlives a trainer that was killed.
    """
    os.setpgid(0, 0)
    # views and no locks: a worker that is killed would never let go of one
    current, final = _views(layout, current_memory, count), _views(layout, final_memory, count)
    envs: dict[int, gym.Env[Any, Any]] = {}
    with contextlib.suppress(EOFError, ConnectionError):  # the trainer is gone: there is nobody left to tell
        while True:
            for index, command in pipe.recv():
                try:
                    if index not in envs:
                        envs[index] = make()
                    answer = _carry_out(envs[index], index, command, current, final)
                except Exception as error:  # the trainer's to judge
                    answer = _portable(error)
                if not isinstance(command, tuple):  # what is played again was answered before
                    pipe.send((index, answer))


def _carry_out(
    env: gym.Env[Any, Any],
    index: int,
    command: _Reset | _Step | tuple[_Reset | _Step, ...] | str,
    current: dict[str, Arrays],
    final: dict[str, Arrays],
) -> Any:
    """Do what a command says; an ``Answer``, or the result of a method that is called by its name."""
    if isinstance(command, str):
        return getattr(env, command)()
    if isinstance(command, tuple):
        return [_carry_out(env, index, each, current, final) for each in command][-1]
    if isinstance(command, _Reset):
        observation, info = env.reset(seed=command.seed, options=command.options)
        return Answer(0.0, False, False, _store(index, observation, info, current))
    observation, reward, terminated, truncated, info = env.step(command.action)
    if not (terminated or truncated) or command.then is None:
        return Answer(float(reward), terminated, truncated, _store(index, observation, info, current))
    final_info = _store(index, observation, info, final)
    observation, info = env.reset(seed=command.then.seed, options=command.then.options)
    info = _store(index, observation, info, current)
    return Answer(float(reward), terminated, truncated, info, final_info)


def _store(
    index: int, observation: Arrays, info: dict[str, Any], arrays: dict[str, Arrays]
) -> dict[str, Any]:
    """Copy an observation and its privileged truth to shared memory; what is left of the info."""
    for name, array in arrays["observation"].items():
        array[index] = observation[name]
    if "privileged" not in arrays:
        return info
    for name, array in arrays["privileged"].items():
        array[index] = info["privileged"][name]
    return {name: value for name, value in info.items() if name != "privileged"}


def _portable(error: Exception) -> Exception:
    """An error that can be sent."""
    try:
        pickled = ForkingPickler.dumps(error)
        ForkingPickler.loads(pickled)
    except Exception:  # many classes of errors cannot be pickled
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
