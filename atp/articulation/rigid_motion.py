r"""The rigid motion of one part between two images with depth.

A motion takes the points of the part in the image before to the image after, and back. For each point that is seen
there, three residuals say how far it is from what is seen:

- depth: (z - D(u)) n_z / s_d, the distance to the surface D at the pixel u it falls on, along the surface's normal;
- outline: (F(u) - f) / s_f for points at the outline, where F is the signed distance in pixels to the outline of the
  part there and f that of the point where it came from; max(F(u), 0) / s_f for those inside;
- brightness: (I(u) - i) / s_i.

Points that fall behind what is seen there, or out of the image, say nothing, and outlines that are the edge of
something in front of the part say nothing of the part. Of the motions of a coarse grid the best few are refined by
least squares with a robust loss, whose normal matrix gives the covariance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.spatial.transform import Rotation

from atp.articulation.observations import Array, Frame, Intrinsics
from atp.types import Mask

#: Points of either image that judge a motion.
POINTS, COARSE_POINTS = 300, 60
#: Standard deviations of the residuals: metres, pixels, grey levels.
DEPTH_SIGMA, OUTLINE_SIGMA, GREY_SIGMA = 0.003, 0.5, 20.0
#: A point this many metres behind what is seen is hidden.
BEHIND = 0.015
#: Fewer pixels with depth say nothing.
LEAST_POINTS = 12
#: Coarse grid: turns (rad) about the ground's normal, and about axes along the ground.
TURNS = tuple(math.radians(angle) for angle in (-120, -95, -75, -57, -41, -27, -14, 0, 14, 27, 41, 57, 75, 95, 120))
TILTS = tuple(math.radians(angle) for angle in (-75, -50, -30, -14, 14, 30, 50, 75))
#: Shifts (m) along the part's longer and shorter side, from where the middles of what is seen are on one another: some
#: of a part may be hidden.
LONG_SHIFTS, SHORT_SHIFTS = (-0.15, -0.09, -0.04, 0.04, 0.09, 0.15), (-0.09, -0.04, 0.04, 0.09)
#: How many of the best are refined, and in how many rounds; and the best of these, with all points.
CANDIDATES, ROUNDS, LAST_ROUNDS = 5, 7, 8
#: What a hidden point costs in the coarse search, as a residual.
HIDDEN_COST = 1.5
#: What half a turn costs in the coarse search and after it: of two motions that fit alike the smaller turn is meant.
COARSE_TURN_COST, TURN_COST = 0.3, 0.2
#: Steps of the numeric derivative (rad, m).
TURN_STEP, SHIFT_STEP = 2e-3, 1e-3


@dataclass(frozen=True, eq=False)
class RigidMotion:
    """A motion of a part in the camera frame.

    Attributes:
        matrix: (3, 4) float64, (R | t).
        centre: (3,) the middle of the part's points before.
        covariance: (6, 6) of the turn (rad, rotation vector in the camera frame) and the shift (m) of the centre.
        cost: Mean robust cost of the residuals: about 1 or below where it fits.
    """

    matrix: Array
    centre: Array
    covariance: Array
    cost: float


class PartView:
    """A part in one image: points to move, and layers to compare moved points with."""

    def __init__(self, frame: Frame, mask: Mask, camera: Intrinsics) -> None:
        depth = np.zeros(mask.shape, np.float32) if frame.depth is None else frame.depth
        read = np.isfinite(depth) & (depth > 0)
        self.camera, self.shape = camera, mask.shape
        self.raw = np.where(read, depth, 0).astype(np.float32)
        self.usable: Mask = mask & read
        self.count = int(np.count_nonzero(self.usable))
        if self.count < LEAST_POINTS:
            return
        self._distance = _signed_distance(mask)
        nearest = distance_transform_edt(~self.usable, return_distances=False, return_indices=True)
        filled = self.raw[tuple(nearest)]
        grey = cv2.GaussianBlur(cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2GRAY).astype(np.float32), (3, 3), 0)
        self._grey = grey[tuple(nearest)]
        self.layers = np.dstack([self._distance, filled, self._grey, _facing(filled, camera)]).astype(np.float32)
        self._edge = self._own_outline(mask)

    @cached_property
    def samples(self) -> tuple[Array, Array, Array, Mask]:
        """Points (3, n), signed distances (n,), brightness (n,) and whether they are on the outline (n,)."""
        return self._sample(POINTS)

    @cached_property
    def few(self) -> tuple[Array, Array, Array, Mask]:
        """Fewer of them."""
        return self._sample(COARSE_POINTS)

    def _sample(self, count: int) -> tuple[Array, Array, Array, Mask]:
        """Half on the outline where there are as many, evenly."""
        edge, inner = (np.flatnonzero(self.usable & which) for which in (self._edge, ~self._edge))
        on_edge = min(len(edge), max(count // 2, count - len(inner)))
        chosen = np.concatenate([_evenly(edge, on_edge), _evenly(inner, count - on_edge)])
        rows, cols = np.divmod(chosen, self.shape[1])
        points = self.camera.points(rows, cols, self.raw[rows, cols])
        distance, grey = (layer[rows, cols].astype(np.float64) for layer in (self._distance, self._grey))
        return points, distance, grey, self._edge[rows, cols]

    def _own_outline(self, mask: Mask) -> Mask:
        """Pixels at the outline of the part itself, not of something in front of it nor of the image."""
        outside = np.where(mask | (self.raw == 0), np.float32(np.inf), self.raw)
        nearer = cv2.erode(outside, np.ones((3, 3), np.uint8)) < self.raw - 0.01
        inside = np.zeros(mask.shape, bool)
        inside[1:-1, 1:-1] = True
        return np.asarray(mask & (self._distance > -1.0) & ~nearer & inside)


@dataclass(frozen=True, eq=False)
class MovedPart:
    """A part before and after an interaction: judges motions."""

    before: PartView
    after: PartView

    @property
    def usable(self) -> bool:
        """Whether both images have depth of it."""
        return min(self.before.count, self.after.count) >= LEAST_POINTS

    @cached_property
    def centre(self) -> Array:
        """(3,) the middle of the points before."""
        return np.asarray(self.before.samples[0].mean(axis=1))

    def residuals(self, motions: Array, few: bool = False) -> Array:
        """Residuals (k, m) of motions (k, 3, 4); see the module."""
        first, second = (view.few if few else view.samples for view in (self.before, self.after))
        there = _residuals(motions, first, self.after)
        back = _residuals(inverse(motions), second, self.before)
        return np.concatenate([there, back], axis=1)


def rigid_motion(part: MovedPart, up: Array | None = None, guess: Array | None = None) -> RigidMotion | None:
    """Find the motion of a part.

    Args:
        part: In the two images.
        up: (3,) unit normal of the ground in the camera frame, about which turns are looked for, and about two axes at
            right angles to it; None for the axes of the camera.
        guess: (3, 4) a motion to try too.

    Returns:
        The best motion; None where there is too little depth.
    """
    if not part.usable:
        return None
    grid = _grid(part, np.array([0.0, 0.0, -1.0]) if up is None else up)
    if guess is not None:
        grid = np.concatenate([grid, guess[None]])
    cost = robust(part.residuals(grid, few=True)).mean(axis=1) + COARSE_TURN_COST * _turned(grid)
    trials = _refined(part, grid[np.argsort(cost)[:CANDIDATES]], ROUNDS, few=True)
    cost = robust(part.residuals(trials)).mean(axis=1) + TURN_COST * _turned(trials)
    matrix = _refined(part, trials[[int(np.argmin(cost))]], LAST_ROUNDS)[0]
    residuals, jacobians = _linearised(part, matrix[None], few=False)
    residual, jacobian = residuals[0], jacobians[0]
    weight = 1 / np.sqrt(1 + residual**2)
    normal = (jacobian * weight[:, None]).T @ jacobian
    mean = float(robust(residual).mean())
    covariance = np.linalg.inv(normal + np.diag([1e2] * 3 + [1e3] * 3)) * max(mean, 0.25)
    return RigidMotion(matrix, part.centre, covariance, mean)


def robust(residuals: Array) -> Array:
    """The loss rho(r) = 2 (sqrt(1 + r^2) - 1) of residuals: their square where small, their size where large."""
    return np.asarray(2 * (np.sqrt(1 + residuals**2) - 1))


def about(turns: Array, centre: Array, shifts: Array) -> Array:
    """Motions (k, 3, 4) that turn by rotation vectors (k, 3) about centres (3,) or (k, 3) and shift them by (k, 3)."""
    rotations = Rotation.from_rotvec(turns).as_matrix()
    centres = np.broadcast_to(centre, shifts.shape)
    turned = np.einsum("kij,kj->ki", rotations, centres)
    return np.concatenate([rotations, (centres + shifts - turned)[:, :, None]], axis=2)


def inverse(motions: Array) -> Array:
    """The motions (..., 3, 4) back."""
    back = np.swapaxes(motions[..., :3], -1, -2)
    return np.concatenate([back, -back @ motions[..., 3:]], axis=-1)


def after(second: Array, first: Array) -> Array:
    """Motions (..., 3, 4) after motions (..., 3, 4)."""
    return np.concatenate(
        [second[..., :3] @ first[..., :3], second[..., :3] @ first[..., 3:] + second[..., 3:]], axis=-1
    )


IDENTITY: Array = np.eye(3, 4)
IDENTITY.flags.writeable = False


def _residuals(motions: Array, source: tuple[Array, Array, Array, Mask], target: PartView) -> Array:
    points, distance, grey, edge = source
    moved = motions[:, :, :3] @ points + motions[:, :, 3:]
    rows, cols = (each.astype(np.float32) for each in target.camera.project(moved))
    seen = cv2.remap(target.layers, cols - 0.5, rows - 0.5, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    raw = cv2.remap(target.raw, cols - 0.5, rows - 0.5, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)
    height, width = target.shape
    outside = (rows < 0) | (rows > height) | (cols < 0) | (cols > width)
    outline, surface, brightness, facing = np.moveaxis(seen.astype(np.float64), -1, 0)
    hidden = outside | ((outline > 0) & (raw > 0) & (moved[:, 2] > raw + BEHIND))
    inside = outline < 0.5
    by_depth = np.where(inside, (moved[:, 2] - surface) * facing / DEPTH_SIGMA, 0.0)
    by_outline = np.where(edge, outline - distance, np.maximum(outline, 0.0)) / OUTLINE_SIGMA
    by_grey = np.where(inside, (brightness - grey) / GREY_SIGMA, 0.0)
    by_outline, by_depth, by_grey = (
        np.where(hidden, cost, each) for each, cost in ((by_outline, HIDDEN_COST), (by_depth, 0.0), (by_grey, 0.0))
    )
    return np.concatenate([by_depth, by_outline, by_grey], axis=1)


def _grid(part: MovedPart, up: Array) -> Array:
    """Motions (k, 3, 4) to begin with: turned, and middles on one another or shifted from there."""
    target = part.after.few[0]
    across = target.mean(axis=1) - part.centre
    spread = target - target.mean(axis=1, keepdims=True)
    spread = spread - np.outer(up, up @ spread)
    long = np.linalg.eigh(spread @ spread.T)[1][:, -1]
    short = np.cross(up, long)
    shifts = np.concatenate([np.zeros((1, 3)), np.outer(LONG_SHIFTS, long), np.outer(SHORT_SHIFTS, short)])
    turns = np.outer(TURNS, up)
    tilts = np.concatenate([np.outer(TILTS, long), np.outer(TILTS, short)])
    every = [(turns, across + shifts), (tilts, across + shifts[:1]), (np.zeros((1, 3)), shifts)]
    return np.concatenate(
        [about(np.repeat(some, len(by), axis=0), part.centre, np.tile(by, (len(some), 1))) for some, by in every]
    )


def _linearised(part: MovedPart, motions: Array, few: bool) -> tuple[Array, Array]:
    """Residuals (k, m) of motions (k, 3, 4), and their derivatives (k, m, 6) by a further turn and shift."""
    steps = np.diag([TURN_STEP] * 3 + [SHIFT_STEP] * 3)
    changes = np.concatenate([np.zeros((1, 6)), steps])
    trials = np.concatenate([_changed(part, motions, np.tile(change, (len(motions), 1))) for change in changes])
    values = part.residuals(trials, few).reshape(7, len(motions), -1)
    derivatives = (values[1:] - values[0]) / np.diag(steps)[:, None, None]
    return values[0], np.moveaxis(derivatives, 0, -1)


def _changed(part: MovedPart, motions: Array, changes: Array) -> Array:
    """Motions (k, 3, 4) after further turns about the moved middle and shifts (k, 6)."""
    there = motions[:, :, :3] @ part.centre + motions[:, :, 3]
    return after(about(changes[:, :3], there, changes[:, 3:]), motions)


def _refined(part: MovedPart, motions: Array, rounds: int, few: bool = False) -> Array:
    """Motions (k, 3, 4) after reweighted least squares (Levenberg and Marquardt), all at once: calls cost most."""
    damping = np.full(len(motions), 1e-2)
    residuals, jacobians = _linearised(part, motions, few)
    cost = robust(residuals).sum(axis=1)
    for _ in range(rounds):
        weighted = jacobians / np.sqrt(1 + residuals**2)[:, :, None]
        normal = np.einsum("kmi,kmj->kij", weighted, jacobians, optimize=True)
        gradient = np.einsum("kmi,km->ki", weighted, residuals)
        scale = np.einsum("kii->ki", normal) + np.array([10.0] * 3 + [1e3] * 3)
        damped = normal + np.einsum("ki,ij->kij", damping[:, None] * scale + 1e-3 * scale, np.eye(6))
        change = -np.linalg.solve(damped, gradient[:, :, None])[:, :, 0]
        trials = _changed(part, motions, np.clip(change, -0.3, 0.3))
        new_residuals, new_jacobians = _linearised(part, trials, few)
        new_cost = robust(new_residuals).sum(axis=1)
        better = new_cost < cost
        motions = np.where(better[:, None, None], trials, motions)
        residuals = np.where(better[:, None], new_residuals, residuals)
        jacobians = np.where(better[:, None, None], new_jacobians, jacobians)
        damping, cost = np.where(better, damping / 5, damping * 8), np.minimum(cost, new_cost)
    return motions


def _turned(motions: Array) -> Array:
    """Angles (k,) of motions in units of half a turn: of two that fit alike the smaller turn is meant."""
    return np.asarray(Rotation.from_matrix(motions[:, :, :3]).magnitude() / math.pi)


def _signed_distance(mask: Mask) -> NDArray[np.float32]:
    """Pixels to the outline of a mask, negative inside; the image's border is no outline."""
    outside = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    within = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    signed: NDArray[np.float32] = np.where(mask, 0.5 - within, outside - 0.5).astype(np.float32)
    return signed


def _facing(depth: NDArray[np.float32], camera: Intrinsics) -> NDArray[np.float32]:
    """How far a surface faces the camera, the cosine between its normal and the optical axis: (H, W)."""
    smooth = cv2.GaussianBlur(depth, (5, 5), 0)
    by_row, by_col = np.gradient(smooth)
    scale = camera.focal / np.maximum(smooth, 1e-3)
    return np.asarray(1 / np.sqrt(1 + (by_row * scale) ** 2 + (by_col * scale) ** 2), np.float32)


def _evenly(values: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    if len(values) <= count:
        return values
    return np.asarray(values[np.linspace(0, len(values) - 1, count).astype(int)])
