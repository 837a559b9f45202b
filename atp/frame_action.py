"""An action in the pixels of a frame, of any size: what a clip stores, a person is shown and a drawing shows.

The action that a network chooses is an :data:`atp.types.Action`, an array (5,) in the pixels of the network's square
image; :class:`atp.clips.letterbox.Letterbox` converts between the two.

Conventions: a pixel is (row, col) with row 0 at the top; direction k is the angle of k * 45 degrees counter-clockwise
from image right. In a resized image a pixel goes to the one over its middle:

>>> scale_pixel((29, 39), (30, 40), (90, 120))
(88, 118)
>>> FrameAction((29, 39), (0, 0), 2).scaled((30, 40), (60, 80))
FrameAction(hold=(59, 79), push=(1, 1), direction=2)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from atp.types import DIRECTIONS, Action

Pixel = tuple[int, int]


@dataclass(frozen=True)
class FrameAction:
    """Where the object is held and pushed in a frame, as far as it is known.

    Attributes:
        hold: (row, col) where it is held; None if not known.
        push: (row, col) where it is pushed; None if not known.
        direction: k in 0..7, pushed towards 45 k degrees, counter-clockwise from image right; None if not known.

    Raises:
        ValueError: A pixel is not of two numbers, or the direction is not in 0..7.
    """

    hold: Pixel | None = None
    push: Pixel | None = None
    direction: int | None = None

    def __post_init__(self) -> None:
        for name, pixel in (("hold", self.hold), ("push", self.push)):
            if pixel is not None and len(pixel) != 2:
                raise ValueError(f"{name} must be (row, col), got {tuple(pixel)}")
        if self.direction is not None and not 0 <= self.direction < DIRECTIONS:
            raise ValueError(f"direction must be in 0..{DIRECTIONS - 1}, got {self.direction}")

    @classmethod
    def of(cls, action: Action) -> FrameAction:
        """The action of an array (5,) whose pixels are those of the frame."""
        hold_row, hold_col, push_row, push_col, direction = (int(value) for value in action)
        return cls((hold_row, hold_col), (push_row, push_col), direction)

    @property
    def complete(self) -> bool:
        """Whether all of it is known."""
        return None not in (self.hold, self.push, self.direction)

    def scaled(self, shape: Sequence[int], new: Sequence[int]) -> FrameAction:
        """The action in the pixels of the resized frame; see :func:`scale_pixel`."""
        hold, push = (None if pixel is None else scale_pixel(pixel, shape, new) for pixel in (self.hold, self.push))
        return FrameAction(hold, push, self.direction)

    def to_json(self) -> dict[str, Any]:
        """What is known of ``hold`` and ``push``, lists of two, and ``direction``."""
        known: dict[str, Any] = {}
        for name, pixel in (("hold", self.hold), ("push", self.push)):
            if pixel is not None:
                known[name] = [int(value) for value in pixel]
        if self.direction is not None:
            known["direction"] = int(self.direction)
        return known


NO_ACTION = FrameAction()
"""Nothing is known."""


def scale_pixel(pixel: Pixel, shape: Sequence[int], new: Sequence[int]) -> Pixel:
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
