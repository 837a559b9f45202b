"""Classical ways to see what moved between two images, from colour alone: the baselines of the part network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from atp.types import Image, Mask

Grey = NDArray[np.uint8]
Flow = NDArray[np.float32]

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


def dis_flow(before: Image, after: Image, threshold: float = FLOW_THRESHOLD) -> tuple[Mask, Mask]:
    """Pixels that DIS optical flow (Kroeger et al., ECCV 2016, arXiv 1603.03590) moves.

    Args:
        before: (H, W, 3) uint8 RGB.
        after: (H, W, 3) uint8 RGB.
        threshold: Pixels by which the flow must move a pixel.

    Returns:
        M_t from the flow forward in time and M_{t+1} from the flow backward, (H, W) bool.

    Raises:
        ValueError: The images are not uint8 RGB of one shape.
    """
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return _moved_by(lambda first, second: flow.calc(first, second, _no_flow(first)), before, after, threshold)


def farneback_flow(before: Image, after: Image, threshold: float = FLOW_THRESHOLD) -> tuple[Mask, Mask]:
    """Pixels that Farneback's optical flow (Two-frame motion estimation, SCIA 2003) moves.

    With OpenCV's usual options. Arguments, result and errors are those of :func:`dis_flow`.
    """

    def flow(first: Grey, second: Grey) -> Flow:
        return np.asarray(
            cv2.calcOpticalFlowFarneback(first, second, _no_flow(first), 0.5, 3, 15, 3, 5, 1.2, 0), np.float32
        )

    return _moved_by(flow, before, after, threshold)


def _moved_by(flow: Callable[[Grey, Grey], Any], before: Image, after: Image, threshold: float) -> tuple[Mask, Mask]:
    """M_t and M_{t+1} from a flow (H, W, 2) between grey images, forward and backward in time."""
    _check(before, after)
    first, second = (np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8) for image in (before, after))
    forward, backward = flow(first, second), flow(second, first)
    lengths = (np.hypot(motion[..., 0], motion[..., 1]) for motion in (forward, backward))
    moved, there = (_clean(length > threshold) for length in lengths)
    return moved, there


def _no_flow(image: Grey) -> Flow:
    return np.zeros((*image.shape, 2), np.float32)


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
    "farneback": farneback_flow,
}
