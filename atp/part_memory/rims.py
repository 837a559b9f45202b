"""Rims of masks: what lies beside another mask because outlines are never exact, told from what is thin itself.

Two masks of one thing differ along its outline by a pixel or two. Whoever asks what one mask has and another lacks
must not take this rim for a thing. An opening would remove it, and with it wires, frames and thin blades. So what
counts is the place and not the width: the rim of ``mask`` beside ``known`` is what of it lies within a few pixels of
``known``. A long line that leads away from ``known`` keeps nearly all of its pixels; a rim along it keeps none.

>>> known = np.zeros((20, 20), bool)
>>> known[5:10, 5:15] = True
>>> rim, wire = known.copy(), known.copy()
>>> rim[10] = known[9]  # one row more
>>> wire[10:, 7] = True  # a line of one pixel's width that leads away
>>> beyond_rim(rim & ~known, known).sum(), beyond_rim(wire & ~known, known).sum()
(0, 8)
"""

from __future__ import annotations

import cv2
import numpy as np

from assets.conventions import RESOLUTION
from atp.types import Mask

#: Width in pixels of a rim in images of ``RESOLUTION`` pixels a side; it grows with larger images, for what is a pixel
#: in the small image of a network is more in theirs.
RIM_PIXELS = 2


def beyond_rim(mask: Mask, known: Mask, pixels: int = RIM_PIXELS) -> Mask:
    """What of a mask is not merely the rim of another one.

    Args:
        mask: (H, W) bool.
        known: (H, W) bool.
        pixels: Width of a rim at ``RESOLUTION``.

    Returns:
        (H, W) bool, the pixels of ``mask`` outside of the square of ``pixels`` about each pixel of ``known``.
    """
    if not mask.any() or not known.any():
        return mask & ~known
    side = 2 * rim_width(mask.shape, pixels) + 1
    near = cv2.dilate(known.astype(np.uint8), np.ones((side, side), np.uint8))
    return np.asarray(mask & (near == 0))


def without_rims(mask: Mask, known: Mask, pixels: int = RIM_PIXELS) -> Mask:
    """What of a mask leads on beyond the rim of another one, from the border of ``known`` on.

    Args:
        mask: (H, W) bool.
        known: (H, W) bool.
        pixels: Width of a rim at ``RESOLUTION``.

    Returns:
        (H, W) bool, the pixels of ``mask`` off ``known`` that :func:`beyond_rim` keeps, and those about them.
    """
    beyond = beyond_rim(mask, known, pixels)
    if not beyond.any():
        return beyond
    side = 2 * rim_width(mask.shape, pixels) + 1
    about = cv2.dilate(beyond.astype(np.uint8), np.ones((side, side), np.uint8))
    return np.asarray(mask & ~known & (about > 0))


def rim_width(shape: tuple[int, ...], pixels: int = RIM_PIXELS) -> int:
    """Width of a rim in pixels of an image of shape (H, W): ``pixels`` at ``RESOLUTION`` and below, in proportion above."""
    return max(pixels, round(pixels * min(shape) / RESOLUTION))


def largest_region(mask: Mask) -> int:
    """Area in pixels of the largest region of a mask that is connected along sides or corners, as thin lines are."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return int(stats[1:, cv2.CC_STAT_AREA].max()) if count > 1 else 0
