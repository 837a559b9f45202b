"""What the person is to do, as an image, a file and a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from assets.files import write_json
from atp.drawing.export import write_png
from atp.drawing.panel import Panel
from atp.frame_action import FrameAction, Pixel
from atp.types import Image

#: Longer side of the image that shows an action, pixels.
PANEL = 720
WINDOW = "atp live"
_TOWARDS = ("right", "up and right", "up", "up and left", "left", "down and left", "down", "down and right")


@dataclass(frozen=True)
class Plan:
    """An action that the person is to carry out.

    Attributes:
        number: Of the interaction, from 1.
        action: All of it, in the pixels of the camera's frame.
    """

    number: int
    action: FrameAction

    def __str__(self) -> str:
        hold, push, direction = self._known()
        return (
            f"{self.number}. hold at row {hold[0]}, column {hold[1]}; push at row {push[0]}, "
            f"column {push[1]} towards {45 * direction} degrees ({_TOWARDS[direction]})"
        )

    def to_json(self) -> dict[str, Any]:
        """``number``, ``hold``, ``push``, ``direction`` and ``degrees``."""
        hold, push, direction = self._known()
        return {
            "number": self.number,
            "hold": list(hold),
            "push": list(push),
            "direction": direction,
            "degrees": 45 * direction,
        }

    def _known(self) -> tuple[Pixel, Pixel, int]:
        action = self.action
        assert action.hold is not None
        assert action.push is not None
        assert action.direction is not None
        return action.hold, action.push, action.direction


class Guide:
    """Shows plans: ``plan.png`` and ``plan.json`` in a folder, a sentence, and a window if there is to be one.

    Args:
        folder: Where to write.
        then: What is to be done when the action is done, to end the sentence.
        window: Show the image in a window too.
    """

    def __init__(self, folder: Path, then: str, window: bool = False) -> None:
        self.folder, self.then, self.window = folder, then, window

    def show(self, rgb: Image, plan: Plan, shape: tuple[int, int]) -> None:
        """Show a plan over its frame; pixels that are said and written are of the camera's frame.

        Args:
            rgb: uint8 (h, w, 3), the frame, which may be reduced.
            plan: What to do, in the pixels of the camera's frame.
            shape: (H, W) of that frame.

        Raises:
            ValueError: A window was asked for where there is no display.
        """
        image = Panel(rgb, action=plan.action, action_shape=shape).draw(PANEL)
        write_png(self.folder / "plan.png", image)
        height, width = shape
        write_json(self.folder / "plan.json", {**plan.to_json(), "frame": {"height": height, "width": width}})
        where = f"rows and columns of a frame of {height} x {width}"
        print(f"{plan}, {where}, then {self.then}  ({self.folder / 'plan.png'})", flush=True)
        if self.window:
            try:
                cv2.imshow(WINDOW, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
                cv2.waitKey(50)
            except cv2.error as error:
                raise ValueError("--window needs a display; plan.png shows the same") from error
