"""Folders of pictures: the frames of a clip, and their depth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from atp.clips.errors import ClipError
from atp.clips.footage import USUAL_RATE, Footage, Frame, Thumbnail, checked_numbers

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg")


class PictureFootage(Footage):
    """The pictures of a folder as frames, sorted by name and counted from 0.

    Args:
        path: The folder.

    Raises:
        ClipError: There is no picture in it, or the first one cannot be read.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.files = list_pictures(path)
        if not self.files:
            raise ClipError(f"{path}: there is no picture (png or jpg) in it")

    @cached_property
    def shape(self) -> tuple[int, int]:
        """(H, W) of the first picture."""
        height, width = read_picture(self.files[0]).shape[:2]
        return height, width

    def frames(self, numbers: Iterable[int]) -> Iterator[tuple[int, Frame]]:
        """See :meth:`Footage.frames`."""
        for number in checked_numbers(self.path, numbers):
            if number >= len(self.files):
                raise ClipError(
                    f"{self.path}: frame {number} is past the end, the last picture is {len(self.files) - 1}"
                )
            yield number, read_picture(self.files[number], self.shape)

    def thumbnails(self, side: int, rate: float) -> Iterator[Thumbnail]:
        """See :meth:`Footage.thumbnails`; pictures that cannot be read are left out."""
        scale = min(1.0, side / max(self.shape))
        every = max(1, round(USUAL_RATE / rate))
        numbers = sorted({*range(0, len(self.files), every), len(self.files) - 1})
        for number in numbers:
            try:
                rgb = read_picture(self.files[number], self.shape)
            except ClipError:
                continue
            yield Thumbnail(number, number / USUAL_RATE, _reduced(rgb, scale))


class DepthImages:
    """The depth images of a clip's frames: 16-bit pictures, sorted by name, one for each frame.

    Args:
        folder: Where they are.
        scale: Metres of one unit.
        count: How many frames the clip has; None: not known.

    Raises:
        ClipError: Their number is another.
    """

    def __init__(self, folder: Path, scale: float, count: int | None = None) -> None:
        self.folder, self.scale = folder, scale
        self.files = [file for file in list_pictures(folder) if file.suffix.lower() == ".png"]
        if not self.files or (count is not None and len(self.files) != count):
            raise ClipError(
                f"{folder}: must have a 16-bit PNG for each frame, has {len(self.files)}"
                + (f" for {count} frames" if count is not None else "")
            )

    def read(self, number: int, shape: tuple[int, int]) -> NDArray[np.float32]:
        """The depth of a frame.

        Args:
            number: Of the frame.
            shape: (H, W) of the frame.

        Returns:
            float32 (H, W) metres, 0 where there is no reading.

        Raises:
            ClipError: There is no such image, or it does not fit the frame.
        """
        if not 0 <= number < len(self.files):
            raise ClipError(f"{self.folder}: has no depth image for frame {number}")
        stored = cv2.imread(str(self.files[number]), cv2.IMREAD_UNCHANGED)
        if stored is None or stored.dtype != np.uint16 or stored.shape != shape:
            raise ClipError(
                f"{self.files[number]}: must be a 16-bit grey PNG of {shape[0]} x {shape[1]} pixels like its frame"
            )
        return stored.astype(np.float32) * np.float32(self.scale)


def list_pictures(folder: Path) -> list[Path]:
    """The pictures of a folder, sorted by name; hidden files are not taken for any."""
    if not folder.is_dir():
        return []
    found = (file for file in folder.iterdir() if file.suffix.lower() in PICTURE_SUFFIXES)
    return sorted(file for file in found if file.is_file() and not file.name.startswith("."))


def read_picture(file: Path, shape: tuple[int, int] | None = None) -> Frame:
    """Read a picture as uint8 (H, W, 3) RGB.

    Raises:
        ClipError: It cannot be read, or is not of the shape that is asked for.
    """
    try:
        with Image.open(file) as image:
            rgb = np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ClipError(f"{file}: cannot be read as an image ({error})") from error
    if shape is not None and rgb.shape[:2] != shape:
        raise ClipError(
            f"{file}: has {rgb.shape[0]} x {rgb.shape[1]} pixels (height x width), "
            f"the first picture of the clip has {shape[0]} x {shape[1]}"
        )
    return rgb


def _reduced(rgb: Frame, scale: float) -> Frame:
    if scale >= 1:
        return rgb
    size = tuple(max(1, round(scale * side)) for side in rgb.shape[1::-1])
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
