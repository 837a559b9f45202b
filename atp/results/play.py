"""The result of ``atp play``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from atp.results.schema import Pixel, Result


@dataclass(frozen=True)
class PlayedInteraction:
    """One interaction of an episode.

    Attributes:
        hold: Pixel that was held.
        push: Pixel that was pushed.
        direction: Of the push.
        touch: Whether the hold and the push touched the object.
        effective: The push moved a part while the held one stayed.
        optimal: It moved exactly one part not moved before.
        miou: Of the part memory after it.
        mape: Likewise.
        hd95: Likewise, in pixels.
        motion_iou: None where nothing moved.
        parts_found: Parts in the memory after it.
    """

    hold: Pixel
    push: Pixel
    direction: int
    touch: tuple[bool, bool]
    effective: bool
    optimal: bool
    miou: float | None
    mape: float | None
    hd95: float | None
    motion_iou: float | None
    parts_found: int


@dataclass(frozen=True)
class PlayResult(Result):
    """One episode with one object.

    Attributes:
        category: Of the object.
        instance: Name of the object.
        policy: Who played.
        seed: Decides the object, its pose and joint state.
        num_parts: Parts visible at the start.
        miou: At the end.
        interactions: In order.
        strip: File of the image with a row for each interaction.
        video: File of the video.
    """

    WRITTEN_BY: ClassVar[str] = "atp play"

    category: str
    instance: str
    policy: str
    seed: int
    num_parts: int
    miou: float | None
    interactions: list[PlayedInteraction]
    strip: str
    video: str
