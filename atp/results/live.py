"""The result of ``atp live``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from atp.results.schema import Pixel, Result


@dataclass(frozen=True)
class LiveInteraction:
    """One interaction with a real object, in the pixels of the camera's image.

    Attributes:
        number: From 1.
        hold: Pixel to hold.
        push: Pixel to push.
        direction: Of the push.
        degrees: The same as an angle.
        parts_found: Parts in the memory after it.
    """

    number: int
    hold: Pixel
    push: Pixel
    direction: int
    degrees: int
    parts_found: int


@dataclass(frozen=True)
class LiveResult(Result):
    """A session with a real object.

    Attributes:
        interactions: In order.
        parts_found: Parts at the end.
    """

    WRITTEN_BY: ClassVar[str] = "atp live"

    interactions: list[LiveInteraction]
    parts_found: int
