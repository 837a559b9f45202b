"""What folders hand to one another: observations, masks, labels and actions, and the numbers that all agree on.

Conventions: images are (H, W), pixels (row, col) with row 0 at the top; depth is in metres along the optical axis;
direction k of a push is the angle of k * 45 degrees counter-clockwise from world +x, image right for a camera that is
not tilted.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from assets.conventions import DIRECTIONS, MAX_PARTS, MIN_PART_PIXELS, RESOLUTION

__all__ = [
    "DIRECTIONS",
    "MAX_PARTS",
    "MIN_PART_PIXELS",
    "RESOLUTION",
    "Action",
    "Image",
    "Labels",
    "Mask",
    "Observation",
]

#: (H, W) bool: pixels of one thing, such as what moved (M_t and M_{t+1} of the paper).
Mask = NDArray[np.bool_]
#: (H, W) uint8: 0 no part, 1..MAX_PARTS parts. In true labels 0 is the background; in the part memory
#: (V_t of the paper) it is also what of the object has not moved yet.
Labels = NDArray[np.uint8]
#: (H, W, 3) uint8 RGB.
Image = NDArray[np.uint8]
#: (5,) int64: hold row, hold col, push row, push col, direction k.
Action = NDArray[np.int64]


class Observation(TypedDict):
    """One observation, as ``ArticulatedPlay-v0`` gives it and as a real camera can.

    Attributes:
        rgb: (H, W, 3) uint8.
        depth: (H, W) float32 metres along the optical axis; 0 or NaN is no reading. None, a missing key or a map
            without a reading: there is no depth.
        touch: (2,) int8, whether hold and push of the last action touched the object; missing where nobody can tell.
    """

    rgb: Image
    depth: NotRequired[NDArray[np.float32] | None]
    touch: NotRequired[NDArray[Any]]
