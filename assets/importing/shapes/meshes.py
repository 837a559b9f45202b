"""Shapes: their points, and meshes with their materials."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets.importing.reading.companions import Companions, pointer
from assets.importing.reading.urdf import Geometry, ObjectError
from assets.importing.shapes.doubles import closed_outwards, repeated, welded
from assets.importing.shapes.obj import PLAIN, Colour, Material, read_obj
from assets.importing.shapes.painted import painted
from assets.importing.shapes.scene_files import read_scene

_CIRCLE_STEPS = 64
_FARTHEST = 1e12  # of a point from the origin, in any unit: what is farther overflows where it is squared


@dataclass(frozen=True)
class Mesh:
    """A mesh file.

    Attributes:
        path: The file.
        points: (n, 3) float64.
        faces: (m, 3) int64.
        uv: (m, 3, 2) float64, texture coordinates of every corner, NaN for none; None where no corner has any.
        material: (m,) int64, index into ``materials``.
        materials: Those that a face uses, the commonest first.
        files: Further files that it refers to; where one is missing, the folder in which it would appear.
        missing: Names of files that it refers to and that are not there.
        inside: Every file that it names lies in the object's folder.
        plain: One material can show it: it has no colours of single points, and what it refers to is called as it
            says.
        normals: (m, 3, 3) float64, normals of every corner, NaN for none; None where the file is no OBJ.
    """

    path: Path
    points: NDArray[np.float64]
    faces: NDArray[np.int64]
    uv: NDArray[np.float64] | None
    material: NDArray[np.int64]
    materials: tuple[Material, ...]
    files: tuple[Path, ...] = ()
    missing: tuple[str, ...] = ()
    inside: bool = True
    plain: bool = True
    normals: NDArray[np.float64] | None = None

    @property
    def rgba(self) -> Colour | None:
        """The colour of the commonest material; None where it has a texture, which a colour would tint."""
        return None if self.materials[0].texture else self.materials[0].rgba

    @cached_property
    def corners(self) -> NDArray[np.int64]:
        """Faces (m, 3) that name points at one place alike."""
        return welded(self.points, self.faces)

    @cached_property
    def doubled(self) -> bool:
        """Whether a face is there more than once, whichever way around."""
        return bool(repeated(self.corners).any())

    @cached_property
    def solid(self) -> bool:
        """Whether the surface is closed and its faces look outwards, so that their backs are never seen."""
        return closed_outwards(self.points, self.faces, self.corners)


def shape_points(geometry: Geometry) -> NDArray[np.float64]:
    """Points (n, 3) in metres whose bounds are those of a box, cylinder, capsule or sphere."""
    angles = np.linspace(0.0, 2.0 * math.pi, _CIRCLE_STEPS, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    if geometry.kind == "box":
        corners = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
        return np.asarray(corners * np.array(geometry.size))
    if geometry.kind == "cylinder":
        radius, length = geometry.size
        rings = [np.column_stack([circle * radius, np.full(len(circle), z)]) for z in (-length / 2, length / 2)]
        return np.concatenate(rings)
    radius, length = (*geometry.size, 0.0)[:2]  # a sphere is a capsule without length
    tilts = np.linspace(-math.pi / 2, math.pi / 2, _CIRCLE_STEPS // 2 + 1)
    rings = [np.column_stack([circle * math.cos(tilt), np.full(len(circle), math.sin(tilt))]) for tilt in tilts]
    ball = radius * np.concatenate(rings)
    if not length:
        return ball
    return np.concatenate([ball + np.array([0.0, 0.0, half]) for half in (-length / 2, length / 2)])


def read_mesh(path: Path, urdf: Path, folder: Path) -> Mesh:
    """Read a mesh: an OBJ, or any format that trimesh knows (STL, PLY, OFF, glTF; DAE where pycollada is there).

    Args:
        path: The mesh.
        urdf: The file that refers to it, for messages.
        folder: The folder outside which nothing that it refers to is looked for.

    Raises:
        ObjectError: The format is not known, or the file is damaged or empty.
    """
    try:
        if not path.stat().st_size:
            raise ObjectError(f"{urdf}: mesh {path} is an empty file")
        if pointer(path):
            raise ObjectError(
                f"{urdf}: mesh {path} is a Git LFS pointer, not the mesh itself: run `git lfs pull` in its folder"
            )
        mesh = _read_obj(path, folder) if path.suffix.lower() == ".obj" else _read_other(path, urdf, folder)
    except ObjectError:
        raise
    except Exception as error:  # a broken mesh fails in as many ways as there are readers
        kind = "" if type(error) is ValueError else f"{type(error).__name__}: "
        raise ObjectError(f"{urdf}: cannot read mesh {path}: {kind}{error}") from error
    points, faces = mesh.points, mesh.faces
    if not len(points) or not len(faces):
        raise ObjectError(f"{urdf}: mesh {path} has no faces")
    if not np.isfinite(points).all() or faces.min() < 0 or faces.max() >= len(points):
        raise ObjectError(f"{urdf}: mesh {path} is damaged: points that are not finite, or faces without points")
    if np.abs(points).max() > _FARTHEST:
        raise ObjectError(f"{urdf}: mesh {path} has points beyond {_FARTHEST:g}: scale it down")
    return mesh


def _read_obj(path: Path, folder: Path) -> Mesh:
    obj = read_obj(path, folder)
    near = obj.companions
    uv: NDArray[np.float64] | None = obj.uv
    material, materials = obj.material, obj.materials
    by_point = obj.colours is not None and materials == (PLAIN,)
    if obj.colours is not None and by_point:
        uv, material, materials = painted(obj.colours[obj.faces].mean(axis=1))
    if uv is not None and np.isnan(uv).all():
        uv = None
    return Mesh(
        path, obj.points, obj.faces, uv, material, materials, tuple(near.files), tuple(near.missing), near.inside,
        plain=near.exact and not by_point, normals=obj.normals,
    )  # fmt: skip


def _read_other(path: Path, urdf: Path, folder: Path) -> Mesh:
    near = Companions(path, folder)
    scene = read_scene(path, urdf, near)
    return Mesh(
        path, scene.points, scene.faces, scene.uv, scene.material, scene.materials,
        tuple(near.files), tuple(near.missing), near.inside, plain=all(m.texture is None for m in scene.materials),
    )  # fmt: skip
