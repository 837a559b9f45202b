"""A panel: an image with what is known of it laid over, the unit of which strips and videos are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from atp.articulation.articulated_model import Articulation
from atp.drawing.joint_axes import draw_joints
from atp.drawing.primitives import (
    AGENT_COLOUR,
    MOTION_COLOUR,
    TRUTH_COLOUR,
    draw_action,
    fit,
    outline_mask,
    overlay_labels,
    overlay_mask,
)
from atp.frame_action import FrameAction
from atp.types import Image, Labels, Mask

ENLARGEMENT = 3
"""How much larger than an image of the network's size the one is into which an action is drawn."""


@dataclass(frozen=True, eq=False)
class Panel:
    """An image and what is laid over it, in this order.

    Attributes:
        image: uint8 (H, W, 3).
        mask: bool, what was found to move, tinted; None for nothing.
        agent: bool, what was taken for a hand, an arm or a robot, tinted; None for nothing.
        true_mask: bool, what truly moved, outlined.
        labels: uint8, parts, each tinted in its colour; 0 background.
        joints: A model of what moves in it, in the pixels of ``image``; drawn where there are ``labels``.
        action: A ring and an arrow.
        action_shape: (H, W) of the frame in whose pixels the action is; None for the image's own.
    """

    image: Image
    mask: Mask | None = None
    true_mask: Mask | None = None
    labels: Labels | None = None
    joints: Articulation | None = None
    action: FrameAction | None = None
    action_shape: tuple[int, ...] | None = None
    agent: Mask | None = None

    def draw(self, size: int | None = None) -> Image:
        """Draw it.

        Args:
            size: Longer side of the result; the image is resized first, so that lines are sharp. None: the image's own.

        Returns:
            uint8 (h, w, 3). Masks and labels of another shape are resized to it, to the nearest pixel.

        Raises:
            ValueError: A dtype is wrong, or the action lies outside of the image.
        """
        image = self.image if size is None else fit(self.image, size)
        if self.mask is not None:
            image = overlay_mask(image, _resized(self.mask, image), MOTION_COLOUR)
        if self.agent is not None:
            image = overlay_mask(image, _resized(self.agent, image), AGENT_COLOUR)
        if self.true_mask is not None:
            image = outline_mask(image, _resized(self.true_mask, image), TRUTH_COLOUR)
        if self.labels is not None:
            labels = _resized(self.labels, image)
            image = overlay_labels(image, labels)
            if self.joints is not None:
                draw_joints(image, labels, self.joints, image.shape[0] / self.image.shape[0])
        if self.action is not None:
            image = draw_action(image, self.action.scaled(self.action_shape or self.image.shape, image.shape))
        return image


def _resized(values: NDArray[Any], image: Image) -> NDArray[Any]:
    """A mask or labels at the shape of an image, each pixel from the nearest one."""
    if values.shape == image.shape[:2]:
        return values
    if values.dtype == np.bool_:
        return _resized(values.astype(np.uint8), image) > 0
    return np.asarray(cv2.resize(values, image.shape[1::-1], interpolation=cv2.INTER_NEAREST))
