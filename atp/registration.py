"""Where did the pieces go: planar rigid registration of one or several masks to the mask they moved to.

Used by the part memory to carry masks through a motion. It sees masks only, no image, so a piece that can
slide inside the mask it moved to is placed by the others and by where it touches them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Affine = NDArray[np.float64]
Pose = tuple[float, float, float]  # angle (rad), shift right and down (px)

# Work on crops of at most this many pixels a side: beyond it, finer masks cost time and place nothing better.
MAX_SIDE = 96

# Coarse search over the whole turn, then pattern search with halving steps.
COARSE_STEP = math.radians(15)
FIRST_STEPS = (math.radians(8), 3.0)  # rad, px
LAST_STEPS = (math.radians(0.5), 0.2)
CANDIDATES = 3

# Interactions are short pushes: of two placings that fit alike (a bar and the same bar turned by half a
# turn), the smaller rotation is meant. Cost in IoU of half a turn.
TURN_PENALTY = 0.05

# Several pieces moved as one when a single rigid motion fits this well (IoU); else their joints moved too.
RIGID_FIT = 0.93
BEND_ANGLES = tuple(math.radians(a) for a in (-60, -40, -20, 20, 40, 60))
BEND_SEARCH = tuple(math.radians(a) for a in range(-75, 76, 15))


def rotation_about(angle: float, x: float, y: float, dx: float = 0.0, dy: float = 0.0) -> Affine:
    """Rotate by ``angle`` (rad, from +col towards +row) about (x, y), then shift by (dx, dy); 3 x 3."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, x - c * x + s * y + dx], [s, c, y - s * x - c * y + dy], [0.0, 0.0, 1.0]])


def warp(mask: Mask, motion: Affine) -> Mask:
    """Move a mask (H, W) by a 3 x 3 affine motion of (col, row) coordinates; pixels that leave are lost."""
    moved = _warp(mask.astype(np.uint8) * 255, motion)
    return moved >= 128


def _warp(image: NDArray[np.uint8], motion: Affine) -> NDArray[np.uint8]:
    height, width = image.shape
    return np.asarray(cv2.warpAffine(image, motion[:2], (width, height), flags=cv2.INTER_LINEAR))


def _centroid(mask: NDArray[np.uint8]) -> tuple[float, float]:
    m = cv2.moments(mask, True)
    return m["m10"] / m["m00"], m["m01"] / m["m00"]


class _Fit:
    """IoU of moved pieces with the mask they moved to, not counting pixels where they may be hidden."""

    def __init__(self, after: NDArray[np.uint8], cover: NDArray[np.uint8]) -> None:
        self.after = after
        self.care = cv2.bitwise_not(cv2.bitwise_and(cover, cv2.bitwise_not(after)))
        self.area = float(cv2.countNonZero(after))

    def __call__(self, moved: NDArray[np.uint8]) -> float:
        inside = cv2.mean(moved, self.after)[0] / 255.0 * self.area
        seen = cv2.mean(cv2.bitwise_and(moved, self.care))[0] / 255.0 * moved.size
        return inside / max(seen + self.area - inside, 1.0)


def register(pieces: Sequence[Mask], after: Mask, cover: Mask | None = None) -> list[Affine]:
    """Find the planar motion of each piece that takes all of them together to ``after``.

    One rigid motion for all is searched first (rotation about the centroids, maximising IoU, coarse to
    fine). When it does not fit and there are several pieces, each piece may also turn against the others
    about the place where they touch.

    Args:
        pieces: (H, W) bool masks before the motion, none empty.
        after: (H, W) bool mask after the motion, not empty.
        cover: (H, W) bool, pixels of things that stayed, behind which pieces may be hidden.

    Returns:
        For each piece a 3 x 3 float64 affine motion of (col, row) coordinates.
    """
    everything = np.logical_or.reduce([*pieces, after])
    rows, cols = np.flatnonzero(everything.any(1)), np.flatnonzero(everything.any(0))
    margin = 4
    top, left = max(int(rows[0]) - margin, 0), max(int(cols[0]) - margin, 0)
    window = np.s_[top : int(rows[-1]) + margin + 1, left : int(cols[-1]) + margin + 1]
    side = max(everything[window].shape)
    scale = min(1.0, MAX_SIDE / side)

    def crop(mask: Mask) -> NDArray[np.uint8]:
        image = mask[window].astype(np.uint8) * 255
        if scale == 1.0:
            return image
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return np.where(small >= 128, 255, 0).astype(np.uint8)

    small = [crop(piece) for piece in pieces]
    target = crop(after)
    fit = _Fit(target, crop(cover) if cover is not None else np.zeros_like(target))
    if cv2.countNonZero(target) == 0 or any(cv2.countNonZero(piece) == 0 for piece in small):
        return [np.eye(3) for _ in pieces]  # shrunk to nothing: too thin to be placed

    motions = _rigid(small, fit)
    # Pixel centres: full = (small + 0.5) / scale - 0.5 + offset, undone on the way in.
    shift = 0.5 / scale - 0.5
    to_full = np.array([[1 / scale, 0, left + shift], [0, 1 / scale, top + shift], [0, 0, 1.0]])
    back = np.linalg.inv(to_full)
    return [to_full @ motion @ back for motion in motions]


def _rigid(pieces: list[NDArray[np.uint8]], fit: _Fit) -> list[Affine]:
    whole = np.maximum.reduce(pieces)
    motion, score = _place(whole, fit, np.arange(-math.pi, math.pi - 1e-9, COARSE_STEP))
    motions = [motion for _ in pieces]
    if len(pieces) == 1 or score >= RIGID_FIT:
        return motions

    joints = [_touching_place(piece, pieces) for piece in pieces]
    best = (score, motions)
    for k, piece in enumerate(pieces):
        others = np.maximum.reduce([p for j, p in enumerate(pieces) if j != k])
        for bend in BEND_ANGLES:
            turn = rotation_about(bend, *joints[k])
            bent = np.maximum(_warp(piece, turn), others)
            motion, score = _place(bent, fit, BEND_SEARCH, candidates=0)
            if score > best[0]:
                best = (score, [motion @ turn if j == k else motion for j in range(len(pieces))])
    return _refine_each(pieces, joints, best[1], fit)


def _place(
    piece: NDArray[np.uint8],
    fit: _Fit,
    angles: Sequence[float] | NDArray[np.float64],
    candidates: int = CANDIDATES,
) -> tuple[Affine, float]:
    """Best rigid motion of one piece and its score."""
    x, y = _centroid(piece)
    to_x, to_y = _centroid(fit.after)

    def score(pose: Pose) -> float:
        moved = _warp(piece, rotation_about(pose[0], x, y, pose[1], pose[2]))
        return fit(moved) - TURN_PENALTY * abs(pose[0]) / math.pi

    coarse = sorted(((score(p), p) for p in ((float(a), to_x - x, to_y - y) for a in angles)), reverse=True)
    best_score, best = coarse[0]
    for start_score, start in coarse[:candidates]:
        found_score, found = _pattern_search(score, start, start_score)
        if found_score > best_score:
            best_score, best = found_score, found
    return rotation_about(best[0], x, y, best[1], best[2]), best_score


def _pattern_search(score: Callable[[Pose], float], pose: Pose, value: float) -> tuple[float, Pose]:
    """Climb from a pose by single steps that halve when none helps; returns the score and the pose."""
    step, shift = FIRST_STEPS
    while step >= LAST_STEPS[0] or shift >= LAST_STEPS[1]:
        improved = False
        for i, size in ((0, step), (1, shift), (2, shift)):
            for sign in (1, -1):
                d = sign * size
                trial = (pose[0] + d * (i == 0), pose[1] + d * (i == 1), pose[2] + d * (i == 2))
                trial_value = score(trial)
                if trial_value > value:
                    pose, value, improved = trial, trial_value, True
                    break
        if not improved:
            step, shift = step / 2, shift / 2
    return value, pose


def _touching_place(piece: NDArray[np.uint8], pieces: list[NDArray[np.uint8]]) -> tuple[float, float]:
    """Centre (col, row) of where a piece touches the others: about there is its joint, if it has one."""
    kernel = np.ones((5, 5), np.uint8)
    others = np.maximum.reduce([p for p in pieces if p is not piece])
    touch = cv2.bitwise_and(cv2.dilate(piece, kernel), cv2.dilate(others, kernel))
    return _centroid(touch if cv2.countNonZero(touch) else piece)


def _refine_each(
    pieces: list[NDArray[np.uint8]], joints: list[tuple[float, float]], motions: list[Affine], fit: _Fit
) -> list[Affine]:
    """Let each piece turn and shift on its own, in turns, while the union's fit gets better."""
    motions = list(motions)
    moved = [_warp(piece, motion) for piece, motion in zip(pieces, motions, strict=True)]
    value = fit(np.maximum.reduce(moved))
    step, shift = FIRST_STEPS
    while step >= LAST_STEPS[0]:
        improved = False
        for k, piece in enumerate(pieces):
            others = np.maximum.reduce([m for j, m in enumerate(moved) if j != k])
            joint = motions[k] @ np.array([*joints[k], 1.0])
            centre = motions[k] @ np.array([*_centroid(piece), 1.0])
            trials = [rotation_about(a, *p[:2]) for a in (step, -step) for p in (joint, centre)]
            trials += [
                rotation_about(0.0, 0, 0, *d) for d in ((shift, 0), (-shift, 0), (0, shift), (0, -shift))
            ]
            for trial in trials:
                image = _warp(piece, trial @ motions[k])
                trial_value = fit(np.maximum(image, others))
                if trial_value > value + 1e-4:
                    motions[k], moved[k], value, improved = trial @ motions[k], image, trial_value, True
                    break
        if not improved:
            step, shift = step / 2, shift / 2
    return motions
