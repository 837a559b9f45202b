"""Joints drawn into an image: axes and pivots of hinges with the range seen, directions of slides."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from atp.articulation.articulated_model import Articulation, JointEntry
from atp.articulation.joints import JointType, joint_motion
from atp.articulation.observations import Array, Intrinsics
from atp.drawing.primitives import INK, PAPER, Colour, draw_ring, fit, overlay_labels, part_colour
from atp.types import Image, Labels

#: Metres of an axis that are drawn to either side of its pivot.
AXIS_LENGTH = 0.12
#: Points of the line along which a place of the child moves over the range seen.
STEPS = 24


def draw_model(rgb: Image, labels: Labels, model: Articulation, size: int = 720) -> Image:
    """Draw parts and joints of a model.

    Of a hinge: a ring at the pivot, a line along the axis, and the path of the middle of the part over the range seen;
    of a slide the path alone. In the colour of the part that moves.

    Args:
        rgb: (H, W, 3) uint8, the last image.
        labels: (H, W) uint8, the parts in it.
        model: The model; joints in the plane of the image are drawn where there are none in space.
        size: Longer side of the result in pixels.

    Returns:
        uint8 (h, w, 3).
    """
    image = overlay_labels(fit(rgb, size), cv2.resize(labels, fit(rgb, size).shape[1::-1], interpolation=0), 0.4)
    scale = size / max(rgb.shape[:2])
    for joint in model.joints:
        middle = _middle(labels, joint.child)
        if model.camera is not None and middle is not None and joint.known:
            _draw_joint(image, joint, Intrinsics(model.camera.focal, *model.camera.principal), middle, scale)
    for flat in model.image_joints:
        middle = _middle(labels, flat.child)
        colour = part_colour(flat.child)
        if flat.pivot is not None:
            draw_ring(image, (flat.pivot[1] * scale, flat.pivot[0] * scale), size / 60, size / 200, colour)
        elif flat.direction is not None and middle is not None and flat.lower is not None and flat.upper is not None:
            ends = [np.array(middle) + np.array(flat.direction) * by for by in (flat.lower, flat.upper)]
            _polyline(image, np.array(ends) * scale, colour, size)
    return image


def _draw_joint(image: Image, joint: JointEntry, camera: Intrinsics, middle: tuple[float, float], scale: float) -> None:
    if joint.axis is None or joint.lower is None or joint.upper is None:
        return
    colour, size = part_colour(joint.child), max(image.shape[:2])
    axis, pivot = np.array(joint.axis), None if joint.pivot is None else np.array(joint.pivot)
    # The middle of the part is drawn as deep as the pivot: how the part moves is to be seen, not where exactly.
    depth = 1.5 if pivot is None else float(pivot[2])
    ray = np.array([(middle[1] - camera.col) / camera.focal, (middle[0] - camera.row) / camera.focal, 1.0])
    kind: JointType = "prismatic" if pivot is None else "revolute"
    about = np.zeros(3) if pivot is None else pivot
    positions = np.linspace(joint.lower, joint.upper, STEPS)
    motions = np.stack([joint_motion(kind, axis, about, position) for position in positions])
    path = motions[:, :, :3] @ (ray * depth) + motions[:, :, 3]
    _polyline(image, _pixels(camera, path) * scale, colour, size)
    if pivot is None:
        return
    line = _pixels(camera, np.stack([pivot - AXIS_LENGTH * axis, pivot + AXIS_LENGTH * axis])) * scale
    if math.dist(*line) > size / 40:
        _polyline(image, line, PAPER, size)
    row, col = _pixels(camera, pivot[None])[0] * scale
    draw_ring(image, (col, row), size / 60, size / 200, colour)


def _pixels(camera: Intrinsics, points: Array) -> Array:
    """(n, 2) rows and columns of points (n, 3)."""
    return np.stack(camera.project(points.T), axis=1)


def _polyline(image: Image, places: NDArray[np.floating], colour: Colour, size: int) -> None:
    points = np.rint(places[:, ::-1] * 16).astype(np.int32)
    for ink, width in ((INK, size / 130), (colour, size / 260)):
        cv2.polylines(image, [points], False, ink, max(1, round(width)), cv2.LINE_AA, shift=4)


def _middle(labels: Labels, part: int) -> tuple[float, float] | None:
    rows, cols = np.nonzero(labels == part)
    return (float(rows.mean()) + 0.5, float(cols.mean()) + 0.5) if len(rows) else None
