"""Pictures and videos of what was found in a clip."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from atp.clips.clip import ClipInteraction
from atp.clips.letterbox import Letterbox, scale_pixel
from atp.clips.scoring import ClipResult
from atp.drawing.export import Picture, crossfade
from atp.drawing.grid import ACTION_LEGEND, Legend, strip
from atp.drawing.primitives import (
    MOTION_COLOUR,
    TRUTH_COLOUR,
    draw_action,
    fit,
    outline_mask,
    overlay_labels,
    overlay_mask,
)

Mask = NDArray[np.bool_]

METHODS = {
    "agent": "agent",
    "frame_difference": "frame difference",
    "dis_flow": "DIS flow",
    "farneback": "Farneback flow",
}
"""Key and title of each method that is drawn."""
STILL, FADE = 25, 15  # frames of the video that a state stays, and that it takes to turn into the next


def _panel(frame: Picture, mask: Mask | None, truth: Mask | None, box: Letterbox, size: int) -> Picture:
    """The frame at the size of a panel, with a found mask (of the network's size) and a true one over it."""
    picture = fit(frame, size)
    shape = (picture.shape[1], picture.shape[0])

    def resized(mask: Mask) -> Mask:
        return cv2.resize(mask.astype(np.uint8), shape, interpolation=cv2.INTER_NEAREST) > 0

    if mask is not None:
        picture = overlay_mask(picture, resized(box.mask_to_frame(mask)), MOTION_COLOUR)
    return picture if truth is None else outline_mask(picture, resized(truth), TRUTH_COLOUR)


def _labels_panel(frame: Picture, labels: NDArray[np.uint8], size: int) -> Picture:
    """The frame at the size of a panel with labels of any size over it."""
    picture = fit(frame, size)
    shape = (picture.shape[1], picture.shape[0])
    return overlay_labels(picture, cv2.resize(labels, shape, interpolation=cv2.INTER_NEAREST))


def _legend(result: ClipResult) -> list[Legend]:
    legend = [Legend("moved, as found", MOTION_COLOUR)]
    found = [entry.interaction for entry in result.interactions]
    if any(mask is not None for entry in found for mask in (entry.moved_before, entry.moved_after)):
        legend.append(Legend("moved, as annotated", TRUTH_COLOUR, "outline"))
    return legend


def draw_strip(result: ClipResult, size: int = 300) -> Picture:
    """A grid with a row for each frame of an interaction: the frame alone, then what each method found.

    A last row shows the parts, where there were several interactions or the parts are annotated.

    Args:
        result: What was found in a clip.
        size: Longer side of a panel in pixels.

    Returns:
        uint8 (h, w, 3).
    """
    panels, notes, captions, actions = [], [], [], False
    for entry in result.interactions:
        found = entry.interaction
        for index, moment in enumerate(("before", "after")):
            frame, truth = entry.frames[index], (found.moved_before, found.moved_after)[index]
            plain = fit(frame, size)
            if index == 0 and (found.hold is not None or found.push is not None):
                actions = True
                plain = _action_panel(plain, found, result.clip.shape)
            masks = [entry.masks[method][index] for method in METHODS]
            panels.append([plain, *(_panel(frame, mask, truth, result.box, size) for mask in masks)])
            ious = [entry.ious[method][index] for method in METHODS]
            notes.append(["", *("" if iou is None else f"IoU {iou:.2f}" for iou in ious)])
            captions.append(f"{moment}\n(frame {(found.before, found.after)[index]})")
    if len(result.interactions) > 1 or result.part_scores:
        panels.append(_parts_row(result, size))
        scores = result.part_scores
        notes.append(["", *(f"mIoU {scores[method]['miou']:.2f}" if scores else "" for method in METHODS)])
        captions.append("parts")
    return strip(
        panels,
        ["video", *METHODS.values()],
        row_captions=captions,
        notes=notes,
        legend=[*_legend(result), *(ACTION_LEGEND if actions else ())],
        title=result.clip.name,
        panel_size=size,
    )


def _parts_row(result: ClipResult, size: int) -> list[Picture]:
    """The last frame with the true parts, if they are annotated, and with those that each method found."""
    frame, true = result.interactions[-1].frames[1], result.clip.parts
    first = fit(frame, size) if true is None else _labels_panel(frame, true, size)
    found = [labels_to_frame(result.parts[method], result.box) for method in METHODS]
    return [first, *(_labels_panel(frame, labels, size) for labels in found)]


def labels_to_frame(labels: NDArray[np.uint8], box: Letterbox) -> NDArray[np.uint8]:
    """Bring labels (R, R) at the network's size back to the frame, uint8 (h, w)."""
    frame = np.zeros((box.height, box.width), np.uint8)
    for label in np.unique(labels[labels > 0]):
        frame[box.mask_to_frame(labels == label)] = label
    return frame


def _action_panel(panel: Picture, found: ClipInteraction, shape: tuple[int, int]) -> Picture:
    """The action over a panel, from the pixels of the frame, which is of another size."""
    hold, push = (pixel and scale_pixel(pixel, shape, panel.shape) for pixel in (found.hold, found.push))
    return draw_action(panel, hold, push if found.direction is not None else None, found.direction, 1)


def draw_video(result: ClipResult, size: int = 480) -> Iterator[Picture]:
    """Frames of a video: of each interaction the frame before, then after, with the agent's masks.

    Args:
        result: What was found in a clip.
        size: Longer side of the clip's frame in the video, pixels.

    Yields:
        uint8 (h, w, 3), all of one size.
    """
    legend = _legend(result)
    shape: tuple[int, ...] = (0, 0)
    for entry in result.interactions:
        found, masks = entry.interaction, entry.masks["agent"]
        states = []
        for caption, frame, mask, truth in (
            (f"before (frame {found.before})", entry.frames[0], None, None),
            (f"before (frame {found.before})", entry.frames[0], masks[0], found.moved_before),
            (f"after (frame {found.after})", entry.frames[1], masks[1], found.moved_after),
            (f"after (frame {found.after})", entry.frames[1], None, None),
        ):
            panel = _panel(frame, mask, truth, result.box, size)
            state = strip([[panel]], [caption], legend=legend, panel_size=size)
            shape = shape if shape[0] else (state.shape[0] + 8, state.shape[1] + 8)
            states.append(_padded(state, shape))
        for index, state in enumerate(states):
            yield from [state] * STILL
            if index < 3:  # a cut, not a fade, between two interactions
                yield from crossfade(state, states[index + 1], FADE)


def _padded(picture: Picture, shape: tuple[int, ...]) -> Picture:
    """The picture with white below and to the right, at a size: captions are not all of one length."""
    cut = picture[: shape[0], : shape[1]]
    rest = [(0, whole - side) for whole, side in zip(shape, cut.shape, strict=False)]
    return np.pad(cut, (*rest, (0, 0)), constant_values=255)
