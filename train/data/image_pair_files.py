"""Image pairs on disk, from which the part network learns what play never shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.files import atomic_path
from atp.jobs.processes import map_unordered
from atp.jobs.progress import Progress
from envs.parallel.pool import WorkerLost
from train.data.pair_sources import PairSource, pair_type

#: Pairs in a file: a file is made as a whole, and one that is made slowly should not be lost.
FILE_SIZE, SMALL_FILE_SIZE = 250, 50


class ImagePairFiles:
    """A set of image pairs, decided by its source, its seed and the size of its files.

    Files that are missing are made; others are not touched. So a set can be made beforehand (``python -m train.data``),
    a run that was stopped goes on, and a larger set has the smaller one in it.

    Args:
        folder: Where to keep sets of pairs.
        source: What makes them.
        count: Pairs; rounded up to whole files.
        seed: Decides the pairs.
        workers: Processes that make them; 1 does it in this one.
        file_size: Pairs in a file.

    Raises:
        envs.parallel.pool.WorkerLost: A process that makes pairs was lost.
        envs.rendered_pairs.PicturesMissing: Pairs are missing, and nothing can be drawn here.
        ValueError: A file is no set of pairs; the message names it.
    """

    def __init__(
        self,
        folder: Path,
        source: PairSource,
        count: int,
        seed: int,
        workers: int = 2,
        file_size: int = FILE_SIZE,
    ) -> None:
        options = {"seed": seed, "file_size": file_size, **source.options()}
        name = hashlib.sha256(json.dumps(options).encode()).hexdigest()[:12]
        files = [folder / name / f"{index:05}.npy" for index in range(-(-count // file_size))]
        missing = [index for index, file in enumerate(files) if not file.exists()]
        if missing:
            _make_files([PairFile(files[k], k, file_size, source, seed) for k in missing], workers)
        self.resolution, self._file_size = source.resolution, file_size
        self._files = [_opened(file, self.resolution, file_size) for file in files]

    def __len__(self) -> int:
        return len(self._files) * self._file_size

    def __getitem__(self, places: NDArray[np.integer] | slice) -> NDArray[Any]:
        """Pairs by number: a slice, or an array (n,); a copy, (n,) of :func:`train.data.pair_sources.pair_type`."""
        numbers = np.arange(len(self))[places]
        pairs = np.zeros(len(numbers), pair_type(self.resolution))
        for index, number in enumerate(numbers):
            pairs[index] = self._files[number // self._file_size][number % self._file_size]
        return pairs

    def sample(self, size: int, rng: np.random.Generator) -> NDArray[Any]:
        """Draw pairs with replacement.

        Args:
            size: How many.
            rng: Source of randomness.

        Returns:
            (size,) of :func:`train.data.pair_sources.pair_type`.
        """
        return self[rng.integers(len(self), size=size)]


@dataclass(frozen=True)
class PairFile:
    """A file of pairs that is to be made.

    Attributes:
        path: The file.
        index: Its number in the set; it decides the pairs together with ``seed``.
        size: Pairs.
        source: What makes them.
        seed: Of the set.
    """

    path: Path
    index: int
    size: int
    source: PairSource
    seed: int


def make_file(file: PairFile) -> None:
    """Make the pairs of one file and write them."""
    pairs = np.stack([file.source.make((file.seed, file.index, number)) for number in range(file.size)])
    with atomic_path(file.path) as temporary, temporary.open("wb") as opened:
        np.save(opened, pairs, allow_pickle=False)


def _opened(file: Path, resolution: int, size: int) -> NDArray[Any]:
    try:
        pairs: NDArray[Any] = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ValueError(f"{file}: cannot be read ({error}); delete it, and it is made anew") from error
    if pairs.dtype != pair_type(resolution) or pairs.shape != (size,):
        raise ValueError(f"{file}: holds no {size} pairs of this version; delete it, and it is made anew")
    return pairs


def _make_files(files: Sequence[PairFile], workers: int) -> None:
    """Make files in processes.

    Raises:
        envs.parallel.pool.WorkerLost: A process was lost.
    """
    try:
        with Progress(sum(file.size for file in files), "image pairs", "making") as progress:
            for file, _ in map_unordered(make_file, files, workers):
                progress.advance(file.size)
    except BrokenProcessPool as error:
        raise WorkerLost("a process that makes image pairs was lost") from error
