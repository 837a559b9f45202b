"""The interaction network: where to hold, and then where and in which direction to push."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from atp.networks.blocks import Decoder, Encoder, check_size, gather_at
from atp.networks.encoding import IMAGE_CHANNELS, MEMORY_CHANNELS
from atp.types import DIRECTIONS

PRIOR = 0.2  # reward probability of an untrained network; about what random interactions earn


class InteractionFeatures(NamedTuple):
    """What both heads share for a batch of observations.

    Attributes:
        image: (B, 7, H, W) raw input, image and memory.
        levels: Encoder features at strides 2, 4, 8 and 16.
    """

    image: Tensor
    levels: list[Tensor]

    def repeat(self, count: int) -> InteractionFeatures:
        """Repeat each observation ``count`` times (to rate several holds of one observation at once)."""
        return InteractionFeatures(
            self.image.repeat_interleave(count, 0), [x.repeat_interleave(count, 0) for x in self.levels]
        )


class InteractionNetwork(nn.Module):
    """Reward maps of holds and, given a hold, of pushes (AtP, arXiv 2105.01047, coupled action selection).

    A shared ResNet-18 encoder sees the image and the part memory. The hold head gives the logit of the
    reward of holding each pixel; the push head, conditioned on the chosen hold, the logit of the reward of
    pushing each pixel in each of 8 directions. Both are trained with binary cross-entropy at the executed
    pixels alone (`train.signals.losses.masked_bce_at_pixels`).

    AtP reasons about pushing right only, and runs the push head on 8 rotated copies of its input. Here one
    pass gives 8 maps, direction k at k * 45 degrees counter-clockwise from image right; that rotating the
    image rotates the maps and their order is learned from rotated training samples
    (`train.signals.augmentation`) instead, at an eighth of the cost.

    Args:
        width: Channels at stride 2; doubled at strides 4, 8 and 16.
        vector: Length of the vector that describes the held place.
    """

    def __init__(self, width: int = 32, vector: int = 64) -> None:
        super().__init__()
        self.config = {"width": width, "vector": vector}
        inputs = IMAGE_CHANNELS + MEMORY_CHANNELS
        self.encoder = Encoder(inputs, width)
        self.hold_decoder = Decoder(self.encoder.channels, inputs, 1, PRIOR)
        self.held = nn.Sequential(nn.Linear(sum(self.encoder.channels), vector), nn.ReLU(inplace=True))
        self.push_decoder = Decoder(self.encoder.channels, inputs, DIRECTIONS, PRIOR, vector)

    def features(self, image: Tensor, memory: Tensor) -> InteractionFeatures:
        """Encode observations.

        Args:
            image: (B, 5, H, W) image tensor of `atp.networks.encoding.image_tensor`.
            memory: (B, 2, H, W) memory tensor of `atp.networks.encoding.memory_tensor`.

        Returns:
            Features for `hold_logits` and `push_logits`.

        Raises:
            ValueError: On a wrong shape or an image smaller than 16 pixels.
        """
        check_size(image, IMAGE_CHANNELS, "image")
        check_size(memory, MEMORY_CHANNELS, "memory")
        raw = torch.cat([image, memory], 1)
        return InteractionFeatures(raw, self.encoder(raw))

    def hold_logits(self, features: InteractionFeatures) -> Tensor:
        """Logits of the reward of holding each pixel, (B, H, W) float32."""
        logits: Tensor = self.hold_decoder(features.levels, features.image)
        return logits[:, 0]

    def push_logits(self, features: InteractionFeatures, hold: Tensor) -> Tensor:
        """Logits of the reward of pushing each pixel in each direction while ``hold`` is held.

        Args:
            features: Of `features`.
            hold: (B, 2) long, row and column of the held pixel.

        Returns:
            (B, 8, H, W) float32.
        """
        shape = (features.image.shape[2], features.image.shape[3])
        held = self.held(torch.cat([gather_at(level, hold, shape) for level in features.levels], 1))
        logits: Tensor = self.push_decoder(features.levels, features.image, held, hold)
        return logits

    def forward(self, image: Tensor, memory: Tensor, hold: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Both heads in one call, for training.

        Args:
            image: (B, 5, H, W).
            memory: (B, 2, H, W).
            hold: (B, 2) long; where None, each image's best pixel of the hold map is held.

        Returns:
            Hold logits (B, H, W) and push logits (B, 8, H, W).
        """
        features = self.features(image, memory)
        holds = self.hold_logits(features)
        if hold is None:
            best = holds.flatten(1).argmax(1)
            hold = torch.stack([best // holds.shape[2], best % holds.shape[2]], 1)
        return holds, self.push_logits(features, hold)
