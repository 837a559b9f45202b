"""Classical ways to see what moved in a clip: optical flow on larger images than the networks see.

At 90 x 90 pixels a CPU's optical flow is too weak to be a baseline: what moved by a few pixels there is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np

from atp.clips.pairing import ViewPair
from atp.perception.baselines import dis_flow, farneback_flow, frame_difference
from atp.types import Image, Mask

#: Side in pixels of the images that flow is computed on.
FLOW_SIDE = 320
#: Pixels at that side by which flow must move a pixel: what does best on synthetic pairs, of 0.5 to 16
#: (``python -m train.studies.flow_thresholds``).
FLOW_THRESHOLDS = {"dis_flow": 8.0, "farneback": 4.0}

#: Methods that segment two images with a threshold.
FLOWS: dict[str, Callable[[Image, Image, float], tuple[Mask, Mask]]] = {
    "dis_flow": dis_flow,
    "farneback": farneback_flow,
}


def _flow(name: str, pair: ViewPair) -> tuple[Mask, Mask]:
    """Masks (R, R) from images of ``FLOW_SIDE``."""
    found = FLOWS[name](*pair.images(FLOW_SIDE), FLOW_THRESHOLDS[name])
    first, second = (_reduced(mask, pair.first.box.resolution) for mask in found)
    return first, second


def _reduced(mask: Mask, side: int) -> Mask:
    area = cv2.resize(mask.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(area >= 0.5)


def _difference(pair: ViewPair) -> tuple[Mask, Mask]:
    return frame_difference(pair.first.image, pair.corrected["rgb"])


#: The baselines of clips by name: masks (R, R), at the network's resolution, of a pair.
CLIP_BASELINES: dict[str, Callable[[ViewPair], tuple[Mask, Mask]]] = {
    "frame_difference": _difference,
    **{name: partial(_flow, name) for name in FLOWS},
}
