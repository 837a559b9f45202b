"""Interactions on disk: a memory-mapped ring that a killed run picks up exactly where its checkpoint was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

#: Depth is stored in tenths of a millimetre, so that 16 bits reach 6.5 m.
DEPTH_UNIT = 1e-4


def record_type(height: int, width: int) -> np.dtype:
    """The dtype of one stored interaction for images of ``height`` x ``width``.

    Fields: rgb (2, H, W, 3) uint8 and depth (2, H, W) uint16 (tenths of a millimetre) before and after; memory
    (H, W) uint8 before; moved (2, H, W) bool before and after; action (5,) int16; rewards (2,) float32, hold and
    push, NaN for nothing; hindsight (H, W) uint8 codes of ``atp.hindsight``.
    """
    return np.dtype(
        [
            ("rgb", np.uint8, (2, height, width, 3)),
            ("depth", np.uint16, (2, height, width)),
            ("memory", np.uint8, (height, width)),
            ("moved", np.bool_, (2, height, width)),
            ("action", np.int16, (5,)),
            ("rewards", np.float32, (2,)),
            ("hindsight", np.uint8, (height, width)),
        ]
    )


class Replay:
    """The last ``capacity`` interactions of a run.

    The file holds ``slack`` further places. What is written after a checkpoint falls into them first, so that the
    interactions which the checkpoint can still draw are there when a killed run comes back to it.

    Args:
        path: The ring's file; opened if it is there, else made.
        height: Image rows.
        width: Image columns.
        capacity: Interactions that can be drawn.
        slack: Most interactions between two checkpoints.
    """

    def __init__(self, path: Path, height: int, width: int, capacity: int, slack: int) -> None:
        self.capacity = capacity
        self.written = 0
        dtype = record_type(height, width)
        places = capacity + slack
        if path.exists():
            self._ring = np.lib.format.open_memmap(path, mode="r+")
            if self._ring.dtype != dtype or self._ring.shape != (places,):
                raise ValueError(
                    f"{path} was made with another resolution, replay size or checkpoint interval; "
                    "resume with the options of the first run or choose another --out"
                )
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._ring = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=(places,))
        # small columns that every draw looks at, kept in memory
        self._moved = np.zeros(places, bool)
        self._judged = np.zeros(places, bool)

    def restore(self, written: int) -> None:
        """Go back to the state in which ``written`` interactions had been appended.

        Args:
            written: As it was in :attr:`written`.
        """
        self.written = written
        for place in self._places():
            record = self._ring[place]
            self._moved[place] = record["moved"].any()
            self._judged[place] = not np.isnan(record["rewards"]).all()

    def __len__(self) -> int:
        return min(self.written, self.capacity)

    def append(self, records: NDArray) -> None:
        """Store a structured array of :func:`record_type`, oldest first."""
        places = (self.written + np.arange(len(records))) % len(self._ring)
        self._ring[places] = records
        self._moved[places] = records["moved"].any(axis=(1, 2, 3))
        self._judged[places] = ~np.isnan(records["rewards"]).all(axis=1)
        self.written += len(records)

    @property
    def moved(self) -> NDArray[np.bool_]:
        """(len(self),) whether something moved, oldest first."""
        return self._moved[self._places()]

    @property
    def judged(self) -> NDArray[np.bool_]:
        """(len(self),) whether hold or push got a reward, oldest first."""
        return self._judged[self._places()]

    def _places(self) -> NDArray[np.intp]:
        return (self.written - len(self) + np.arange(len(self))) % len(self._ring)

    def sample(self, size: int, rng: np.random.Generator, weights: NDArray | None = None) -> NDArray:
        """Draw interactions with replacement.

        Args:
            size: How many.
            rng: Source of randomness.
            weights: (len(self),) relative weights, oldest first; None draws uniformly.

        Returns:
            Structured array (size,), a copy.
        """
        if weights is None or not weights.any():
            picks = rng.integers(len(self), size=size)
        else:
            picks = rng.choice(len(self), size=size, p=weights / weights.sum())
        return self._ring[self._places()[picks]]

    def flush(self) -> None:
        """Write what is in memory to the file."""
        self._ring.flush()


def pack_depth(depth: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Metres to tenths of a millimetre; what lies past 6.5 m becomes 'no reading'."""
    units = np.nan_to_num(depth, nan=0.0, posinf=0.0, neginf=0.0) / DEPTH_UNIT
    return np.where(units < np.iinfo(np.uint16).max, units, 0).astype(np.uint16)


def unpack_depth(depth: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Tenths of a millimetre to metres."""
    return depth.astype(np.float32) * np.float32(DEPTH_UNIT)
