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


def object_mask(depth: NDArray[np.float32]) -> Mask:
    """The foreground: pixels that stand out of the ground plane towards the camera.

    The inverse depth of a plane is linear in row and column. It is fitted to the border of the image and then twice
    to all pixels that agree, so that an object which touches the border does no harm.

    Args:
        depth: (H, W) float32 metres, 0 where there is no reading.

    Returns:
        (H, W) bool; all False where there is no depth.
    """
    height, width = depth.shape
    valid = np.isfinite(depth) & (depth > 0)
    if valid.sum() < 10:
        return np.zeros(depth.shape, bool)
    rows, cols = np.mgrid[:height, :width]
    terms = np.stack([rows / height, cols / width, np.ones(depth.shape)], axis=-1)
    inverse = np.where(valid, 1 / np.where(valid, depth, 1.0), 0.0)
    margin = max(1, round(BORDER * min(height, width)))
    ground = valid.copy()
    ground[margin:-margin, margin:-margin] = False
    if ground.sum() < 10:
        ground = valid
    rise = np.zeros(depth.shape)
    for _ in range(3):
        plane, *_ = np.linalg.lstsq(terms[ground], inverse[ground], rcond=None)
        rise = 1 / np.maximum(terms @ plane, 1e-6) - depth
        near = valid & (np.abs(rise) < MIN_HEIGHT)
        if near.sum() < 10:
            break
        ground = near
    mask: Mask = valid & (rise > MIN_HEIGHT)
    return mask


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
