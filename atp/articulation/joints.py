r"""One joint from all relative motions of two parts.

A relative motion says where the points of the child went as seen from the parent: x goes to B_k x, with a covariance.
Two models predict it, with the axis common to all motions and a position for each:

- revolute: B_k x = c + R(a, q_k) (x - c), an axis a of length 1 through a pivot c, turned by q_k;
- prismatic: B_k x = x + q_k a.

With e_k the rotation vector of R_k R(a, q_k)^T and d_k from where the model puts B_k m_k to where it is, m_k being the
middle of the child, both are fitted by least squares of the whitened (e_k, d_k) with a robust loss (a motion that was
seen wrongly must not bend the axis). The type is the one of smaller

    cost + p ln(6 n)        (Bayesian information criterion; p = 4 + n and 2 + n for n motions, 0 for "fixed")

and not known where nothing moved by more than ``LEAST_TURN`` and ``LEAST_SHIFT``, or where the two criteria differ by
less than ``LEAST_EVIDENCE``. Parts that did not move against one another are fixed to one another where both were
carried along in ``LEAST_CARRIED`` interactions, and seen so exactly that a joint would have shown. Equally likely axes
before, the covariance of axis and pivot is the inverse of the normal matrix.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.optimize import OptimizeResult, least_squares
from scipy.spatial.transform import Rotation

from atp.articulation.observations import Array

JointType = Literal["revolute", "prismatic", "fixed", "unknown"]

#: A joint is not known where it was not seen to turn or slide by more than this (rad, m).
LEAST_TURN, LEAST_SHIFT = math.radians(5), 0.012
#: In so many interactions both parts must have moved, together, to be taken for fixed to one another.
LEAST_CARRIED = 2
#: By how much the criterion of one type must be smaller than the other's: odds of e^1.5.
LEAST_EVIDENCE = 3.0
#: Standard deviation of the distance of a pivot from the middle of what it moves (m): a slide is a turn about an axis
#: farther away than the object is large.
REACH = 0.3
#: Errors of any motion that its covariance does not tell of (rad, m), and by how much covariances are too small.
TURN_FLOOR, SHIFT_FLOOR, INFLATION = math.radians(0.8), 0.002, 9.0


@dataclass(frozen=True, eq=False)
class RelativeMotion:
    """A motion of the child as seen from the parent, all in the camera frame of the last image.

    Attributes:
        step: Number of the interaction.
        matrix: (3, 4), x goes to R x + t.
        centre: (3,) middle of the child before it.
        covariance: (6, 6) of turn (rad) and shift of the middle (m).
        carried: Whether the parent moved too, by more than ``LEAST_TURN`` or ``LEAST_SHIFT``.
    """

    step: int
    matrix: Array
    centre: Array
    covariance: Array
    carried: bool = False

    @property
    def shift(self) -> Array:
        """(3,) by how much the middle moved."""
        return np.asarray(self.matrix[:, :3] @ self.centre + self.matrix[:, 3] - self.centre)

    @property
    def turn(self) -> Array:
        """(3,) its rotation vector."""
        return np.asarray(Rotation.from_matrix(self.matrix[:, :3]).as_rotvec())


@dataclass(frozen=True, eq=False)
class JointFit:
    """A joint between two parts, in the frame of the motions.

    Attributes:
        type: What it is; ``unknown`` where too little was seen, ``fixed`` where the parts were never seen to move
            against one another though they were moved.
        axis: (3,) of length 1; positive positions turn the child about it by the right hand, or shift it along.
        pivot: (3,) a point on the axis of a revolute joint, nearest to the middle of the child; else that middle.
        positions: By how much it moved (rad or m) in each of the motions.
        axis_sigma: Standard deviation of the axis direction (rad), the worst way.
        pivot_sigma: Standard deviation of the pivot across the axis (m), the worst way; 0 for a prismatic joint.
        position_sigmas: Standard deviations of the positions (rad or m).
        criterion: Of the type, see the module; smaller is better.
        evidence: By how much the other type's is larger.
        misfit: The criterion without the penalty for parameters: how badly the motions fit it.
    """

    type: JointType
    axis: Array
    pivot: Array
    positions: Array
    axis_sigma: float
    pivot_sigma: float
    position_sigmas: Array
    criterion: float
    evidence: float
    misfit: float


def fit_joint(motions: Sequence[RelativeMotion]) -> JointFit:
    """Estimate the joint that makes all motions likely.

    Args:
        motions: Those in which parent or child moved; steps in which both stayed say nothing.

    Returns:
        The joint; ``unknown`` for no motions.
    """
    if not motions:
        return _nothing("unknown", np.zeros(3), 0, 0.0)
    whiten = [_whitening(motion) for motion in motions]
    fixed = float(_loss(_at_rest(motions, whiten)).sum())
    middle = motions[-1].centre
    turn = max(float(np.linalg.norm(motion.turn)) for motion in motions)
    shift = max(float(np.linalg.norm(motion.shift)) for motion in motions)
    if turn < LEAST_TURN and shift < LEAST_SHIFT:
        carried = sum(motion.carried and _exact(motion) for motion in motions)
        return _nothing("fixed" if carried >= LEAST_CARRIED else "unknown", middle, len(motions), fixed)
    every = _Motions(motions, whiten)
    revolute, prismatic = _revolute(every), _prismatic(every)
    best, other = sorted((revolute, prismatic), key=lambda fit: fit.criterion)
    if fixed <= best.criterion:
        return _nothing("unknown", middle, len(motions), fixed)
    evidence = other.criterion - best.criterion
    moved = float(np.abs(best.positions).max())
    sure = evidence >= LEAST_EVIDENCE and moved >= (LEAST_TURN if best.type == "revolute" else LEAST_SHIFT)
    return JointFit(
        best.type if sure else "unknown", best.axis, best.pivot, best.positions, best.axis_sigma, best.pivot_sigma,
        best.position_sigmas, best.criterion, evidence, best.misfit,
    )  # fmt: skip


def joint_motion(kind: JointType, axis: Array, pivot: Array, position: float) -> Array:
    """What a joint does (3, 4) when it moves by ``position`` (rad or m)."""
    if kind == "revolute":
        rotation = Rotation.from_rotvec(axis * position).as_matrix()
        return np.column_stack([rotation, pivot - rotation @ pivot])
    return np.column_stack([np.eye(3), axis * position if kind == "prismatic" else np.zeros(3)])


def _nothing(kind: JointType, middle: Array, count: int, criterion: float) -> JointFit:
    zeros = np.zeros(count)
    return JointFit(
        kind, np.array([0.0, 0.0, 1.0]), middle, zeros, math.inf, math.inf, zeros, criterion, 0.0, criterion
    )


def _exact(motion: RelativeMotion) -> bool:
    """Whether a motion is seen so well that two standard deviations are no joint's."""
    turn, shift = (_worst(motion.covariance[at : at + 3, at : at + 3]) for at in (0, 3))
    return 2 * turn < LEAST_TURN and 2 * shift < LEAST_SHIFT


def _whitening(motion: RelativeMotion) -> Array:
    """The inverse of a square root of a motion's covariance, (6, 6)."""
    floor = np.diag([TURN_FLOOR**2] * 3 + [SHIFT_FLOOR**2] * 3)
    return np.linalg.inv(np.linalg.cholesky(INFLATION * motion.covariance + floor))


def _loss(residuals: Array) -> Array:
    """Cauchy's: a motion that was seen wrongly weighs little."""
    return np.asarray(_SCALE**2 * np.log1p((np.asarray(residuals) / _SCALE) ** 2))


#: Residual from which on a whitened one counts as wrong.
_SCALE = 3.0


def _at_rest(motions: Sequence[RelativeMotion], whiten: Sequence[Array]) -> Array:
    return np.concatenate(
        [w @ np.concatenate([motion.turn, motion.shift]) for motion, w in zip(motions, whiten, strict=True)]
    )


class _Motions:
    """All motions as arrays, compared with what a model predicts."""

    def __init__(self, motions: Sequence[RelativeMotion], whiten: Sequence[Array]) -> None:
        self.count = len(motions)
        self.centres = np.stack([motion.centre for motion in motions])
        self.turns = np.stack([motion.turn for motion in motions])
        self.shifts = np.stack([motion.shift for motion in motions])
        self._seen = np.stack([motion.matrix[:, :3] for motion in motions])
        self._whiten = np.stack(whiten)

    def residuals(self, rotations: Array, ends: Array) -> Array:
        """Whitened differences (b, 6 n) from predicted rotations (b, n, 3, 3) and places of the middles (b, n, 3)."""
        rest = self._seen @ np.swapaxes(rotations, -1, -2)
        turns = Rotation.from_matrix(rest.reshape(-1, 3, 3)).as_rotvec().reshape(ends.shape)
        gaps = np.concatenate([turns, self.centres + self.shifts - ends], axis=-1)
        return np.asarray(np.einsum("nij,bnj->bni", self._whiten, gaps).reshape(len(ends), -1))

    def fitted(self, predict: Callable[[Array], Array], start: Array, scale: Array) -> OptimizeResult:
        """Parameters (p,) of a model whose ``predict`` gives residuals (b, m) of several sets of them (b, p)."""
        steps = np.diag(1e-3 * scale)

        def jacobian(values: Array) -> Array:
            every = predict(values + np.concatenate([np.zeros((1, len(steps))), steps]))
            return np.asarray(((every[1:] - every[0]) / (1e-3 * scale)[:, None]).T)

        def residuals(values: Array) -> Array:
            return np.asarray(predict(values[None])[0])

        return least_squares(
            residuals, start, jacobian, loss="cauchy", f_scale=_SCALE, x_scale=scale,
            max_nfev=15, xtol=1e-4, ftol=1e-4, gtol=1e-4,
        )  # fmt: skip


def _revolute(motions: _Motions) -> JointFit:
    last, best = motions.centres[-1], None
    for axis in _axes(motions.turns):
        sides = _sides(axis)
        pivot = _pivot(motions, axis, sides)

        def line(values: Array, axis: Array = axis, pivot: Array = pivot, sides: Array = sides) -> tuple[Array, Array]:
            return _unit(axis + values[..., :2] @ sides), pivot + values[..., 2:4] @ sides

        def predict(values: Array, line: Any = line, sides: Array = sides) -> Array:
            axes, pivots = line(values)
            rotvecs = values[:, 4:, None] * axes[:, None]
            rotations = Rotation.from_rotvec(rotvecs.reshape(-1, 3)).as_matrix().reshape(*rotvecs.shape, 3)
            arms = motions.centres - pivots[:, None]
            ends = pivots[:, None] + np.einsum("bnij,bnj->bni", rotations, arms)
            return np.concatenate([motions.residuals(rotations, ends), (pivots - last) @ sides.T / REACH], axis=1)

        scale = np.array([0.05] * 2 + [0.01] * 2 + [0.05] * motions.count)
        found = motions.fitted(predict, np.concatenate([np.zeros(4), motions.turns @ axis]), scale)
        if best is None or found.cost < best[0].cost:
            best = found, *line(found.x)
    assert best is not None
    found, axis, pivot = best
    pivot = pivot + axis * (axis @ (last - pivot))
    covariance = _covariance(found.jac)
    return JointFit(
        "revolute", axis, pivot, found.x[4:], _worst(covariance[:2, :2]), _worst(covariance[2:4, 2:4]),
        np.sqrt(np.diag(covariance)[4:]), 2 * found.cost + _penalty(4, motions.count), 0.0, 2 * found.cost,
    )  # fmt: skip


def _prismatic(motions: _Motions) -> JointFit:
    best = None
    for axis in _axes(motions.shifts):
        sides = _sides(axis)

        def predict(values: Array, axis: Array = axis, sides: Array = sides) -> Array:
            axes = _unit(axis + values[:, :2] @ sides)
            ends = motions.centres + values[:, 2:, None] * axes[:, None]
            return motions.residuals(np.broadcast_to(np.eye(3), (*ends.shape, 3)), ends)

        scale = np.array([0.05] * 2 + [0.01] * motions.count)
        found = motions.fitted(predict, np.concatenate([np.zeros(2), motions.shifts @ axis]), scale)
        if best is None or found.cost < best[0].cost:
            best = found, _unit(axis + found.x[:2] @ sides)
    assert best is not None
    found, axis = best
    covariance = _covariance(found.jac)
    return JointFit(
        "prismatic", axis, motions.centres[-1], found.x[2:], _worst(covariance[:2, :2]), 0.0,
        np.sqrt(np.diag(covariance)[2:]), 2 * found.cost + _penalty(2, motions.count), 0.0, 2 * found.cost,
    )  # fmt: skip


def _unit(vectors: Array) -> Array:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def _axes(vectors: Array) -> list[Array]:
    """Directions to begin with: that of all vectors (n, 3) together, and that of the longest."""
    _, _, rows = np.linalg.svd(vectors)
    longest = vectors[int(np.argmax(np.linalg.norm(vectors, axis=1)))]
    norm = float(np.linalg.norm(longest))
    found = [rows[0]]
    if norm > 1e-9 and len(vectors) > 1:
        found.append(longest / norm)
    return found


def _sides(axis: Array) -> Array:
    """(2, 3) two directions at right angles to an axis and to one another."""
    first = np.cross(axis, np.eye(3)[int(np.argmin(np.abs(axis)))])
    first = first / np.linalg.norm(first)
    return np.stack([first, np.cross(axis, first)])


def _pivot(motions: _Motions, axis: Array, sides: Array) -> Array:
    """The point, level with the last middle, that a turn about the axis moves least: (I - R_k) c = t_k."""
    middle = motions.centres[-1]
    rotations = Rotation.from_rotvec(np.outer(motions.turns @ axis, axis)).as_matrix()
    arms = motions.centres - middle
    gaps = motions.shifts + arms - np.einsum("nij,nj->ni", rotations, arms)
    left = np.concatenate([1e-3 * np.eye(2), *(sides @ (np.eye(3) - rotations) @ sides.T)])
    right = np.concatenate([np.zeros(2), (gaps @ sides.T).ravel()])
    return np.asarray(middle + np.linalg.lstsq(left, right, rcond=None)[0] @ sides)


def _penalty(shared: int, count: int) -> float:
    return (shared + count) * math.log(6 * count)


def _covariance(jacobian: Array) -> Array:
    """Of the parameters; a weak prior keeps finite what was not seen."""
    return np.asarray(np.linalg.inv(jacobian.T @ jacobian + 1e-2 * np.eye(jacobian.shape[1])), np.float64)


def _worst(covariance: Array) -> float:
    return math.sqrt(max(float(np.linalg.eigvalsh(covariance)[-1]), 0.0))
