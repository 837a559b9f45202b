"""Folders of images: the frames of a clip, and their depth."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import PIL.Image
from numpy.typing import NDArray

from atp.clips.clip import Clip
from atp.clips.errors import ClipError
from atp.clips.footage import IndexedFootage
from atp.clips.interaction_finding import find_interactions
from atp.clips.sources import CLIP_SOURCES
from atp.clips.video import VIDEO_SUFFIXES
from atp.types import Image

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")
#: A folder with no more images than this has one for every moment; with more they are the frames of a video.
FEW_IMAGES = 12


class ImageFolderFootage(IndexedFootage):
    """The images of a folder as frames, sorted by name and counted from 0.

    Args:
        path: The folder.

    Raises:
        ClipError: There is no image in it.
    """

    def __init__(self, path: Path) -> None:
        self.files = image_files(path)
        super().__init__(path, len(self.files), len(self.files) <= FEW_IMAGES)

    def read(self, number: int) -> Image:
        """See :meth:`IndexedFootage.read`."""
        return read_image(self.files[number])

    def name(self, number: int) -> str:
        """The image's file."""
        return str(self.files[number])


class ImageFolderSource:
    """Clips that are folders of images without a clip.json; interactions are found in them."""

    def recognises(self, path: Path) -> bool:
        """Whether it is a folder with images; with a video beside them they are taken for masks of it."""
        if not list_images(path):
            return False
        return not any(file.suffix.lower() in VIDEO_SUFFIXES for file in path.iterdir() if file.is_file())

    def read(self, path: Path) -> Clip:
        """See :meth:`atp.clips.sources.ClipSource.read`."""
        footage = ImageFolderFootage(path)
        return Clip(path.resolve().name, path, footage, find_interactions(footage), found=True)


CLIP_SOURCES.add("image folder", ImageFolderSource())


class DepthImages:
    """The depth images of a clip's frames: 16-bit PNG, sorted by name, one for each frame.

    Args:
        folder: Where they are.
        scale: Metres of one unit.
        count: How many frames the clip has; None: not known.

    Raises:
        ClipError: Their number is another.
    """

    def __init__(self, folder: Path, scale: float, count: int | None = None) -> None:
        self.folder, self.scale = folder, scale
        self.files = [file for file in list_images(folder) if file.suffix.lower() == ".png"]
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


def list_images(folder: Path) -> list[Path]:
    """The images of a folder, sorted by name; none where there is no folder. Hidden files are not taken for any."""
    if not folder.is_dir():
        return []
    found = (file for file in folder.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)
    return sorted(file for file in found if file.is_file() and not file.name.startswith("."))


def image_files(folder: Path) -> list[Path]:
    """The images of a folder, one or more, sorted by name.

    Raises:
        ClipError: There is no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise ClipError(f"{folder}: no such folder")
    files = list_images(folder)
    if not files:
        raise ClipError(f"{folder}: has no images (png or jpg)")
    return files


def image_shape(file: Path) -> tuple[int, int]:
    """(H, W) of an image, from its header.

    Raises:
        ClipError: It is not an image.
    """
    try:
        with PIL.Image.open(file) as image:
            return image.height, image.width
    except (OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError) as error:
        raise ClipError(f"{file}: cannot be read as an image ({error})") from error


def read_image(file: Path) -> Image:
    """Read an image as uint8 (H, W, 3) RGB.

    Raises:
        ClipError: It cannot be read.
    """
    try:
        with PIL.Image.open(file) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError) as error:
        raise ClipError(f"{file}: cannot be read as an image ({error})") from error
