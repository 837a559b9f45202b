"""Which pixels show an object that lies on a plane: from depth alone."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from atp.types import Action, Mask

#: An object rises at least this many metres above the ground.
MIN_HEIGHT = 0.008
#: Share of the image's side that the border takes in which the ground is looked for first.
BORDER = 0.08
#: Planes that are tried, and pixels of the border that vote on them.
PLANES, VOTERS = 80, 300

Array = NDArray[np.float64]


def object_mask(depth: NDArray[np.float32]) -> Mask:
    """The foreground: pixels that stand out of the ground plane towards the camera.

    Args:
        depth: (H, W) float32 metres, 0 where there is no reading.

    Returns:
        (H, W) bool; all False where there is no depth.
    """
    plane = ground_plane(depth)
    if plane is None:
        return np.zeros(depth.shape, bool)
    mask: Mask = _valid(depth) & (_rise(_terms(depth.shape), plane, depth) > MIN_HEIGHT)
    return mask


def ground_plane(depth: NDArray[np.float32]) -> Array | None:
    """The plane on which the object lies.

    The inverse depth of a plane is linear in row and column. Of planes through three pixels at the border of the image
    the one that most of the border lies on, and least of it below, is fitted to all pixels that agree: an object that
    touches the border, or covers a good part of it, does no harm.

    Args:
        depth: (H, W) float32 metres, 0 where there is no reading.

    Returns:
        (3,) float64 a, b, c: the depth of the plane at (row, col) is 1 / (a row / H + b col / W + c) metres. None where
        there is no depth.
    """
    height, width = depth.shape
    valid = _valid(depth)
    if valid.sum() < 10:
        return None
    terms = _terms(depth.shape)
    inverse = np.where(valid, 1 / np.where(valid, depth, 1.0), 0.0)
    margin = max(1, round(BORDER * min(height, width)))
    border = valid.copy()
    border[margin:-margin, margin:-margin] = False
    if border.sum() < 10:
        border = valid
    plane = _plane_through_most(terms[border], inverse[border])
    for tolerance in (2 * MIN_HEIGHT, MIN_HEIGHT, MIN_HEIGHT):
        near = valid & (np.abs(_rise(terms, plane, depth)) < tolerance)
        if near.sum() < 10:
            break
        plane = np.asarray(np.linalg.lstsq(terms[near], inverse[near], rcond=None)[0], np.float64)
    return plane


def _valid(depth: NDArray[np.float32]) -> Mask:
    return np.asarray(np.isfinite(depth) & (depth > 0))


def _terms(shape: tuple[int, ...]) -> Array:
    """What a plane's inverse depth is linear in, (H, W, 3)."""
    height, width = shape
    rows, cols = np.mgrid[:height, :width]
    return np.stack([rows / height, cols / width, np.ones(shape)], axis=-1)


def _rise(terms: Array, plane: Array, depth: NDArray[np.floating]) -> Array:
    """How far in metres pixels are nearer than a plane."""
    return np.asarray(1 / np.maximum(terms @ plane, 1e-6) - depth)


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
    votes = (np.abs(rise) < MIN_HEIGHT).sum(axis=0) - (rise < -MIN_HEIGHT).sum(axis=0)
    return np.asarray(planes[int(np.argmax(votes))])


def snap_to_foreground(depth: NDArray[np.float32], action: NDArray[np.integer]) -> Action:
    """Move both pixels of an action to the nearest pixels of the object.

    Only its largest connected piece counts: single noisy readings would else attract most actions.

    Args:
        depth: (H, W) float32 metres, from which the object is found.
        action: (5,) hold row, hold col, push row, push col, direction.

    Returns:
        (5,) int64 action; as given where the depth shows no object.
    """
    moved = np.array(action, np.int64)
    mask = object_mask(depth)
    if mask.any():
        nearest = distance_transform_edt(~_largest_piece(mask), return_distances=False, return_indices=True)
        for start in (0, 2):
            moved[start : start + 2] = nearest[:, moved[start], moved[start + 1]]
    return moved


def _largest_piece(mask: Mask) -> Mask:
    """The largest connected piece of a mask without lines thinner than three pixels; all where there is no such."""
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, pieces, statistics, _ = cv2.connectedComponentsWithStats(opened)
    sizes = statistics[1:, cv2.CC_STAT_AREA]
    return pieces == 1 + np.argmax(sizes) if len(sizes) else mask
