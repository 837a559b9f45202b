"""Outlines in the plane (shapely) and the watertight solids made from them (trimesh, manifold3d).

Lengths are metres, angles radians counter-clockwise, z up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import manifold3d
import numpy as np
import numpy.typing as npt
import shapely
import trimesh
from shapely import affinity
from shapely.geometry import LineString, MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

FloatArray = npt.NDArray[np.float64]

DETAIL = 4e-4
"""Outlines are simplified to this tolerance in metres, which keeps triangle counts low."""


def tidy(shape: BaseGeometry) -> Polygon:
    """Return the largest polygon of ``shape``, simplified, without slivers, spikes and tiny holes."""
    thin = 0.25 * DETAIL  # shrinking and growing again removes spikes left by set operations
    shape = shape.buffer(-thin, join_style="mitre").buffer(thin, join_style="mitre").simplify(DETAIL)
    polygons = list(shape.geoms) if isinstance(shape, MultiPolygon) else [shape]
    largest = max(polygons, key=lambda polygon: polygon.area)
    holes = [hole for hole in largest.interiors if Polygon(hole).area > 1e-5]
    return shapely.geometry.polygon.orient(Polygon(largest.exterior, holes))


def merge(*shapes: BaseGeometry) -> Polygon:
    """Return the union of overlapping shapes as one polygon."""
    return tidy(shapely.unary_union(list(shapes)))


def disc(center: Sequence[float], radius: float, quarter: int = 5) -> Polygon:
    """Return a disc; ``quarter`` is the number of segments in a quarter of its circle."""
    return Point(float(center[0]), float(center[1])).buffer(radius, quad_segs=quarter)


def ellipse(center: Sequence[float] | FloatArray, radii: Sequence[float], angle: float = 0.0) -> Polygon:
    """Return an ellipse with half axes ``radii`` (m), its first axis rotated by ``angle``."""
    unit = Point(0.0, 0.0).buffer(1.0, quad_segs=6)
    ellipse = affinity.rotate(affinity.scale(unit, radii[0], radii[1]), angle, use_radians=True)
    return affinity.translate(ellipse, float(center[0]), float(center[1]))


def rotated(shape: Polygon, angle: float, about: Sequence[float] = (0.0, 0.0)) -> Polygon:
    """Return ``shape`` rotated by ``angle`` about a point."""
    return affinity.rotate(shape, angle, origin=(float(about[0]), float(about[1])), use_radians=True)


def mirrored(shape: Polygon) -> Polygon:
    """Return ``shape`` with y negated."""
    return affinity.scale(shape, 1.0, -1.0, origin=(0.0, 0.0))


def bezier(points: Sequence[Sequence[float]], count: int = 10) -> FloatArray:
    """Return ``count`` points, (count, 2), on the cubic Bezier curve of four control points."""
    p = np.asarray(points, dtype=np.float64)
    t = np.linspace(0.0, 1.0, count)[:, None]
    return np.asarray((1 - t) ** 3 * p[0] + 3 * (1 - t) ** 2 * t * p[1] + 3 * (1 - t) * t**2 * p[2] + t**3 * p[3])


def arc(start: Sequence[float], end: Sequence[float], bulge: float, count: int = 9) -> FloatArray:
    """Return points, (count, 2), on a parabola from ``start`` to ``end``.

    Args:
        start: (x, y) in metres.
        end: (x, y) in metres.
        bulge: Height of the curve's middle to the left of the chord, as a share of the chord's length.
        count: Number of points.
    """
    a, b = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    t = np.linspace(0.0, 1.0, count)[:, None]
    left = np.array([-(b - a)[1], (b - a)[0]])
    return np.asarray(a + t * (b - a) + 4.0 * t * (1.0 - t) * bulge * left)


def stroke(points: FloatArray, widths: float | Sequence[float] | FloatArray) -> Polygon:
    """Return a round-ended band along a polyline.

    Args:
        points: (N, 2) polyline in metres.
        widths: Full width in metres: one number, or values spread evenly over the line's points.
    """
    values = np.atleast_1d(np.asarray(widths, dtype=np.float64))
    places = np.linspace(0.0, 1.0, len(points))
    radii = np.interp(places, np.linspace(0.0, 1.0, len(values)), values) / 2.0
    discs = [disc(point, radius, 4) for point, radius in zip(points, radii, strict=True)]
    return merge(*(shapely.union_all([a, b]).convex_hull for a, b in pairwise(discs)))


def rounded(shape: Polygon, radius: float) -> Polygon:
    """Return ``shape`` with its outer corners rounded; shapes thinner than ``2 radius`` stay as they are."""
    inner = shape.buffer(-radius, join_style="mitre")
    return shape if inner.is_empty or isinstance(inner, MultiPolygon) else tidy(inner.buffer(radius, quad_segs=4))


def between(upper: FloatArray, lower: FloatArray) -> Polygon:
    """Return the polygon between two polylines that run the same way, each (N, 2) in metres."""
    return tidy(Polygon(np.vstack([upper, lower[::-1]])))


def line(points: FloatArray, width: float) -> Polygon:
    """Return a flat-ended band of constant ``width`` (m) along a polyline (N, 2)."""
    return tidy(LineString(points).buffer(width / 2.0, cap_style="flat", quad_segs=3))


def slab(outline: Polygon, bottom: float, top: float, chamfer: float = 0.0) -> trimesh.Trimesh:
    """Extrude an outline from ``bottom`` to ``top`` (m).

    Args:
        outline: Outline, with holes where wanted.
        bottom: z of the lower face.
        top: z of the upper face.
        chamfer: Size in metres of a 45 degree chamfer around the upper face; 0 for a sharp edge.

    Returns:
        A watertight mesh.

    Raises:
        ValueError: The slab has no height or its mesh would not be closed.
    """
    if top <= bottom:
        raise ValueError(f"a slab needs top > bottom, not {bottom} to {top}")
    outline = tidy(outline)
    chamfer = min(chamfer, 0.6 * (top - bottom))
    inner = outline.buffer(-chamfer, quad_segs=2).simplify(DETAIL) if chamfer > 0.0 else Polygon()
    # A narrow shape vanishes when shrunk; a simplified rim may touch the outline. Both get a sharp edge.
    if inner.is_empty or not outline.buffer(-0.25 * chamfer).contains(inner):
        inner = outline
    pieces = [(outline, bottom, -1)]  # (polygon, z, which way it faces)
    pieces += [(polygon, top, 1) for polygon in _polygons(inner)]
    rim = outline.difference(inner)
    pieces += [(polygon, top, 1) for polygon in _polygons(rim)]
    on_outline = {_key(xy) for ring in _rings(outline) for xy in ring}
    shoulder = top if inner is outline else top - chamfer
    vertices: dict[tuple[float, float, float], int] = {}
    faces: list[tuple[int, int, int]] = []

    def index(xy: FloatArray, z: float) -> int:
        return vertices.setdefault((*_key(xy), z), len(vertices))

    for polygon, z, facing in pieces:
        rings = _rings(polygon)
        corners = [index(xy, shoulder if facing > 0 and _key(xy) in on_outline else z) for xy in np.concatenate(rings)]
        # Unlike plain ear clipping, this keeps points on straight edges; dropping them opens the solid.
        for a, b, c in manifold3d.triangulate(rings):
            faces.append((corners[a], corners[b], corners[c]) if facing > 0 else (corners[c], corners[b], corners[a]))
    for ring in _rings(outline):  # outer rings run counter-clockwise, holes clockwise
        for p, q in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            a, b = index(p, bottom), index(q, bottom)
            c, d = index(q, shoulder), index(p, shoulder)
            faces += [(a, b, c), (a, c, d)]
    mesh = trimesh.Trimesh(np.array(list(vertices)), np.array(faces), process=False)
    if not mesh.is_volume:
        if inner is not outline:
            return slab(outline, bottom, top)
        raise ValueError("the outline of a slab is not a simple polygon")
    return mesh


def join(meshes: Sequence[trimesh.Trimesh]) -> trimesh.Trimesh:
    """Return the boolean union of watertight meshes."""
    return meshes[0] if len(meshes) == 1 else trimesh.boolean.union(list(meshes), engine="manifold")


def corner_uv(mesh: trimesh.Trimesh, repeat: float, grain: float) -> FloatArray:
    """Project texture coordinates from the axis nearest to each face's normal.

    Args:
        mesh: The mesh, F faces.
        repeat: Metres that one repeat of the texture covers.
        grain: Angle in the xy plane along which the first texture axis lies.

    Returns:
        (F, 3, 2) coordinates, all at least zero (some renderers do not wrap negative ones).
    """
    c, s = np.cos(grain), np.sin(grain)
    x, y, z = np.asarray(mesh.vertices, dtype=np.float64).T
    along, across = c * x + s * y, c * y - s * x
    normals = mesh.face_normals
    main = np.stack([c * normals[:, 0] + s * normals[:, 1], c * normals[:, 1] - s * normals[:, 0], normals[:, 2]])
    axis = np.argmax(np.abs(main), axis=0)
    planes = np.stack([np.stack([across, z]), np.stack([along, z]), np.stack([along, across])])  # (3, 2, V)
    uv = planes[axis[:, None], :, mesh.faces] / repeat
    return np.asarray(uv - np.floor(uv.reshape(-1, 2).min(axis=0)))


def _polygons(shape: BaseGeometry) -> list[Polygon]:
    """Return the non-empty polygons that a shape is made of."""
    parts: Iterable[BaseGeometry] = getattr(shape, "geoms", [shape])
    return [part for part in parts if isinstance(part, Polygon) and not part.is_empty]


def _rings(polygon: Polygon) -> list[FloatArray]:
    """Return the open rings of a polygon, (N, 2) each, its solid side on their left."""
    oriented = shapely.geometry.polygon.orient(polygon)
    return [np.asarray(ring.coords)[:-1] for ring in (oriented.exterior, *oriented.interiors)]


def _key(xy: FloatArray) -> tuple[float, float]:
    """Return a point as a dictionary key, at a nanometre."""
    return round(float(xy[0]), 9), round(float(xy[1]), 9)
