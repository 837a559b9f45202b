"""A URDF file as a plain model: links with their visuals, and a tree of joints."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets.importing.reading.sandbox import ObjectError

Matrix = NDArray[np.float64]

__all__ = [
    "Geometry",
    "Joint",
    "Link",
    "Matrix",
    "ObjectError",
    "UrdfModel",
    "Visual",
    "matrix_to_rpy",
    "rpy_to_matrix",
    "transform",
    "tree_order",
]


@dataclass(frozen=True)
class Geometry:
    """A shape: ``size`` is (x, y, z) of a box, (radius, length) of a cylinder or capsule, (radius,) of a sphere.

    The axis of a cylinder or capsule is its z; a capsule's length is without its caps. For a mesh ``size`` is empty,
    ``mesh`` the resolved file, and ``scale`` its factors (x, y, z), any of which may be negative.
    """

    kind: str
    size: tuple[float, ...] = ()
    mesh: Path | None = None
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Visual:
    """A geometry at ``origin`` (4, 4) in its link's frame; ``rgba`` in [0, 1] and ``texture``, None where not given."""

    geometry: Geometry
    origin: Matrix
    rgba: tuple[float, float, float, float] | None = None
    texture: Path | None = None


@dataclass(frozen=True)
class Link:
    """A rigid body."""

    name: str
    visuals: tuple[Visual, ...] = ()


@dataclass(frozen=True)
class Joint:
    """``origin`` (4, 4) is the joint frame in the parent; ``axis`` (3,) is of unit length, in that frame.

    ``lower`` <= ``upper`` in rad (revolute) or m (prismatic); None where the file sets no limits.
    """

    name: str
    type: str
    parent: str
    child: str
    origin: Matrix
    axis: Matrix
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True)
class UrdfModel:
    """A kinematic tree. ``joints`` come in tree order: a joint's parent link is placed before it is used.

    ``folder`` is the object's own folder, and ``mesh_root`` a further one that the user has named, or None: one of them
    holds every file that the model refers to. ``stamps`` are folders in which files would appear that are missing.
    ``notes`` say what was left out or changed of the file, one sentence each.
    """

    name: str
    links: dict[str, Link]
    joints: tuple[Joint, ...]
    root: str
    path: Path
    folder: Path
    mesh_root: Path | None = None
    stamps: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()

    def home_of(self, file: Path) -> Path:
        """The folder of the two that a file of the object lies in, outside which nothing that it names is read."""
        return self.mesh_root if self.mesh_root and not file.is_relative_to(self.folder) else self.folder


def rpy_to_matrix(rpy: Iterable[float]) -> Matrix:
    """Rotation (3, 3) of URDF's roll, pitch, yaw in rad: about fixed x, then y, then z."""
    r, p, y = rpy
    cr, sr, cp, sp, cy, sy = math.cos(r), math.sin(r), math.cos(p), math.sin(p), math.cos(y), math.sin(y)
    return np.array(
        [
            [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
            [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
            [-sp, cp * sr, cp * cr],
        ]
    )


def matrix_to_rpy(rotation: Matrix) -> tuple[float, float, float]:
    """Roll, pitch, yaw in rad of a rotation (3, 3); roll is 0 where pitch is +-90 degrees."""
    cp = math.hypot(rotation[0, 0], rotation[1, 0])
    pitch = math.atan2(-rotation[2, 0], cp)
    if cp < 1e-9:  # roll and yaw rotate about one axis: only their sum or difference is defined
        return 0.0, pitch, math.atan2(-rotation[0, 1], rotation[1, 1])
    return (
        math.atan2(rotation[2, 1], rotation[2, 2]),
        pitch,
        math.atan2(rotation[1, 0], rotation[0, 0]),
    )


def transform(xyz: Iterable[float] = (0.0, 0.0, 0.0), rotation: Matrix | None = None) -> Matrix:
    """Homogeneous matrix (4, 4) of a rotation (3, 3) and then a shift (3,) in metres."""
    matrix = np.eye(4)
    if rotation is not None:
        matrix[:3, :3] = rotation
    matrix[:3, 3] = tuple(xyz)
    return matrix


def tree_order(joints: Iterable[Joint], root: str) -> tuple[Joint, ...]:
    """Joints that can be reached from ``root``, breadth first; a cycle elsewhere is left out."""
    below: dict[str, list[Joint]] = {}
    for joint in joints:
        below.setdefault(joint.parent, []).append(joint)
    ordered: list[Joint] = []
    queue = [root]
    for link in queue:  # grows while it is walked
        ordered += below.get(link, [])
        queue += [joint.child for joint in below.get(link, [])]
    return tuple(ordered)
