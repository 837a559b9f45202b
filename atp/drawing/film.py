"""Videos as lists of shots: images that stay for some frames and fade, or cut, into the next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atp.drawing.primitives import check_rgb
from atp.types import Image

FPS = 25
"""Frames per second for which the lengths of shots are meant."""


@dataclass(frozen=True, eq=False)
class Shot:
    """An image of a video.

    Attributes:
        image: uint8 (H, W, 3), of one size throughout a video.
        stay: Frames for which it is shown.
        fade: Frames over which it then turns into the next shot; 0 for a cut.
    """

    image: Image
    stay: int
    fade: int = 0


def film(shots: Iterable[Shot]) -> Iterator[Image]:
    """Yield the frames of a video, uint8 (H, W, 3); no more than a shot and a fade are in memory at a time.

    >>> black, white = np.zeros((1, 1, 3), np.uint8), np.full((1, 1, 3), 240, np.uint8)
    >>> [int(frame[0, 0, 0]) for frame in film([Shot(black, stay=2, fade=2), Shot(white, stay=1)])]
    [0, 0, 80, 160, 240]

    Raises:
        ValueError: The sizes of two shots with a fade between them differ.
    """
    last: Shot | None = None
    for shot in shots:
        if last is not None and last.fade:
            yield from crossfade(last.image, shot.image, last.fade)
        yield from [shot.image] * shot.stay
        last = shot


def crossfade(first: NDArray[Any], second: NDArray[Any], steps: int) -> list[Image]:
    """The ``steps`` images strictly between two of the same size, blending from one to the other.

    Raises:
        ValueError: If the sizes differ or ``steps`` is negative.
    """
    first, second = check_rgb(first), check_rgb(second)
    if first.shape != second.shape or steps < 0:
        raise ValueError(f"cannot fade from {first.shape} to {second.shape} in {steps} steps")
    weights = [(step + 1) / (steps + 1) for step in range(steps)]
    return [np.rint((1 - w) * first + w * second.astype(np.float32)).astype(np.uint8) for w in weights]
