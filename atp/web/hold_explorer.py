"""Conditional reasoning: the push maps of one image under any hold, fast enough to follow a pointer."""

from __future__ import annotations

import io

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL import ImageOps, UnidentifiedImageError

from atp.agent import Agent
from atp.networks import encoding
from atp.types import Image, Observation

#: Pixels of a picture that is dropped in, at most.
MOST_PIXELS = 50_000_000
#: Sides in pixels that the networks can take, at least.
LEAST_SIDE = 16


class HoldExplorer:
    """One observation, encoded once. The maps are those of a single pass, not averaged over symmetries.

    Args:
        agent: Its interaction network is asked.
        observation: The image, with depth or without.
    """

    def __init__(self, agent: Agent, observation: Observation) -> None:
        self.rgb: Image = np.array(observation["rgb"])
        self._network, self._device = agent.interaction, agent.device
        with torch.inference_mode():
            image = encoding.image_tensor(self.rgb, observation.get("depth")).to(self._device)
            memory = encoding.memory_tensor(np.zeros(self.rgb.shape[:2], np.uint8)).to(self._device)
            self._features = self._network.features(image, memory)
            holds = torch.sigmoid(self._network.hold_logits(self._features))[0]
        self.hold: NDArray[np.float32] = holds.float().cpu().numpy()
        """(H, W), expected reward of holding each pixel, 0 to 1."""

    @torch.inference_mode()
    def push(self, row: int, col: int) -> NDArray[np.float32]:
        """Expected rewards of pushes while a pixel is held.

        Args:
            row: Of the held pixel.
            col: Of the held pixel.

        Returns:
            (8, H, W), 0 to 1, direction k at k * 45 degrees counter-clockwise from image right.

        Raises:
            ValueError: The pixel lies outside the image.
        """
        height, width = self.hold.shape
        if not (0 <= row < height and 0 <= col < width):
            raise ValueError(
                f"the hold must lie in the image of {height} rows and {width} columns, not at {row}, {col}"
            )
        held = torch.tensor([[row, col]], device=self._device)
        maps: NDArray[np.float32] = (
            torch.sigmoid(self._network.push_logits(self._features, held))[0].float().cpu().numpy()
        )
        return maps


def read_picture(data: bytes, side: int) -> Image:
    """A picture that somebody dropped in, upright and reduced.

    Args:
        data: A JPEG, PNG or WebP file.
        side: Longer side in pixels of the result.

    Returns:
        (H, W, 3) uint8.

    Raises:
        ValueError: It is no such picture, or too large, or too narrow.
    """
    try:
        with Pictures.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise ValueError(f"a picture may have {MOST_PIXELS // 10**6} megapixels at most")
            upright = ImageOps.exif_transpose(picture).convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, Pictures.DecompressionBombError) as error:
        raise ValueError("this is no JPEG, PNG or WebP picture, or it is damaged") from error
    scale = side / max(upright.size)
    size = round(upright.width * scale), round(upright.height * scale)
    if min(size) < LEAST_SIDE:
        raise ValueError("the picture is too narrow: crop it")
    return np.array(upright.resize(size, Pictures.Resampling.BOX))
