"""Drawn pairs of pictures for the part network, made by a process of their own while the learner works."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import numpy as np
from numpy.typing import NDArray

from atp.encoding import UNKNOWN_ACTION
from envs.pairs import PairsConfig, draw_pair
from train.command import WorkerLost
from train.replay import record_type

#: Batches that are made ahead.
AHEAD = 3


def draw_records(seed: int, step: int, count: int, resolution: int, config: PairsConfig) -> NDArray:
    """Draw pairs as records of the replay: without depth, without a known action.

    Args:
        seed: Of the run.
        step: Of the gradient step; with the seed it decides the pairs.
        count: How many.
        resolution: Image side in pixels.
        config: What varies in them.

    Returns:
        (count,) of :func:`train.replay.record_type`.
    """
    records = np.zeros(count, record_type(resolution, resolution))
    records["action"] = UNKNOWN_ACTION
    for index, record in enumerate(records):
        pair = draw_pair(np.random.default_rng([seed, step, index]), config, resolution)
        record["rgb"], record["moved"] = pair.rgb, pair.moved
    return records


class PairSource:
    """A batch of new pairs for every gradient step.

    Args:
        count: Pairs in a batch.
        resolution: Image side in pixels.
        config: What varies in them.
        seed: With the number of the step it decides the pairs.
    """

    def __init__(self, count: int, resolution: int, config: PairsConfig, seed: int) -> None:
        self.count = count
        self._draw: Callable[[int], Future[NDArray]] = lambda step: self._pool.submit(
            draw_records, seed, step, count, resolution, config
        )
        self._pool = ProcessPoolExecutor(
            1, mp_context=multiprocessing.get_context("spawn"), initializer=_attend
        )
        self._coming: dict[int, Future[NDArray]] = {}

    def batch(self, step: int) -> NDArray:
        """The pairs of a gradient step, (count,) records.

        Raises:
            train.command.WorkerLost: The process that draws is lost.
        """
        try:
            for coming in range(step, step + AHEAD):
                if coming not in self._coming:
                    self._coming[coming] = self._draw(coming)
            return self._coming.pop(step).result()
        except BrokenProcessPool as error:
            raise WorkerLost(
                "the process that draws pairs was lost; the same command goes on from the last checkpoint"
            ) from error

    def close(self) -> None:
        """End the process."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _attend() -> None:
    """In the process: leave Ctrl-C to the trainer, and end with it, however it ends."""
    os.setpgid(0, 0)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
