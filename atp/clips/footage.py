"""Frames of a clip, wherever they come from, one at a time: never is a whole video in memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from atp.clips.errors import ClipError

#: Frames a second of pictures, and of videos that do not tell.
USUAL_RATE = 25.0

Frame = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """A frame, reduced.

    Attributes:
        number: Of the frame.
        time: Of the frame, seconds.
        rgb: uint8 (h, w, 3).
    """

    number: int
    time: float
    rgb: Frame


class Footage(ABC):
    """Numbered frames of one size.

    Attributes:
        path: The video, or the folder of pictures.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """(H, W) of the frames, upright."""

    @abstractmethod
    def frames(self, numbers: Iterable[int]) -> Iterator[tuple[int, Frame]]:
        """Yield frames, uint8 (H, W, 3) RGB with their numbers, in order of the numbers.

        Raises:
            ClipError: A number is negative or past the end, a frame cannot be read or differs in size.
        """

    @abstractmethod
    def thumbnails(self, side: int, rate: float) -> Iterator[Thumbnail]:
        """Yield sound frames at most ``rate`` times a second, the last one too, reduced to ``side`` pixels at most."""


def checked_numbers(path: Path, numbers: Iterable[int]) -> list[int]:
    """Frame numbers in order, each once.

    Raises:
        ClipError: One is negative.
    """
    wanted = sorted({int(number) for number in numbers})
    if wanted and wanted[0] < 0:
        raise ClipError(f"{path}: frame numbers start at 0, asked for {wanted[0]}")
    return wanted
