r"""How a mask moved in the image: by a turn in its plane, by a slide, or by a turn about a line, as a door does.

Only the outlines before and after are compared, so that shadows and what a door uncovers do not matter. Of a point p of
the image, (x, y) = (col, row), three families say where it goes:

- turn: R(a) (p - m) + m + v, with m the middle of the mask before;
- slide: k (p - m) + m + v, where k > 1 comes nearer;
- line: (p + ((s - 1) n + t l) h) / (1 + w h) about the middle, with h = n p - d. Every point of the line h = 0 stays;
  distances from it are scaled by s and sheared by t, l being the direction of the line, and what comes nearer grows by
  w. A plane that turns about an axis in it does this (a planar homology); s < 0 where it comes to lie on the other
  side, as the door of an oven does.

The cost of a motion is the mean over the points of either mask of how far they fall outside of the other one, both
relative to the size of the mask. A line lies beside the mask and touches it: doors hang on their edges.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from atp.articulation.observations import Array
from atp.types import Mask

MaskMotionKind = Literal["turn", "slide", "line"]

#: Points of each mask that judge a motion: in the coarse search, and after it.
COARSE_POINTS, POINTS = 50, 250
#: A point that falls farther outside costs no more than this share of the mask's size.
MOST_OUTSIDE = 0.3
#: What half a turn costs: of two that fit alike the smaller one is meant.
TURN_COST = 0.02
#: What a line costs that passes through a mask, or past it at a distance of the mask's size.
LINE_COST = 0.1
#: What lies within this share of a mask's size of a line touches it.
TOUCH = 0.12
#: Scales of distances from a line smaller than this are not told from a plane seen from its edge.
LEAST_SCALE = 0.08
#: Coarse grids.
TURNS = tuple(2 * math.pi * step / 24 for step in range(-11, 13))
SCALES = (-0.3, -0.15, 0.0, 0.15, 0.3)
LINE_ANGLES = tuple(math.pi * step / 20 for step in range(20))
LINE_PLACES = tuple(np.linspace(-1.1, 1.1, 15).tolist())
LINE_SCALES = (-1.2, -0.9, -0.6, -0.35, -0.15, 0.15, 0.35, 0.6, 0.8, 1.2, 1.6)
SHEARS, GROWTHS = (-0.6, 0.0, 0.6), (-0.3, 0.0, 0.3)
#: What growth by perspective costs, in units of the mask's size: it is told from little.
GROWTH_COST = 0.01
#: Rounds of refinement, in which the steps are halved where none of them is better.
ROUNDS = 16


@dataclass(frozen=True, eq=False)
class MaskMotion:
    """A motion of a mask.

    Attributes:
        kind: Its family.
        matrix: (3, 3), takes (x, y, 1) before to a multiple of (x, y, 1) after, in continuous pixels.
        cost: See the module.
        line: Two points (row, col) on the line that stays, at the ends of the mask; None for the other families.
        contact: Share of the mask's length along that line over which it touches it, before or after, whichever is
            less; 0 for the other families.
    """

    kind: MaskMotionKind
    matrix: Array
    cost: float
    line: tuple[tuple[float, float], tuple[float, float]] | None = None
    contact: float = 0.0

    def shift(self, row: float, col: float) -> tuple[float, float]:
        """(d row, d col) by which a point of the image before moves, in pixels."""
        x, y, scale = self.matrix @ np.array([col, row, 1.0])
        return float(y / scale - row), float(x / scale - col)


def mask_motions(before: Mask, after: Mask) -> dict[MaskMotionKind, MaskMotion]:
    """The best motion of each family.

    Args:
        before: (H, W) bool, not empty.
        after: (H, W) bool, not empty.

    Returns:
        By family.
    """
    pair = _Masks(before, after)
    middle, size = pair.middle, pair.size
    across = pair.middle_after - middle

    def turns(values: Array) -> Array:
        cosine, sine = np.cos(values[:, 0]), np.sin(values[:, 0])
        rotation = np.stack([cosine, -sine, sine, cosine], axis=1).reshape(-1, 2, 2)
        return _about(rotation, middle, values[:, 1:])

    def slides(values: Array) -> Array:
        return _about(np.exp(values[:, :1, None]) * np.eye(2), middle, values[:, 1:])

    near = [across + size * np.array(by) for by in product((-0.3, 0.0, 0.3), repeat=2)]
    turn_grid = np.array([[angle, *by] for angle in TURNS for by in near])
    slide_grid = np.array([[scale, *by] for scale in SCALES for by in near])
    line_grid = np.array(list(product(LINE_ANGLES, LINE_PLACES, LINE_SCALES, SHEARS, GROWTHS)))
    line_grid[:, 1] *= pair.reach
    steps = size * 0.15
    turn, slide, line = (
        pair.best(build, extra, grid, np.array(by))
        for build, extra, grid, by in (
            (turns, lambda values: TURN_COST * np.abs(values[:, 0]) / math.pi, turn_grid, [0.13, steps, steps]),
            (slides, lambda values: np.zeros(len(values)), slide_grid, [0.08, steps, steps]),
            (pair.lines, pair.line_cost, line_grid, [0.08, pair.reach * 0.08, 0.12, 0.3, 0.15]),
        )
    )
    found: dict[MaskMotionKind, MaskMotion] = {
        "turn": MaskMotion("turn", turns(turn[0][None])[0], turn[1]),
        "slide": MaskMotion("slide", slides(slide[0][None])[0], slide[1]),
        "line": MaskMotion(
            "line", pair.lines(line[0][None])[0], line[1], pair.line_ends(line[0]), pair.contact(line[0])
        ),
    }
    return found


def _about(linear: Array, middle: Array, shifts: Array) -> Array:
    """Motions (k, 3, 3) that change by (k, 2, 2) about a point and shift by (k, 2)."""
    found = np.zeros((len(linear), 3, 3))
    found[:, :2, :2], found[:, :2, 2], found[:, 2, 2] = linear, middle + shifts - linear @ middle, 1.0
    return found


class _Masks:
    """Two masks: points to move, and how far other points are outside of them."""

    def __init__(self, before: Mask, after: Mask) -> None:
        self._points = [_evenly(mask, POINTS) for mask in (before, after)]
        self._few = [_evenly(mask, COARSE_POINTS) for mask in (before, after)]
        self._outside = [
            np.asarray(cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)
            for mask in (before, after)
        ]
        self.middle, self.middle_after = (points.mean(axis=1) for points in self._points)
        self.size = math.sqrt(0.5 * (np.count_nonzero(before) + np.count_nonzero(after)))
        #: What lines are near, and half of how far both masks reach.
        self._centre = 0.5 * (self.middle + self.middle_after)
        both = np.concatenate(self._points, axis=1) - self._centre[:, None]
        self.reach = float(np.linalg.norm(both, axis=0).max())

    def cost(self, motions: Array, few: bool = False) -> Array:
        """(k,) costs of motions (k, 3, 3)."""
        first, second = self._few if few else self._points
        back: Array = np.linalg.inv(motions).astype(np.float64)
        return np.asarray(
            0.5 * (self._fall(motions, first, self._outside[1]) + self._fall(back, second, self._outside[0]))
        )

    def best(
        self, build: Callable[[Array], Array], extra: Callable[[Array], Array], grid: Array, steps: Array
    ) -> tuple[Array, float]:
        """The best parameters of a family, from a grid of them refined, and their cost."""
        coarse = self.cost(build(grid), few=True) + extra(grid)
        offsets = np.array(list(product((0, -1, 1), repeat=grid.shape[1])))
        found: list[tuple[Array, float]] = []
        for start in grid[np.argsort(coarse)[:3]]:
            values, by, cost = start, steps, math.inf
            for _ in range(ROUNDS):
                trials = values + offsets * by
                costs = self.cost(build(trials)) + extra(trials)
                best = int(np.argmin(costs))
                by = by / 2 if best == 0 else by
                values, cost = trials[best], float(costs[best])
            found.append((values, cost))
        return min(found, key=lambda pair: pair[1])

    def lines(self, values: Array) -> Array:
        """Motions (k, 3, 3) by angle of the normal, place of the line, scale, shear and growth (k, 5)."""
        normal, along, place = self._line(values)
        scale = np.where(np.abs(values[:, 2]) < LEAST_SCALE, np.copysign(LEAST_SCALE, values[:, 2]), values[:, 2])
        move = (scale - 1)[:, None] * normal + values[:, 3:4] * along
        growth = values[:, 4] / self.size
        # About the middle, or growth would shift what is far from the corner of the image.
        line = np.concatenate([normal, (normal @ self._centre - place)[:, None]], axis=1)
        found = np.eye(3) + np.concatenate([move, growth[:, None]], axis=1)[:, :, None] * line[:, None, :]
        there, back = np.eye(3), np.eye(3)
        there[:2, 2], back[:2, 2] = self._centre, -self._centre
        return np.asarray(there @ found @ back)

    def line_cost(self, values: Array) -> Array:
        """(k,) what it costs that lines cross the masks or pass them by."""
        normal, _, place = self._line(values)
        total = GROWTH_COST / LINE_COST * np.abs(values[:, 4])
        for points in self._few:
            side = (normal @ points - place[:, None]) / self.size
            positive = (side > 0).mean(axis=1)
            total += np.minimum(positive, 1 - positive) + np.abs(side).min(axis=1)
        return np.asarray(LINE_COST * total)

    def line_ends(self, values: Array) -> tuple[tuple[float, float], tuple[float, float]]:
        """Two points (row, col) on a line, as far apart as the masks reach along it."""
        normal, along, place = (each[0] for each in self._line(values[None]))
        reach = along @ np.concatenate(self._points, axis=1)
        (x, y), (other_x, other_y) = (place * normal + by * along for by in (reach.min(), reach.max()))
        return (round(float(y), 3), round(float(x), 3)), (round(float(other_y), 3), round(float(other_x), 3))

    def contact(self, values: Array) -> float:
        """See :class:`MaskMotion`."""
        normal, along, place = (each[0] for each in self._line(values[None]))
        shares = []
        for points in self._points:
            touching = np.abs(normal @ points - place) < TOUCH * self.size
            length = along @ points
            shares.append(float(np.ptp(length[touching]) / np.ptp(length)) if touching.any() else 0.0)
        return min(shares)

    def _line(self, values: Array) -> tuple[Array, Array, Array]:
        """Normals (k, 2), directions (k, 2) and places n p (k,) of lines."""
        normal = np.stack([np.cos(values[:, 0]), np.sin(values[:, 0])], axis=1)
        along = np.stack([-normal[:, 1], normal[:, 0]], axis=1)
        return normal, along, normal @ self._centre + values[:, 1]

    def _fall(self, motions: Array, points: Array, distance: NDArray[np.float32]) -> Array:
        """(k,) how far points (2, n) fall outside; what falls out of the image costs as much as a little beside."""
        x, y, scale = np.moveaxis(motions[:, :, :2] @ points + motions[:, :, 2:], 1, 0)
        behind = scale < 0.2
        scale = np.where(behind, 0.2, scale)
        x, y = (x / scale).astype(np.float32), (y / scale).astype(np.float32)
        far = 0.1 * self.size
        seen = cv2.remap(distance, x - 0.5, y - 0.5, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=far)
        outside = np.where(behind, MOST_OUTSIDE, seen.astype(np.float64) / self.size)
        return np.asarray(np.minimum(outside, MOST_OUTSIDE).mean(axis=1))


def _evenly(mask: Mask, count: int) -> Array:
    """At most so many points (2, n) of a mask, x and y of the middles of its pixels."""
    rows, cols = np.nonzero(mask)
    chosen = np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)
    return np.stack([cols[chosen] + 0.5, rows[chosen] + 0.5])
