"""Which pixels show an object that lies on a plane: from depth alone."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from atp.ground import TOLERANCE, ground_plane, has_reading, rise_above
from atp.types import Action, Mask

#: An object rises at least this many metres above the ground.
MIN_HEIGHT = TOLERANCE


def object_mask(depth: NDArray[np.float32]) -> Mask:
    """The foreground: pixels that stand out of the ground plane towards the camera.

    Args:
        depth: (H, W) float32 metres, 0 where there is no reading.

    Returns:
        (H, W) bool; all False where there is no depth.
    """
    return above_plane(depth, ground_plane(depth))


def above_plane(depth: NDArray[np.float32], plane: NDArray[np.float64] | None) -> Mask:
    """:func:`object_mask` where the ground's plane is known already; None: there is none."""
    if plane is None:
        return np.zeros(depth.shape, bool)
    mask: Mask = has_reading(depth) & (rise_above(plane, depth) > MIN_HEIGHT)
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
