"""Rims of masks: what lies beside another mask because outlines are never exact, told from what is thin itself.

Two masks of one thing differ along its outline by a pixel or two. Whoever asks what one mask has and another lacks
must not take this rim for a thing. An opening would remove it, and with it wires, frames and thin blades. So what
counts is the place and not the width: the rim of ``mask`` beside ``known`` is what of it lies within two pixels of
``known``. A long line that leads away from ``known`` keeps nearly all of its pixels; a rim along it keeps none.

>>> known = np.zeros((20, 20), bool)
>>> known[5:10, 5:15] = True
>>> rim, wire = np.zeros_like(known), np.zeros_like(known)
>>> rim[10, 5:15] = True  # a row more
>>> wire[10:, 7] = True  # a line of one pixel's width that leads away
>>> int(beyond_rim(rim, known).sum()), int(beyond_rim(wire, known).sum())
(0, 8)
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.conventions import RESOLUTION
from atp.types import Mask

#: Width in pixels of a rim in images of ``RESOLUTION`` pixels a side; in larger ones it grows in proportion.
RIM_PIXELS = 2

_NEXT = np.ones((3, 3), np.uint8)


def beyond_rim(mask: Mask, known: Mask) -> Mask:
    """What of a mask is not merely the rim of another one.

    Args:
        mask: (H, W) bool.
        known: (H, W) bool.

    Returns:
        (H, W) bool, the pixels of ``mask`` that lie neither on ``known`` nor within a rim's width of it.
    """
    return np.asarray(mask & ~_widened(known)) if known.any() else mask


def without_rims(mask: Mask, known: Mask) -> Mask:
    """What of a mask leads on beyond the rim of another one, from the border of ``known`` on.

    Args:
        mask: (H, W) bool.
        known: (H, W) bool.

    Returns:
        (H, W) bool, the pixels of ``mask`` off ``known`` that :func:`beyond_rim` keeps, and those within a rim's width
        of these.
    """
    beyond = beyond_rim(mask, known)
    return np.asarray(mask & ~known & _widened(beyond)) if beyond.any() else beyond


def _widened(mask: Mask) -> Mask:
    """A mask and the rim around it."""
    side = 2 * max(RIM_PIXELS, round(RIM_PIXELS * min(mask.shape) / RESOLUTION)) + 1
    return cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0


def regions(mask: Mask) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Regions of a mask, across gaps of up to two pixels: in an image thin lines break up.

    Args:
        mask: (H, W) bool.

    Returns:
        (H, W) number of the region of each pixel, 0 off the mask; and the area in pixels of each region by its number,
        0 for number 0.
    """
    _, numbers = cv2.connectedComponents(cv2.dilate(mask.astype(np.uint8), _NEXT), connectivity=8)
    numbered = np.where(mask, numbers, 0).astype(np.int32)
    return numbered, np.bincount(numbered[mask], minlength=1)


def largest_region(mask: Mask) -> int:
    """Area in pixels of the largest of the :func:`regions` of a mask, 0 where it is empty."""
    return int(regions(mask)[1].max())
