"""What was held stayed: motion masks that claim otherwise, and are not sure of it, are put right.

While one place is held and another pushed, the part that is held stands still (AtP, arXiv 2105.01047, interaction).
Where it lies against what moves, as a door seen edge-on against its cabinet, a motion mask easily takes it along, and
the part memory would then carry it along too, and lose it. Let P be the visible pixels of the known part at the held
pixel, and B and B' what moved, in the images before and after.

- B has the held pixel. Then B is wrong there, or P is no single part. P leaves both masks if it is mostly in B
  (``MOSTLY``) or little of B lies on it (``LITTLE``), unless most of it (``SURE_SHARE``) surely moved.
- B' has pixels of P that B has not, which look as before, are as far away and did not surely move. They show P still.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from atp.part_memory.evidence import Evidence
from atp.part_memory.motion_in_space import CHANGE
from atp.types import Image, Labels, Mask

#: Share of the held part in the mask from which on it is as good as all of it.
MOSTLY = 0.75
#: Share of the mask on the held part below which this is a spill.
LITTLE = 0.3
#: Share of the held part that has to move surely for it to have moved after all.
SURE_SHARE = 0.7
#: A pixel looks as before where no colour channel, a little blurred, differs by this many grey levels.
SAME_COLOUR = 8.0


def unchanged(
    before: tuple[Image, NDArray[np.float32] | None], after: tuple[Image, NDArray[np.float32] | None]
) -> Mask | None:
    """Pixels that look the same in two images of one camera that stood still.

    Args:
        before: (H, W, 3) uint8 colours and (H, W) float32 depth in metres, 0 where there is no reading.
        after: The same.

    Returns:
        (H, W) bool, True also where either depth has no reading; None where an image has no depth.
    """
    (rgb, depth), (later_rgb, later_depth) = before, after
    if depth is None or later_depth is None or rgb.shape != later_rgb.shape:
        return None
    smooth, later_smooth = (cv2.GaussianBlur(each.astype(np.float32), (3, 3), 0) for each in (rgb, later_rgb))
    read = (depth > 0) & (later_depth > 0)
    alike = np.abs(smooth - later_smooth).max(axis=-1) < SAME_COLOUR
    return np.asarray(alike & ~(read & (np.abs(later_depth - depth) > CHANGE)))


def without_held(
    before: Evidence, after: Evidence, held: tuple[int, int], labels: Labels, same: Mask | None
) -> tuple[Mask, Mask]:
    """Motion masks without what they falsely have of the held part.

    Args:
        before: What moved, in the image before, and how sure that is.
        after: The same in the image after.
        held: (row, col) of the held pixel, in the image before.
        labels: (H, W) uint8 part memory aligned with the image before: 0 no part known, 1.. parts.
        same: (H, W) bool, pixels that :func:`unchanged` finds; None: not known.

    Returns:
        Both masks, (H, W) bool; as they are where nobody says how sure they are, or no known part is held.
    """
    moved, moved_after = before.moved, after.moved
    part = _part_at(labels, *held)
    if part is None or before.chance is None or after.chance is None:
        return moved, moved_after
    if same is not None:
        moved_after = moved_after & ~(part & same & ~moved & (after.chance < 1))
    if not moved[held]:
        return moved, moved_after
    area, overlap = np.count_nonzero(part), np.count_nonzero(part & moved)
    false = overlap > MOSTLY * area or overlap < LITTLE * np.count_nonzero(moved)
    if not false or np.count_nonzero(part & (before.chance >= 1)) >= SURE_SHARE * area:
        return moved, moved_after
    still = part if same is None else part & same
    return moved & ~part, moved_after & ~still


def _part_at(labels: Labels, row: int, col: int) -> Mask | None:
    """The known part at a pixel, or else next to it, (H, W) bool; None where there is none."""
    if not (0 <= row < labels.shape[0] and 0 <= col < labels.shape[1]):
        return None
    around = labels[max(row - 1, 0) : row + 2, max(col - 1, 0) : col + 2]
    label = int(labels[row, col])
    if not label and around.any():
        label = int(np.bincount(around[around > 0]).argmax())
    return labels == label if label else None
