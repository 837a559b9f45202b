"""Solids in space, beyond the flat pieces of `solids`: boxes, wires, turned bodies, panels that stand upright.

Lengths are metres. Every function returns a closed mesh that looks outwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import shapely
import trimesh
from shapely.geometry import Polygon

from assets.generators import geometry as geo
from assets.generators.model import Link, Material, Visual

FloatArray = npt.NDArray[np.float64]
Point = Sequence[float] | FloatArray

_FROM_PLANE = {  # columns: where the outline's x, its y and the direction of extrusion go
    "x": np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
    "y": np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]]),
    "z": np.eye(3),
}


def block(low: Point, high: Point) -> trimesh.Trimesh:
    """Return a box between two opposite corners (3,), in any order."""
    corners = np.sort(np.array([low, high], dtype=np.float64), axis=0)
    box: trimesh.Trimesh = trimesh.creation.box(bounds=corners)
    return box


def upright_panel(outline: Polygon, axis: str, low: float, high: float) -> trimesh.Trimesh:
    """Extrude an outline along an axis.

    Args:
        outline: Seen along the axis: of ``"y"`` in (x, z), of ``"x"`` in (y, z), of ``"z"`` in (x, y).
        axis: ``"x"``, ``"y"`` or ``"z"``.
        low: Where the extrusion begins on the axis.
        high: Where it ends.
    """
    bottom, top = (-high, -low) if axis == "y" else (low, high)  # the y axis points away from who sees (x, z)
    mesh = geo.slab(outline, bottom, top)
    mesh.vertices = mesh.vertices @ _FROM_PLANE[axis].T
    return mesh


def wire(points: Sequence[Point] | FloatArray, radius: float, closed: bool = False, sides: int = 6) -> trimesh.Trimesh:
    """Return a round wire along a line in space.

    Args:
        points: (N, 3); no two neighbours are the same.
        radius: Of the wire.
        closed: Whether the last point is joined to the first; the line is flat then.
        sides: Of the cross-section.
    """
    line = np.asarray(points, dtype=np.float64)
    steps = np.roll(line, -1, axis=0) - line if closed else np.diff(line, axis=0)
    steps = steps / np.linalg.norm(steps, axis=1, keepdims=True)
    before = np.roll(steps, 1, axis=0) if closed else np.vstack([steps[:1], steps])
    after = steps if closed else np.vstack([steps, steps[-1:]])
    tangents = before + after
    tangents /= np.maximum(np.linalg.norm(tangents, axis=1, keepdims=True), 1e-9)
    turn = np.arange(sides) * 2.0 * np.pi / sides
    side = np.eye(3)[np.argmin(np.abs(tangents[0]))] if not closed else _normal(line)
    rings = []
    for point, tangent in zip(line, tangents, strict=True):  # carried along without a twist
        side = side - tangent * (side @ tangent)
        side /= np.linalg.norm(side)
        other = np.cross(tangent, side)
        rings.append(point + radius * (np.cos(turn)[:, None] * side + np.sin(turn)[:, None] * other))
    count = len(line)
    faces = []
    for i in range(count if closed else count - 1):
        for k in range(sides):
            a, b = i * sides + k, i * sides + (k + 1) % sides
            c, d = (a + sides) % (count * sides), (b + sides) % (count * sides)
            faces += [(a, b, d), (a, d, c)]
    if not closed:
        end = (count - 1) * sides
        faces += [(0, k + 1, k) for k in range(1, sides - 1)]
        faces += [(end, end + k, end + k + 1) for k in range(1, sides - 1)]
    return trimesh.Trimesh(np.concatenate(rings), np.array(faces), process=False)


def turned(
    profile: Sequence[tuple[float, float]], at: Point, axis: Point = (0.0, 0.0, 1.0), sides: int = 14
) -> trimesh.Trimesh:
    """Return a body of revolution.

    Args:
        profile: (radius, place along the axis) from one end to the other, the places rising; the ends are closed.
        at: (3,) where place 0 is.
        axis: (3,) direction of the axis.
        sides: Of the cross-section.
    """
    turn = np.arange(sides) * 2.0 * np.pi / sides
    rings = [np.column_stack([r * np.cos(turn), r * np.sin(turn), np.full(sides, z)]) for r, z in profile]
    points = np.vstack([*rings, [(0.0, 0.0, profile[0][1]), (0.0, 0.0, profile[-1][1])]])
    first, last = len(points) - 2, len(points) - 1
    top = (len(profile) - 1) * sides
    faces = []
    for k in range(sides):
        n = (k + 1) % sides
        faces += [(first, n, k), (last, top + k, top + n)]
        for i in range(len(profile) - 1):
            a, b = i * sides + k, i * sides + n
            faces += [(a, b, b + sides), (a, b + sides, a + sides)]
    mesh = trimesh.Trimesh(points, np.array(faces), process=False)
    z = np.asarray(axis, dtype=np.float64) / np.linalg.norm(axis)
    x = np.cross(np.eye(3)[np.argmin(np.abs(z))], z)
    x /= np.linalg.norm(x)
    mesh.vertices = mesh.vertices @ np.stack([x, np.cross(z, x), z]) + np.asarray(at, dtype=np.float64)
    return mesh


def rotation(axis: Point, angle: float, about: Point = (0.0, 0.0, 0.0)) -> FloatArray:
    """Return the matrix (4, 4) that rotates by ``angle`` about an axis (3,) through a point (3,)."""
    matrix = trimesh.transformations.rotation_matrix(angle, axis, about)  # type: ignore[no-untyped-call]
    return np.asarray(matrix)


def lifted(height: float) -> FloatArray:
    """Return the matrix (4, 4) that moves up by ``height``."""
    matrix = np.eye(4)
    matrix[2, 3] = height
    return matrix


def rod(a: Point, b: Point, radius: float, sides: int = 8) -> trimesh.Trimesh:
    """Return a round rod from one point (3,) to another."""
    return wire([a, b], radius, sides=sides)


def rounded_line(
    corners: Sequence[Point] | FloatArray, radius: float, closed: bool = False, steps: int = 3
) -> FloatArray:
    """Return a polyline with its corners rounded.

    Args:
        corners: (N, D).
        radius: How far from a corner its rounding begins, at most.
        closed: Whether the last corner is joined to the first.
        steps: Segments of a corner.

    Returns:
        (M, D).
    """
    points = np.asarray(corners, dtype=np.float64)
    result: list[FloatArray] = []
    for i, corner in enumerate(points):
        if not closed and i in (0, len(points) - 1):
            result.append(corner)
            continue
        ends = []
        for neighbour in (points[i - 1], points[(i + 1) % len(points)]):
            way = neighbour - corner
            length = float(np.linalg.norm(way))
            ends.append(corner + way / length * min(radius, 0.45 * length))
        for t in np.linspace(0.0, 1.0, steps + 1):
            result.append((1 - t) ** 2 * ends[0] + 2 * t * (1 - t) * corner + t**2 * ends[1])
    return np.array(result)


@dataclass
class Body:
    """A link in the making: meshes with their materials.

    Attributes:
        part: Name of the part.
        meshes: In the order in which they were added.
    """

    part: str
    meshes: list[tuple[trimesh.Trimesh, Material, FloatArray | None]] = field(default_factory=list)

    def add(self, material: Material, *meshes: trimesh.Trimesh) -> None:
        """Add meshes of a material."""
        self.meshes += [(mesh, material, None) for mesh in meshes]

    def add_baked(self, material: Material, mesh: trimesh.Trimesh) -> None:
        """Add a mesh on each of whose sides the whole texture of a material appears once."""
        self.meshes.append((mesh, material, fitted_uv(mesh)))

    def link(self, pose: FloatArray | None = None) -> Link:
        """Return the link, one visual for each material.

        Args:
            pose: (4, 4) that takes the meshes to their place, None to leave them.
        """
        groups: dict[tuple[int, bool], list[tuple[trimesh.Trimesh, Material, FloatArray | None]]] = {}
        for entry in self.meshes:
            groups.setdefault((id(entry[1]), entry[2] is None), []).append(entry)
        visuals = []
        for group in groups.values():
            mesh = _together([entry[0] for entry in group])
            if pose is not None:
                mesh.apply_transform(pose)
            baked = [entry[2] for entry in group if entry[2] is not None]
            visuals.append(Visual(mesh, group[0][1], uv=np.concatenate(baked) if baked else None))
        return Link(self.part, tuple(visuals))


def fitted_uv(mesh: trimesh.Trimesh) -> FloatArray:
    """Project texture coordinates so that the bounding box of each side of a mesh shows the whole texture once.

    Returns:
        (F, 3, 2) coordinates within 0..1; the texture's second axis is z on upright sides.
    """
    low, high = mesh.bounds
    place = (np.asarray(mesh.vertices) - low) / np.maximum(high - low, 1e-9)
    side = np.argmax(np.abs(mesh.face_normals), axis=1)
    pairs = np.array([(1, 2), (0, 2), (0, 1)])[side]  # (F, 2)
    corners = place[mesh.faces]  # (F, 3, 3)
    return np.take_along_axis(corners, np.broadcast_to(pairs[:, None, :], (len(pairs), 3, 2)), axis=2)


def _together(meshes: Sequence[trimesh.Trimesh]) -> trimesh.Trimesh:
    """Return one mesh of several, which may overlap; their vertices are copied as they are."""
    offsets = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])
    vertices = np.concatenate([mesh.vertices for mesh in meshes])
    faces = np.concatenate([mesh.faces + offset for mesh, offset in zip(meshes, offsets, strict=False)])
    return trimesh.Trimesh(vertices, faces, process=False)


def _normal(line: FloatArray) -> FloatArray:
    """Return the unit normal of a flat closed line (N, 3)."""
    middle = line - line.mean(axis=0)
    normal = np.cross(middle, np.roll(middle, -1, axis=0)).sum(axis=0)
    return np.asarray(normal / np.linalg.norm(normal))


def box_outline(x0: float, y0: float, x1: float, y1: float, radius: float = 0.0) -> Polygon:
    """Return a rectangle with rounded corners."""
    shape = shapely.box(x0, y0, x1, y1)
    return geo.rounded(shape, radius) if radius > 0.0 else shape
