"""Read Wavefront OBJ files and their material libraries."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets.importing.reading.companions import Companions

Colour = tuple[float, float, float, float]
_SHORTEST = 1e-6  # a normal whose longest component is shorter, or longer than the inverse, says nothing


@dataclass(frozen=True)
class Picture:
    """A texture that lies in no file of its own, as a PNG."""

    png: bytes


@dataclass(frozen=True)
class Material:
    """How a surface looks: ``rgba`` in [0, 1], None where not given, and its texture, None for none."""

    rgba: Colour | None = None
    texture: Path | Picture | None = None


PLAIN = Material()


@dataclass(frozen=True)
class ObjMesh:
    """What an OBJ holds.

    Attributes:
        points: (n, 3) float64, those that a face uses.
        faces: (m, 3) int64, polygons as fans of triangles.
        uv: (m, 3, 2) float64, texture coordinates of every corner; NaN where the file gives none.
        normals: (m, 3, 3) float64, normals of every corner as they stand in the file; NaN where it gives none.
        material: (m,) int64, index into ``materials``.
        materials: Those that a face uses, the commonest first.
        colours: (n, 3) in [0, 1] of every point; None where the file gives none.
        companions: Libraries and textures that it refers to.
    """

    points: NDArray[np.float64]
    faces: NDArray[np.int64]
    uv: NDArray[np.float64]
    normals: NDArray[np.float64]
    material: NDArray[np.int64]
    materials: tuple[Material, ...]
    colours: NDArray[np.float64] | None
    companions: Companions


def read_obj(path: Path, folder: Path) -> ObjMesh:
    """Read an OBJ with its materials.

    Args:
        path: The file.
        folder: The object's folder. A library or texture outside it is not read.

    Raises:
        ValueError: The file is not a mesh.
        OSError: The file cannot be read.
    """
    numbers: dict[str, list[str]] = {"v": [], "vt": [], "vn": []}
    libraries: list[str] = []
    names = {"": 0}
    name = 0
    faces = _Faces([], [], [], [])
    text = path.read_text("utf-8", "replace").replace("\\\n", " ")
    for line in text.splitlines():
        key, rest = _key_and_rest(line)
        if key in numbers:
            numbers[key].append(rest)
        elif key == "f":
            corners = rest.split()
            faces.corners.extend(corners)
            faces.counts.append(len(corners))
            faces.before.append((len(numbers["v"]), len(numbers["vt"]), len(numbers["vn"])))
            faces.materials.append(name)
        elif key == "usemtl":
            name = names.setdefault(rest, len(names))
        elif key == "mtllib":
            libraries.append(rest)
    points, places = _rows(numbers["v"], 3), _rows(numbers["vt"], 2)
    colours = _colours(numbers["v"])
    triangles, uv_of, normal_of, material = faces.triangles()
    if not len(triangles):
        raise ValueError("has no faces")
    if triangles.min() < 0 or triangles.max() >= len(points) or uv_of.max() >= len(places):
        raise ValueError("has faces with points that are not there")
    uv, normals = _at_corners(places, uv_of), _at_corners(_normals(numbers["vn"]), normal_of)

    companions = Companions(path, folder)
    described = _materials(libraries, companions)
    looks = [described.get(name, PLAIN) for name in names]
    distinct = list(dict.fromkeys(looks))  # under several names they are still one
    material = np.array([distinct.index(look) for look in looks])[material]
    amounts = np.bincount(material, minlength=len(distinct))
    order = [index for index in np.argsort(-amounts, kind="stable") if amounts[index]]
    rank = np.zeros(len(distinct), np.int64)
    rank[order] = np.arange(len(order))
    used, triangles = np.unique(triangles, return_inverse=True)
    return ObjMesh(
        points=points[used],
        faces=triangles.reshape(-1, 3),
        uv=uv,
        normals=normals,
        material=rank[material],
        materials=tuple(distinct[index] for index in order),
        colours=None if colours is None else colours[used],
        companions=companions,
    )


@dataclass(frozen=True)
class _Faces:
    """Polygons as they stand in the file: corners such as ``3/1/2``, how many each has, points read before it."""

    corners: list[str]
    counts: list[int]
    before: list[tuple[int, int, int]]
    materials: list[int]

    def triangles(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Indices (m, 3) of points, texture coordinates and normals, -1 for none, and materials (m,)."""
        index = self.indices()
        counts = np.array(self.counts, np.int64)
        before = np.repeat(np.array(self.before, np.int64).reshape(-1, 3), counts, axis=0)
        absolute = np.where(index < 0, before + index, index - 1)
        absolute[:, 1:][index[:, 1:] == 0] = -1
        fans = np.maximum(counts - 2, 0)
        first = np.repeat(np.cumsum(counts) - counts, fans)
        step = np.arange(len(first)) - np.repeat(np.cumsum(fans) - fans, fans)
        corner = np.stack([first, first + step + 1, first + step + 2], axis=1)
        return (
            absolute[corner, 0],
            absolute[corner, 1],
            absolute[corner, 2],
            np.repeat(np.array(self.materials, np.int64), fans),
        )

    def indices(self) -> NDArray[np.int64]:
        """Indices (k, 3) of every corner's point, texture coordinates and normal as the file counts, 0 for none."""
        joined = " ".join(self.corners)
        total, slashes, empty = len(self.corners), joined.count("/"), joined.count("//")
        wide = {(0, 0): 1, (1, 0): 2, (2, 0): 3, (2, 1): 2}.get(
            (slashes // max(total, 1), empty // max(total, 1)) if total else (0, 0)
        )
        regular = total and slashes % total == 0 and empty % total == 0
        if regular and wide:  # nearly every file: all corners are written alike
            table = np.array(joined.replace("/", " ").split(), np.int64)
            if table.size == total * wide:
                every = np.zeros((total, 3), np.int64)
                every[:, [0, 2] if empty else list(range(wide))] = table.reshape(total, wide)
                return every
        words = [(*corner.split("/"), "", "")[:3] for corner in self.corners]
        return np.array([(int(v), int(vt or 0), int(vn or 0)) for v, vt, vn in words], np.int64).reshape(-1, 3)


def _key_and_rest(line: str) -> tuple[str, str]:
    """The first word of a line and what follows it, between any blanks."""
    key, *rest = line.split(None, 1)[:2] or [""]
    return key, rest[0].strip() if rest else ""


def _at_corners(rows: NDArray[np.float64], index: NDArray[np.int64]) -> NDArray[np.float64]:
    """The rows (m, 3, k) that corners (m, 3) name; NaN where they name none that is there."""
    there = (index >= 0) & (index < len(rows))
    found = np.full((*index.shape, rows.shape[1]), np.nan)
    found[there] = rows[index[there]]
    return found


def _normals(lines: list[str]) -> NDArray[np.float64]:
    """Normals (n, 3); none where they cannot be read: a renderer makes its own."""
    try:
        normals = _rows(lines, 3)
    except ValueError:
        return np.zeros((0, 3))
    longest = np.abs(normals).max(axis=1, keepdims=True)
    return np.where((longest > _SHORTEST) & (longest < 1 / _SHORTEST), normals, np.nan)


def _rows(lines: list[str], width: int) -> NDArray[np.float64]:
    """The first ``width`` numbers of every line."""
    if not lines:
        return np.zeros((0, width))
    table = np.array(" ".join(lines).split(), np.float64)
    columns = len(lines[0].split())
    if columns >= width and table.size == columns * len(lines):
        return table.reshape(len(lines), columns)[:, :width]
    return np.array([line.split()[:width] for line in lines], np.float64).reshape(len(lines), width)


def _colours(lines: list[str]) -> NDArray[np.float64] | None:
    """Colours (n, 3) that stand behind the coordinates of points, None where not all have one."""
    if not lines or any(len(line.split()) < 6 for line in (lines[0], lines[-1])):
        return None
    try:
        return np.clip(_rows(lines, 6)[:, 3:], 0.0, 1.0)
    except ValueError:
        return None


def _materials(libraries: list[str], companions: Companions) -> dict[str, Material]:
    """Materials by name."""
    found: dict[str, Material] = {}
    for name in libraries:
        library = companions.find(name)
        if library is None:
            continue
        current, rgba, texture = "", None, None
        lines = [*library.read_text("utf-8", "replace").splitlines(), "newmtl"]
        for line in lines:
            key, rest = _key_and_rest(line)
            if key == "newmtl":
                if current:
                    found[current] = Material(rgba, texture)
                current, rgba, texture = rest, None, None
            elif key == "Kd":
                rgba = _colour(rest)
            elif key == "map_Kd" and rest:
                texture = companions.find(rest, rest.split()[-1])  # the latter: with options before it
    return found


def _colour(text: str) -> Colour | None:
    try:
        r, g, b = (float(np.clip(float(word), 0.0, 1.0)) for word in text.split()[:3])
    except ValueError:  # a spectral file or the like: no colour
        return None
    return (r, g, b, 1.0) if np.isfinite([r, g, b]).all() else None
