"""Classical ways to see what moved between two images: the baselines of the part network."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]

#: Grey levels (0..255, the largest of the three channels) by which a pixel must change: one tenth of the range.
DIFFERENCE_THRESHOLD = 25
#: Pixels by which the flow must move a pixel: as in the environment's definition of a part that moved.
FLOW_THRESHOLD = 1.5


def frame_difference(before: Image, after: Image) -> tuple[Mask, Mask]:
    """Pixels whose colour changed.

    A difference does not tell where something was from where it is now, so both masks are the same.

    Args:
        before: (H, W, 3) uint8 RGB.
        after: (H, W, 3) uint8 RGB.

    Returns:
        M_t and M_{t+1}, (H, W) bool.

    Raises:
        ValueError: The images are not uint8 RGB of one shape.
    """
    _check(before, after)
    changed = cv2.absdiff(before, after).max(axis=2) > DIFFERENCE_THRESHOLD
    mask = _clean(changed)
    return mask, mask.copy()


def dis_flow(before: Image, after: Image) -> tuple[Mask, Mask]:
    """Pixels that DIS optical flow (Kroeger et al., ECCV 2016, arXiv 1603.03590) moves.

    Args:
        before: (H, W, 3) uint8 RGB.
        after: (H, W, 3) uint8 RGB.

    Returns:
        M_t from the flow forward in time and M_{t+1} from the flow backward, (H, W) bool.

    Raises:
        ValueError: The images are not uint8 RGB of one shape.
    """
    _check(before, after)
    first, second = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (before, after))
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    masks = []
    for source, target in ((first, second), (second, first)):
        motion = flow.calc(source, target, np.zeros((*source.shape, 2), np.float32))
        masks.append(_clean(np.hypot(motion[..., 0], motion[..., 1]) > FLOW_THRESHOLD))
    return masks[0], masks[1]


def _clean(mask: Mask) -> Mask:
    """Drop single pixels and close single gaps."""
    kernel = np.ones((3, 3), np.uint8)
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, kernel)
    closed: Mask = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, kernel).astype(bool)
    return closed


def _check(before: Image, after: Image) -> None:
    for image in (before, after):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.shape != before.shape:
            raise ValueError(
                f"images must be uint8 (H, W, 3) of one shape, got {before.dtype} {before.shape} and "
                f"{after.dtype} {after.shape}"
            )


#: The baselines by name.
BASELINES: dict[str, Callable[[Image, Image], tuple[Mask, Mask]]] = {
    "frame_difference": frame_difference,
    "dis_flow": dis_flow,
}
