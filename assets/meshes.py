"""Shapes: their points, the colour of a mesh, and plain copies of meshes that would be shown wrongly."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.urdf import Geometry, ObjectError

Colour = tuple[float, float, float, float]

_CIRCLE_STEPS = 64
_STL_HEADER, _STL_TRIANGLE = 84, 50  # bytes of a binary STL


@dataclass(frozen=True)
class Mesh:
    """A mesh file: ``points`` (n, 3), ``faces`` (m, 3), and the colour of its commonest material."""

    path: Path
    points: NDArray[np.float64]
    faces: NDArray[np.int64]
    rgba: Colour | None


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


def read_mesh(path: Path, urdf: Path) -> Mesh:
    """Read a mesh in any format that trimesh knows (OBJ, STL, PLY, OFF, glTF; DAE where pycollada is there).

    Args:
        path: The mesh.
        urdf: The file that refers to it, for messages.

    Raises:
        ObjectError: The format is not known, or the file is damaged or empty.
    """
    import trimesh  # slow to import, and not needed where an object is found in the cache

    if path.suffix.lower().lstrip(".") not in trimesh.available_formats():
        raise ObjectError(
            f"{urdf}: cannot read meshes of the format {path.suffix or '(none)'} ({path.name}): "
            "convert it to .obj or .stl and change its name in the URDF"
        )
    try:
        loaded: Any = trimesh.load(path, process=False, force="mesh", skip_materials=True)
        points = np.asarray(loaded.vertices, dtype=np.float64)
        faces = np.asarray(loaded.faces, dtype=np.int64)
    except Exception as error:  # a broken mesh fails in as many ways as there are readers
        raise ObjectError(f"{urdf}: cannot read mesh {path}: {type(error).__name__}: {error}") from error
    if not len(points) or not len(faces):
        raise ObjectError(f"{urdf}: mesh {path} has no faces")
    if not np.isfinite(points).all() or faces.min() < 0 or faces.max() >= len(points):
        raise ObjectError(
            f"{urdf}: mesh {path} is damaged: points that are not finite, or faces without points"
        )
    return Mesh(path, points, faces, _obj_colour(path) if path.suffix.lower() == ".obj" else None)


def loads_as_is(path: Path, scale: tuple[float, float, float]) -> bool:
    """Whether a simulator that reads OBJ and binary STL shows this mesh rightly at this scale.

    A scale that mirrors turns every triangle's back to the front, so that only its inside would be drawn.
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
    """Write scaled triangles as an OBJ without materials; a mirrored mesh is turned outside out again."""
    points = mesh.points * np.array(scale)
    faces = mesh.faces[:, ::-1] if np.prod(scale) < 0 else mesh.faces
    lines = [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in points]
    lines += [f"f {a} {b} {c}" for a, b, c in faces + 1]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


def material_files(path: Path) -> list[Path]:
    """The material libraries beside an OBJ that it names; none for other formats."""
    if path.suffix.lower() != ".obj":
        return []
    names = [line[1] for line in _words(path) if line[0] == "mtllib" and len(line) == 2]
    files = [path.parent / name.strip() for name in names]
    here = path.parent.resolve()
    return [file for file in files if file.is_file() and file.resolve().is_relative_to(here)]


def _words(path: Path) -> list[list[str]]:
    """Lines of an OBJ or MTL as [keyword, rest]."""
    lines = (line.split(maxsplit=1) for line in path.read_text("utf-8", "replace").splitlines())
    return [line for line in lines if line]


def _obj_colour(path: Path) -> Colour | None:
    """The diffuse colour that most faces of an OBJ have, None if it has a texture or names no colour."""
    colours: dict[str, Colour] = {}
    textured: set[str] = set()
    for library in material_files(path):
        name = ""
        for line in _words(library):
            if line[0] == "newmtl" and len(line) == 2:
                name = line[1].strip()
            elif line[0] == "map_Kd":
                textured.add(name)
            elif line[0] == "Kd" and len(line) == 2:
                try:
                    r, g, b = (float(np.clip(float(word), 0.0, 1.0)) for word in line[1].split()[:3])
                except ValueError:  # a spectral file or the like: no colour
                    continue
                colours[name] = r, g, b, 1.0
    used: Counter[str] = Counter()
    name = ""
    for line in _words(path):
        if line[0] == "usemtl":
            name = line[1].strip() if len(line) == 2 else ""
        elif line[0] == "f":
            used[name] += 1
    if not used or textured & used.keys():
        return None
    return colours.get(used.most_common(1)[0][0])
