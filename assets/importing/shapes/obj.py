"""Read Wavefront OBJ files and their material libraries."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets.importing.reading.companions import Companions

Colour = tuple[float, float, float, float]


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
        material: (m,) int64, index into ``materials``.
        materials: Those that a face uses, the commonest first.
        colours: (n, 3) in [0, 1] of every point; None where the file gives none.
        companions: Libraries and textures that it refers to.
    """

    points: NDArray[np.float64]
    faces: NDArray[np.int64]
    uv: NDArray[np.float64]
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
    numbers: dict[str, list[str]] = {"v": [], "vt": []}
    libraries: list[str] = []
    names = {"": 0}
    name = 0
    faces = _Faces([], [], [], [])
    text = path.read_text("utf-8", "replace").replace("\\\n", " ")
    for line in text.splitlines():
        key, _, rest = line.strip().partition(" ")
        if key in numbers:
            numbers[key].append(rest)
        elif key == "f":
            corners = rest.split()
            faces.corners.extend(corners)
            faces.counts.append(len(corners))
            faces.before.append((len(numbers["v"]), len(numbers["vt"])))
            faces.materials.append(name)
        elif key == "usemtl":
            name = names.setdefault(rest.strip(), len(names))
        elif key == "mtllib":
            libraries.append(rest.strip())
    points, places = _rows(numbers["v"], 3), _rows(numbers["vt"], 2)
    colours = _colours(numbers["v"])
    triangles, uv_of, material = faces.triangles()
    if not len(triangles):
        raise ValueError("has no faces")
    if triangles.min() < 0 or triangles.max() >= len(points) or uv_of.max() >= len(places):
        raise ValueError("has faces with points that are not there")
    uv = np.full((*uv_of.shape, 2), np.nan)
    uv[uv_of >= 0] = places[uv_of[uv_of >= 0]]

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
    before: list[tuple[int, int]]
    materials: list[int]

    def triangles(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Indices of points (m, 3) and of texture coordinates (m, 3), -1 for none, and materials (m,)."""
        index = self.indices()
        counts = np.array(self.counts, np.int64)
        before = np.repeat(np.array(self.before, np.int64).reshape(-1, 2), counts, axis=0)
        absolute = np.where(index < 0, before + index, index - 1)
        absolute[index[:, 1] == 0, 1] = -1
        fans = np.maximum(counts - 2, 0)
        first = np.repeat(np.cumsum(counts) - counts, fans)
        step = np.arange(len(first)) - np.repeat(np.cumsum(fans) - fans, fans)
        corner = np.stack([first, first + step + 1, first + step + 2], axis=1)
        return (
            absolute[corner, 0],
            absolute[corner, 1],
            np.repeat(np.array(self.materials, np.int64), fans),
        )

    def indices(self) -> NDArray[np.int64]:
        """Indices (k, 2) of the point and the texture coordinates of every corner as the file counts, 0 for none."""
        joined = " ".join(self.corners)
        total, slashes, empty = len(self.corners), joined.count("/"), joined.count("//")
        wide = {(0, 0): 1, (1, 0): 2, (2, 0): 3, (2, 1): 2}.get(
            (slashes // max(total, 1), empty // max(total, 1)) if total else (0, 0)
        )
        regular = total and slashes % total == 0 and empty % total == 0
        if regular and wide:  # nearly every file: all corners are written alike
            table = np.array(joined.replace("/", " ").split(), np.int64)
            if table.size == total * wide:
                table = table.reshape(total, wide)
                uv = table[:, 1] if wide > 1 and not empty else np.zeros(total, np.int64)
                return np.stack([table[:, 0], uv], axis=1)
        pairs = [(*corner.split("/"), "")[:2] for corner in self.corners]
        return np.array([(int(point), int(uv or 0)) for point, uv in pairs], np.int64).reshape(-1, 2)


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
            key, _, rest = line.strip().partition(" ")
            if key == "newmtl":
                if current:
                    found[current] = Material(rgba, texture)
                current, rgba, texture = rest.strip(), None, None
            elif key == "Kd":
                rgba = _colour(rest)
            elif key == "map_Kd" and rest.split():
                texture = companions.find(rest, rest.split()[-1])  # the latter: with options before it
    return found


def _colour(text: str) -> Colour | None:
    try:
        r, g, b = (float(np.clip(float(word), 0.0, 1.0)) for word in text.split()[:3])
    except ValueError:  # a spectral file or the like: no colour
        return None
    return (r, g, b, 1.0) if np.isfinite([r, g, b]).all() else None
