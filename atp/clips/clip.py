"""What a clip is: footage, and the interactions in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from atp.clips.footage import Footage
from atp.frame_action import NO_ACTION, FrameAction
from atp.types import Labels, Mask

CLIP_FILE = "clip.json"


class Depth(Protocol):
    """Depth images of the frames."""

    def read(self, number: int, shape: tuple[int, int]) -> NDArray[np.float32]:
        """The depth of a frame of a shape (H, W), float32 (H, W) metres, 0 where there is no reading.

        Raises:
            ClipError: There is none, or it does not fit the frame.
        """
        ...


@dataclass(frozen=True, eq=False)
class ClipInteraction:
    """Two frames of a clip with an interaction between them.

    Attributes:
        before: Frame number before the interaction.
        after: Frame number after it.
        moved_before: bool (H, W) of the frame's size: what moved, in the frame before; empty where nothing did; None
            if not annotated.
        moved_after: The same in the frame after.
        action: Where the object was held and pushed in the frame before, as far as it is known.
        agent_before: bool (H, W), where hands, arms or a robot are in the frame before, coarsely; None if not
            annotated.
        agent_after: The same in the frame after.
    """

    before: int
    after: int
    moved_before: Mask | None = None
    moved_after: Mask | None = None
    action: FrameAction = NO_ACTION
    agent_before: Mask | None = None
    agent_after: Mask | None = None


@dataclass(frozen=True, eq=False)
class Clip:
    """Footage with its interactions.

    Attributes:
        name: Name of the folder, or of the video file without its suffix.
        path: What it was read from.
        footage: Its frames.
        interactions: One or more, in order of time.
        found: The interactions were found in the footage; False: somebody has named them.
        depth: Depth images of the frames; None without.
        parts: uint8 (H, W), true parts in the frame after the last interaction, 0 background; None if not annotated.
        source: Where the video comes from; may be empty.
        licence: Its licence; may be empty.
        kind: What moves, such as "drawer"; may be empty.
        agent_in_view: Whether a hand or robot is seen: "none", "edge" or "in"; may be empty.
    """

    name: str
    path: Path
    footage: Footage
    interactions: tuple[ClipInteraction, ...]
    found: bool = False
    depth: Depth | None = None
    parts: Labels | None = None
    source: str = ""
    licence: str = ""
    kind: str = ""
    agent_in_view: str = ""

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) of the frames."""
        return self.footage.shape
