"""The joints of what moved in a clip, in the plane of its image, from the motion masks that the agent found.

All frames are brought to where the camera was in the first one, and to the network's size; the joints are estimated
there (:mod:`atp.articulation.image_plane`) and given in the pixels of the last frame.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from atp.articulation.articulated_model import Articulation, ImageJointEntry
from atp.articulation.image_plane import image_articulation
from atp.articulation.observations import Frame, PlayRecord
from atp.clips.letterbox import Letterbox
from atp.clips.scoring import ClipResult
from atp.clips.steadying import Affine, camera_motion, steady
from atp.part_memory.memory import PartMemory
from atp.types import MIN_PART_PIXELS, Image, Mask


def clip_model(result: ClipResult, steadies: bool = True) -> Articulation:
    """Estimate the joints of a clip.

    Args:
        result: What was found in it.
        steadies: Correct the camera's motion.

    Returns:
        A model with ``image_joints`` alone, in the pixels of the last of the result's frames, which are reduced to 640
        pixels: see :func:`frame_scale`.
    """
    record, motion = _record(result, steadies)
    model = image_articulation(record)
    box, scale = result.box, result.box.side / result.box.resolution
    top, left = box.offset
    # From the network's pixels (x, y) of the first frame to those of the last frame, as the camera moved.
    to_frame = np.array([[scale, 0, -left], [0, scale, -top], [0, 0, 1.0]])
    back = np.eye(3) if motion is None else np.vstack([cv2.invertAffineTransform(motion), [0, 0, 1]])
    return replace(model, image_joints=[_moved(joint, back @ to_frame) for joint in model.image_joints])


def frame_scale(result: ClipResult) -> float:
    """How many pixels of the clip are one of the result's frames."""
    return max(result.clip.shape) / result.box.side


def scaled_model(model: Articulation, scale: float) -> Articulation:
    """A model of the plane of the image in the pixels of an image that is so many times as large."""
    by = np.diag([scale, scale, 1.0])
    return replace(model, image_joints=[_moved(joint, by) for joint in model.image_joints])


def _record(result: ClipResult, steadies: bool) -> tuple[PlayRecord, Affine | None]:
    """The clip as if it had been played, seen from its first frame; and how the camera moved in between."""
    box, first = result.box, result.interactions[0].frames[0]
    shape = (box.resolution, box.resolution)
    memory, nothing = PartMemory(shape, MIN_PART_PIXELS), np.zeros(shape, bool)
    record = PlayRecord(None, [Frame(box.image(first), None, np.zeros(shape, np.uint8), nothing)])
    motion: Affine | None = None
    for entry in result.interactions:
        masks = []
        for frame, mask in zip(entry.frames, entry.masks["agent"], strict=True):
            motion = camera_motion(first, frame) if steadies and frame is not first else None
            masks.append(_steady_mask(mask, motion, box))
        memory.update(masks[0], masks[1])
        image: Image = entry.frames[1] if motion is None else np.asarray(steady(entry.frames[1], motion), np.uint8)
        record.add(masks[0], masks[1], Frame(box.image(image), None, memory.labels.copy(), nothing))
    return record, motion


def _steady_mask(mask: Mask, motion: Affine | None, box: Letterbox) -> Mask:
    """A mask (R, R) of a frame as it is seen from the first one."""
    if motion is None:
        return mask
    seen = steady(np.dstack([box.mask_to_frame(mask).astype(np.uint8) * 255] * 3), motion)
    return box.mask(np.asarray(seen[..., 0] >= 128))


def _moved(joint: ImageJointEntry, change: np.ndarray) -> ImageJointEntry:
    """A joint in other pixels, to which a similarity (3, 3) of (x, y, 1) takes it."""

    def there(place: tuple[float, float]) -> tuple[float, float]:
        x, y, _ = change @ np.array([place[1], place[0], 1.0])
        return round(float(y), 2), round(float(x), 2)

    scale = float(np.hypot(change[0, 0], change[1, 0]))
    pixels = scale if joint.type == "prismatic" else 1.0
    direction = joint.direction
    if direction is not None:
        x, y = change[:2, :2] @ np.array([direction[1], direction[0]]) / scale
        direction = round(float(y), 6), round(float(x), 6)
    return replace(
        joint,
        pivot=None if joint.pivot is None else there(joint.pivot),
        line=None if joint.line is None else (there(joint.line[0]), there(joint.line[1])),
        direction=direction,
        lower=None if joint.lower is None else round(joint.lower * pixels, 6),
        upper=None if joint.upper is None else round(joint.upper * pixels, 6),
        pivot_sigma=None if joint.pivot_sigma is None else round(joint.pivot_sigma * scale, 4),
    )
