"""Between a video's frames of any shape and the network's square images, without squashing.

Conventions: pixels are (row, col) with row 0 at the top; pixel 0 covers 0..1, so its middle is at 0.5. The frame, H x
W, stands in the middle of a square of side S = max(H, W), which becomes the R x R image of the network: the middle of
frame row r lies at (r + offset + 0.5) R / S of it, and likewise columns. Directions of pushes are the same in both.

>>> box = Letterbox(480, 640, 90)
>>> box.offset, box.pixel(0, 639), box.frame_pixel(11, 89)
((80, 0), (11, 89), (1, 636))
>>> box.network_action(FrameAction((240, 320), (100, 40), 2))
array([45, 45, 25,  5,  2])
>>> box.frame_action(np.array([45, 45, 25, 5, 2]))
FrameAction(hold=(243, 323), push=(101, 39), direction=2)
>>> image, box = to_network(np.zeros((480, 640, 3), np.uint8), 90)
>>> image.shape, box.mask_to_frame(box.valid).shape
((90, 90, 3), (480, 640))
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from atp.frame_action import FrameAction, Pixel
from atp.types import Action, Image, Labels, Mask


@dataclass(frozen=True)
class Window:
    """A square of the network's image.

    Attributes:
        row: Of its first pixel.
        col: Likewise.
        side: In pixels.
    """

    row: int
    col: int
    side: int


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
    def valid(self) -> Mask:
        """Network pixels of which half or more lies on the frame, bool (R, R)."""
        return self._cover >= 0.5

    def image(self, frame: NDArray[Any]) -> Image:
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

    def mask(self, mask: NDArray[Any]) -> Mask:
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

    def labels(self, labels: NDArray[Any]) -> Labels:
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

    def closer(self, frame: NDArray[Any], window: Window, size: int) -> Image:
        """Cut a square out of a frame.

        Args:
            frame: uint8 (height, width, 3).
            window: The square, in the network's pixels; what of it lies off the frame repeats the frame's edge.
            size: Side wanted, pixels.

        Returns:
            uint8 (size, size, 3).
        """
        scale = self.side / self.resolution
        rows, cols = (slice(round(at * scale), round((at + window.side) * scale)) for at in (window.row, window.col))
        square = self._pad(frame, cv2.BORDER_REPLICATE)[rows, cols]
        method = cv2.INTER_AREA if len(square) >= size else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(square, (size, size), interpolation=method))

    def mask_to_frame(self, mask: NDArray[Any]) -> Mask:
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

    def labels_to_frame(self, labels: Labels) -> Labels:
        """Bring labels at the network's size back to the frame, each frame pixel from the one over it.

        Args:
            labels: uint8 (R, R), 0 background.

        Returns:
            uint8 (height, width).
        """
        frame = np.zeros((self.height, self.width), np.uint8)
        for label in np.unique(labels[labels > 0]):
            frame[self.mask_to_frame(labels == label)] = label
        return frame

    def network_action(self, action: FrameAction) -> Action | None:
        """An action in the frame's pixels as the network takes it, int64 (5,); None where not all of it is known.

        Raises:
            ValueError: If a pixel lies outside of the frame.
        """
        if action.hold is None or action.push is None or action.direction is None:
            return None
        return np.array([*self.pixel(*action.hold), *self.pixel(*action.push), action.direction], np.int64)

    def frame_action(self, action: Action) -> FrameAction:
        """An action (5,) of the network in the frame's pixels.

        Raises:
            ValueError: If a pixel lies outside of the network's image.
        """
        hold_row, hold_col, push_row, push_col, direction = (int(value) for value in action)
        return FrameAction(self.frame_pixel(hold_row, hold_col), self.frame_pixel(push_row, push_col), direction)

    def pixel(self, row: int, col: int) -> Pixel:
        """The network pixel over a pixel of the frame.

        Raises:
            ValueError: If the pixel lies outside of the frame.
        """
        if not (0 <= row < self.height and 0 <= col < self.width):
            raise ValueError(f"pixel ({row}, {col}) lies outside of the frame")
        scale = self.resolution / self.side
        return int((row + self.offset[0] + 0.5) * scale), int((col + self.offset[1] + 0.5) * scale)

    def frame_pixel(self, row: int, col: int) -> Pixel:
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


def to_network(frame: NDArray[Any], resolution: int) -> tuple[Image, Letterbox]:
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
