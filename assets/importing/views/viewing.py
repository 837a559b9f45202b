"""From where to look at an object: the view in which most of its parts show and move across the image.

A camera stands `CAMERA_DISTANCE` from the point that it looks at, on the side of the world's -y, at an *elevation*
above the ground: at 90 degrees it looks straight down and may see the object turned any way, below it sees the object
from one side, its *azimuth*, which is turned to face -y. A view is one of

* ``"top"``: straight down on the object, which is laid so that its hinges point at the camera
  (`assets.importing.views.fitting.up_direction`), as large as it may be with its joints in the middle of their
  ranges: the benchmark's view;
* ``(elevation, azimuth)`` in degrees: the object stands as its file has it, z up, and the camera sees it from the
  direction (cos azimuth, sin azimuth) of the file's x and y axes, as in matplotlib;
* ``"auto"``: from above, laid likewise, unless an oblique view shows clearly more.

Except for ``"top"`` an object is as large as it may be to stay inside the image over the ranges of its joints.

**Which shows more.** With the joints at a quarter, half and three quarters of their ranges, points on the surface are
drawn into a coarse depth buffer. A part counts s m, between 0 and 1: s the square root of its visible area over
`SHOWN_PIXELS`, m the mean shift of its visible points over `MOVED_PIXELS` when its joint goes through the middle third
of its range (1 for the part on the ground), each at most 1. The score of a view is the mean over all parts, smoothed
over neighbouring azimuths, because an object is not turned exactly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.conventions import RESOLUTION, ViewChoice
from assets.importing.joints.kinematics import apply, link_poses, middle_positions
from assets.importing.reading.urdf import Joint, Matrix, UrdfModel, transform
from assets.importing.views.fitting import FIT_RADIUS, fit, fit_oblique, fit_ranges

Points = NDArray[np.float64]

#: Pixels, of an image of `RESOLUTION`, of which a part shows as much as can be wished for.
SHOWN_PIXELS = 400.0
#: Pixels by which a part should move.
MOVED_PIXELS = 6.0
#: What an oblique view must show more than the one from above.
MARGIN = 0.12
#: Oblique views that ``"auto"`` tries: degrees.
ELEVATIONS, AZIMUTHS = (35.0, 55.0), tuple(range(-180, 180, 15))
#: An object that is seen obliquely is turned by up to this many radians either way at reset.
TURN = 0.35
_CELL = 2  # pixels a side of a cell of the depth buffer


@dataclass(frozen=True)
class ObjectView:
    """How the camera looks at a prepared object.

    Attributes:
        elevation: Radians above the ground; pi / 2 is straight down.
        azimuth: Radians, counter-clockwise about the file's z from its x to the camera; 0 from straight above.
        target_height: Metres above the ground of the point in the middle of the image.
        turn: The object may be turned by up to this many radians either way; pi for any way.
    """

    elevation: float = math.pi / 2
    azimuth: float = 0.0
    target_height: float = 0.0
    turn: float = math.pi

    def __str__(self) -> str:
        """In words, as it is typed.

        >>> str(ObjectView()), str(ObjectView(math.radians(55), math.radians(-60)))
        ('from above', '--view=55,-60')
        """
        if self.elevation == math.pi / 2:
            return "from above"
        return f"--view={math.degrees(self.elevation):g},{math.degrees(self.azimuth):g}"


@dataclass(frozen=True)
class Placement:
    """How an object is scaled and placed for a view.

    Attributes:
        scale: Factor on all lengths.
        pose: (4, 4) of the scaled root link's frame in the world.
        radius: Of the bounding circle on the ground about the origin, joints in the middle, in metres.
        height: In metres, likewise.
        view: How the camera looks at it then.
    """

    scale: float
    pose: Matrix
    radius: float
    height: float
    view: ObjectView


def parse_view(value: Any) -> ViewChoice:
    """A view as it is typed, ``"40,-60"``, or given, ``(40, -60)``.

    >>> parse_view("40,-60"), parse_view("auto"), parse_view([90, 0])
    ((40.0, -60.0), 'auto', (90.0, 0.0))

    Raises:
        ValueError: It is none; the message says what there is.
    """
    if value in ("auto", "top"):
        return "auto" if value == "auto" else "top"
    parts: Sequence[Any] = value.split(",") if isinstance(value, str) else value
    try:
        elevation, azimuth = (float(part) for part in parts)
    except (TypeError, ValueError):
        elevation, azimuth = math.nan, math.nan
    if not (5.0 <= elevation <= 90.0 and math.isfinite(azimuth)):
        raise ValueError(
            f"view must be 'auto', 'top', or elevation (5 to 90) and azimuth in degrees, such as 40,-60; not {value!r}"
        )
    return elevation, azimuth


@dataclass(frozen=True)
class Shape:
    """Points of an object, and which part each belongs to.

    Attributes:
        samples: By link, (n, 3) spread over its surface, in metres in the link's frame.
        corners: By link, (n, 3) of its convex hull.
        parts: By link, index of its part; 0 is the part on the ground.
        movers: By joint that moves a part, that part's index.
    """

    samples: Mapping[str, Points]
    corners: Mapping[str, Points]
    parts: Mapping[str, int]
    movers: Mapping[str, int]


def place_for_view(model: UrdfModel, shape: Shape, laid: Matrix, choice: ViewChoice) -> Placement:
    """Choose a view, and scale and place the object so that it stays inside the image over its joints' ranges.

    Args:
        model: The object, its root link's z pointing up.
        shape: Points on it.
        laid: (3, 3) rotation that lays it for the view from above.
        choice: The view.

    Returns:
        The placement.
    """
    joints = _Joints(model, shape.movers)
    corners = [joints.placed(shape.corners, state) for state in joints.extremes()]
    if choice == "top":
        return _placement(corners[0] @ laid.T, laid, *fit(corners[0] @ laid.T), ObjectView())
    scale, shift = fit_ranges([points @ laid.T for points in corners])
    chosen = _best_view(joints, shape, laid, scale) if choice == "auto" else choice
    if chosen is None:
        return _placement(corners[0] @ laid.T, laid, scale, shift, ObjectView())
    elevation, azimuth = math.radians(chosen[0]), chosen[1]
    turned = _turned(azimuth)
    states = [points @ turned.T for points in corners]
    if chosen[0] >= 90.0:
        return _placement(states[0], turned, *fit_ranges(states), ObjectView())
    scale, shift, target = fit_oblique(states, elevation, TURN)
    return _placement(states[0], turned, scale, shift, ObjectView(elevation, math.radians(azimuth), target, TURN))


def _placement(middle: Points, rotation: Matrix, scale: float, shift: Points, view: ObjectView) -> Placement:
    there = scale * middle + shift
    radius = float(np.linalg.norm(there[:, :2], axis=1).max())
    return Placement(scale, transform(shift, rotation), radius, float(np.ptp(there[:, 2])), view)


def _turned(azimuth: float) -> Matrix:
    """Rotation (3, 3) about z that turns the side at an azimuth, in degrees, to face -y."""
    angle = -math.pi / 2 - math.radians(azimuth)
    cosine, sine = math.cos(angle), math.sin(angle)
    return np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])


class _Joints:
    """Where an object's points are for some positions of its joints."""

    def __init__(self, model: UrdfModel, movers: Mapping[str, int]) -> None:
        self.model, self.middle = model, middle_positions(model)
        self.ranges = {joint.name: _range(joint) for joint in model.joints if joint.name in movers}

    def at(self, share: float, *names: str) -> dict[str, float]:
        """Positions with these joints (none: all) at a share of their range and the others in the middle."""
        moved = {name: self.ranges[name] for name in names or self.ranges}
        return {**self.middle, **{name: low + share * (high - low) for name, (low, high) in moved.items()}}

    def extremes(self) -> list[dict[str, float]]:
        """The middle first, then the ends of every joint and of all together."""
        ends = [self.at(share, name) for name in self.ranges for share in (0.0, 1.0)]
        return [self.middle, *ends, self.at(0.0), self.at(1.0)]

    def placed(self, points: Mapping[str, Points], positions: Mapping[str, float]) -> Points:
        """All points (n, 3) in the root link's frame."""
        poses = link_poses(self.model, positions)
        return np.concatenate([apply(poses[name], some) for name, some in points.items()])


def _range(joint: Joint) -> tuple[float, float]:
    """A joint's limits; without any a hinge goes round once, and a slide gets them after the fit."""
    if joint.lower is not None and joint.upper is not None:
        return joint.lower, joint.upper
    return (0.0, 0.0) if joint.type == "prismatic" else (-math.pi, math.pi)


def _best_view(joints: _Joints, shape: Shape, laid: Matrix, scale: float) -> tuple[float, float] | None:
    """The oblique view that shows most, None where none shows more by `MARGIN` than that from above at ``scale``."""
    surface = _Surface(joints, shape)
    best = surface.score(laid, scale) + MARGIN
    found = None
    # One scale for all of them, so that none gains by foreshortening the object's longest side.
    oblique_scale = 2 * FIT_RADIUS / max(float(np.ptp(np.concatenate(surface.states), axis=0).max()), 1e-9)
    for elevation in ELEVATIONS if best < 1.0 else ():
        scores = []
        for azimuth in AZIMUTHS:
            rotation = _seen_from(math.radians(elevation)) @ _turned(azimuth)
            scores.append(surface.score(rotation, oblique_scale))
        smooth = (np.roll(scores, 1) + 2.0 * np.array(scores) + np.roll(scores, -1)) / 4.0
        index = int(np.argmax(smooth))
        if smooth[index] > best + 1e-6:
            best, found = float(smooth[index]), (elevation, float(AZIMUTHS[index]))
    return found


class _Surface:
    """The surface of an object with its joints at several positions, to be looked at from anywhere."""

    def __init__(self, joints: _Joints, shape: Shape) -> None:
        self.part = np.concatenate([np.full(len(some), shape.parts[name]) for name, some in shape.samples.items()])
        self.count = int(max(shape.parts.values())) + 1
        self.states = [joints.placed(shape.samples, joints.at(share)) for share in (0.25, 0.5, 0.75)]
        self.strokes = {  # how points move when a joint goes through the middle third of its range
            part: joints.placed(shape.samples, joints.at(2 / 3, name))
            - joints.placed(shape.samples, joints.at(1 / 3, name))
            for name, part in shape.movers.items()
        }

    def score(self, rotation: Matrix, scale: float) -> float:
        """How much is seen from a camera of this rotation, see the module."""
        pixels, seen = np.zeros(self.count), np.zeros(len(self.part), bool)
        for points in self.states:
            shown, front = _visible(points @ rotation.T * (scale * RESOLUTION), self.part, self.count)
            pixels += shown / len(self.states)
            seen |= front
        moved = np.ones(self.count)
        for part, shift in self.strokes.items():
            own = shift[seen & (self.part == part)] @ rotation[:2].T * (scale * RESOLUTION)
            moved[part] = np.linalg.norm(own, axis=1).mean() / MOVED_PIXELS if len(own) else 0.0
        return float(np.mean(np.sqrt(np.minimum(pixels / SHOWN_PIXELS, 1.0)) * np.minimum(moved, 1.0)))


def _seen_from(elevation: float) -> Matrix:
    """Rotation (3, 3) of the world to a camera on the side of -y: rows right, up, and towards the camera."""
    cosine, sine = math.cos(elevation), math.sin(elevation)
    return np.array([[1.0, 0.0, 0.0], [0.0, sine, cosine], [0.0, -cosine, sine]])


def _visible(points: Points, part: NDArray[np.int64], count: int) -> tuple[Points, NDArray[np.bool_]]:
    """Visible pixels of every part (count,), and which points are seen, of points (n, 3) right, up, towards."""
    cells = np.floor((points[:, :2] - points[:, :2].min(axis=0)) / _CELL).astype(np.int64)
    index = cells[:, 0] * (int(cells[:, 1].max()) + 1) + cells[:, 1]
    order = np.argsort(points[:, 2])
    nearest = np.full(int(index.max()) + 1, -1)
    nearest[index[order]] = order  # the last to be written is the nearest
    front = nearest[nearest >= 0]
    top = points[nearest[index], 2]
    pixels = np.bincount(part[front], minlength=count).astype(np.float64) * _CELL**2
    return pixels, points[:, 2] >= top - 1.5 * _CELL
