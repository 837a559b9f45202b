"""Planar rigid registration of one or several masks, the pieces, to the mask they moved to.

Used by the part memory to carry masks through a motion. It sees masks only, no image, so a piece that can
slide inside the mask it moved to is placed by the others and by where it touches them.

Conventions: motions are 3 x 3 affine matrices of (col, row, 1), a positive angle rotates from +col towards +row, which
is clockwise in the image; pixel centres lie at whole numbers.

>>> bar = np.zeros((40, 40), bool)
>>> bar[18:22, 8:28] = True
>>> (motion,) = register([bar], np.roll(bar, 5, axis=1))
>>> motion.round(1).tolist()
[[1.0, 0.0, 5.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from atp.types import Mask

Affine = NDArray[np.float64]
Grey = NDArray[np.uint8]  # (h, w), a mask as 0 and 255, between them where warped
Point = tuple[float, float]  # (col, row)
Steps = tuple[tuple[float, float], tuple[float, float]]  # first and last (rotation, shift) of a search

# Searches over wide ranges run on crops shrunk to this many pixels a side, where a trial costs a third; what
# they find is refined on crops of at most the second size, beyond which finer masks place nothing better.
COARSE_SIDE = 40
FINE_SIDE = 96

# Steps of the searches: angles (rad), shifts (pixels of the crop at hand).
ROTATIONS = tuple(math.radians(a) for a in range(-180, 180, 15))
BENDS = tuple(math.radians(a) for a in (-45, -20, 20, 45))
BENT_ROTATIONS = tuple(math.radians(a) for a in range(-60, 61, 20))
COARSE_STEPS = ((math.radians(8), 2.0), (math.radians(2), 0.5))
FINE_STEPS = ((math.radians(2), 1.0), (math.radians(0.5), 0.2))

# How many of the wide search's best placings are refined.
CANDIDATES = 3

# Interactions are short pushes: of two placings that fit alike (a bar and the same bar rotated by 180 degrees), the
# smaller rotation is meant. Cost in IoU of 180 degrees.
ROTATION_PENALTY = 0.05

# Several pieces moved as one when a single rigid motion fits this well (IoU); else their joints moved too.
RIGID_FIT = 0.93

# Pieces are moved against each other only for a gain in IoU above rounding.
MIN_GAIN = 1e-4

_NEAR = np.ones((5, 5), np.uint8)


def rotation_about(angle: float, x: float, y: float, dx: float = 0.0, dy: float = 0.0) -> Affine:
    """Rotate by ``angle`` (rad, from +col towards +row) about (x, y), then shift by (dx, dy); 3 x 3."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, x - c * x + s * y + dx], [s, c, y - s * x - c * y + dy], [0.0, 0.0, 1.0]])


def warp(mask: Mask, motion: Affine) -> Mask:
    """Move a mask (H, W) by a 3 x 3 affine motion of (col, row) coordinates; pixels that leave are lost."""
    moved = _warp(mask.astype(np.uint8) * 255, motion)
    return moved >= 128


def _warp(image: Grey, motion: Affine) -> Grey:
    height, width = image.shape
    return np.asarray(cv2.warpAffine(image, motion[:2], (width, height), flags=cv2.INTER_LINEAR))


def register(pieces: Sequence[Mask], after: Mask, cover: Mask | None = None) -> list[Affine]:
    """Find the planar motion of each piece that takes all of them together to ``after``.

    One rigid motion for all is searched first (rotation about the centroids, maximising IoU, coarse to
    fine). When it does not fit and there are several pieces, each may also rotate against the others
    about the place where they touch, and shift a little.

    Args:
        pieces: (H, W) bool masks before the motion, none empty.
        after: (H, W) bool mask after the motion, not empty.
        cover: (H, W) bool, pixels of things that stayed, behind which pieces may be hidden.

    Returns:
        For each piece a 3 x 3 float64 affine motion of (col, row) coordinates.
    """
    if cover is None:
        cover = np.zeros_like(after)
    fine = _Crop(pieces, after, cover, FINE_SIDE)
    coarse = _Crop(pieces, after, cover, COARSE_SIDE)
    if not coarse.placeable:  # too thin to be seen in the small crop
        coarse = fine
    if not fine.placeable:
        return [np.eye(3) for _ in pieces]

    together = coarse.to_full(_place(coarse))
    motion, score = _climb(fine, fine.from_full(together), FINE_STEPS)
    motions = [motion for _ in pieces]
    if len(pieces) > 1 and score < RIGID_FIT:
        rough = [coarse.from_full(fine.to_full(motion)) for motion in motions]
        rough = _refine_each(coarse, _bend(coarse, rough), COARSE_STEPS)
        motions = [fine.from_full(coarse.to_full(motion)) for motion in rough]
        motions = _refine_each(fine, motions, FINE_STEPS)
    return [fine.to_full(motion) for motion in motions]


class _Crop:
    """The masks of one registration, cropped and shrunk, and how well moved pieces fit."""

    def __init__(self, pieces: Sequence[Mask], after: Mask, cover: Mask, max_side: int) -> None:
        everything = np.logical_or.reduce([*pieces, after])
        rows, cols = np.flatnonzero(everything.any(1)), np.flatnonzero(everything.any(0))
        margin = 4
        top, left = max(int(rows[0]) - margin, 0), max(int(cols[0]) - margin, 0)
        window = np.s_[top : int(rows[-1]) + margin + 1, left : int(cols[-1]) + margin + 1]
        scale = min(1.0, max_side / max(everything[window].shape))

        def cut(mask: Mask) -> Grey:
            image = mask[window].astype(np.uint8) * 255
            if scale < 1.0:
                image = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
                image = np.where(image >= 128, 255, 0).astype(np.uint8)
            return image

        self.pieces = [cut(piece) for piece in pieces]
        self.after = cut(after)
        self.whole = _union(self.pieces)
        self._care = cv2.bitwise_not(cv2.bitwise_and(cut(cover), cv2.bitwise_not(self.after)))
        self._area = float(cv2.countNonZero(self.after))
        self.placeable = self._area > 0 and all(cv2.countNonZero(piece) for piece in self.pieces)
        # Pixel centres: full = (small + 0.5) / scale - 0.5 + offset.
        shift = 0.5 / scale - 0.5
        self._full = np.array([[1 / scale, 0, left + shift], [0, 1 / scale, top + shift], [0, 0, 1.0]])
        self._small = np.linalg.inv(self._full)

    def to_full(self, motion: Affine) -> Affine:
        """A motion in the crop as one in the images."""
        return np.asarray(self._full @ motion @ self._small)

    def from_full(self, motion: Affine) -> Affine:
        """A motion in the images as one in the crop."""
        return np.asarray(self._small @ motion @ self._full)

    def fit(self, moved: Grey) -> float:
        """IoU of moved pieces with the mask they moved to, not counting pixels where they may be hidden."""
        inside = cv2.mean(moved, self.after)[0] / 255.0 * self._area
        seen = cv2.mean(cv2.bitwise_and(moved, self._care))[0] / 255.0 * moved.size
        return float(inside / max(seen + self._area - inside, 1.0))


def _place(crop: _Crop) -> Affine:
    """Best rigid motion of all pieces: of all rotations about the centroids, the best few are refined."""
    x, y = _centroid(crop.whole)
    to_x, to_y = _centroid(crop.after)
    starts = [rotation_about(angle, x, y, to_x - x, to_y - y) for angle in ROTATIONS]
    starts.sort(key=lambda motion: _score(crop, motion), reverse=True)
    found = [_climb(crop, motion, COARSE_STEPS) for motion in starts[:CANDIDATES]]
    return max(found, key=lambda end: end[1])[0]


def _score(crop: _Crop, motion: Affine) -> float:
    """How well all pieces fit after one rigid motion, less what its rotation costs."""
    angle = abs(math.atan2(motion[1, 0], motion[0, 0]))
    return crop.fit(_warp(crop.whole, motion)) - ROTATION_PENALTY * angle / math.pi


def _climb(crop: _Crop, motion: Affine, steps: Steps) -> tuple[Affine, float]:
    """Improve a motion by small rotations and shifts, halved when none helps; returns it and its score."""
    centre = _centroid(crop.whole)
    value = _score(crop, motion)
    (angle, shift), (least_angle, least_shift) = steps
    while angle >= least_angle or shift >= least_shift:
        improved = False
        for change in _changes(angle, shift, [_moved_point(motion, centre)]):
            trial = change @ motion
            trial_value = _score(crop, trial)
            if trial_value > value:
                motion, value, improved = trial, trial_value, True
        if not improved:
            angle, shift = angle / 2, shift / 2
    return motion, value


def _changes(angle: float, shift: float, centres: Sequence[Point]) -> list[Affine]:
    """Small motions to try: rotations about each centre, shifts along each axis, both ways."""
    rotations = [rotation_about(by, *centre) for centre in centres for by in (angle, -angle)]
    shifts = [(shift, 0.0), (-shift, 0.0), (0.0, shift), (0.0, -shift)]
    return rotations + [rotation_about(0.0, 0.0, 0.0, *by) for by in shifts]


def _bend(crop: _Crop, motions: list[Affine]) -> list[Affine]:
    """Try the object bent at each piece's joint, all of it then rotated and placed; keep what fits best."""
    best = crop.fit(_union(_moved(crop, motions)))
    to_x, to_y = _centroid(crop.after)
    for k, piece in enumerate(crop.pieces):
        others = _union([p for j, p in enumerate(crop.pieces) if j != k])
        joint = _touching_place(piece, others)
        for bend_angle in BENDS:
            bend = rotation_about(bend_angle, *joint)
            bent = np.maximum(_warp(piece, bend), others)
            x, y = _centroid(bent)
            for angle in BENT_ROTATIONS:
                motion = rotation_about(angle, x, y, to_x - x, to_y - y)
                value = crop.fit(_warp(bent, motion))
                if value > best:
                    best = value
                    motions = [motion @ bend if j == k else motion for j in range(len(crop.pieces))]
    return motions


def _refine_each(crop: _Crop, motions: list[Affine], steps: Steps) -> list[Affine]:
    """Let the pieces rotate and shift one by one while the fit of all of them gets better."""
    motions = list(motions)
    moved = _moved(crop, motions)
    value = crop.fit(_union(moved))
    centres = []
    for k, piece in enumerate(crop.pieces):
        others = _union([p for j, p in enumerate(crop.pieces) if j != k])
        centres.append((_touching_place(piece, others), _centroid(piece)))
    (angle, shift), (least_angle, _) = steps
    while angle >= least_angle:
        improved = False
        for k, piece in enumerate(crop.pieces):
            others = _union([m for j, m in enumerate(moved) if j != k])
            for change in _changes(angle, shift, [_moved_point(motions[k], c) for c in centres[k]]):
                trial = change @ motions[k]
                image = _warp(piece, trial)
                trial_value = crop.fit(np.maximum(image, others))
                if trial_value > value + MIN_GAIN:
                    motions[k], moved[k], value, improved = trial, image, trial_value, True
        if not improved:
            angle, shift = angle / 2, shift / 2
    return motions


def _moved(crop: _Crop, motions: Sequence[Affine]) -> list[Grey]:
    return [_warp(piece, motion) for piece, motion in zip(crop.pieces, motions, strict=True)]


def _union(images: Sequence[Grey]) -> Grey:
    return np.asarray(np.maximum.reduce(list(images)))


def _moved_point(motion: Affine, point: Point) -> Point:
    x, y, _ = motion @ (*point, 1.0)
    return float(x), float(y)


def _centroid(mask: Grey) -> Point:
    """Centre (col, row) of a non-empty mask."""
    m = cv2.moments(mask, True)
    return m["m10"] / m["m00"], m["m01"] / m["m00"]


def _touching_place(piece: Grey, others: Grey) -> Point:
    """Centre (col, row) of where a piece touches the others: about there is its joint, if it has one."""
    touch = cv2.bitwise_and(cv2.dilate(piece, _NEAR), cv2.dilate(others, _NEAR))
    return _centroid(np.asarray(touch, np.uint8) if cv2.countNonZero(touch) else piece)
