"""What things look like: the first stages of EfficientNet-Lite0 (Tan and Le, arXiv 1905.11946), for each image alone.

Trained on photographs, it knows hands, wood and doors that synthetic images only resemble. Its batch norms are folded
into the convolutions before them, so that nothing depends on a batch. It sees the image at twice its size.
"""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor, nn

from atp.networks.encoding import IMAGE_CHANNELS

#: Blocks of a stage, kernel, stride of its first block, expansion and output channels.
STAGES = ((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112))
STEM = 32
#: The image is enlarged by this: objects in clips are smaller than those in photographs.
ZOOM = 2
#: Channels of what is given of an image, at strides 4 and 8 of it, and the stages after which that is.
SEEN, _TAPPED = (40, 112), (2, 4)


class PaddedConvolution(nn.Conv2d):
    """A convolution with bias whose output is ceil(size / stride), padded as TensorFlow does."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, size, stride, groups=groups)

    def forward(self, features: Tensor) -> Tensor:
        """Convolve (B, inputs, h, w)."""
        (size, _), (stride, _) = self.kernel_size, self.stride
        if size > 1:
            missing = [max((math.ceil(side / stride) - 1) * stride + size - side, 0) for side in features.shape[-2:]]
            features = F.pad(features, [end for each in reversed(missing) for end in (each // 2, each - each // 2)])
        return super().forward(features)


class InvertedBottleneck(nn.Module):
    """Wider by a 1 x 1 convolution, one for each channel alone, narrow again; added to its input where that fits."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.expand = PaddedConvolution(inputs, wide, 1) if expansion > 1 else nn.Identity()
        self.depthwise = PaddedConvolution(wide, wide, size, stride, groups=wide)
        self.project = PaddedConvolution(wide, outputs, 1)
        self.residual = stride == 1 and inputs == outputs
        self._expands = expansion > 1

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, inputs, h, w) to (B, outputs, ceil(h / stride), ceil(w / stride))."""
        hidden = F.relu6(self.expand(features)) if self._expands else features
        narrow: Tensor = self.project(F.relu6(self.depthwise(hidden)))
        return features + narrow if self.residual else narrow


class Appearance(nn.Module):
    """Features of one image, whatever the other one shows."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = PaddedConvolution(3, STEM, 3, 2)
        self.stages = nn.ModuleList()
        before = STEM
        for count, size, stride, expansion, channels in STAGES:
            blocks = [
                InvertedBottleneck(before if first else channels, channels, size, stride if first else 1, expansion)
                for first in [True] + [False] * (count - 1)
            ]
            self.stages.append(nn.Sequential(*blocks))
            before = channels

    def forward(self, image: Tensor) -> list[Tensor]:
        """Describe images.

        Args:
            image: (B, 5, H, W) of :func:`atp.networks.encoding.image_tensor`; colour alone is looked at.

        Returns:
            Features of ``SEEN`` channels, (B, 40, ceil(H / 4), ceil(W / 4)) and (B, 112, ceil(H / 8), ceil(W / 8)).
        """
        if image.shape[1] != IMAGE_CHANNELS:
            raise ValueError(f"image must have {IMAGE_CHANNELS} channels, not {image.shape[1]}")
        size = (ZOOM * image.shape[2], ZOOM * image.shape[3])
        colour = F.interpolate(image[:, :3], size=size, mode="bilinear", align_corners=False)
        features = F.relu6(self.stem(colour * (255 / 128) + 0.5 / 128))  # (value - 127) / 128 of 0..255
        found = []
        for number, stage in enumerate(self.stages):
            features = stage(features)
            if number in _TAPPED:
                found.append(features)
        return found
