"""The stored interactions of several runs as one, to draw from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.data.records import with_trials
from train.data.replay import Replay, draw


class JoinedReplays:
    """What is drawn comes from all runs, each interaction as likely as any other.

    Args:
        replays: At least one, all of the same resolution. Where they differ in their trials, records of those with
            fewer get trials without a reward, which are never learned from.

    Attributes:
        shape: (H, W) of the images.

    Raises:
        ValueError: There is none, or their images differ in size.
    """

    def __init__(self, replays: Sequence[Replay]) -> None:
        if not replays:
            raise ValueError("there are no stored interactions to learn from")
        shapes = {replay.shape for replay in replays}
        if len(shapes) > 1:
            sizes = ", ".join(f"{height} x {width}" for height, width in sorted(shapes))
            raise ValueError(f"interactions of different sizes cannot be joined: {sizes} pixels")
        self.shape = replays[0].shape
        self._replays = list(replays)
        self._trials = max(replay.trials for replay in replays)
        self._starts = np.cumsum([0, *(len(replay) for replay in replays)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def moved(self) -> NDArray[np.bool_]:
        """(len(self),) whether something moved, run after run."""
        return np.concatenate([replay.moved for replay in self._replays])

    @property
    def judged(self) -> NDArray[np.bool_]:
        """(len(self),) whether hold or push got a reward, or those of a trial, run after run."""
        return np.concatenate([replay.judged for replay in self._replays])

    def sample(self, size: int, rng: np.random.Generator, weights: NDArray[Any] | None = None) -> NDArray[Any]:
        """See :meth:`train.data.replay.Replay.sample`; ``weights`` are (len(self),), run after run."""
        picks = draw(len(self), size, rng, weights)
        run = np.searchsorted(self._starts, picks, side="right") - 1
        drawn = [
            with_trials(replay.at(picks[run == index] - self._starts[index]), self._trials)
            for index, replay in enumerate(self._replays)
        ]
        order = np.argsort(np.argsort(run, kind="stable"), kind="stable")
        return np.concatenate(drawn)[order]
