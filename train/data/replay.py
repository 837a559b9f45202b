"""Interactions on disk: a memory-mapped ring that a killed run picks up exactly where its checkpoint was."""

from __future__ import annotations

import errno
import os
import warnings
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from assets.files import atomic_path
from train.data.records import judged, record_type

_AT_ONCE = 1000  # interactions that are looked at together


class StoredPlay(Protocol):
    """Stored interactions to learn from: those of one run, :class:`Replay`, or of several.

    Attributes:
        shape: (H, W) of the images.
    """

    shape: tuple[int, int]

    def __len__(self) -> int:
        """How many interactions can be drawn."""
        ...

    @property
    def moved(self) -> NDArray[np.bool_]:
        """See :meth:`Replay.moved`."""
        ...

    @property
    def judged(self) -> NDArray[np.bool_]:
        """See :meth:`Replay.judged`."""
        ...

    def sample(self, size: int, rng: np.random.Generator, weights: NDArray[Any] | None = None) -> NDArray[Any]:
        """See :meth:`Replay.sample`."""
        ...


class Replay:
    """The last ``capacity`` interactions of a run.

    The file holds ``slack`` further places. What is written after a checkpoint falls into them first, so that the
    interactions which the checkpoint can still draw are there when a killed run comes back to it. Beside it lies a
    file of checksums, one for each interaction: what a disk has changed is not trained on.

    Args:
        path: The ring's file.
        height: Image rows.
        width: Image columns.
        capacity: Interactions that can be drawn.
        slack: Most interactions between two checkpoints.
        written: Interactions that had been appended at the checkpoint to resume from; the file must be there. 0 starts
            anew with an empty file.
        trials: Further actions in each record, see :func:`train.data.records.record_type`.

    Attributes:
        shape: (H, W) of the images.
        capacity: As given.
        trials: As given.
        written: Interactions appended so far, by earlier processes too.

    Raises:
        ValueError: The file to resume from is missing, of another resolution or size, or interactions in it are not as
            they were written; or the disk has no room for a new one. The message names the file.
    """

    def __init__(
        self, path: Path, height: int, width: int, capacity: int, slack: int, written: int = 0, trials: int = 0
    ) -> None:
        self.shape, self.capacity, self.written, self.trials = (height, width), capacity, written, trials
        dtype = record_type(height, width, trials)
        self._ring = _open(path, dtype, capacity + slack) if written else _make(path, dtype, capacity + slack)
        self._sums_path = sums_path(path)
        self._sums = np.zeros(len(self._ring), np.uint32)
        # small columns that every draw looks at, kept in memory
        self._moved = np.zeros(len(self._ring), bool)
        self._judged = np.zeros(len(self._ring), bool)
        if written:
            self._check()
        else:
            self._sums_path.unlink(missing_ok=True)

    def __len__(self) -> int:
        return min(self.written, self.capacity)

    def append(self, records: NDArray[Any]) -> None:
        """Store a structured array of :func:`record_type`, oldest first."""
        places = (self.written + np.arange(len(records))) % len(self._ring)
        self._ring[places] = records
        self._sums[places] = _sums_of(self._ring[places])
        self._note(places)
        self.written += len(records)

    @property
    def moved(self) -> NDArray[np.bool_]:
        """(len(self),) whether something moved, oldest first."""
        return self._moved[self._places()]

    @property
    def judged(self) -> NDArray[np.bool_]:
        """(len(self),) whether hold or push got a reward, or those of a trial, oldest first."""
        return self._judged[self._places()]

    def sample(self, size: int, rng: np.random.Generator, weights: NDArray[Any] | None = None) -> NDArray[Any]:
        """Draw interactions with replacement.

        Args:
            size: How many.
            rng: Source of randomness.
            weights: (len(self),) relative weights, oldest first; None, or none above 0, draws uniformly.

        Returns:
            Structured array (size,), a copy.
        """
        return self.at(draw(len(self), size, rng, weights))

    def at(self, picks: NDArray[np.integer]) -> NDArray[Any]:
        """The interactions of these numbers, counted from the oldest; a copy."""
        picked: NDArray[Any] = self._ring[self._places()[picks]]
        return picked

    def newest(self, count: int) -> NDArray[Any]:
        """The last ``count`` interactions, oldest first; a copy."""
        return self._ring[self._places()[len(self) - count :]]

    def flush(self) -> None:
        """Write what is in memory to the files."""
        self._ring.flush()
        with atomic_path(self._sums_path) as temporary, temporary.open("wb") as file:
            np.save(file, self._sums, allow_pickle=False)

    def _places(self) -> NDArray[np.intp]:
        """Places in the ring of the interactions that can be drawn, oldest first."""
        return (self.written - len(self) + np.arange(len(self))) % len(self._ring)

    def _check(self) -> None:
        """Look at all that can be drawn: whether it is as it was written, and for the columns kept in memory."""
        written = self._read_sums()
        places, damaged = self._places(), 0
        for start in range(0, len(places), _AT_ONCE):
            some = places[start : start + _AT_ONCE]
            self._sums[some] = _sums_of(self._ring[some])
            if written is not None:
                damaged += int((self._sums[some] != written[some]).sum())
            self._note(some)
        if damaged:
            raise ValueError(
                f"{self._ring.filename}: {damaged} of {len(places)} interactions are not as they were written; put "
                "back a copy of it and of its checksums, or choose another --out"
            )

    def _read_sums(self) -> NDArray[np.uint32] | None:
        """The checksums of the last flush; None of a replay that has none."""
        path = self._sums_path
        if not path.exists():
            warnings.warn(f"{path}: missing, so that the interactions beside it are taken as they are", stacklevel=4)
            return None
        try:
            sums = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise ValueError(f"{path}: cannot be read ({error}); put a copy back or choose another --out") from error
        if sums.dtype != np.uint32 or sums.shape != self._sums.shape:
            raise ValueError(f"{path}: not the checksums of the interactions beside it; choose another --out")
        return np.asarray(sums)

    def _note(self, places: NDArray[np.intp]) -> None:
        """Take the columns kept in memory from the ring."""
        self._moved[places] = self._ring["moved"][places].any(axis=(1, 2, 3))
        self._judged[places] = judged(self._ring[places]).any(axis=1)


def draw(count: int, size: int, rng: np.random.Generator, weights: NDArray[Any] | None) -> NDArray[np.int64]:
    """Numbers (size,) below ``count``, with replacement: by weights (count,), or uniformly where none is above 0."""
    if weights is None or not weights.any():
        return rng.integers(count, size=size)
    return rng.choice(count, size=size, p=weights / weights.sum())


def sums_path(path: Path) -> Path:
    """The file of checksums that belongs to a ring's."""
    return path.with_suffix(".sums.npy")


def _sums_of(records: NDArray[Any]) -> Sequence[int]:
    return [zlib.crc32(record.tobytes()) for record in records]


def _open(path: Path, dtype: np.dtype, places: int) -> np.memmap:
    """The ring of an earlier process; it may be larger than need be."""
    try:
        ring = np.lib.format.open_memmap(path, mode="r+")
    except FileNotFoundError as error:
        raise ValueError(
            f"{path}: missing, and the checkpoint beside it needs it; put it back or choose another --out"
        ) from error
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read ({error}); choose another --out") from error
    if ring.dtype != dtype or ring.ndim != 1 or len(ring) < places:
        raise ValueError(
            f"{path}: made with another resolution, replay size or checkpoint interval, or by another version; "
            "resume with the options of the first run or choose another --out"
        )
    return ring


def room_needed(path: Path, height: int, width: int, places: int, trials: int = 0) -> str:
    """A line that says what a :class:`Replay` takes on disk, for who waits for it.

    Args:
        path: The ring's file.
        height: Image rows.
        width: Image columns.
        places: Interactions that it holds, slack included.
        trials: As there.
    """
    size = record_type(height, width, trials).itemsize * places
    return f"{path}: takes {size / 1e6:,.0f} MB on disk for {places:,} interactions"


def _make(path: Path, dtype: np.dtype, places: int) -> np.memmap:
    """An empty ring. Its room on disk is taken now: writing to a mapped file on a full disk would kill the process."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ring = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=(places,))
    size = path.stat().st_size
    try:
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            path.unlink()
            raise ValueError(
                f"{path}: no room for {size / 1e6:.0f} MB of interactions; free some, choose another --out or a "
                "smaller --replay-size"
            ) from error
        # else the file system cannot reserve, and room is taken as it is needed
    return ring
