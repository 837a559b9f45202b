"""Surfaces of very many triangles with fewer, which look the same in an image."""

from __future__ import annotations

import fast_simplification
import numpy as np
from numpy.typing import NDArray

FINE = 1 / 500  # of the extent: details below it, a fifth of a pixel, go first


def fewer_points(
    points: NDArray[np.float64], faces: NDArray[np.int64], most: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Move points together until no more than about so many faces have an area.

    Points of one small cube become one; then edges collapse where that changes the surface least (quadric error
    metric, Garland and Heckbert 1997). Faces keep their number and order, so that what is known of each, its material
    or its corners' places in a texture, goes on to be true of those that are left.

    Args:
        points: (n, 3), in any unit.
        faces: (m, 3) indices of points.
        most: Faces to keep.

    Returns:
        Fewer points (k, 3), and the faces (m, 3) as indices of them; those that have collapsed name one twice.
    """
    cell = max(FINE * float(np.ptp(points, axis=0).max()), 1e-300)
    place = np.round((points - points.min(axis=0)) / cell).astype(np.int64)
    _, first, member = np.unique(place, axis=0, return_index=True, return_inverse=True)
    points, faces = points[first], member.reshape(-1)[faces]
    solid = distinct(faces)
    if int(solid.sum()) <= most:
        return points, faces
    used, compact = np.unique(faces[solid], return_inverse=True)  # the library wants points that faces use
    extent = float(np.ptp(points, axis=0).max())
    unit = (points[used] - points.min(axis=0)) / extent  # in its own scale: the library has absolute thresholds
    _, _, collapses = fast_simplification.simplify(
        unit, compact.reshape(-1, 3).astype(np.int32), target_count=most, return_collapses=True
    )
    fewer, _, mapped = fast_simplification.replay_simplification(
        unit, compact.reshape(-1, 3).astype(np.int32), collapses
    )
    to = np.zeros(len(points), np.int64)
    to[used] = mapped
    moved = np.asarray(fewer, np.float64) * extent + points.min(axis=0)
    return moved, np.where(solid[:, None], to[faces], 0)


def distinct(faces: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which faces (m,) have three different corners, and are the first with them that way around."""
    start = np.argmin(faces, axis=1)[:, None]
    aligned = np.take_along_axis(faces, (start + np.arange(3)) % 3, axis=1)  # equal faces start alike
    _, first = np.unique(aligned, axis=0, return_index=True)
    kept = np.zeros(len(faces), bool)
    kept[first] = True
    return np.asarray(kept & ~(faces == np.roll(faces, 1, axis=1)).any(axis=1))
