"""The plane on which an object lies, from depth alone."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from atp.types import Mask

#: What differs from the ground's plane by less than this many metres lies on it.
TOLERANCE = 0.008
#: Share of the image's side that the border takes in which the ground is looked for first.
BORDER = 0.08
#: Planes that are tried, and pixels of the border that vote on them.
PLANES, VOTERS = 80, 300
#: Readings without which there is no plane.
MIN_READINGS = 10

Array = NDArray[np.float64]


def ground_plane(depth: NDArray[np.floating]) -> Array | None:
    """The plane on which the object lies.

    The inverse depth of a plane is linear in row and column. Of planes through three pixels at the border of the image
    the one that most of the border lies on, and least of it below, is fitted to all pixels that agree: an object that
    touches the border, or covers a good part of it, does no harm.

    Args:
        depth: (H, W) metres along the optical axis; 0, negative, NaN or infinite is no reading.

    Returns:
        (3,) float64 a, b, c: the depth of the plane at (row, col) is 1 / (a row / H + b col / W + c) metres. None where
        there are fewer than 10 readings.
    """
    height, width = depth.shape
    valid = has_reading(depth)
    if valid.sum() < MIN_READINGS:
        return None
    terms = _terms(height, width)
    inverse = np.where(valid, 1 / np.where(valid, depth, 1.0), 0.0)
    margin = max(1, round(BORDER * min(height, width)))
    border = valid.copy()
    border[margin:-margin, margin:-margin] = False
    if border.sum() < MIN_READINGS:
        border = valid
    plane = _plane_through_most(terms[border], inverse[border])
    for tolerance in (2 * TOLERANCE, TOLERANCE, TOLERANCE):
        near = valid & (np.abs(rise_above(plane, depth)) < tolerance)
        if near.sum() < MIN_READINGS:
            break
        plane = np.asarray(np.linalg.lstsq(terms[near], inverse[near], rcond=None)[0], np.float64)
    return plane


def rise_above(plane: Array, depth: NDArray[np.floating]) -> Array:
    """How far in metres along the optical axis pixels are nearer than a plane, (H, W); below 0 where they are farther.

    Args:
        plane: (3,) of :func:`ground_plane`.
        depth: (H, W) metres.
    """
    return np.asarray(1 / np.maximum(_terms(*depth.shape) @ plane, 1e-6) - depth)


def ground_depth(depth: NDArray[np.floating], plane: Array | None) -> float:
    """The depth in metres of the ground in the middle of an image: what heights are measured from.

    Args:
        depth: (H, W) metres.
        plane: The ground in it, of :func:`ground_plane`; None for the farthest reading.

    Returns:
        A depth between the nearest and the farthest reading; 0 where there is none.
    """
    readings = depth[has_reading(depth)]
    if not len(readings):
        return 0.0
    nearest, farthest = float(readings.min()), float(readings.max())
    if plane is None:
        return farthest
    row, col, constant = plane.tolist()
    return float(np.clip(1 / max(row / 2 + col / 2 + constant, 1e-6), nearest, farthest))


def ground_normal(plane: Array, shape: tuple[int, int], focal: float, row: float, col: float) -> Array:
    """The normal of a plane towards the camera, (3,) of length 1 in the camera frame (x right, y down, z forward).

    Args:
        plane: (3,) of :func:`ground_plane`.
        shape: (H, W) of the image.
        focal: Focal length in pixels.
        row: Principal point, continuous row: pixel centres are at .5.
        col: Principal point, continuous column.
    """
    height, width = shape
    by_row, by_col, rest = plane
    middle = by_row * (row - 0.5) / height + by_col * (col - 0.5) / width + rest
    normal = np.array([by_col * focal / width, by_row * focal / height, middle])
    return np.asarray(-normal / np.linalg.norm(normal))


def has_reading(depth: NDArray[np.floating]) -> Mask:
    """Where depth was read, (H, W) bool."""
    return np.asarray(np.isfinite(depth) & (depth > 0))


@lru_cache(maxsize=4)
def _terms(height: int, width: int) -> Array:
    """What a plane's inverse depth is linear in, (H, W, 3), read-only."""
    rows, cols = np.mgrid[:height, :width]
    terms = np.stack([rows / height, cols / width, np.ones((height, width))], axis=-1)
    terms.flags.writeable = False
    return terms


def _plane_through_most(terms: Array, inverse: Array) -> Array:
    """Coefficients (3,) of the plane through three of n pixels on which most of all lie, and below which fewest.

    Args:
        terms: (n, 3) of pixels, n >= 3.
        inverse: (n,) their inverse depth.
    """
    rng = np.random.default_rng(0)  # the same pixels for the same image
    triples = rng.integers(len(terms), size=(PLANES, 3))
    corners = terms[triples]
    spread = np.abs(np.linalg.det(corners))
    usable = spread > 1e-3
    if not usable.any():
        return np.asarray(np.linalg.lstsq(terms, inverse, rcond=None)[0])
    planes = np.linalg.solve(corners[usable], inverse[triples][usable][..., None])[..., 0]
    voters = slice(None) if len(terms) <= VOTERS else rng.choice(len(terms), VOTERS, replace=False)
    rise = 1 / np.maximum(terms[voters] @ planes.T, 1e-6) - 1 / inverse[voters, None]  # (voters, planes)
    votes = (np.abs(rise) < TOLERANCE).sum(axis=0) - (rise < -TOLERANCE).sum(axis=0)
    return np.asarray(planes[int(np.argmax(votes))])
