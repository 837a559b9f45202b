"""What play tells of an object, as a file: its parts, and the joint of each: axis, pivot, range and how sure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from atp.articulation.observations import Array
from atp.results.schema import Result

Vector = tuple[float, float, float]

FRAMES = (
    "camera: x right, y down, z forward along the optical axis, origin at the optical centre; "
    "world: x_world = rotation x_camera + position, of `camera`; axis and pivot are those in the last image; "
    "image: (row, col) in pixels, the centre of the first pixel at (0.5, 0.5)"
)
UNITS = "metres, radians, pixels"


@dataclass(frozen=True)
class CameraModel:
    """The camera of all images.

    Attributes:
        focal: Focal length in pixels.
        principal: Principal point (row, col), continuous.
        position: (3,) optical centre in the world, in metres; None where the world is not known.
        rotation: (3, 3), its columns are the camera's right, down and forward axes in the world; None likewise.
    """

    focal: float
    principal: tuple[float, float]
    position: Vector | None = None
    rotation: tuple[Vector, Vector, Vector] | None = None

    def to_world(self, axis: Vector, pivot: Vector) -> tuple[Vector | None, Vector | None]:
        """An axis and a pivot of the camera frame in the world; None where that is not known."""
        if self.rotation is None or self.position is None:
            return None, None
        turn = np.array(self.rotation)
        return vector(turn @ axis), vector(turn @ pivot + self.position)


@dataclass(frozen=True)
class PartEntry:
    """A part.

    Attributes:
        label: In the part labels of the last image.
        pixels: Visible there.
        moved: Whether it was seen to move; the others are what is left of the object.
    """

    label: int
    pixels: int
    moved: bool


@dataclass(frozen=True)
class JointEntry:
    """How a part hangs on another one.

    Attributes:
        parent: Label.
        child: Label.
        type: revolute, prismatic, fixed (both were moved again and again, and never against one another), or unknown:
            too little was seen to tell.
        axis: Unit vector in the camera frame; positive positions turn the child about it by the right hand, or
            shift it along. None where the type is unknown.
        pivot: Point on the axis in the camera frame in metres, of a revolute joint; else None.
        axis_world: The axis in the world frame; None where that is not known.
        pivot_world: The pivot likewise.
        lower: Least position seen (rad or m); 0 is the last image.
        upper: Greatest position seen.
        positions: In each image from the first; None where it could not be followed.
        axis_sigma: Standard deviation of the axis direction (rad), the worst way.
        pivot_sigma: Standard deviation of the pivot across the axis (m), the worst way.
        evidence: How much likelier the type is than the other one, as a difference of information criteria: a half of
            it is the logarithm of the odds.
        interactions: In how many interactions it was seen to move.
    """

    parent: int
    child: int
    type: str
    axis: Vector | None = None
    pivot: Vector | None = None
    axis_world: Vector | None = None
    pivot_world: Vector | None = None
    lower: float | None = None
    upper: float | None = None
    positions: list[float | None] = field(default_factory=list)
    axis_sigma: float | None = None
    pivot_sigma: float | None = None
    evidence: float | None = None
    interactions: int = 0

    @property
    def known(self) -> bool:
        """Whether its type, axis and range are."""
        return self.type in ("revolute", "prismatic")


@dataclass(frozen=True)
class ImageJointEntry:
    """A joint in the plane of the image, where there is no depth.

    Attributes:
        parent: Label.
        child: Label.
        type: revolute, prismatic, fixed or unknown.
        pivot: (row, col) in pixels, of a revolute joint; else None.
        direction: (d row, d col) of length 1, of a prismatic joint; else None.
        lower: Least position seen, radians from +col towards +row, or pixels; 0 is the last image.
        upper: Greatest position seen.
        pivot_sigma: Standard deviation of the pivot in pixels.
        interactions: In how many interactions it was seen to move.
        line: Two points (row, col) in pixels on the axis of a revolute joint that lies across the line of sight, as of
            a lid seen from above; it has no pivot, and how far it turned is not known.
    """

    parent: int
    child: int
    type: str
    pivot: tuple[float, float] | None = None
    direction: tuple[float, float] | None = None
    lower: float | None = None
    upper: float | None = None
    pivot_sigma: float | None = None
    interactions: int = 0
    line: tuple[tuple[float, float], tuple[float, float]] | None = None

    @property
    def known(self) -> bool:
        """Whether its type is."""
        return self.type in ("revolute", "prismatic")


@dataclass(frozen=True)
class Articulation(Result):
    """The articulated model of an object.

    Attributes:
        root: Label of the part that all others hang on; None where no part is known.
        parts: All parts.
        joints: One for each part but the root, from the root down; empty where there is no depth.
        image_joints: The same in the plane of the image, where there is no depth.
        camera: Of the images; None where it is not known.
        frames: In which frames axes and pivots are given.
        units: Of all numbers.
        notes: What could not be told, one sentence each.
    """

    WRITTEN_BY: ClassVar[str] = "atp play --model"

    root: int | None
    parts: list[PartEntry]
    joints: list[JointEntry]
    image_joints: list[ImageJointEntry] = field(default_factory=list)
    camera: CameraModel | None = None
    frames: str = FRAMES
    units: str = UNITS
    notes: list[str] = field(default_factory=list)

    def joint_of(self, child: int) -> JointEntry | None:
        """The joint by which a part hangs on another one; None for the root."""
        return next((joint for joint in self.joints if joint.child == child), None)


def vector(values: Array) -> Vector:
    """Three numbers as JSON holds them."""
    x, y, z = (round(float(value), 7) for value in values)
    return x, y, z
