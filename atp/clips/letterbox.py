"""Between a video's frames of any shape and the network's square images, without squashing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Letterbox:
    """The frame is padded to a square about its centre, and the square is resized by area.

    The border repeats the frame's edge: a flat border would put a strong line into the image that no training
    image has. ``valid`` tells frame from border.

    Attributes:
        height: Of the frame, pixels.
        width: Of the frame.
        resolution: Side of the network's image.
    """

    height: int
    width: int
    resolution: int

    def __post_init__(self) -> None:
        if min(self.height, self.width, self.resolution) < 1:
            raise ValueError(f"sizes must be 1 or more, got {self}")

    @property
    def side(self) -> int:
        """Side of the square about the frame, in the frame's pixels."""
        return max(self.height, self.width)

    @property
    def offset(self) -> tuple[int, int]:
        """(row, col) of the frame's first pixel in the square."""
        return (self.side - self.height) // 2, (self.side - self.width) // 2

    @cached_property
    def _cover(self) -> NDArray[np.float32]:
        """(R, R): how much of each network pixel lies on the frame, 0..1."""
        return self._shrink(self._pad(np.ones((self.height, self.width), np.float32), cv2.BORDER_CONSTANT))

    @property
    def valid(self) -> NDArray[np.bool_]:
        """Network pixels of which half or more lies on the frame, bool (R, R)."""
        return self._cover >= 0.5

    def image(self, frame: NDArray[Any]) -> NDArray[np.uint8]:
        """Bring a frame to the network's size.

        Args:
            frame: uint8 (height, width, 3).

        Returns:
            uint8 (R, R, 3).

        Raises:
            ValueError: If the frame's shape or dtype is another.
        """
        if frame.dtype != np.uint8 or frame.shape != (self.height, self.width, 3):
            raise ValueError(f"frame must be uint8 ({self.height}, {self.width}, 3), got {frame.dtype} {frame.shape}")
        return self._shrink(self._pad(frame, cv2.BORDER_REPLICATE))

    def mask(self, mask: NDArray[Any]) -> NDArray[np.bool_]:
        """Bring a mask of the frame to the network's size.

        Args:
            mask: bool (height, width).

        Returns:
            bool (R, R): pixels of whose part on the frame half or more is in the mask; False off ``valid``.

        Raises:
            ValueError: If the mask's shape or dtype is another.
        """
        if mask.dtype != np.bool_ or mask.shape != (self.height, self.width):
            raise ValueError(f"mask must be bool ({self.height}, {self.width}), got {mask.dtype} {mask.shape}")
        area = self._shrink(self._pad(mask.astype(np.float32), cv2.BORDER_CONSTANT))
        # The tolerance keeps an exact half in: area sums are rounded.
        return self.valid & (area >= (0.5 - 1e-4) * self._cover)

    def labels(self, labels: NDArray[Any]) -> NDArray[np.uint8]:
        """Bring a label image of the frame to the network's size.

        Args:
            labels: uint8 (height, width).

        Returns:
            uint8 (R, R): the label that most of the pixel's part on the frame has; 0 off ``valid``.

        Raises:
            ValueError: If the image's shape or dtype is another.
        """
        if labels.dtype != np.uint8 or labels.shape != (self.height, self.width):
            raise ValueError(f"labels must be uint8 ({self.height}, {self.width}), got {labels.dtype} {labels.shape}")
        values = np.unique(labels)
        areas = [self._shrink(self._pad((labels == value).astype(np.float32), cv2.BORDER_CONSTANT)) for value in values]
        return np.where(self.valid, values[np.argmax(areas, axis=0)], 0).astype(np.uint8)

    def depth(self, depth: NDArray[Any]) -> NDArray[np.float32]:
        """Bring a depth image of the frame to the network's size.

        Args:
            depth: float32 (height, width), metres, 0 where there is no reading.

        Returns:
            float32 (R, R): the reading at the middle of each pixel, for a mean over an edge is in no place at all; 0
            off the frame.

        Raises:
            ValueError: If the image's shape is another.
        """
        if depth.shape != (self.height, self.width):
            raise ValueError(f"depth must be ({self.height}, {self.width}), got {depth.shape}")
        middles = ((np.arange(self.resolution) + 0.5) * self.side / self.resolution).astype(np.int64)
        rows, cols = (middles - start for start in self.offset)
        inside = ((rows >= 0) & (rows < self.height))[:, None] & ((cols >= 0) & (cols < self.width))
        near = np.ix_(rows.clip(0, self.height - 1), cols.clip(0, self.width - 1))
        return np.where(inside, depth[near], 0).astype(np.float32)

    def mask_to_frame(self, mask: NDArray[Any]) -> NDArray[np.bool_]:
        """Bring a mask at the network's size back to the frame, each frame pixel from the one over it.

        Args:
            mask: bool (R, R).

        Returns:
            bool (height, width).

        Raises:
            ValueError: If the mask's shape or dtype is another.
        """
        if mask.dtype != np.bool_ or mask.shape != (self.resolution, self.resolution):
            raise ValueError(f"mask must be bool ({self.resolution}, {self.resolution}), got {mask.dtype} {mask.shape}")
        rows, cols = (
            ((np.arange(count) + start + 0.5) * self.resolution / self.side).astype(np.int64)
            for count, start in zip((self.height, self.width), self.offset, strict=True)
        )
        return np.asarray(mask)[np.ix_(rows, cols)]

    def pixel(self, row: int, col: int) -> tuple[int, int]:
        """The network pixel over a pixel of the frame.

        Raises:
            ValueError: If the pixel lies outside of the frame.
        """
        if not (0 <= row < self.height and 0 <= col < self.width):
            raise ValueError(f"pixel ({row}, {col}) lies outside of the frame")
        scale = self.resolution / self.side
        return int((row + self.offset[0] + 0.5) * scale), int((col + self.offset[1] + 0.5) * scale)

    def frame_pixel(self, row: int, col: int) -> tuple[int, int]:
        """The frame's pixel in the middle of a network pixel; the nearest one for a pixel of the border.

        Raises:
            ValueError: If the pixel lies outside of the network's image.
        """
        if not (0 <= row < self.resolution and 0 <= col < self.resolution):
            raise ValueError(f"pixel ({row}, {col}) lies outside of the network's image")
        scale = self.side / self.resolution
        middle = (int((at + 0.5) * scale) - start for at, start in zip((row, col), self.offset, strict=True))
        found = (min(max(at, 0), size - 1) for at, size in zip(middle, (self.height, self.width), strict=True))
        return next(found), next(found)

    def _pad(self, image: NDArray[Any], border: int) -> NDArray[Any]:
        top, left = self.offset
        bottom, right = self.side - self.height - top, self.side - self.width - left
        return np.asarray(cv2.copyMakeBorder(image, top, bottom, left, right, border, value=0))

    def _shrink(self, square: NDArray[Any]) -> NDArray[Any]:
        method = cv2.INTER_AREA if self.side >= self.resolution else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(square, (self.resolution, self.resolution), interpolation=method))


def scale_pixel(pixel: tuple[int, int], shape: tuple[int, ...], new: tuple[int, ...]) -> tuple[int, int]:
    """The pixel of a resized image over the middle of a pixel of the original.

    Args:
        pixel: (row, col) in the original.
        shape: (H, W) of the original; what follows is ignored.
        new: (h, w) of the resized image, in the same way.

    Returns:
        (row, col) in the resized image.
    """
    row, col = (
        min(int((at + 0.5) * side / old), side - 1) for at, old, side in zip(pixel, shape[:2], new[:2], strict=True)
    )
    return row, col


def to_network(frame: NDArray[Any], resolution: int) -> tuple[NDArray[np.uint8], Letterbox]:
    """Bring a frame to the network's size, keeping its proportions.

    Args:
        frame: uint8 (H, W, 3).
        resolution: Side R of the network's image.

    Returns:
        The image, uint8 (R, R, 3), and the mapping between the two.

    Raises:
        ValueError: If the frame is not uint8 RGB or the resolution is below 1.
    """
    box = Letterbox(frame.shape[0], frame.shape[1], resolution)
    return box.image(frame), box
