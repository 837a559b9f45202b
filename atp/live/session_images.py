"""Pictures of a session: what was done, what was seen to move, and the parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from atp.drawing.clip_images import labels_to_frame
from atp.drawing.export import Picture, crossfade
from atp.drawing.grid import Legend, strip
from atp.drawing.primitives import HOLD_COLOUR, PUSH_COLOUR, fit, overlay_labels, overlay_mask
from atp.live.guide import Plan, draw_plan
from atp.live.session import LiveStep

SIZE = 480  # longer side of a panel of the video, pixels


def draw_strip(steps: Sequence[LiveStep], shape: tuple[int, int]) -> Picture:
    """A grid with a row for each interaction: the action, what moved before and after, the parts found so far.

    Args:
        steps: One or more.
        shape: (H, W) of the pictures as they were taken, in whose pixels plans are.

    Returns:
        uint8 (h, w, 3).
    """
    rows = [
        [
            _action(step, shape),
            overlay_mask(step.before, step.box.mask_to_frame(step.moved_before)),
            overlay_mask(step.after, step.box.mask_to_frame(step.moved_after)),
            overlay_labels(step.after, labels_to_frame(step.parts, step.box)),
        ]
        for step in steps
    ]
    return strip(
        rows,
        ("hold and push", "what moved: before", "what moved: after", "parts found so far"),
        row_captions=[str(step.plan.number) for step in steps],
        legend=[Legend("hold", HOLD_COLOUR, "ring"), Legend("push", PUSH_COLOUR, "arrow")],
    )


def draw_video(steps: Sequence[LiveStep], shape: tuple[int, int]) -> Iterator[Picture]:
    """Frames of a video: each action, then what is there after it, with the parts found so far."""
    for step in steps:
        found = overlay_labels(step.after, labels_to_frame(step.parts, step.box))
        scenes = [fit(picture, SIZE) for picture in (_action(step, shape), step.after, found)]
        yield from [scenes[0]] * 25
        yield from crossfade(scenes[0], scenes[1], 15)
        yield from [scenes[1]] * 10
        yield from crossfade(scenes[1], scenes[2], 10)
        yield from [scenes[2]] * 25


def _action(step: LiveStep, shape: tuple[int, int]) -> Picture:
    """The action over the frame before it, at the frame's size."""
    whole = np.asarray(cv2.resize(step.before, shape[::-1]), np.uint8)
    plan: Plan = step.plan
    return draw_plan(whole, plan)
