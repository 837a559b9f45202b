"""Mass and inertia from sizes alone: files from elsewhere often have none, or wrong ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

TOTAL_MASS = 1.0  # kg, of an object
MIN_MASS = 0.05  # kg, of a link with a shape
BARE_MASS, BARE_INERTIA = 0.01, 1e-4  # kg, kg m^2, of a link without one
_MIN_SIDE = 0.01  # m: thinner boxes count as this thick, since near-zero inertia makes a simulation unstable


def share_mass(boxes: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    """Split the object's mass over its links in kg: ``MIN_MASS`` each, the rest by bounding-box volume.

    Args:
        boxes: Sides (3,) in metres of each link's bounding box, by link name.
    """
    volumes = {name: float(np.prod(np.maximum(sides, _MIN_SIDE))) for name, sides in boxes.items()}
    rest = max(TOTAL_MASS - MIN_MASS * len(boxes), 0.0)
    total = sum(volumes.values())
    return {name: MIN_MASS + rest * volume / total for name, volume in volumes.items()}


def box_inertia(mass: float, sides: NDArray[np.float64]) -> tuple[float, float, float]:
    """Principal moments in kg m^2 of a solid box about its centre, along its sides (3,) in metres."""
    x, y, z = np.maximum(sides, _MIN_SIDE) ** 2
    return mass / 12.0 * (y + z), mass / 12.0 * (x + z), mass / 12.0 * (x + y)
