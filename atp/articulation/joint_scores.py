"""How near estimated joints come to the true ones.

For each true joint between two parts that were found, of the joint that the model has between these:

- whether its type is right;
- the angle between the axes, without regard to their sense;
- for hinges the distance between the axes as lines;
- the difference of the ranges seen;
- success, the rule of single-image estimators: type right, axis within 10 degrees, and root mean square distance
  between where the two joints put the points of the part over the range seen within 0.1 m for an object of human size
  (1.7 m), which is ``SUCCESS_SHARE`` of an object's extent.

Parts that the model joins by a joint that is not known count as one body: it says nothing of how they move.

Without depth, in the plane of the image: whether the type is right; for hinges seen along their axis the distance of
the pivots, as a share of the image's side; for slides, and for hinges whose axis lies across the line of sight, the
angle between the directions in the image.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import networkx as nx
import numpy as np

from atp.articulation.articulated_model import Articulation, ImageJointEntry, JointEntry
from atp.articulation.image_plane import MOST_TILT
from atp.articulation.joints import JointType, joint_motion
from atp.articulation.observations import Array

Entry = TypeVar("Entry", JointEntry, ImageJointEntry)

#: Of a successful joint: greatest angle between the axes (rad), greatest distance of points as a share of the extent.
SUCCESS_ANGLE, SUCCESS_SHARE = math.radians(10), 0.1 / 1.7
#: A joint that moved by less (rad, m) in an episode is not asked for.
LEAST_TURN, LEAST_SLIDE = math.radians(10), 0.03


@dataclass(frozen=True, eq=False)
class TrueJoint:
    """A joint as it is.

    Attributes:
        type: revolute or prismatic.
        parent: True label.
        child: True label.
        axis: (3,) of length 1 in the world, in the last image.
        pivot: (3,) in world metres, likewise.
        positions: In each image, in rad or m.
        points: (n, 3) of the child in the last image, in world metres.
        extent: Of the object, in metres.
    """

    type: JointType
    parent: int
    child: int
    axis: Array
    pivot: Array
    positions: Sequence[float]
    points: Array
    extent: float

    @property
    def moved(self) -> bool:
        """Whether it moved far enough to be asked for."""
        least = LEAST_SLIDE if self.type == "prismatic" else LEAST_TURN
        return max(self.positions) - min(self.positions) >= least


@dataclass(frozen=True)
class JointScore:
    """How one true joint was estimated.

    Attributes:
        true: Its type.
        found: The type estimated; "" where one of its parts was not found, or they are not neighbours in the model.
        axis: Angle between the axes in degrees; None where the type is wrong.
        pivot: Distance of the axes in metres; None where the type is wrong or prismatic.
        range: Absolute error of the range seen (rad or m); None where the type is wrong.
        success: See the module.
    """

    true: str
    found: str
    axis: float | None
    pivot: float | None
    range: float | None
    success: bool

    @property
    def right(self) -> bool:
        """Whether the type is right."""
        return self.true == self.found


def score_joint(model: Articulation, true: TrueJoint, matches: Mapping[int, int]) -> JointScore:
    """Compare a model with one true joint.

    Args:
        model: With axes in the world frame.
        true: The joint.
        matches: Label in the model of each true label whose part was found.

    Returns:
        The score.
    """
    found = None
    if true.parent in matches and true.child in matches:
        found = joint_between(model, matches[true.parent], matches[true.child])
    if found is None:
        return JointScore(true.type, "", None, None, None, False)
    if found.type != true.type or found.axis_world is None or found.lower is None or found.upper is None:
        return JointScore(true.type, found.type, None, None, None, False)
    axis = np.array(found.axis_world)
    axis = axis if axis @ true.axis >= 0 else -axis
    angle = math.acos(min(1.0, float(axis @ true.axis)))
    pivot = np.zeros(3) if found.pivot_world is None else np.array(found.pivot_world)
    distance = _lines_apart(axis, pivot, true.axis, true.pivot) if true.type == "revolute" else None
    by = (found.upper - found.lower) - (max(true.positions) - min(true.positions))
    success = angle <= SUCCESS_ANGLE and _points_apart(true, axis, pivot) <= SUCCESS_SHARE * true.extent
    return JointScore(true.type, found.type, math.degrees(angle), distance, abs(by), success)


@dataclass(frozen=True, eq=False)
class TrueImageJoint:
    """A joint as it is seen in the last image.

    Attributes:
        type: revolute or prismatic.
        parent: True label.
        child: True label.
        pivot: (row, col) in pixels of the point of the axis that is nearest to the child.
        direction: (2,) of length 1, (row, col), in which the axis runs in the image there.
        tilt: Angle between the axis and the line of sight (rad).
        side: Longer side of the image in pixels.
    """

    type: JointType
    parent: int
    child: int
    pivot: tuple[float, float]
    direction: Array
    tilt: float
    side: int


@dataclass(frozen=True)
class ImageJointScore:
    """How one true joint was estimated in the plane of the image.

    Attributes:
        true: Its type.
        along: Whether it is a hinge that is seen along its axis, within 20 degrees.
        found: The type estimated; "" where one of its parts was not found, or they are not neighbours in the model.
        pivot: Distance of the pivots as a share of the image's side, of a hinge that is seen along its axis; else None.
        direction: Angle in degrees between the directions of slides, or the axes of other hinges, in the image;
            None where there is none.
    """

    true: str
    along: bool
    found: str
    pivot: float | None
    direction: float | None

    @property
    def right(self) -> bool:
        """Whether the type is right."""
        return self.true == self.found


def score_image_joint(model: Articulation, true: TrueImageJoint, matches: Mapping[int, int]) -> ImageJointScore:
    """Compare the joints of a model in the plane of the image with one true joint.

    Args:
        model: With joints in the plane of the image.
        true: The joint.
        matches: As for :func:`score_joint`.

    Returns:
        The score.
    """
    along, found = true.type == "revolute" and true.tilt <= MOST_TILT, None
    if true.parent in matches and true.child in matches:
        found = _one_between(model.image_joints, matches[true.parent], matches[true.child])
    if found is None or found.type != true.type:
        return ImageJointScore(true.type, along, "" if found is None else found.type, None, None)
    if along:
        by = None if found.pivot is None else math.dist(found.pivot, true.pivot) / true.side
        return ImageJointScore(true.type, along, found.type, by, None)
    direction = found.direction
    if found.line is not None:
        (row, col), (other_row, other_col) = found.line
        direction = other_row - row, other_col - col
    angle = None
    if direction is not None:
        cosine = abs(float(np.dot(direction, true.direction))) / max(math.hypot(*direction), 1e-9)
        angle = math.degrees(math.acos(min(1.0, cosine)))
    return ImageJointScore(true.type, along, found.type, None, angle)


def joint_between(model: Articulation, first: int, second: int) -> JointEntry | None:
    """The one joint that moves two parts of a model against one another.

    Returns:
        The only known joint on the way between them; the first one on the way where none is known; None where there are
        several known ones, a part is not in the model, or both are the same.
    """
    return _one_between(model.joints, first, second)


def _one_between(joints: Sequence[Entry], first: int, second: int) -> Entry | None:
    tree: nx.Graph[int] = nx.Graph()
    for joint in joints:
        tree.add_edge(joint.parent, joint.child, joint=joint)
    if first == second or first not in tree or second not in tree:
        return None
    way = nx.shortest_path(tree, first, second)
    between: list[Entry] = [tree.edges[pair]["joint"] for pair in pairwise(way)]
    known = [joint for joint in between if joint.known]
    if len(known) > 1:
        return None
    return known[0] if known else between[0]


def _lines_apart(axis: Array, pivot: Array, true_axis: Array, true_pivot: Array) -> float:
    """Metres between two lines."""
    normal, between = np.cross(axis, true_axis), pivot - true_pivot
    length = float(np.linalg.norm(normal))
    if length < 1e-3:
        return float(np.linalg.norm(np.cross(between, true_axis)))
    return abs(float(between @ normal)) / length


def _points_apart(true: TrueJoint, axis: Array, pivot: Array) -> float:
    """Root mean square of the metres between where two joints put points, over both ends of the range seen."""
    squares = []
    for end in (min(true.positions), max(true.positions)):
        by = end - true.positions[-1]
        first, second = joint_motion(true.type, true.axis, true.pivot, by), joint_motion(true.type, axis, pivot, by)
        gaps = true.points @ (first - second)[:, :3].T + (first - second)[:, 3]
        squares.append(float(np.square(gaps).sum(axis=1).mean()))
    return math.sqrt(float(np.mean(squares)))
