"""What the person is to do, as a picture, a file and a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.files import write_json
from atp.clips.letterbox import Letterbox, scale_pixel
from atp.drawing.export import Picture, write_png
from atp.drawing.primitives import draw_action, fit

#: Longer side of the picture that shows an action, pixels.
PANEL = 720
WINDOW = "atp live"
_TOWARDS = ("right", "up and right", "up", "up and left", "left", "down and left", "down", "down and right")


@dataclass(frozen=True)
class Plan:
    """An action in the pixels of a frame.

    Attributes:
        number: Of the interaction, from 1.
        hold: (row, col) to hold.
        push: (row, col) to push.
        direction: k in 0..7: push towards 45 k degrees, counter-clockwise from image right.
    """

    number: int
    hold: tuple[int, int]
    push: tuple[int, int]
    direction: int

    @classmethod
    def of(cls, number: int, action: NDArray[np.int64], box: Letterbox) -> Plan:
        """From an action (5,) in the network's pixels."""
        hold, push = (box.frame_pixel(int(action[k]), int(action[k + 1])) for k in (0, 2))
        return cls(number, hold, push, int(action[4]))

    def __str__(self) -> str:
        return (
            f"{self.number}. hold at row {self.hold[0]}, column {self.hold[1]}; push at row {self.push[0]}, "
            f"column {self.push[1]} towards {45 * self.direction} degrees ({_TOWARDS[self.direction]})"
        )

    def to_json(self) -> dict[str, Any]:
        """``number``, ``hold``, ``push``, ``direction`` and ``degrees``."""
        return {
            "number": self.number,
            "hold": list(self.hold),
            "push": list(self.push),
            "direction": self.direction,
            "degrees": 45 * self.direction,
        }


def draw_plan(rgb: NDArray[np.uint8], plan: Plan) -> Picture:
    """The plan over its frame, uint8 (h, w, 3), at a size that can be seen."""
    picture = fit(rgb, PANEL)
    hold, push = (scale_pixel(pixel, rgb.shape, picture.shape) for pixel in (plan.hold, plan.push))
    return draw_action(picture, hold, push, plan.direction, 1)


class Guide:
    """Shows plans: ``plan.png`` and ``plan.json`` in a folder, a sentence, and a window if there is to be one.

    Args:
        folder: Where to write.
        then: What is to be done when the action is done, to end the sentence.
        window: Show the picture in a window too.
    """

    def __init__(self, folder: Path, then: str, window: bool = False) -> None:
        self.folder, self.then, self.window = folder, then, window

    def show(self, rgb: NDArray[np.uint8], plan: Plan) -> None:
        """Show a plan over its frame.

        Raises:
            ValueError: A window was asked for where there is no display.
        """
        picture = draw_plan(rgb, plan)
        write_png(self.folder / "plan.png", picture)
        write_json(self.folder / "plan.json", plan.to_json())
        print(f"{plan}, then {self.then}  ({self.folder / 'plan.png'})", flush=True)
        if self.window:
            try:
                cv2.imshow(WINDOW, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
                cv2.waitKey(50)
            except cv2.error as error:
                raise ValueError("--window needs a display; plan.png shows the same") from error
