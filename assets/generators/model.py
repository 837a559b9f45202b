"""What a generator hands back: an articulated object as meshes, materials and joints.

Everything is in the object's frame: metres and radians, z up towards the camera, the lowest point near z = 0.
Meshes lie as they are with every joint at zero, so that no link has a frame of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import trimesh


@dataclass(frozen=True)
class Material:
    """A surface: one small texture with the colour already in it.

    Attributes:
        name: Word for people, such as "brushed steel".
        texture: (S, S, 3) uint8 RGB image that repeats without a seam.
        repeat: Edge length of one repeat of the texture on the surface, in metres.
    """

    name: str
    texture: npt.NDArray[np.uint8]
    repeat: float


@dataclass(frozen=True)
class Visual:
    """One watertight mesh with one material.

    Attributes:
        mesh: Geometry in the object's frame (metres, z up) with every joint at zero.
        material: Its surface.
        grain: Direction of the texture's first axis in the xy plane, in radians from +x.
        uv: (F, 3, 2) texture coordinates of the corners of the F faces, all at least zero, such as those of a texture
            that is baked for this mesh. None projects the repeating texture.
    """

    mesh: trimesh.Trimesh
    material: Material
    grain: float = 0.0
    uv: npt.NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Link:
    """One rigid body.

    Attributes:
        part: Name of the part for people ("blade"), written to ``semantics.txt``.
        visuals: One mesh or more; together they are the body.
    """

    part: str
    visuals: tuple[Visual, ...]


@dataclass(frozen=True)
class Joint:
    """A hinge or a slide between two links.

    Attributes:
        parent: Index of the parent link.
        child: Index of the child link; always greater than ``parent``.
        origin: (x, y, z) of a point on the axis, object's frame, metres.
        lower: Lower limit in radians, or metres for a slide; at most zero.
        upper: Upper limit, likewise; at least zero.
        axis: Unit vector of the axis that the child rotates about, or slides along.
        type: URDF joint type: "revolute" or "prismatic"; "continuous" is a hinge without limits, whose ``lower`` and
            ``upper`` say nothing.
    """

    parent: int
    child: int
    origin: tuple[float, float, float]
    lower: float
    upper: float
    axis: tuple[float, float, float] = (0.0, 0.0, 1.0)
    type: str = "revolute"


@dataclass(frozen=True)
class GeneratedObject:
    """An articulated object. Link 0 is the root; link ``i`` > 0 is the child of exactly one joint.

    Attributes:
        category: Its category.
        links: The bodies, root first.
        joints: The hinges and slides. The state zero lies within the limits of each.
        notes: Choices worth knowing (style names), for ``meta.json``.
    """

    category: str
    links: tuple[Link, ...]
    joints: tuple[Joint, ...]
    notes: dict[str, str | float] = field(default_factory=dict)
