"""Points spread over the surface of shapes: what a camera may see of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError

from assets.importing.reading.urdf import Geometry, UrdfModel
from assets.importing.shapes.meshes import Mesh

Points = NDArray[np.float64]


def surface_samples(
    model: UrdfModel, meshes: Mapping[Path, Mesh], count: int, least: int, rng: np.random.Generator
) -> dict[str, Points]:
    """Sample points on the links of an object, evenly over its surface.

    Args:
        model: The object.
        meshes: Its meshes by file.
        count: About how many points in all.
        least: How many a link has at least.
        rng: Source of the points.

    Returns:
        By link that has shapes, (n, 3) in metres in the link's frame.
    """
    triangles = {
        link.name: np.concatenate([_triangles(v.geometry, meshes) @ v.origin[:3, :3].T + v.origin[:3, 3] for v in
                                   link.visuals])
        for link in model.links.values()
        if link.visuals
    }  # fmt: skip
    areas = {name: _areas(some) for name, some in triangles.items()}
    whole = max(sum(float(area.sum()) for area in areas.values()), 1e-12)
    samples = {}
    for name, corners in triangles.items():
        area = areas[name] + 1e-15
        number = max(least, math.ceil(count * float(area.sum()) / whole))
        chosen = corners[rng.choice(len(corners), number, p=area / area.sum())]
        a, b = rng.random((2, number, 1))
        flip = a + b > 1.0
        a, b = np.where(flip, 1.0 - a, a), np.where(flip, 1.0 - b, b)
        samples[name] = chosen[:, 0] + a * (chosen[:, 1] - chosen[:, 0]) + b * (chosen[:, 2] - chosen[:, 0])
    return samples


def hull_corners(points: Points) -> Points:
    """Corners (k, 3) of the convex hull of points (n, 3); all points where they lie in a plane."""
    if len(points) < 16:
        return points
    try:
        return np.asarray(points[ConvexHull(points).vertices])
    except QhullError:
        return points


def _areas(triangles: Points) -> NDArray[np.float64]:
    sides = triangles[:, 1:] - triangles[:, :1]
    return np.asarray(np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1)) / 2


def _triangles(geometry: Geometry, meshes: Mapping[Path, Mesh]) -> Points:
    """(m, 3, 3) corners in metres of the triangles of a shape."""
    if geometry.mesh is not None:
        mesh = meshes[geometry.mesh]
        return np.asarray((mesh.points * np.array(geometry.scale))[mesh.faces])
    import trimesh  # slow to import, and seldom needed

    makers = {
        "box": lambda size: trimesh.creation.box(size),
        "cylinder": lambda size: trimesh.creation.cylinder(size[0], size[1], sections=24),
        "capsule": lambda size: trimesh.creation.capsule(size[1], size[0], count=(12, 12)).apply_translation(
            (0, 0, -size[1] / 2)
        ),
        "sphere": lambda size: trimesh.creation.icosphere(2, size[0]),
    }
    return np.asarray(makers[geometry.kind](geometry.size).triangles, np.float64)
