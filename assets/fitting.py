"""Geometry of an articulated object: where its links are, which way is up, how it is fitted, its inertia."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from assets.urdf import Geometry, Joint, Matrix, UrdfModel, transform

FIT_RADIUS = 0.36  # m, bounding circle of a fitted object
MAX_HEIGHT = 0.30  # m, of a fitted object
TOTAL_MASS = 1.0  # kg, of an object
MIN_MASS = 0.05  # kg, of a link with a shape
_MIN_SIDE = 0.01  # m: thinner boxes count as this thick, since near-zero inertia makes a simulation unstable
_CIRCLE_STEPS = 64
_MOVING = ("revolute", "continuous", "prismatic")


def axis_rotation(axis: Matrix, angle: float) -> Matrix:
    """Rotation (3, 3) by ``angle`` rad about a unit ``axis`` (3,) (Rodrigues' formula)."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + math.sin(angle) * cross + (1.0 - math.cos(angle)) * (cross @ cross)


def joint_motion(joint: Joint, position: float) -> Matrix:
    """What a joint at ``position`` (rad or m) adds (4, 4) to its origin; identity for a fixed joint."""
    if joint.type == "prismatic":
        return transform(joint.axis * position)
    if joint.type in ("revolute", "continuous"):
        return transform(rotation=axis_rotation(joint.axis, position))
    return np.eye(4)


def link_poses(model: UrdfModel, positions: Mapping[str, float]) -> dict[str, Matrix]:
    """Forward kinematics: the pose (4, 4) of every link in the root link's frame.

    Args:
        model: The object.
        positions: Joint positions in rad or m by joint name; 0 where not given.
    """
    poses = {model.root: np.eye(4)}
    for joint in model.joints:
        motion = joint_motion(joint, positions.get(joint.name, 0.0))
        poses[joint.child] = poses[joint.parent] @ joint.origin @ motion
    return poses


def middle_positions(model: UrdfModel) -> dict[str, float]:
    """The middle of every moving joint's range; 0 for a joint without limits."""
    return {
        joint.name: 0.0 if joint.lower is None or joint.upper is None else (joint.lower + joint.upper) / 2
        for joint in model.joints
        if joint.type in _MOVING
    }


def shape_points(geometry: Geometry) -> NDArray[np.float64]:
    """Points (n, 3) in metres whose bounds are those of a box, cylinder or sphere."""
    angles = np.linspace(0.0, 2.0 * math.pi, _CIRCLE_STEPS, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    if geometry.kind == "box":
        corners = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
        return corners * np.array(geometry.size)
    if geometry.kind == "cylinder":
        radius, length = geometry.size
        rings = [
            np.column_stack([circle * radius, np.full(len(circle), z)]) for z in (-length / 2, length / 2)
        ]
        return np.concatenate(rings)
    radius = geometry.size[0]
    tilts = np.linspace(-math.pi / 2, math.pi / 2, _CIRCLE_STEPS // 2 + 1)
    rings = [
        np.column_stack([circle * math.cos(tilt), np.full(len(circle), math.sin(tilt))]) for tilt in tilts
    ]
    return radius * np.concatenate(rings)


def up_axis(model: UrdfModel, poses: Mapping[str, Matrix], counted: Iterable[str]) -> int:
    """Which axis of the root link's frame should point at the camera.

    A hinge moves its part in the image plane when it is parallel to the viewing direction, a slide when it is
    at right angles to it. The axis for which most joints do so wins. An axis and its opposite score alike,
    so that only the three positive ones are in question.

    Args:
        model: The object.
        poses: Poses (4, 4) of its links in the root link's frame.
        counted: Names of the joints that move a part.

    Returns:
        0, 1 or 2 for +x, +y, +z. z, then y, wins a tie.
    """
    names = set(counted)
    score = np.zeros(3)
    for joint in model.joints:
        if joint.name in names:
            along = np.abs((poses[joint.child] @ np.append(joint.axis, 0.0))[:3])
            score += 1.0 - along if joint.type == "prismatic" else along
    best = score.max()
    return next(axis for axis in (2, 1, 0) if score[axis] >= best - 1e-3)


def upright(axis: int) -> Matrix:
    """Rotation (3, 3) that turns the given positive axis (0, 1, 2) into +z."""
    # Cyclic permutations of the axes: x -> y -> z -> x, as often as it takes.
    return np.roll(np.eye(3), 2 - axis, axis=0)


def bounding_circle(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Smallest circle around points in the plane.

    The farthest point outside the current circle enters its support, which is then solved exactly over all
    pairs and triples: the radius grows strictly, so that this ends, in practice after about ten rounds.

    Args:
        points: (n, 2), n >= 1.

    Returns:
        Centre (2,) and radius, in the units of the points.
    """
    support = points[[int(np.argmax(np.linalg.norm(points - points[0], axis=1)))]]
    centre, radius = support[0], 0.0
    while True:
        distance = np.linalg.norm(points - centre, axis=1)
        farthest = int(np.argmax(distance))
        if distance[farthest] <= radius * (1.0 + 1e-9) + 1e-12:
            return centre, float(distance[farthest])
        grown = radius
        centre, radius, support = _circle_of_few(np.concatenate([support, points[[farthest]]]))
        if radius <= grown:  # rounding has eaten the growth: the circle is exact but for that
            return centre, float(np.linalg.norm(points - centre, axis=1).max())


def _circle_of_few(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], float, NDArray[np.float64]]:
    """Smallest circle around at most four points, and the points on it."""
    best: tuple[NDArray[np.float64], float, NDArray[np.float64]] | None = None
    for size in (2, 3):
        for chosen in combinations(range(len(points)), size):
            some = points[list(chosen)]
            centre = some.mean(axis=0) if size == 2 else _circumcentre(some)
            if centre is None:
                continue
            radius = float(np.linalg.norm(some - centre, axis=1).max())
            reach = float(np.linalg.norm(points - centre, axis=1).max())
            if reach <= radius * (1.0 + 1e-9) and (best is None or radius < best[1]):
                best = centre, radius, some
    assert best is not None  # some pair or triple of points always has the others inside
    return best


def _circumcentre(triangle: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Centre of the circle through three points (3, 2), None where they lie on a line."""
    sides = triangle[1:] - triangle[0]
    squares = (sides**2).sum(axis=1)
    area = sides[0, 0] * sides[1, 1] - sides[0, 1] * sides[1, 0]
    if abs(area) <= 1e-12 * squares.max():
        return None
    return triangle[0] + np.linalg.solve(2.0 * sides, squares)


def fit(points: NDArray[np.float64]) -> tuple[float, Matrix, float, float]:
    """Scale and shift that bring an upright object into view.

    Args:
        points: (n, 3) of the object, z up, in metres.

    Returns:
        The scale, the shift (3,) to add after scaling (circle about the origin, lowest point at z = 0), and
        the radius and height in metres of the fitted object: radius 0.36, or less where the object would
        then be higher than 0.30.
    """
    centre, radius = bounding_circle(points[:, :2])
    bottom, top = float(points[:, 2].min()), float(points[:, 2].max())
    scale = min(FIT_RADIUS / max(radius, 1e-9), MAX_HEIGHT / max(top - bottom, 1e-9))
    shift = -scale * np.array([centre[0], centre[1], bottom])
    return scale, shift, scale * radius, scale * (top - bottom)


def share_mass(boxes: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    """Split the object's mass over its links in kg: ``MIN_MASS`` each, the rest by bounding-box volume.

    Args:
        boxes: Sides (3,) in metres of each link's bounding box, by link name.
    """
    volumes = {name: float(np.prod(np.maximum(sides, _MIN_SIDE))) for name, sides in boxes.items()}
    rest = max(TOTAL_MASS - MIN_MASS * len(boxes), 0.0)
    total = sum(volumes.values())
    return {name: MIN_MASS + rest * volume / total for name, volume in volumes.items()}


def box_inertia(mass: float, sides: NDArray[np.float64]) -> tuple[float, float, float]:
    """Principal moments in kg m^2 of a solid box about its centre, along its sides (3,) in metres."""
    x, y, z = np.maximum(sides, _MIN_SIDE) ** 2
    return mass / 12.0 * (y + z), mass / 12.0 * (x + z), mass / 12.0 * (x + y)
