"""Images of a session: what was done, what was seen to move, and the parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from atp.drawing.interactions import Found, ShownInteraction, action_video, agent_strip
from atp.live.live_session import LiveStep
from atp.types import Image


def draw_strip(steps: Sequence[LiveStep], shape: tuple[int, int]) -> Image:
    """A grid with a row for each interaction: the action, what moved before and after, the parts found so far.

    Args:
        steps: One or more.
        shape: (H, W) of the images as they were taken, in whose pixels plans are.

    Returns:
        uint8 (h, w, 3).
    """
    return agent_strip([_shown(step, shape) for step in steps])


def draw_video(steps: Sequence[LiveStep], shape: tuple[int, int]) -> Iterator[Image]:
    """Frames of a video: each action, then what is there after it, with the parts found so far."""
    return action_video([_shown(step, shape) for step in steps])


def _shown(step: LiveStep, shape: tuple[int, int]) -> ShownInteraction:
    before, after = (step.box.mask_to_frame(mask) for mask in (step.moved_before, step.moved_after))
    found = Found(before, after, step.box.labels_to_frame(step.parts))
    return ShownInteraction(step.before, step.after, {"agent": found}, step.plan.action, shape)
