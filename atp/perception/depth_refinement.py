"""What depth adds to motion: where the object ends, and the part of it that never moved.

Motion masks and the part memory come from what moved alone (AtP, arXiv 2105.01047, motion segmentation and history
aggregation). Where depth separates the object from the ground on which it lies, two things are known besides: nothing
off the object belongs to a part, and what is left of the object when the known parts are taken away is a part too, the
*residual part*.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from atp.types import MAX_PARTS, MIN_PART_PIXELS, Labels, Mask

#: A residual part has at least ``MIN_PART_PIXELS`` without its rim, and this share of the object. Less is the ragged
#: border of the known parts.
MIN_SHARE = 0.1
#: Another part may cut it into pieces. A piece has at least this many pixels without its rim.
MIN_PIECE = 9
#: Mean doubt up to which a piece has stayed: 0 is sure, a half is the limit of a motion mask.
MAX_DOUBT = 0.1
#: Least share of the known parts on the object. Where an object fills the image, its top may be taken for the ground.
MIN_TRUST = 0.5
#: A pixel that is left over belongs to the nearest part, if that is at most this many pixels away. As all lengths and
#: areas here, it was chosen at 90 x 90 pixels and does not scale with the resolution.
REACH = 4.0
#: The same for motion masks.
RIM = 2.0

_SQUARE = np.ones((3, 3), np.uint8)


def fit_motion(moved: Mask, foreground: Mask) -> Mask:
    """Fit a motion mask to the outline of the object.

    What lies off the object is taken away. Thin rims of the object that the mask leaves out go to the mask, or to the
    rest of the object where that is nearer.

    Args:
        moved: (H, W) bool motion mask.
        foreground: (H, W) bool, :func:`atp.perception.foreground.object_mask`; all False where there is no depth.

    Returns:
        (H, W) bool; ``moved`` itself where there is no depth.
    """
    if not moved.any() or not foreground.any():
        return moved
    fitted = moved & foreground
    rest = cv2.morphologyEx((foreground & ~moved).astype(np.uint8), cv2.MORPH_OPEN, _SQUARE)
    filled: Mask = _fill((fitted + 2 * rest).astype(np.uint8), foreground, RIM) == 1
    return filled


def complete_parts(
    labels: Labels,
    foreground: Mask,
    doubt: NDArray[np.float32] | None = None,
    suspects: Labels | None = None,
) -> Labels:
    """Part labels of the whole object from those of the parts that have moved.

    Every pixel off the object becomes background. What no known part covers becomes the residual part if it is large
    enough; small leftovers go to the nearest part. A connected piece that may have moved after all is not residual: its
    pixels go to the parts that they are suspected to have moved with.

    Args:
        labels: (H, W) uint8 part memory, 0 where no part is known.
        foreground: (H, W) bool; all False where there is no depth.
        doubt: (H, W) in 0 to 1, how far each pixel may have moved; None: not at all.
        suspects: (H, W) uint8, the part it moved with then; None or 0: the nearest.

    Returns:
        (H, W) uint8, new. The residual part has the lowest label not in use. ``labels`` as they are where no part is
        known, there is no depth, or the depth shows little of the parts to be on the object.
    """
    completed = labels.copy()
    known = labels > 0
    if not known.any() or np.count_nonzero(known & foreground) < MIN_TRUST * np.count_nonzero(known):
        return completed
    completed[~foreground] = 0
    certain, doubtful = _left_over(foreground & (completed == 0), completed > 0, doubt)
    free = next((label for label in range(1, MAX_PARTS + 1) if not (labels == label).any()), 0)
    if free and np.count_nonzero(certain) >= max(MIN_PART_PIXELS, MIN_SHARE * np.count_nonzero(foreground)):
        completed[certain] = free
    if suspects is not None:
        named = doubtful & np.isin(suspects, labels[known])
        completed[named] = suspects[named]
    completed = _fill(completed, foreground, REACH)
    return _fill(completed, doubtful, math.inf)


def _left_over(rest: Mask, known: Mask, doubt: NDArray[np.float32] | None) -> tuple[Mask, Mask]:
    """What is left of the object without its rim: the connected pieces that stayed, and those that may have moved.

    Thin things have no inside: what leads away from the known parts is no rim of them either.
    """
    inside = cv2.morphologyEx(rest.astype(np.uint8), cv2.MORPH_OPEN, _SQUARE) > 0
    away = rest & (cv2.dilate(known.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0)
    count, regions, stats, _ = cv2.connectedComponentsWithStats((inside | away).astype(np.uint8), connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA]
    large = areas >= MIN_PIECE
    large[0] = False
    doubts = np.zeros(count) if doubt is None else np.bincount(regions.ravel(), doubt.ravel(), count) / areas
    return (large & (doubts <= MAX_DOUBT))[regions], (large & (doubts > MAX_DOUBT))[regions]


def _fill(labels: Labels, foreground: Mask, reach: float) -> Labels:
    """Give the pixels of the object without a label that of the nearest pixel with one, within ``reach`` pixels."""
    known = labels > 0
    if not known.any() or not (foreground & ~known).any():
        return labels
    distance, nearest = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_index = np.zeros(int(nearest.max()) + 1, np.uint8)
    of_index[nearest[known]] = labels[known]
    filled: Labels = np.where(foreground & (distance <= reach), of_index[nearest], labels)
    return filled
