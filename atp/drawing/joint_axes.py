"""Joints drawn into an image: axes and pivots of hinges with the range seen, directions of slides."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from atp.articulation.articulated_model import Articulation, ImageJointEntry, JointEntry
from atp.articulation.joints import JointType, joint_motion
from atp.articulation.observations import Array, Intrinsics
from atp.drawing.primitives import INK, PAPER, Colour, draw_ring, part_colour
from atp.types import Image, Labels

#: Metres of an axis that are drawn to either side of its pivot.
AXIS_LENGTH = 0.12
#: Points of the line along which a place of the child moves over the range seen.
STEPS = 24


def draw_joints(image: Image, labels: Labels, model: Articulation, scale: float) -> None:
    """Draw the joints of a model into an image, in the colour of the part that moves.

    Of a hinge: a ring at the pivot, a line along the axis, and the path of the middle of the part over the range seen;
    of a slide the path alone. Joints that are not known are left out.

    Args:
        image: (h, w, 3) uint8, drawn into; the last image, enlarged.
        labels: (h, w) uint8, the parts in it.
        model: The model; joints in the plane of the image are drawn where there are none in space.
        scale: How many of its pixels are one of the model's.
    """
    for joint in model.joints:
        middle = _middle(labels, joint.child)
        if model.camera is not None and middle is not None and joint.known:
            _draw_joint(image, joint, Intrinsics(model.camera.focal, *model.camera.principal), middle / scale, scale)
    for flat in model.image_joints:
        middle = _middle(labels, flat.child)
        if middle is not None:
            _draw_flat(image, flat, middle, scale)


def _draw_joint(image: Image, joint: JointEntry, camera: Intrinsics, middle: Array, scale: float) -> None:
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
    _ring(image, row, col, colour)


def _draw_flat(image: Image, joint: ImageJointEntry, middle: Array, scale: float) -> None:
    """A joint in the plane of the image; ``middle`` is the middle of its part in the pixels of ``image``."""
    colour, size = part_colour(joint.child), max(image.shape[:2])
    if joint.line is not None:
        _polyline(image, np.array(joint.line) * scale, PAPER, size)
        for row, col in np.array(joint.line) * scale:
            _ring(image, row, col, colour)
    if joint.lower is None or joint.upper is None:
        return
    positions = np.linspace(joint.lower, joint.upper, STEPS)
    if joint.pivot is not None:
        pivot = np.array(joint.pivot) * scale
        down, right = middle - pivot
        cosine, sine = np.cos(positions), np.sin(positions)
        arc = np.stack([cosine * down + sine * right, cosine * right - sine * down], axis=1)
        _polyline(image, pivot + arc, colour, size)
        _ring(image, pivot[0], pivot[1], colour)
    elif joint.direction is not None:
        _polyline(image, middle + np.outer(positions * scale, joint.direction), colour, size)


def _ring(image: Image, row: float, col: float, colour: Colour) -> None:
    size = max(image.shape[:2])
    draw_ring(image, (col, row), size / 60, size / 200, colour)


def _pixels(camera: Intrinsics, points: Array) -> Array:
    """(n, 2) rows and columns of points (n, 3)."""
    return np.stack(camera.project(points.T), axis=1)


def _polyline(image: Image, places: NDArray[np.floating], colour: Colour, size: int) -> None:
    points = np.rint(places[:, ::-1] * 16).astype(np.int32)
    for ink, width in ((INK, size / 130), (colour, size / 260)):
        cv2.polylines(image, [points], False, ink, max(1, round(width)), cv2.LINE_AA, shift=4)


def _middle(labels: Labels, part: int) -> Array | None:
    """(2,) row and column of the middle of a part; None where it is not seen."""
    rows, cols = np.nonzero(labels == part)
    return np.array([rows.mean() + 0.5, cols.mean() + 0.5]) if len(rows) else None
