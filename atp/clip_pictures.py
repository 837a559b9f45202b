"""Pictures and videos of what was found in a clip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from atp.clips import Clip, ClipInteraction
from atp.letterbox import Letterbox
from atp.pictures import (
    ACTION_LEGEND,
    MOTION_COLOUR,
    TRUTH_COLOUR,
    Legend,
    Picture,
    crossfade,
    draw_action,
    fit,
    outline_mask,
    overlay_mask,
    strip,
)

Mask = NDArray[np.bool_]
Pair = tuple[Mask, Mask]

METHODS = {"agent": "agent", "frame_difference": "frame difference", "dis_flow": "DIS optical flow"}
"""Key and title of each method that is drawn."""
STILL, FADE = 25, 15  # frames of the video that a state stays, and that it takes to turn into the next


@dataclass(frozen=True, eq=False)
class ClipResult:
    """What the methods found for one interaction of a clip.

    Attributes:
        interaction: The interaction.
        frames: uint8 (H, W, 3) before and after, as in the video.
        masks: For each method M_t and M_{t+1}, bool (R, R), at the network's resolution.
        ious: For each method the IoU of the two with the annotated masks; None where there is no mask.
    """

    interaction: ClipInteraction
    frames: tuple[Picture, Picture]
    masks: dict[str, Pair]
    ious: dict[str, tuple[float | None, float | None]]


def _panel(frame: Picture, mask: Mask | None, truth: Mask | None, box: Letterbox, size: int) -> Picture:
    """The frame at the size of a panel, with a found mask (of the network's size) and a true one over it."""
    picture = fit(frame, size)
    shape = (picture.shape[1], picture.shape[0])

    def resized(mask: Mask) -> Mask:
        return cv2.resize(mask.astype(np.uint8), shape, interpolation=cv2.INTER_NEAREST) > 0

    if mask is not None:
        picture = overlay_mask(picture, resized(box.mask_to_frame(mask)), MOTION_COLOUR)
    return picture if truth is None else outline_mask(picture, resized(truth), TRUTH_COLOUR)


def _legend(results: Sequence[ClipResult]) -> list[Legend]:
    legend = [Legend("moved, as found", MOTION_COLOUR)]
    if any(
        mask is not None
        for result in results
        for mask in (result.interaction.moved_before, result.interaction.moved_after)
    ):
        legend.append(Legend("moved, as annotated", TRUTH_COLOUR, "outline"))
    return legend


def draw_strip(clip: Clip, results: Sequence[ClipResult], resolution: int, size: int = 300) -> Picture:
    """A grid with a row for each frame of an interaction: the frame alone, then what each method found.

    Args:
        clip: The clip.
        results: One for each interaction.
        resolution: Side R of the masks.
        size: Longer side of a panel in pixels.

    Returns:
        uint8 (h, w, 3).
    """
    box = Letterbox(*clip.shape, resolution)
    panels, notes, captions, actions = [], [], [], False
    for result in results:
        found = result.interaction
        for index, (moment, truth) in enumerate(
            (("before", found.moved_before), ("after", found.moved_after))
        ):
            frame = result.frames[index]
            plain = fit(frame, size)
            if index == 0 and (found.hold is not None or found.push is not None):
                actions = True
                hold, push = (_to_panel(pixel, frame, plain) for pixel in (found.hold, found.push))
                plain = draw_action(
                    plain, hold, push if found.direction is not None else None, found.direction, 1
                )
            panels.append(
                [plain, *(_panel(frame, result.masks[m][index], truth, box, size) for m in METHODS)]
            )
            ious = [result.ious[method][index] for method in METHODS]
            notes.append(["", *("" if iou is None else f"IoU {iou:.2f}" for iou in ious)])
            captions.append(f"{moment}\n(frame {(found.before, found.after)[index]})")
    return strip(
        panels,
        ["video", *METHODS.values()],
        row_captions=captions,
        notes=notes,
        legend=[*_legend(results), *(ACTION_LEGEND if actions else ())],
        title=clip.name,
        panel_size=size,
    )


def _to_panel(pixel: tuple[int, int] | None, frame: Picture, panel: Picture) -> tuple[int, int] | None:
    if pixel is None:
        return None
    row, col = (
        min(int((at + 0.5) * new / old), new - 1)
        for at, new, old in zip(pixel, panel.shape[:2], frame.shape[:2], strict=True)
    )
    return row, col


def draw_video(
    clip: Clip, results: Sequence[ClipResult], resolution: int, size: int = 480
) -> Iterator[Picture]:
    """Frames of a video: of each interaction the frame before, then after, with the agent's masks.

    Args:
        clip: The clip.
        results: One for each interaction.
        resolution: Side R of the masks.
        size: Longer side of the clip's frame in the video, pixels.

    Yields:
        uint8 (h, w, 3), all of one size.
    """
    box = Letterbox(*clip.shape, resolution)
    legend = _legend(results)
    states = []
    for result in results:
        found, masks = result.interaction, result.masks["agent"]
        for caption, frame, mask, truth in (
            (f"before (frame {found.before})", result.frames[0], None, None),
            (f"before (frame {found.before})", result.frames[0], masks[0], found.moved_before),
            (f"after (frame {found.after})", result.frames[1], masks[1], found.moved_after),
            (f"after (frame {found.after})", result.frames[1], None, None),
        ):
            panel = _panel(frame, mask, truth, box, size)
            states.append(strip([[panel]], [caption], legend=legend, panel_size=size))
    height, width = (max(state.shape[axis] for state in states) for axis in (0, 1))
    states = [
        np.pad(
            state,
            ((0, height - state.shape[0]), (0, width - state.shape[1]), (0, 0)),
            constant_values=255,
        )
        for state in states
    ]
    for index, state in enumerate(states):
        yield from [state] * STILL
        if index % 4 < 3:  # a cut, not a fade, between two interactions
            yield from crossfade(state, states[index + 1], FADE)
