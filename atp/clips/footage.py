"""Frames of a clip, wherever they come from, one at a time: never is a whole video in memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from atp.clips.errors import ClipError
from atp.types import Image

#: Frames a second of images, and of videos that do not say.
USUAL_RATE = 25.0


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
    rgb: Image


class Footage(ABC):
    """Numbered frames of one size.

    Attributes:
        path: What they are read from.
        count: How many there are; None where only reading all of them would tell.
        moments: Each frame is a moment at rest, as people photograph them, and not one of a video.
    """

    count: int | None = None
    moments: bool = False

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """(H, W) of the frames, upright."""

    @abstractmethod
    def frames(self, numbers: Iterable[int]) -> Iterator[tuple[int, Image]]:
        """Yield frames, uint8 (H, W, 3) RGB with their numbers, in order of the numbers.

        Raises:
            ClipError: A number is negative or past the end, a frame cannot be read or differs in size.
        """

    @abstractmethod
    def thumbnails(self, side: int, rate: float) -> Iterator[Thumbnail]:
        """Yield sound frames at most ``rate`` times a second, the last one too, reduced to ``side`` pixels at most."""


class IndexedFootage(Footage):
    """Frames of which each can be read by itself, 25 a second: all that is left to say is :meth:`read`.

    Args:
        path: What they are read from.
        count: How many there are, 1 or more.
        moments: See :class:`Footage`.
    """

    def __init__(self, path: Path, count: int, moments: bool = False) -> None:
        super().__init__(path)
        self.count: int = count
        self.moments = moments

    @abstractmethod
    def read(self, number: int) -> Image:
        """The frame of a number from 0 to ``count`` - 1, uint8 (H, W, 3) RGB.

        Raises:
            ClipError: It cannot be read.
        """

    @cached_property
    def shape(self) -> tuple[int, int]:
        """(H, W) of the first frame."""
        height, width = self.read(0).shape[:2]
        return height, width

    def frames(self, numbers: Iterable[int]) -> Iterator[tuple[int, Image]]:
        """See :meth:`Footage.frames`."""
        for number in checked_numbers(self.path, numbers):
            if number >= self.count:
                raise ClipError(f"{self.path}: frame {number} is past the end, the last one is {self.count - 1}")
            yield number, self._read_alike(number)

    def thumbnails(self, side: int, rate: float) -> Iterator[Thumbnail]:
        """See :meth:`Footage.thumbnails`; frames that cannot be read are left out."""
        scale = min(1.0, side / max(self.shape))
        every = max(1, round(USUAL_RATE / rate))
        for number in sorted({*range(0, self.count, every), self.count - 1}):
            try:
                rgb = self._read_alike(number)
            except ClipError:
                continue
            yield Thumbnail(number, number / USUAL_RATE, _reduced(rgb, scale))

    def name(self, number: int) -> str:
        """What to call a frame in messages."""
        return f"{self.path}: frame {number}"

    def _read_alike(self, number: int) -> Image:
        rgb = self.read(number)
        if rgb.shape[:2] != self.shape:
            raise ClipError(
                f"{self.name(number)}: has {rgb.shape[0]} x {rgb.shape[1]} pixels (height x width), "
                f"the first frame of the clip has {self.shape[0]} x {self.shape[1]}"
            )
        return rgb


def checked_numbers(path: Path, numbers: Iterable[int]) -> list[int]:
    """Frame numbers in order, each once.

    Raises:
        ClipError: One is negative.
    """
    wanted = sorted({int(number) for number in numbers})
    if wanted and wanted[0] < 0:
        raise ClipError(f"{path}: frame numbers start at 0, asked for {wanted[0]}")
    return wanted


def _reduced(rgb: Image, scale: float) -> Image:
    if scale >= 1:
        return rgb
    size = tuple(max(1, round(scale * side)) for side in rgb.shape[1::-1])
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
