"""Fit an object to the view: which way is up, how large, where."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from assets.conventions import CAMERA_DISTANCE, RESET_SHIFT, VIEW_WIDTH
from assets.importing.joints.kinematics import axis_rotation
from assets.importing.reading.urdf import Link, Matrix, UrdfModel, Visual, transform

FIT_RADIUS = 0.36  # m, bounding circle of a fitted object
MAX_HEIGHT = 0.30  # m, of an object seen from above
HALF_VIEW = 0.48 * VIEW_WIDTH  # m from the middle of the image within which an object stays: two pixels from its border
OBLIQUE = 0.1  # gain in score for which an object is tilted off its axes: one hinge at 26 degrees to them


def up_direction(model: UrdfModel, poses: Mapping[str, Matrix], weights: Mapping[str, float]) -> NDArray[np.float64]:
    """Which direction in the root link's frame should point at the camera.

    A hinge moves its part in the image plane when it is parallel to the viewing direction, a slide when it is
    at right angles to it. The axis of the frame for which most joints do so wins, unless all three are far from
    what a direction between them would give, as with an oblique hinge. A direction and its opposite score alike,
    so that only the positive axes are in question.

    Args:
        model: The object.
        poses: Poses (4, 4) of its links in the root link's frame.
        weights: By name of the joints that move a part, how much each counts.

    Returns:
        Unit vector (3,). z, then y, wins a tie.
    """
    joints = [joint for joint in model.joints if weights.get(joint.name, 0.0) > 0.0]
    if not joints:
        return np.array([0.0, 0.0, 1.0])
    axes = np.array([(poses[joint.child] @ np.append(joint.axis, 0.0))[:3] for joint in joints])
    slides = np.array([joint.type == "prismatic" for joint in joints])
    share = np.array([weights[joint.name] for joint in joints])
    share /= share.sum()

    def score(direction: NDArray[np.float64]) -> float:
        along = np.abs(axes @ direction)
        return float(share @ np.where(slides, 1.0 - along, along))

    scores = [score(axis) for axis in np.eye(3)]
    best = next(axis for axis in (2, 1, 0) if scores[axis] >= max(scores) - 1e-3)
    signed = np.where(slides, -share, share)
    between = np.linalg.eigh((axes.T * signed) @ axes)[1][:, -1]
    if score(between) < scores[best] + OBLIQUE:
        return np.asarray(np.eye(3)[best])
    return np.asarray(between * np.sign(between[np.argmax(np.abs(between))]))


def upright(direction: NDArray[np.float64]) -> Matrix:
    """Rotation (3, 3) that takes a direction (3,) to +z."""
    # Cyclic permutations of the axes: x -> y -> z -> x, as often as it takes; then the rest of the way.
    nearest = int(np.argmax(np.abs(direction)))
    permuted = np.roll(np.eye(3), 2 - nearest, axis=0)
    x, y, z = permuted @ direction
    if math.hypot(x, y) < 1e-9:
        return permuted
    tilt = math.atan2(math.hypot(x, y), z)
    axis = np.array([y, -x, 0.0]) / math.hypot(x, y)
    return axis_rotation(axis, tilt) @ permuted


def bounding_circle(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Smallest circle around points in the plane.

    The farthest point outside the current circle enters its support, which is then solved exactly over all
    pairs and triples: the radius grows strictly, so that this ends, in practice after about ten rounds.

    Args:
        points: (n, 2), n >= 1.

    Returns:
        Centre (2,) and radius, in the units of the points.
    """
    support = points[:1]
    centre, radius = support[0], 0.0
    while True:
        distance = np.linalg.norm(points - centre, axis=1)
        farthest = int(np.argmax(distance))
        if distance[farthest] <= radius * (1.0 + 1e-9):
            return centre, float(distance[farthest])
        grown = radius
        centre, radius, support = _circle_of_few(np.concatenate([support, points[[farthest]]]))
        if radius <= grown:  # rounding has eaten the growth: the circle is exact but for that
            return centre, float(np.linalg.norm(points - centre, axis=1).max())


def _circle_of_few(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], float, NDArray[np.float64]]:
    """Smallest circle around two to four points: centre (2,), radius, and the points that set it."""
    best = points[0], math.inf, points[:2]
    for size in (2, 3):
        for chosen in combinations(range(len(points)), size):
            some = points[list(chosen)]
            centre = some.mean(axis=0) if size == 2 else _circumcentre(some)
            if centre is not None:
                reach = float(np.linalg.norm(points - centre, axis=1).max())
                if reach < best[1]:
                    best = centre, reach, some
    return best


def _circumcentre(triangle: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Centre of the circle through three points (3, 2), None where they lie on a line."""
    sides = triangle[1:] - triangle[0]
    squares = (sides**2).sum(axis=1)
    area = sides[0, 0] * sides[1, 1] - sides[0, 1] * sides[1, 0]
    if abs(area) <= 1e-12 * squares.max():
        return None
    return np.asarray(triangle[0] + np.linalg.solve(2.0 * sides, squares))


def fit(points: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Scale and shift that bring an object into the view from straight above.

    Args:
        points: (n, 3) of the object with its joints in the middle of their ranges, z up, in metres.

    Returns:
        The scale, and the shift (3,) to add after scaling: circle about the origin, of radius 0.36 m, or less where
        the object would then be higher than 0.30 m; lowest point at z = 0.
    """
    centre, radius = bounding_circle(points[:, :2])
    bottom, top = float(points[:, 2].min()), float(points[:, 2].max())
    scale = min(FIT_RADIUS / max(radius, 1e-9), MAX_HEIGHT / max(top - bottom, 1e-9))
    return scale, -scale * np.array([centre[0], centre[1], bottom])


def fit_ranges(states: Sequence[NDArray[np.float64]]) -> tuple[float, NDArray[np.float64]]:
    """`fit`, such that the object stays inside the image over the ranges of its joints, however it is turned.

    Args:
        states: (n, 3) of the object, z up, in metres: its joints in the middle of their ranges, then at their ends.

    Returns:
        As `fit`; the circle about the origin is that of all states.
    """
    scale, _ = fit(states[0])
    every = np.concatenate(states)
    centre, _ = bounding_circle(every[:, :2])
    bottom = float(states[0][:, 2].min())
    # A point is seen at (scale * reach + RESET_SHIFT) / (1 - scale * height / CAMERA_DISTANCE) from the middle.
    reach, height = np.linalg.norm(every[:, :2] - centre, axis=1), every[:, 2] - bottom
    needed = float((reach + HALF_VIEW * height / CAMERA_DISTANCE).max())
    scale = min(scale, (HALF_VIEW - RESET_SHIFT) / max(needed, 1e-9))
    return scale, -scale * np.array([centre[0], centre[1], float(every[:, 2].min())])


def fit_oblique(
    states: Sequence[NDArray[np.float64]], elevation: float, turn: float
) -> tuple[float, NDArray[np.float64], float]:
    """Scale and shift that bring an upright object into a view from the side of -y.

    Args:
        states: (n, 3) points of the object, z up, for several positions of its joints, in metres.
        elevation: Of the camera above the ground, in radians.
        turn: Radians by which the object may be turned about its middle.

    Returns:
        The scale, the shift (3,) to add after scaling (middle of its outline above the origin, lowest point at z = 0),
        and the height in metres of the point at which the camera looks.
    """
    every = np.concatenate(states)
    centre, _ = bounding_circle(every[:, :2])
    every = every - [centre[0], centre[1], float(every[:, 2].min())]
    cosine, sine = math.cos(elevation), math.sin(elevation)
    turned = []
    for angle in (-turn, 0.0, turn):
        c, s = math.cos(angle), math.sin(angle)
        x, y, z = c * every[:, 0] - s * every[:, 1], s * every[:, 0] + c * every[:, 1], every[:, 2]
        turned.append(np.stack([x, sine * y + cosine * z, sine * z - cosine * y], axis=1))  # right, up, towards
    right, above, near = np.concatenate(turned).T
    scale, target = HALF_VIEW / max(float(np.ptp(right)), float(np.ptp(above)), 1e-9), 0.0
    for _ in range(10):  # perspective depends on the scale; it settles at once
        distance = 1.0 - (scale * near - target * sine) / CAMERA_DISTANCE
        if distance.min() < 0.3:  # too near the camera
            scale *= 0.8
            continue
        up = (scale * above - target * cosine) / distance
        target += float(up.max() + up.min()) / 2 / max(cosine, 0.2)
        reach = max(float((np.abs(scale * right) / distance).max()), float(np.ptp(up)) / 2)
        # The rest of the way: the position at reset, nearest the camera.
        scale *= (HALF_VIEW - RESET_SHIFT / float(distance.min())) / max(reach, 1e-9)
    shift = -scale * np.array([centre[0], centre[1], 0.0])
    shift[2] = -scale * min(float(points[:, 2].min()) for points in states)
    return scale, shift, target


def placed(model: UrdfModel, scale: float, pose: Matrix) -> UrdfModel:
    """The object scaled by ``scale`` about its root link's frame, then placed by ``pose`` (4, 4).

    Lengths are rewritten throughout: origins, shapes, limits of slides. The pose goes into the root link's
    shapes and joints, so that the root frame itself ends up at the world's origin with z up: the axis that
    the object rotates about on the table.
    """

    def moved(origin: Matrix, link: str) -> Matrix:
        origin = transform(scale * origin[:3, 3], origin[:3, :3])
        return pose @ origin if link == model.root else origin

    def moved_visual(visual: Visual, link: str) -> Visual:
        x, y, z = visual.geometry.scale
        size = tuple(scale * side for side in visual.geometry.size)
        geometry = replace(visual.geometry, size=size, scale=(scale * x, scale * y, scale * z))
        return replace(visual, geometry=geometry, origin=moved(visual.origin, link))

    links = {
        name: Link(name, tuple(moved_visual(visual, name) for visual in link.visuals))
        for name, link in model.links.items()
    }
    joints = []
    for joint in model.joints:
        joint = replace(joint, origin=moved(joint.origin, joint.parent))
        if joint.type == "prismatic" and joint.lower is not None and joint.upper is not None:
            joint = replace(joint, lower=scale * joint.lower, upper=scale * joint.upper)
        joints.append(joint)
    return replace(model, links=links, joints=tuple(joints))
