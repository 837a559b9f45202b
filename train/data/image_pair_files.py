"""Synthetic image pairs on disk, from which the part network learns what play never shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.files import atomic_path
from atp.clips.steadying import match_light
from atp.jobs.processes import map_unordered
from atp.jobs.progress import Progress
from atp.networks.encoding import UNKNOWN_ACTION
from envs.image_pairs import ImagePairConfig, synthesize_pair
from envs.parallel.pool import WorkerLost
from train.data.records import record_type

#: Pairs in a file.
FILE_SIZE = 250
#: Share of pairs shown backwards; things are opened more often than shut.
BACKWARDS = 0.3
#: Share of pairs in a frame that is not square, the share of the image's side that its border takes at each end (0.22:
#: a frame of 9 x 16), and how often the frame is upright.
LETTERBOXED, BORDERS, PORTRAIT = 0.5, (0.05, 0.23), 0.6
#: Share of what moved that must be left in each frame.
LEAST_LEFT = 0.6


def pair_type(resolution: int) -> np.dtype:
    """The dtype of a stored pair: rgb (2, H, W, 3) uint8 and moved (2, H, W) bool, before and after."""
    return np.dtype(
        [("rgb", np.uint8, (2, resolution, resolution, 3)), ("moved", np.bool_, (2, resolution, resolution))]
    )


class ImagePairFiles:
    """A set of synthetic image pairs, decided by its options alone.

    Files that are missing are synthesized; others are not touched.

    Args:
        folder: Where to keep sets of pairs.
        count: Pairs; rounded up to whole files.
        resolution: Image side in pixels.
        config: What varies in them.
        seed: Decides the pairs.
        workers: Processes that synthesize; 1 does it in this one.
        file_size: Pairs in a file.

    Raises:
        envs.parallel.pool.WorkerLost: A process that synthesizes was lost.
    """

    def __init__(
        self,
        folder: Path,
        count: int,
        resolution: int,
        config: ImagePairConfig,
        seed: int,
        workers: int = 2,
        file_size: int = FILE_SIZE,
    ) -> None:
        options = {"resolution": resolution, "seed": seed, "file_size": file_size, **asdict(config)}
        name = hashlib.sha256(json.dumps(options).encode()).hexdigest()[:12]
        files = [folder / name / f"{index:05}.npy" for index in range(-(-count // file_size))]
        missing = [index for index, file in enumerate(files) if not file.exists()]
        if missing:
            made = [PairFile(files[k], k, file_size, resolution, config, seed) for k in missing]
            _synthesize_files(made, workers)
        self.resolution, self._file_size = resolution, file_size
        self._files = [np.load(file, mmap_mode="r", allow_pickle=False) for file in files]

    def __len__(self) -> int:
        return len(self._files) * self._file_size

    def sample(self, size: int, rng: np.random.Generator) -> NDArray[Any]:
        """Draw pairs with replacement.

        Args:
            size: How many.
            rng: Source of randomness.

        Returns:
            (size,) records of :func:`train.data.records.record_type`, without depth and without a known action.
        """
        records = np.zeros(size, record_type(self.resolution, self.resolution))
        records["action"] = UNKNOWN_ACTION
        for record, place in zip(records, rng.integers(len(self), size=size), strict=True):
            pair = self._files[place // self._file_size][place % self._file_size]
            record["rgb"], record["moved"] = pair["rgb"], pair["moved"]
        return records


def as_filmed(records: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """Show pairs as clips come: some backwards, some of a frame that is not square.

    A frame that is not square is brought to the network's square as :class:`atp.clips.letterbox.Letterbox` does it:
    its edges are repeated. What moved in the border is not seen; a pair that would lose most of it stays square.

    Args:
        records: (B,) records of :meth:`ImagePairFiles.sample`; they are changed in place.
        rng: Source of randomness.

    Returns:
        The records.
    """
    for record in records:
        rgb, moved = record["rgb"], record["moved"]
        if rng.random() < BACKWARDS:
            rgb[:], moved[:] = rgb[::-1].copy(), moved[::-1].copy()
        if rng.random() >= LETTERBOXED:
            continue
        side = moved.shape[-1]
        border = round(side * rng.uniform(*BORDERS))
        frame = slice(border, side - border)
        axis = 1 if rng.random() < PORTRAIT else 0  # columns or rows are repeated
        rgb, moved = (np.moveaxis(each, 1 + axis, 1) for each in (rgb, moved))
        if (moved[:, frame].sum((1, 2)) < LEAST_LEFT * moved.sum((1, 2))).any():
            continue
        rgb[:, :border], rgb[:, frame.stop :] = rgb[:, [border]], rgb[:, [frame.stop - 1]]
        moved[:, :border] = moved[:, frame.stop :] = False
    return records


@dataclass(frozen=True)
class PairFile:
    """A file of pairs that is to be made.

    Attributes:
        path: The file.
        index: Its number in the set; it decides the pairs together with ``seed``.
        size: Pairs.
        resolution: Image side in pixels.
        config: What varies in them.
        seed: Of the set.
    """

    path: Path
    index: int
    size: int
    resolution: int
    config: ImagePairConfig
    seed: int


def synthesize_file(file: PairFile) -> None:
    """Synthesize the pairs of one file and write them."""
    pairs = np.zeros(file.size, pair_type(file.resolution))
    for number in range(file.size):
        pair = synthesize_pair(np.random.default_rng([file.seed, file.index, number]), file.config, file.resolution)
        if number % 2:  # as clips are looked at; the environment's images are not matched
            pair.rgb[1] = match_light(*pair.rgb)
        pairs[number] = (pair.rgb, pair.moved)
    with atomic_path(file.path) as temporary, temporary.open("wb") as opened:
        np.save(opened, pairs, allow_pickle=False)


def _synthesize_files(files: Sequence[PairFile], workers: int) -> None:
    """Synthesize files in processes.

    Raises:
        envs.parallel.pool.WorkerLost: A process was lost.
    """
    try:
        with Progress(sum(file.size for file in files), "image pairs", "synthesizing") as progress:
            for file, _ in map_unordered(synthesize_file, files, workers):
                progress.advance(file.size)
    except BrokenProcessPool as error:
        raise WorkerLost("a process that synthesizes image pairs was lost") from error
