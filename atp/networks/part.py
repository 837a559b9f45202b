"""The part network: which pixels moved, seen before and after an interaction."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from atp.networks.blocks import Decoder, Encoder, GroupNorm, check_size, convolution
from atp.networks.encoding import ACTION_CHANNELS, IMAGE_CHANNELS

DIFFERENCE_CHANNELS = 4  # colour and height
PRIOR = 0.1  # share of an image that an untrained network takes to have moved


class Exchange(nn.Module):
    """Let each stream see the other's features, around the same place: 3 x 3 cells at strides 8 and 16."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = convolution(2 * channels, channels // 2, 1)
        self.norm = GroupNorm(channels // 2)
        self.mix = convolution(channels // 2, channels)

    def forward(self, features: Tensor) -> Tensor:
        """Add to (2B, C, h, w) features, the first B of stream one, what the other stream says."""
        other = features.roll(len(features) // 2, 0)
        hidden = torch.relu(self.norm(self.reduce(torch.cat([features, other], 1))))
        mixed: Tensor = self.mix(hidden)
        return features + mixed


class PartNetwork(nn.Module):
    """Motion segmentation of an image pair (AtP, arXiv 2105.01047, motion segmentation).

    Two streams with shared weights: one sees [before, after, action], the other [after, before, action], so
    that each compares its own image with the other from the first layer on. At strides 8 and 16, where a
    part that moves by 20 pixels and more is only a few cells away, the streams exchange features. One
    decoder gives the mask M_t of what moved in the image before, the other M_{t+1} of the same part in the
    image after. An action of zeros means that the action is not known.

    Args:
        width: Channels at stride 2; doubled at strides 4, 8 and 16.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.config = {"width": width}
        inputs = 2 * IMAGE_CHANNELS + DIFFERENCE_CHANNELS + ACTION_CHANNELS
        self.encoder = Encoder(inputs, width)
        self.exchanges = nn.ModuleList([Exchange(channels) for channels in self.encoder.channels[2:]])
        self.before_decoder = Decoder(self.encoder.channels, inputs, 1, PRIOR)
        self.after_decoder = Decoder(self.encoder.channels, inputs, 1, PRIOR)

    def forward(self, before: Tensor, after: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Segment what moved.

        Args:
            before: (B, 5, H, W) image tensor of I_t (`atp.networks.encoding.image_tensor`).
            after: (B, 5, H, W) image tensor of I_{t+1}.
            action: (B, 4, H, W) action maps (`atp.networks.encoding.action_tensor`), zeros where not known.

        Returns:
            Logits of M_t and of M_{t+1}, each (B, H, W) float32.

        Raises:
            ValueError: On a wrong shape or images smaller than 16 pixels.
        """
        check_size(before, IMAGE_CHANNELS, "before")
        check_size(after, IMAGE_CHANNELS, "after")
        check_size(action, ACTION_CHANNELS, "action")
        difference = (before[:, :DIFFERENCE_CHANNELS] - after[:, :DIFFERENCE_CHANNELS]).abs()
        raw = torch.cat(
            [
                torch.cat([before, after, difference, action], 1),
                torch.cat([after, before, difference, action], 1),
            ]
        )
        features = self.encoder.stem(raw)
        levels = []
        for level, stage in enumerate(self.encoder.stages):
            features = stage(features)
            if level >= 2:
                features = self.exchanges[level - 2](features)
            levels.append(features)
        count = len(before)
        first = self.before_decoder([x[:count] for x in levels], raw[:count])
        second = self.after_decoder([x[count:] for x in levels], raw[count:])
        return first[:, 0], second[:, 0]
