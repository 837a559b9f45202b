"""What the agent computes from one observation alone, computed once however often the observation is used.

In a step of the loop an observation is acted on, compared with the one before, remembered, and compared with the one
after. Its network input and the mask of its object are the same each time.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from atp.ground import ground_depth, ground_plane
from atp.networks import encoding
from atp.perception.foreground import above_plane
from atp.types import Mask, Observation


class EncodedObservation:
    """One observation, as the networks take it.

    Its arrays are copied: what somebody writes into them later changes nothing here, and is seen by :meth:`shows`.

    Args:
        observation: The observation.
        device: Where the network input goes.
    """

    def __init__(self, observation: Observation, device: torch.device) -> None:
        depth = observation.get("depth")
        self._rgb = np.array(observation["rgb"])
        self._depth = None if depth is None else np.array(depth)
        self._device = device

    @cached_property
    def image(self) -> Tensor:
        """(1, 5, H, W) float32, see :func:`atp.networks.encoding.image_tensor`; raises ValueError as it does."""
        ground = None if self._depth is None else ground_depth(self._depth, self.plane)
        return encoding.image_tensor(self._rgb, self._depth, ground).to(self._device)

    @cached_property
    def foreground(self) -> Mask:
        """(H, W) bool, pixels of the object; read-only; all False where there is no depth."""
        mask = np.zeros(self._rgb.shape[:2], bool) if self._depth is None else above_plane(self._depth, self.plane)
        mask.flags.writeable = False
        return mask

    @cached_property
    def plane(self) -> NDArray[np.float64] | None:
        """(3,) the ground, see :func:`atp.ground.ground_plane`; None where there is no depth, or too little."""
        return None if self._depth is None else ground_plane(self._depth.astype(np.float32, copy=False))

    def shows(self, observation: Observation) -> bool:
        """Whether an observation has this image and depth, to the bit."""
        depth = observation.get("depth")
        if depth is None or self._depth is None:
            same_depth = depth is None and self._depth is None
        else:
            same_depth = _same(self._depth, np.asarray(depth))
        return same_depth and _same(self._rgb, np.asarray(observation["rgb"]))


class LastObservations:
    """The two observations used last: those of one interaction, before and after it.

    Args:
        device: Where the network inputs go.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._last: tuple[EncodedObservation, ...] = ()

    def encoded(self, observation: Observation) -> EncodedObservation:
        """The observation with what is already computed of it."""
        for known in self._last:
            if known.shows(observation):
                return known
        new = EncodedObservation(observation, self._device)
        self._last = (*self._last[-1:], new)
        return new


def _same(mine: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether arrays are the same to the bit, so that NaN is equal to itself."""
    return mine.dtype == other.dtype and mine.shape == other.shape and mine.tobytes() == other.tobytes()
