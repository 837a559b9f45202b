"""Images of the environment for people."""

from __future__ import annotations

import math
import os
import sys

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.conventions import DIRECTIONS
from envs.native import complaint

#: Colours of the part labels 0..15 (red, green, blue); 0 is the background.
LABEL_COLOURS = np.array(
    [
        (40, 40, 40), (230, 85, 60), (60, 130, 230), (90, 190, 80), (240, 190, 50), (150, 90, 210),
        (60, 200, 200), (235, 120, 180), (160, 110, 60), (170, 200, 60), (110, 120, 140), (250, 150, 90),
        (80, 80, 180), (20, 150, 110), (200, 60, 110), (200, 200, 200),
    ],
    np.uint8,
)  # fmt: skip
HOLD_COLOUR, PUSH_COLOUR = (255, 235, 60), (0, 255, 255)
_WINDOW = "ArticulatedPlay"


def draw_scene(
    rgb: NDArray[np.uint8], labels: NDArray[np.uint8], action: NDArray[np.int64] | None
) -> NDArray[np.uint8]:
    """The image with the last action's grippers, beside the part labels.

    Args:
        rgb: (H, W, 3) uint8.
        labels: (H, W) uint8 part labels.
        action: (5,) hold row, hold col, push row, push col, direction; None draws no grippers.

    Returns:
        (s H, 2 s W, 3) uint8, with s so that the height is at least 270.
    """
    scale = max(1, math.ceil(270 / rgb.shape[0]))
    image = np.ascontiguousarray(np.kron(rgb, np.ones((scale, scale, 1), np.uint8)))
    colours = np.kron(LABEL_COLOURS[labels], np.ones((scale, scale, 1), np.uint8))
    if action is not None:
        hold_row, hold_col, push_row, push_col, direction = (int(a) for a in action)
        centre = (int((hold_col + 0.5) * scale), int((hold_row + 0.5) * scale))
        start = (int((push_col + 0.5) * scale), int((push_row + 0.5) * scale))
        angle, length = direction * 2 * math.pi / DIRECTIONS, 15 * scale
        end = (int(start[0] + length * math.cos(angle)), int(start[1] - length * math.sin(angle)))
        for colour, width in (((0, 0, 0), 5), (None, 2)):  # a dark rim keeps both visible on any ground
            cv2.circle(image, centre, 3 * scale, colour or HOLD_COLOUR, width, cv2.LINE_AA)
            cv2.arrowedLine(image, start, end, colour or PUSH_COLOUR, width, cv2.LINE_AA, tipLength=0.3)
    both: NDArray[np.uint8] = np.concatenate([image, colours], axis=1)
    return both


def has_screen() -> bool:
    """Whether the process's environment names a screen. It may still not let a window be opened."""
    return not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def require_screen() -> None:
    """Make sure that a window can be opened.

    OpenCV's window library ends the process where it cannot open one: hence a trial in another process.

    Raises:
        RuntimeError: No window can be opened.
    """
    if has_screen():
        reason = complaint("import cv2; cv2.namedWindow('trial'); cv2.destroyAllWindows()")
    else:
        reason = "neither DISPLAY nor WAYLAND_DISPLAY is set"
    if reason is not None:
        raise RuntimeError(f"render_mode='human' needs a screen ({reason}); use render_mode='rgb_array' without one")


def show_window(image: NDArray[np.uint8], fps: float) -> None:
    """Show ``image`` in a window and wait for a frame's time."""
    cv2.imshow(_WINDOW, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    cv2.waitKey(int(1000 / fps))


def close_window() -> None:
    """Close the window if it is open."""
    cv2.destroyAllWindows()
