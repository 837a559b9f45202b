"""Rigid registration in space of one or several masks, the movers, to the mask they moved to: where there is depth.

Seen obliquely, what slides and turns on the ground changes its outline in perspective, and no planar motion of the
image (:mod:`atp.part_memory.registration`) takes it from one mask to the other. Depth gives the points of the movers in
space. They mostly share one motion, in which they stay as high above the ground as they are: a shift along the ground
and a turn about its normal, three numbers. It is searched coarse to fine; afterwards each mover may move on its own, by
any rigid motion, where that fits clearly better: its joint moved too.

**The fit** of a motion is the mean over the moved points of how well the image after agrees: 1 on the mask after and at
its depth, falling to 0 at a tolerance; 0 in front of what is seen, or off the mask and not behind what is seen there;
`HIDDEN` behind what is seen. The points of the mask after, moved back into the image before, count alike.

Conventions: camera frame x right, y down, z forward along the optical axis, in metres; the principal point is the
middle of the image. A motion is a 3 x 4 matrix (R | t) of the camera frame.

>>> depth = np.full((60, 60), 1.5, np.float32)
>>> after = depth.copy()
>>> depth[20:30, 10:30] = after[20:30, 22:42] = 1.4
>>> found = motions_in_space(Space(depth, after, 90.0), [depth < 1.45], after < 1.45)
>>> [abs(round(float(by), 2)) for by in found.motions[0][:, 3]]  # 12 pixels to the right, at a depth of 1.4 m
[0.19, 0.0, 0.0]
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree

from atp.ground import ground_normal, ground_plane
from atp.part_memory.registration import Affine
from atp.part_memory.rims import without_rims
from atp.perception.foreground import object_mask
from atp.types import MIN_PART_PIXELS, Labels, Mask

Array = NDArray[np.float64]
Points = NDArray[np.float32]  # (3, n) in the camera frame
Motions = NDArray[np.float32]  # (k, 3, 4)

#: Least share of each mask that has depth.
MIN_READINGS = 0.7
#: A motion is believed from this fit on: that of one mover, and of several, whose outlines alone cannot say where in
#: the mask after each of them is.
MIN_FIT, MIN_FIT_TOGETHER = 0.6, 0.35
#: A mover moves on its own where its fit gains this much.
MIN_GAIN = 0.04
#: How well a moved point fits that is behind what is seen, or out of the image.
HIDDEN = 0.4
#: Fit that a turn by 180 degrees costs: of two motions that fit alike the smaller one is meant.
TURN_PENALTY = 0.1
#: Metres from the depth seen at which a moved point does not fit at all: in the wide search and after it.
COARSE_TOLERANCE, TOLERANCE = 0.06, 0.025
#: Points of either image that judge a motion, in the wide search and after it.
COARSE_POINTS, FINE_POINTS = 120, 300

# What makes of an axis the matrix of the cross product with it.
_CROSS = np.zeros((3, 3, 3))
for _i, _j, _k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
    _CROSS[_i, _j, _k], _CROSS[_k, _j, _i] = 1.0, -1.0

#: Metres by which a pixel's depth differs where it shows something else.
CHANGE = 0.015

#: The wide search: turns (rad), and shifts (m) beside that of the masks' middles.
TURNS = tuple(math.radians(a) for a in (-45, -35, -26, -18, -11, -5, 0, 5, 11, 18, 26, 35, 45))
SHIFTS = (-0.06, -0.03, 0.0, 0.03, 0.06)
#: How many of its best motions are refined.
CANDIDATES = 4
#: First and last (turn, shift) of the steps by which a common motion is refined, and the motion of one mover.
STEPS = ((math.radians(4), 0.02), (math.radians(0.4), 0.002))
OWN_STEPS = ((math.radians(8), 0.02), (math.radians(1), 0.003))
#: Turns of a mover about its joint that are tried first.
BENDS = tuple(math.radians(a) for a in (-50, -35, -20, -10, 10, 20, 35, 50))


@dataclass(frozen=True)
class Space:
    """What is known of an interaction in space.

    Attributes:
        before: (H, W) float32, metres along the optical axis, 0 where there is no reading, in the image before.
        after: (H, W) float32, the same in the image after.
        focal: Focal length in pixels.
    """

    before: NDArray[np.float32]
    after: NDArray[np.float32]
    focal: float

    @property
    def changed(self) -> Mask:
        """(H, W) bool, pixels that show something else after than before: what is there did not stay."""
        both = (self.before > 0) & (self.after > 0)
        return np.asarray(both & (np.abs(self.after - self.before) > CHANGE))


@dataclass(frozen=True)
class Found:
    """Motions of the movers in space.

    Attributes:
        motions: For each mover (3, 4) float64, see the module.
        affines: For each mover the 3 x 3 affine motion of (col, row) that comes nearest to it in the image.
        nearest: (H, W) int64, the mover whose moved points are nearest in space, or nearest to the nearest pixel that
            lies on such points; where there is no depth, that of the nearest pixel.
        fit: How well they fit, at most 1.
    """

    motions: list[Array]
    affines: list[Affine]
    nearest: NDArray[np.int64]
    fit: float


def motions_in_space(space: Space, movers: Sequence[Mask], after: Mask) -> Found | None:
    """Find the rigid motion of each mover that takes all of them together to ``after``.

    Args:
        space: Depth before and after.
        movers: (H, W) bool, visible pixels of each mover in the image before, none empty.
        after: (H, W) bool, what moved, in the image after, not empty.

    Returns:
        The motions; None where there is too little depth, no ground, or nothing that fits.
    """
    first, second = _Picture(space.before, space.focal), _Picture(space.after, space.focal)
    whole = np.logical_or.reduce(list(movers))
    plane = ground_plane(space.before)
    if plane is None or not (first.reads(whole) and second.reads(after) and all(map(first.reads, movers))):
        return None
    up, right = _ground_axes(plane, space)
    wide = _Judge(first, second, whole, after, COARSE_POINTS)
    close = _Judge(first, second, whole, after, FINE_POINTS)
    common, fit = _common(wide, close, up, right)
    if fit < (MIN_FIT if len(movers) == 1 else MIN_FIT_TOGETHER):
        return None
    points = [first.points(mask) for mask in movers]
    motions = _each_on_its_own(first, second, movers, after, points, common, up)
    affines = [_affine(first, some, motion) for some, motion in zip(points, motions, strict=True)]
    nearest = np.zeros(after.shape, np.int64)
    if len(movers) > 1:
        moved = [_moved(motion[None], some)[0] for motion, some in zip(motions, points, strict=True)]
        wanted = after & second.valid
        nearest[wanted] = _owners(moved, second.points(wanted), wanted)
        if not wanted.all():
            nearest = nearest[tuple(distance_transform_edt(~wanted, return_distances=False, return_indices=True))]
    return Found([motion.astype(np.float64) for motion in motions], affines, nearest, fit)


def _owners(moved: Sequence[Points], wanted: Points, place: Mask) -> NDArray[np.int64]:
    """Which of the movers each wanted point (3, m), the pixels of ``place`` (H, W) by rows, belongs to: (m,).

    Where none of their moved points is near, a face came into sight: it belongs as a whole with what it mostly adjoins.
    """
    distances = np.stack([_distances(some, wanted) for some in moved])
    owners = np.argmin(distances, axis=0)
    near = distances.min(axis=0) < TOLERANCE
    if near.any() and not near.all():
        beside = owners[near][cKDTree(wanted[:, near].T).query(wanted[:, ~near].T)[1]]
        faces = place.copy()
        faces[place] = ~near
        _, numbers = cv2.connectedComponents(faces.astype(np.uint8), connectivity=8)
        number = np.asarray(numbers[faces] - 1, np.int64)
        votes = np.zeros((number.max() + 1, len(moved)), np.int64)
        np.add.at(votes, (number, beside), 1)
        owners[~near] = votes.argmax(axis=1)[number]
    return np.asarray(owners)


def nearest_still(space: Space, uncovered: Mask, labels: Labels, moved: Mask) -> Labels:
    """The parts to which pixels belong that came to light when what was in front of them moved away.

    A connected region shows the inside of one part. Of those that pixels of it are nearest to in space, it is the
    largest one: what a door uncovers is nearer to the drawer below it than to what is seen of the cabinet around it.

    Args:
        space: Depth before and after.
        uncovered: (H, W) bool, such pixels in the image after.
        labels: (H, W) uint8, the parts in the image after, 0 for none.
        moved: (H, W) bool, pixels of what moved, to which nothing is given.

    Returns:
        (H, W) uint8, for each of these pixels that shows the object its part; 0 where that is what of the object is in
        no part, and elsewhere.
    """
    found = np.zeros_like(labels)
    still = np.where(moved, 0, labels)
    if not uncovered.any() or not still.any():
        return found
    picture, foreground = _Picture(space.after, space.focal), object_mask(space.after)
    rest = without_rims(foreground & (labels == 0) & ~uncovered & ~moved, (labels > 0) | moved)
    known, wanted = (still > 0) & picture.valid, uncovered & foreground
    if np.count_nonzero(rest) >= MIN_PART_PIXELS:
        known |= rest
    if known.any() and wanted.any():
        found[wanted] = still[known][cKDTree(picture.points(known).T).query(picture.points(wanted).T)[1]]
        sizes = np.bincount(still[known], minlength=256)
        count, numbers = cv2.connectedComponents(wanted.astype(np.uint8), connectivity=8)
        for number in range(1, count):
            region = numbers == number
            near = np.unique(found[region])
            found[region] = near[np.argmax(sizes[near])]
    return found


class _Picture:
    """One depth image: its points in space, and what is seen where."""

    def __init__(self, depth: NDArray[np.float32], focal: float) -> None:
        self.height, self.width = depth.shape
        self.focal = focal
        self.valid: Mask = np.isfinite(depth) & (depth > 0)
        self.depth = np.where(self.valid, depth, 0).astype(np.float32)

    def reads(self, mask: Mask) -> bool:
        """Whether enough of a mask has depth."""
        return int(np.count_nonzero(mask & self.valid)) >= max(MIN_READINGS * np.count_nonzero(mask), 8)

    def points(self, mask: Mask) -> Points:
        """(3, n) of the pixels of a mask that have depth, by rows."""
        rows, cols = np.nonzero(mask & self.valid)
        depth = self.depth[rows, cols]
        x = (cols + 0.5 - self.width / 2) / self.focal * depth
        y = (rows + 0.5 - self.height / 2) / self.focal * depth
        return np.stack([x, y, depth]).astype(np.float32)

    def project(self, points: Points) -> tuple[Points, Points]:
        """Continuous rows and columns (pixel centres at .5) of points (..., 3, n)."""
        scale = self.focal / np.maximum(points[..., 2, :], 1e-3)
        return points[..., 1, :] * scale + self.height / 2, points[..., 0, :] * scale + self.width / 2

    def agreement(self, mask: Mask, moved: Points, tolerance: float) -> Points:
        """How well this image, with its mask, agrees with moved points (k, 3, n): (k, n), see the module."""
        rows, cols = (np.floor(each).astype(np.int32) for each in self.project(moved))
        inside = (rows >= 0) & (rows < self.height) & (cols >= 0) & (cols < self.width)
        index = np.where(inside, rows * self.width + cols, 0)
        seen, on_mask = self.depth.ravel()[index], mask.ravel()[index]
        behind = moved[..., 2, :] - seen
        fits = np.where(on_mask, 1 - np.abs(behind) / tolerance, 0)
        fits = np.where(seen > 0, np.maximum(fits, np.where(behind > tolerance, HIDDEN, 0)), np.where(on_mask, 0.5, 0))
        return np.where(inside, fits, HIDDEN).astype(np.float32)


class _Judge:
    """How well motions fit, both ways, by a sample of points."""

    def __init__(self, first: _Picture, second: _Picture, before: Mask, after: Mask, count: int) -> None:
        self.first, self.second, self.before, self.after = first, second, before, after
        self.points = _sample(first.points(before), count)
        self.targets = _sample(second.points(after), count)
        self.middle = self.points.mean(axis=1)

    def __call__(self, motions: Motions, tolerance: float) -> Array:
        """Fits (k,) of motions (k, 3, 4)."""
        there = self.second.agreement(self.after, _moved(motions, self.points), tolerance).mean(axis=1)
        if not self.targets.size:
            return np.asarray(there, np.float64)
        back = self.first.agreement(self.before, _moved(_inverse(motions), self.targets), tolerance).mean(axis=1)
        return np.asarray((there + back) / 2, np.float64)


def _common(wide: _Judge, close: _Judge, up: Array, right: Array) -> tuple[Motions, float]:
    """The best motion along the ground and its fit."""
    ahead = np.cross(up, right)
    difference = wide.targets.mean(axis=1) - wide.middle
    turns, across, along = (each.ravel() for each in np.meshgrid(TURNS, SHIFTS, SHIFTS, indexing="ij"))
    shifts = np.outer(difference @ right + across, right) + np.outer(difference @ ahead + along, ahead)
    motions = _turns(np.tile(up, (len(turns), 1)), turns, np.tile(wide.middle, (len(turns), 1)), shifts)
    value = wide(motions, COARSE_TOLERANCE) - _cost(motions)
    best = np.argsort(-value)[:CANDIDATES]
    found = []
    for motion in motions[best]:
        motion, _ = _climb(wide, motion, [wide.middle], [up], [right, ahead], STEPS)
        found.append(motion)
    fits = close(np.stack(found), TOLERANCE) - _cost(np.stack(found))
    motion = found[int(np.argmax(fits))]
    last = ((STEPS[0][0] / 4, STEPS[0][1] / 4), STEPS[1])
    return _climb(close, motion, [close.middle], [up], [right, ahead], last)


def _cost(motions: Motions) -> Array:
    cosine = np.clip((np.trace(motions[:, :, :3], axis1=1, axis2=2) - 1) / 2, -1, 1)
    return np.asarray(TURN_PENALTY * np.arccos(cosine) / math.pi, np.float64)


def _climb(
    judge: _Judge,
    motion: Motions,
    centres: Sequence[Array],
    axes: Sequence[Array],
    directions: Sequence[Array],
    steps: tuple[tuple[float, float], tuple[float, float]],
) -> tuple[Motions, float]:
    """Improve a motion (3, 4) by small turns and shifts, halved when none helps; returns it and its fit."""
    (turn, shift), (least_turn, _) = steps
    value = float(judge(motion[None], TOLERANCE)[0])
    about, by_axis = (np.repeat(np.asarray(centres), 2 * len(axes), axis=0), np.tile(axes, (2 * len(centres), 1)))
    ways = np.concatenate([directions, np.negative(directions)])
    still, nowhere = np.zeros((len(ways), 3)), np.zeros((len(about), 3))
    signs = np.tile(np.repeat([1.0, -1.0], len(axes)), len(centres))
    every_axis = np.concatenate([by_axis, np.tile(axes[0], (len(ways), 1))])
    while turn >= least_turn:
        there = about @ motion[:, :3].T + motion[:, 3]
        angles = np.concatenate([turn * signs, np.zeros(len(ways))])
        shifts = np.concatenate([nowhere, shift * ways])
        trials = _after(_turns(every_axis, angles, np.concatenate([there, still]), shifts), motion)
        values = judge(trials, TOLERANCE)
        best = int(np.argmax(values))
        if values[best] > value + 1e-4:
            motion, value = trials[best], float(values[best])
        else:
            turn, shift = turn / 2, shift / 2
    return motion, value


def _each_on_its_own(
    first: _Picture,
    second: _Picture,
    movers: Sequence[Mask],
    after: Mask,
    points: Sequence[Points],
    common: Motions,
    up: Array,
) -> list[Motions]:
    """Let each mover turn and shift against the others where that clearly fits better."""
    motions = [common for _ in movers]
    lit = [
        _explained(second, after, _moved(motion[None], some)[0]) for motion, some in zip(motions, points, strict=True)
    ]
    for k, mask in enumerate(movers):
        by_others = np.logical_or.reduce([np.zeros_like(after), *lit[:k], *lit[k + 1 :]])
        judge = _Judge(first, second, mask, after & ~by_others, FINE_POINTS)
        judge.after = after
        start = float(judge(motions[k][None], TOLERANCE)[0])
        if start > 1 - 2 * MIN_GAIN:
            continue
        others = np.concatenate([points[k][:, :0], *points[:k], *points[k + 1 :]], axis=1)
        joint, along = _joint(points[k], others, up)
        axes = [up, along, np.cross(up, along)]
        there = motions[k][:, :3] @ joint + motions[k][:, 3]
        count = len(axes) * len(BENDS)
        bends = np.repeat(axes, len(BENDS), axis=0), np.tile(BENDS, len(axes)), np.tile(there, (count, 1))
        bent = _after(_turns(*bends, np.zeros((count, 3))), motions[k])
        values = judge(bent, TOLERANCE)
        best = bent[int(np.argmax(values))] if values.max() > start else motions[k]
        best, value = _climb(judge, best, [joint, judge.middle], axes, axes, OWN_STEPS)
        lights = _explained(second, after, _moved(best[None], points[k])[0])
        if value > start + MIN_GAIN and np.count_nonzero(by_others | lights) >= np.count_nonzero(by_others | lit[k]):
            motions[k], lit[k] = best, lights
    return motions


def _explained(picture: _Picture, after: Mask, moved: Points) -> Mask:
    """Pixels of the mask after that lie on moved points."""
    explained = np.zeros(after.shape, bool)
    wanted = after & picture.valid
    if wanted.any():
        explained[wanted] = _distances(moved, picture.points(wanted)) < TOLERANCE
    return explained


def _joint(points: Points, others: Points, up: Array) -> tuple[Array, Array]:
    """Where a mover touches the others, (3,), and the direction along the ground of that place, (3,)."""
    touching = points
    if others.shape[1]:
        distances = _distances(others, points)
        touching = points[:, distances <= max(float(distances.min()) + 0.01, 0.03)]
    centre = touching.mean(axis=1).astype(np.float64)
    spread = touching - centre[:, None]
    spread = spread - up[:, None] * (up @ spread)
    _, vectors = np.linalg.eigh(spread @ spread.T)
    along = vectors[:, 2] - up * (up @ vectors[:, 2])
    norm = float(np.linalg.norm(along))
    if norm < 1e-6:
        along, norm = np.cross(up, [1.0, 0.0, 0.0]), 1.0
    return centre, np.asarray(along / norm)


def _affine(picture: _Picture, points: Points, motion: Motions) -> Affine:
    """The affine motion of (col, row) nearest to what a motion in space does to points."""
    rows, cols = picture.project(points)
    to_rows, to_cols = picture.project(_moved(motion[None], points)[0])
    start = np.stack([cols - 0.5, rows - 0.5, np.ones_like(cols)], axis=1).astype(np.float64)
    shift = np.stack([to_cols - cols, to_rows - rows], axis=1).astype(np.float64)
    middle = start.mean(axis=0) * (1, 1, 0)
    centred = start - middle
    # One pixel's worth of ridge: what is a line says nothing about how it stretches across itself.
    normal = centred.T @ centred + len(start) * np.diag([1.0, 1.0, 0.0])
    change = np.linalg.solve(normal, centred.T @ shift).T  # (2, 3)
    affine = np.eye(3)
    affine[:2] += change @ (np.eye(3) - np.outer(middle, [0, 0, 1]))
    return affine


def _ground_axes(plane: Array, space: Space) -> tuple[Array, Array]:
    """The ground's normal towards the camera and a direction along it, in the camera frame."""
    height, width = space.before.shape
    up = ground_normal(plane, (height, width), space.focal, height / 2, width / 2)
    right = np.array([1.0, 0.0, 0.0]) - up * up[0]
    return up, right / np.linalg.norm(right)


def _turns(axes: Array, angles: Array, centres: Array, shifts: Array) -> Motions:
    """Turn about axes (k, 3) of length 1 by angles (k,) through centres (k, 3), then shift (k, 3): (k, 3, 4)."""
    cosine, sine = np.cos(angles)[:, None, None], np.sin(angles)[:, None, None]
    cross = np.einsum("ijk,nj->nik", _CROSS, axes)
    rotations = cosine * np.eye(3) + sine * cross + (1 - cosine) * axes[:, :, None] * axes[:, None, :]
    there = centres[:, :, None] - rotations @ centres[:, :, None] + shifts[:, :, None]
    return np.concatenate([rotations, there], axis=2).astype(np.float32)


def _after(second: Motions, first: Motions) -> Motions:
    """Motions (k, 3, 4) after one motion (3, 4): (k, 3, 4)."""
    both = second[:, :, :3] @ first
    both[:, :, 3] += second[:, :, 3]
    return both


def _inverse(motions: Motions) -> Motions:
    """The motions (k, 3, 4) back."""
    back = motions[:, :, :3].transpose(0, 2, 1)
    return np.concatenate([back, -back @ motions[:, :, 3:]], axis=2)


def _moved(motions: Motions, points: Points) -> Points:
    """Points (3, n) moved by each of the motions (k, 3, 4): (k, 3, n)."""
    return np.asarray(motions[:, :, :3] @ points + motions[:, :, 3:])


def _distances(points: Points, wanted: Points) -> Array:
    """Distance in metres of each wanted point (3, m) to the nearest of the points (3, n): (m,)."""
    return cast(Array, cKDTree(points.T).query(wanted.T)[0])


def _sample(points: Points, count: int) -> Points:
    """At most so many points, evenly by their order."""
    total = points.shape[1]
    if total <= count:
        return points
    return points[:, np.linspace(0, total - 1, count).astype(int)]
