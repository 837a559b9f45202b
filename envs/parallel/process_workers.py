"""Workers that are processes of this machine; arrays are in shared memory."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import selectors
import signal
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from gymnasium import spaces

from envs.parallel.worker import Arrays, Command, MakeEnv, Server

#: Seconds that workers get to end by themselves before they are killed.
GRACE = 2.0


class ProcessWorkers:
    """Processes that serve environments.

    Args:
        make: Makes an environment.
        layout: Space of what is passed in arrays.
        count: Environments.
        served: Indices of the environments of each worker.

    Attributes:
        current: Arrays of what each environment answered last.
        final: Arrays of what came last before a reset in the same step.
    """

    def __init__(self, make: MakeEnv, layout: spaces.Dict, count: int, served: Sequence[range]) -> None:
        # forkserver: a fork of this process would copy its threads' locks, and would inherit the other workers' pipes,
        # which hides the death of a worker. The server imports the simulator once and its workers share that memory.
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["envs.play"])
        memory = [_shared_memory(layout, count, self._context) for _ in range(2)]
        self.current, self.final = (_views(layout, each, count) for each in memory)
        self._arguments = (make, layout, count, *memory)
        self._processes: list[Any] = [None] * len(served)
        self._pipes: list[Connection | None] = [None] * len(served)
        self._selector = selectors.DefaultSelector()

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers."""
        return [process.pid for process in self._processes]

    def start(self, worker: int) -> None:
        """Start a worker, in place of its predecessor if it had one, which is killed.

        Raises:
            ConnectionError: It ended at once.
        """
        old, process = self._pipes[worker], self._processes[worker]
        if old is not None:
            self._selector.unregister(old)
            old.close()
            process.kill()
            process.join()
        pipe, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, *self._arguments), daemon=True)
        self._processes[worker], self._pipes[worker] = process, pipe
        self._selector.register(pipe, selectors.EVENT_READ, worker)
        try:
            process.start()
        except EOFError as error:
            raise ConnectionError("the server of processes is gone") from error
        theirs.close()

    def send(self, worker: int, commands: list[tuple[int, Command]]) -> None:
        """Send a worker commands, each with the index of an environment."""
        pipe = self._pipes[worker]
        assert pipe is not None
        with contextlib.suppress(ConnectionError):  # its death is reported where answers are received
            pipe.send(commands)

    def receive(self, timeout: float) -> list[tuple[int, list[tuple[int, Any]], str | None]]:
        """Wait for answers.

        Args:
            timeout: Seconds to wait if there are none.

        Returns:
            For each worker that was heard of: its number, its answers with the indices of the environments, and, if it
            is lost, the reason.
        """
        heard = []
        for key, _ in self._selector.select(timeout):
            pipe: Any = key.fileobj
            answers, reason = [], None
            try:
                while pipe.poll():
                    answers.append(pipe.recv())
            except (EOFError, ConnectionError):
                reason = f"died ({self._death_of(key.data)})"
            heard.append((key.data, answers, reason))
        return heard

    def close(self) -> None:
        """End the workers. They end when their pipes close; one that does not is killed."""
        self._selector.close()
        for pipe in self._pipes:
            if pipe is not None:
                pipe.close()
        give_up = time.monotonic() + GRACE
        for process in self._processes:
            if process is None or process.pid is None:
                continue
            process.join(max(0.0, give_up - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()

    def _death_of(self, worker: int) -> str:
        """How a worker ended."""
        process = self._processes[worker]
        process.join(GRACE)  # the pipe closes a moment before the exit code is known
        code = process.exitcode
        if code is None:
            return "its pipe closed"
        if code == -signal.SIGKILL:
            return "killed by SIGKILL; often a lack of memory: use fewer workers"
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


def _shared_memory(layout: spaces.Dict, count: int, context: Any) -> dict[str, dict[str, Any]]:
    """Memory of all processes for so many of each space.

    Without locks, which gymnasium's has: a worker that is killed would never let go of one, and their semaphores stay
    in /dev/shm when all processes are killed at once. What is used here has no name there.
    """
    return {
        kind: {name: context.RawArray("b", count * _bytes_of(space)) for name, space in _spaces_of(entries)}
        for kind, entries in _spaces_of(layout)
    }


def _views(layout: spaces.Dict, memory: dict[str, dict[str, Any]], count: int) -> dict[str, Arrays]:
    """The arrays (count, ...) in memory of :func:`_shared_memory`."""
    return {
        kind: {
            name: np.frombuffer(memory[kind][name], np.dtype(space.dtype)).reshape(count, *(space.shape or ()))
            for name, space in _spaces_of(entries)
        }
        for kind, entries in _spaces_of(layout)
    }


def _spaces_of(layout: Any) -> list[tuple[str, spaces.Space[Any]]]:
    assert isinstance(layout, spaces.Dict)
    return list(layout.spaces.items())


def _bytes_of(space: spaces.Space[Any]) -> int:
    return int(np.prod(space.shape or (), dtype=np.int64)) * np.dtype(space.dtype).itemsize


def _serve(pipe: Connection, make: MakeEnv, layout: spaces.Dict, count: int, current: Any, final: Any) -> None:
    """What a worker process does.

    It runs in a process group of its own: signals to the trainer's group (Ctrl-C, ``timeout``) are for the trainer,
    which finishes the round, saves and then ends its workers. A worker ends by itself when its pipe closes, so none
    outlives a trainer that was killed.
    """
    os.setpgid(0, 0)
    server = Server(make, _views(layout, current, count), _views(layout, final, count))
    with contextlib.suppress(EOFError, ConnectionError):  # the trainer is gone: there is nobody left to tell
        while True:
            for index, command in pipe.recv():
                answer = server.answer(index, command)
                if not isinstance(command, tuple):  # what is played again was answered before
                    pipe.send((index, answer))
