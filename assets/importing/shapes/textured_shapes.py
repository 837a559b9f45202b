"""Boxes, cylinders, capsules and spheres as triangles with places in a texture, as RViz lays one on them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets.importing.reading.urdf import Geometry
from assets.importing.shapes.meshes import Mesh
from assets.importing.shapes.obj import PLAIN

_AROUND, _UP = 48, 12  # steps about the axis, and of a half sphere

_Patch = tuple[NDArray[np.float64], NDArray[np.float64]]  # grids of points (u, v, 3) and of places (u, v, 2)


def textured_shape(geometry: Geometry, path: Path) -> Mesh:
    """A shape as a mesh whose texture covers each side of a box, or goes once around.

    Args:
        geometry: A box, cylinder, capsule or sphere.
        path: What the mesh is called.
    """
    patches = _box(geometry.size) if geometry.kind == "box" else _turned(geometry)
    points, faces, places = [], [], []
    offset = 0
    for grid, uv in patches:
        rows, columns = grid.shape[:2]
        index = np.arange(rows * columns).reshape(rows, columns)
        a, b, c, d = (i.ravel() for i in (index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]))
        corners = np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])
        points.append(grid.reshape(-1, 3))
        places.append(uv.reshape(-1, 2)[corners])
        faces.append(corners + offset)
        offset += rows * columns
    everything, triangles, uvs = np.concatenate(points), np.concatenate(faces), np.concatenate(places)
    a, b, c = everything[triangles.T]
    there = np.linalg.norm(np.cross(b - a, c - a), axis=1) > 1e-12 * np.ptp(everything, axis=0).max() ** 2
    return Mesh(path, everything, triangles[there], uvs[there], np.zeros(int(there.sum()), np.int64), (PLAIN,))


def _box(size: tuple[float, ...]) -> list[_Patch]:
    sides = np.array(size) / 2
    uv = np.stack(np.meshgrid([0.0, 1.0], [0.0, 1.0], indexing="ij"), axis=-1)
    patches = []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            grid = np.empty((2, 2, 3))
            first, second = (axis + 1) % 3, (axis + 2) % 3
            grid[..., axis] = sign
            grid[..., first] = sign * (2 * uv[..., 0] - 1)  # so that every side looks outwards
            grid[..., second] = 2 * uv[..., 1] - 1
            patches.append((grid * sides, uv))
    return patches


def _turned(geometry: Geometry) -> list[_Patch]:
    radius, length = (*geometry.size, 0.0)[:2]
    if geometry.kind == "cylinder":
        outline = np.array([[radius, -length / 2], [radius, length / 2]])
    else:
        tilt = np.linspace(-math.pi / 2, math.pi / 2, 2 * _UP + 1)
        lift = np.where(tilt < 0, -length / 2, length / 2)
        outline = np.stack([radius * np.cos(tilt), radius * np.sin(tilt) + lift], axis=1)
        if length:  # both ends of the straight piece
            outline = np.insert(outline, _UP, [radius, -length / 2], axis=0)
    angle = np.linspace(0.0, 2 * math.pi, _AROUND + 1)
    around = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    around[-1] = around[0]
    grid = np.empty((len(angle), len(outline), 3))
    grid[..., :2] = around[:, None] * outline[None, :, :1]
    grid[..., 2] = outline[:, 1]
    span = np.ptp(outline[:, 1])
    uv = np.stack(np.broadcast_arrays(angle[:, None] / (2 * math.pi), (outline[:, 1] + span / 2) / span), axis=-1)
    patches = [(grid, uv)]
    if geometry.kind == "cylinder":
        for sign in (-1.0, 1.0):
            disc = np.zeros((len(angle), 2, 3))
            disc[:, 0 if sign > 0 else 1, :2] = radius * around
            disc[..., 2] = sign * length / 2
            patches.append((disc, disc[..., :2] / (2 * radius) + 0.5))
    return patches
