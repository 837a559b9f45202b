"""The sets of rendered pairs of a second stage: those that are trained with and those that are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.cache import cache_root
from train.data.image_pair_files import SMALL_FILE_SIZE, ImagePairFiles
from train.data.pair_framing import reduce_pair
from train.data.pair_sources import RenderedPairs, pair_type

#: Seeds of pairs that are validated with begin here.
FIRST_VALIDATION_SEED = 1_000_000


def training_pairs(count: int, seed: int, folder: Path | None = None, workers: int = 1) -> ImagePairFiles:
    """Rendered pairs to train with.

    Args:
        count: How many, at least.
        seed: Decides them.
        folder: Where they are kept; None: in the cache.
        workers: Processes that draw what is missing.

    Raises:
        envs.rendered_pairs.PicturesMissing: Some are missing, and nothing can be drawn here.
    """
    return ImagePairFiles(folder or rendered_folder(), RenderedPairs(), count, seed, workers, SMALL_FILE_SIZE)


def validation_pairs(count: int, seed: int, folder: Path | None = None, workers: int = 1) -> ImagePairFiles:
    """Rendered pairs that are not trained with; otherwise as :func:`training_pairs`."""
    return training_pairs(count, FIRST_VALIDATION_SEED + seed, folder, workers)


def whole_pairs(pairs: NDArray[Any], resolution: int) -> NDArray[Any]:
    """Pairs at another resolution as clips are looked at: as a whole, in the light of the first image.

    Args:
        pairs: (B,) of :func:`train.data.pair_sources.pair_type`.
        resolution: Image side wanted, in pixels.

    Returns:
        (B,) pairs of ``resolution``.
    """
    shown = np.zeros(len(pairs), pair_type(resolution))
    for target, pair in zip(shown, pairs, strict=True):
        reduce_pair(pair, target)
    return shown


def rendered_folder() -> Path:
    """Where rendered pairs are kept if nobody says."""
    return cache_root() / "rendered"
