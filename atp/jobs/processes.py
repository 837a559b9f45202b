"""Tasks shared out among processes of this machine, or among those of a Ray cluster."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")


def map_unordered(
    work: Callable[[T], R], tasks: Sequence[T], workers: int = 1, on_ray: bool = False
) -> Iterator[tuple[T, R]]:
    """Do tasks, and yield each with its result when it is done.

    Args:
        work: A function that other processes can import.
        tasks: What it is called with.
        workers: Processes; 1 does all in this one.
        on_ray: Share out among the cores of a Ray cluster instead (extra ``ray``), the one that ``RAY_ADDRESS`` names
            if it does. Tasks of a node that dies are done again on another.

    Yields:
        A task and its result.

    Raises:
        ImportError: Ray is not installed.
    """
    if on_ray:
        yield from _on_ray(work, tasks)
    elif workers == 1:
        for task in tasks:
            yield task, work(task)
    else:
        yield from _in_processes(work, tasks, workers)


def _in_processes(work: Callable[[T], R], tasks: Sequence[T], workers: int) -> Iterator[tuple[T, R]]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_parent) as pool:
        pending: dict[Future[R], T] = {pool.submit(work, task): task for task in tasks}
        try:
            while pending:
                for future in wait(pending, return_when=FIRST_COMPLETED).done:
                    yield pending.pop(future), future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _end_with_parent() -> None:
    """End this worker when the process that started it is gone: killed, it cannot say so, and workers would wait on."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _on_ray(work: Callable[[T], R], tasks: Sequence[T]) -> Iterator[tuple[T, R]]:
    try:
        import ray
    except ImportError as error:
        raise ImportError("Ray is missing: pip install 'act-the-part[ray]'") from error
    if not ray.is_initialized():
        ray.init(log_to_driver=False)
    remote: Any = ray.remote(num_cpus=1, max_retries=5)(_do)
    pending: dict[Any, T] = {remote.remote(work, task): task for task in tasks}
    try:
        while pending:
            ready, _ = ray.wait(list(pending), num_returns=1)
            for call in ready:
                yield pending.pop(call), ray.get(call)
    finally:
        for call in pending:
            ray.cancel(call)


def _do(work: Callable[[T], R], task: T) -> R:
    """A plain function, which is all that Ray takes."""
    return work(task)
