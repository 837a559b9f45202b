"""Faces that are there more than once, as in PartNet-Mobility, where each has a back of its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_FLAT = 1e-6  # volume by area and extent below which a surface encloses nothing
_SAME = 1e-7  # of the extent: points nearer than this are one


def welded(points: NDArray[np.float64], faces: NDArray[np.int64]) -> NDArray[np.int64]:
    """Faces (m, 3) that name one number for all points at one place.

    Args:
        points: (n, 3), in any unit.
        faces: (m, 3) indices of points.
    """
    if not len(points):
        return faces
    cell = max(float(np.ptp(points, axis=0).max()) * _SAME, 1e-300)
    place = np.unique(np.round((points - points.min(axis=0)) / cell), axis=0, return_inverse=True)[1]
    return np.asarray(place.reshape(-1)[faces])


def repeated(corners: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which faces (m,) have the corners of another one, whichever way around.

    Args:
        corners: (m, 3), from `welded`.
    """
    same, count = _same_corners(corners)
    return np.asarray(count[same] > 1)


def once(
    points: NDArray[np.float64],
    faces: NDArray[np.int64],
    look: NDArray[np.int64],
    piece: NDArray[np.int64],
    corners: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Which faces to keep so that each is there once.

    Of faces with the same corners the one wins whose look is on the outside: together, the repeated faces of that
    look in its piece enclose the larger volume, counted negative where they look inwards. Among equals, as in a flat
    sheet, that look wins which comes first more often.

    Args:
        points: (n, 3), in any unit.
        faces: (m, 3) indices of points.
        look: (m,) number of the material of each face.
        piece: (m,) number of the mesh that each face comes from.
        corners: (m, 3), from `welded`.

    Returns:
        (m,) True for faces to keep.
    """
    same, count = _same_corners(corners)
    many = np.flatnonzero(count[same] > 1)
    kept = np.ones(len(faces), bool)
    if not len(many):
        return kept
    looks, group = np.unique(np.stack([piece[many], look[many]]), axis=1, return_inverse=True)
    group = group.reshape(-1)
    outward = _enclosed(points, faces[many], piece[many], group)
    _, earliest = np.unique(same[many], return_index=True)
    ahead = np.bincount(group[earliest], minlength=looks.shape[1])
    order = np.lexsort((many, -ahead[group], -outward[group], same[many]))  # the last key counts first
    first = np.r_[True, np.diff(same[many][order]) != 0]
    kept[many] = False
    kept[many[order[first]]] = True
    return kept


def _enclosed(
    points: NDArray[np.float64], faces: NDArray[np.int64], piece: NDArray[np.int64], group: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Six times the volume that the faces of each group enclose with the middle of their piece; 0 if next to none."""
    triangles = points[faces]
    _, own = np.unique(piece, return_inverse=True)
    centres = triangles.mean(axis=1)
    middle = np.stack([np.bincount(own, centres[:, axis]) for axis in range(3)], axis=1) / np.bincount(own)[:, None]
    a, b, c = np.moveaxis(triangles - middle[own][:, None], 1, 0)
    normals = np.cross(b - a, c - a)
    volume = np.bincount(group, (normals * a).sum(axis=1))
    area = np.bincount(group, np.linalg.norm(normals, axis=1))
    volume[np.abs(volume) < _FLAT * area * float(np.ptp(points, axis=0).max())] = 0.0
    return np.asarray(volume)


def _same_corners(corners: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each face (m,) the number of its set of corners, and how many faces have each set."""
    _, same, count = np.unique(np.sort(corners, axis=1), axis=0, return_inverse=True, return_counts=True)
    return same.reshape(-1), count


def closed_outwards(points: NDArray[np.float64], faces: NDArray[np.int64], corners: NDArray[np.int64]) -> bool:
    """Whether a surface is closed and its faces look outwards, so that their backs are never seen.

    Args:
        points: (n, 3), in any unit.
        faces: (m, 3) indices of points.
        corners: (m, 3), from `welded`.
    """
    edges = np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]])
    most = int(corners.max()) + 1
    there, back = edges @ [most, 1], edges @ [1, most]
    if not np.array_equal(np.sort(there), np.sort(back)):  # every edge as often one way as the other
        return False
    a, b, c = points[faces.T] - points.mean(axis=0)
    return float((np.cross(a, b) * c).sum()) > 0.0
