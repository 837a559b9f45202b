"""Shapes: their points, meshes with their materials, and plain copies of meshes that would be shown wrongly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.importing.obj import PLAIN, Colour, Material, read_obj
from assets.importing.urdf import Geometry, ObjectError

_CIRCLE_STEPS = 64
_STL_HEADER, _STL_TRIANGLE = 84, 50  # bytes of a binary STL


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
        files: Further files that it refers to.
        inside: Every file that it names lies in the object's folder.
    """

    path: Path
    points: NDArray[np.float64]
    faces: NDArray[np.int64]
    uv: NDArray[np.float64] | None
    material: NDArray[np.int64]
    materials: tuple[Material, ...]
    files: tuple[Path, ...] = ()
    inside: bool = True

    @property
    def rgba(self) -> Colour | None:
        """The colour of the commonest material; None where it has a texture, which a colour would tint."""
        return None if self.materials[0].texture else self.materials[0].rgba

    @cached_property
    def solid(self) -> bool:
        """Whether the surface is closed and its faces look outwards, so that their backs are never seen."""
        _, place = np.unique(np.round(self.points, 9), axis=0, return_inverse=True)
        faces = place.reshape(-1)[self.faces]
        edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
        there, back = edges @ [len(self.points), 1], edges @ [1, len(self.points)]
        if not np.array_equal(np.sort(there), np.sort(back)):  # every edge as often one way as the other
            return False
        a, b, c = self.points[self.faces.T] - self.points.mean(axis=0)
        return float((np.cross(a, b) * c).sum()) > 0.0


def shape_points(geometry: Geometry) -> NDArray[np.float64]:
    """Points (n, 3) in metres whose bounds are those of a box, cylinder or sphere."""
    angles = np.linspace(0.0, 2.0 * math.pi, _CIRCLE_STEPS, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    if geometry.kind == "box":
        corners = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
        return np.asarray(corners * np.array(geometry.size))
    if geometry.kind == "cylinder":
        radius, length = geometry.size
        rings = [np.column_stack([circle * radius, np.full(len(circle), z)]) for z in (-length / 2, length / 2)]
        return np.concatenate(rings)
    radius = geometry.size[0]
    tilts = np.linspace(-math.pi / 2, math.pi / 2, _CIRCLE_STEPS // 2 + 1)
    rings = [np.column_stack([circle * math.cos(tilt), np.full(len(circle), math.sin(tilt))]) for tilt in tilts]
    return radius * np.concatenate(rings)


def read_mesh(path: Path, urdf: Path, folder: Path) -> Mesh:
    """Read a mesh: an OBJ, or any format that trimesh knows (STL, PLY, OFF, glTF; DAE where pycollada is there).

    Args:
        path: The mesh.
        urdf: The file that refers to it, for messages.
        folder: The object's folder, outside which no material is looked for.

    Raises:
        ObjectError: The format is not known, or the file is damaged or empty.
    """
    try:
        mesh = _read_obj(path, folder) if path.suffix.lower() == ".obj" else _read_other(path, urdf)
    except ObjectError:
        raise
    except Exception as error:  # a broken mesh fails in as many ways as there are readers
        raise ObjectError(f"{urdf}: cannot read mesh {path}: {type(error).__name__}: {error}") from error
    points, faces = mesh.points, mesh.faces
    if not len(points) or not len(faces):
        raise ObjectError(f"{urdf}: mesh {path} has no faces")
    if not np.isfinite(points).all() or faces.min() < 0 or faces.max() >= len(points):
        raise ObjectError(f"{urdf}: mesh {path} is damaged: points that are not finite, or faces without points")
    return mesh


def _read_obj(path: Path, folder: Path) -> Mesh:
    obj = read_obj(path, folder)
    uv = None if np.isnan(obj.uv).all() else obj.uv
    return Mesh(path, obj.points, obj.faces, uv, obj.material, obj.materials, obj.files, obj.inside)


def _read_other(path: Path, urdf: Path) -> Mesh:
    import trimesh  # slow to import, and seldom needed

    if path.suffix.lower().lstrip(".") not in trimesh.available_formats():
        raise ObjectError(
            f"{urdf}: cannot read meshes of the format {path.suffix or '(none)'} ({path.name}): "
            "convert it to .obj or .stl and change its name in the URDF"
        )
    loaded: Any = trimesh.load(path, process=False, force="mesh", skip_materials=True)
    points = np.asarray(loaded.vertices, dtype=np.float64)
    faces = np.asarray(loaded.faces, dtype=np.int64)
    return Mesh(path, points, faces, None, np.zeros(len(faces), np.int64), (PLAIN,))


def loads_as_is(path: Path, scale: tuple[float, float, float]) -> bool:
    """Whether a simulator that reads OBJ and binary STL shows this mesh rightly at this scale.

    A scale that mirrors flips every triangle, so that only its inside would be rendered.
    """
    if scale[0] * scale[1] * scale[2] < 0:
        return False
    if path.suffix.lower() == ".obj":
        return True
    if path.suffix.lower() != ".stl" or path.stat().st_size < _STL_HEADER:
        return False
    with path.open("rb") as file:
        header = file.read(_STL_HEADER)
    triangles = int.from_bytes(header[-4:], "little")
    return path.stat().st_size == _STL_HEADER + _STL_TRIANGLE * triangles


def write_plain_obj(mesh: Mesh, scale: tuple[float, float, float], path: Path) -> None:
    """Write scaled triangles as an OBJ without materials; the faces of a mirrored mesh point outwards again."""
    points = mesh.points * np.array(scale)
    faces = mesh.faces[:, ::-1] if np.prod(scale) < 0 else mesh.faces
    lines = [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in points]
    lines += [f"f {a} {b} {c}" for a, b, c in faces + 1]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
