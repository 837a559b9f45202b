"""Building blocks: ResNet-18 style encoder and residual U-Net decoder with group normalisation.

No layer keeps batch statistics: a network behaves the same in training and in acting, for one image or
for many, and the weights of several runs can be averaged (model soups, arXiv 2203.05482) as they are.
Height and width may be anything from 16 pixels up; decoders resize to the size of the skip they meet.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MIN_SIZE = 16  # pixels; below this the coarsest features are empty
SIGMA_PIXELS = 2.0  # of a Gaussian that marks a pixel, in an image whose smaller side is REFERENCE_SIZE
REFERENCE_SIZE = 90  # goes with the weights, whatever the resolution
_MIN_SIGMA_CELLS = 0.7  # a narrower Gaussian could fall between the cells of a coarse map and vanish


def gaussian_maps(pixels: Tensor, shape: tuple[int, int], image_shape: tuple[int, int]) -> Tensor:
    """A Gaussian of height 1 at one pixel of each image, at any resolution.

    Args:
        pixels: (B, 2) row and column in the full image.
        shape: (h, w) of the map.
        image_shape: (H, W) of the image that ``pixels`` refer to.

    Returns:
        (B, h, w) float32. Sigma is 2 pixels of an image whose smaller side is 90, in proportion for others.
    """
    sigma = SIGMA_PIXELS * min(image_shape) / REFERENCE_SIZE
    profiles = []
    for axis in (0, 1):
        scale = shape[axis] / image_shape[axis]
        centre = (pixels[:, axis].to(torch.float32) + 0.5) * scale - 0.5
        cells = torch.arange(shape[axis], device=pixels.device, dtype=torch.float32)
        offset = (cells - centre[:, None]) / max(sigma * scale, _MIN_SIGMA_CELLS)
        profiles.append(torch.exp(-0.5 * offset.square()))
    return profiles[0][:, :, None] * profiles[1][:, None, :]


def gather_at(features: Tensor, pixels: Tensor, image_shape: tuple[int, int]) -> Tensor:
    """Read the feature vector of the cell that holds a pixel of the full image.

    Args:
        features: (B, C, h, w).
        pixels: (B, 2) long, row and column in the full image.
        image_shape: (H, W) of the image that ``pixels`` refer to.

    Returns:
        (B, C).
    """
    h, w = features.shape[-2:]
    rows = torch.div((2 * pixels[:, 0] + 1) * h, 2 * image_shape[0], rounding_mode="floor").clamp(0, h - 1)
    cols = torch.div((2 * pixels[:, 1] + 1) * w, 2 * image_shape[1], rounding_mode="floor").clamp(0, w - 1)
    return features[torch.arange(len(pixels), device=pixels.device), :, rows, cols]


def resize(features: Tensor, shape: tuple[int, int]) -> Tensor:
    """Resize (B, C, h, w) features to ``shape`` by the nearest cell (the convolutions after it smooth)."""
    return features if features.shape[-2:] == shape else F.interpolate(features, size=shape, mode="nearest")


def check_size(image: Tensor, channels: int, name: str) -> None:
    """Raise ValueError unless ``image`` is (B, ``channels``, H, W) with H and W of at least 16."""
    if image.ndim != 4 or image.shape[1] != channels or min(image.shape[2:]) < MIN_SIZE:
        raise ValueError(f"{name} must be (B, {channels}, H, W) with H, W >= {MIN_SIZE}; got {tuple(image.shape)}")


def convolution(inputs: int, outputs: int, size: int = 3, stride: int = 1) -> nn.Conv2d:
    """A convolution without bias (a norm follows), He-initialised; odd sizes are padded to keep the shape."""
    layer = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2 if size % 2 else 0, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return layer


class GroupNorm(nn.GroupNorm):
    """Group normalisation with at most 8 groups of at least 4 channels, fast on a CPU in bfloat16."""

    def __init__(self, channels: int) -> None:
        super().__init__(max(n for n in range(1, 9) if channels % n == 0 and channels >= 4 * n), channels)

    def forward(self, features: Tensor) -> Tensor:
        """Normalise (B, C, h, w)."""
        if features.dtype == torch.bfloat16 and not features.is_contiguous():
            # channels last: PyTorch's bfloat16 backward is twice as slow there as float32's with both casts
            return super().forward(features.float()).to(torch.bfloat16)
        return super().forward(features)


class ResidualBlock(nn.Module):
    """The basic block of ResNet-18 (two 3 x 3 convolutions and a shortcut) with group normalisation."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.first = convolution(inputs, outputs, stride=stride)
        self.first_norm = GroupNorm(outputs)
        self.second = convolution(outputs, outputs)
        self.second_norm = GroupNorm(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(convolution(inputs, outputs, 1, stride), GroupNorm(outputs))

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, inputs, h, w) to (B, outputs, ceil(h / stride), ceil(w / stride))."""
        hidden = F.relu(self.first_norm(self.first(features)), inplace=True)
        return F.relu(self.second_norm(self.second(hidden)) + self.shortcut(features), inplace=True)


class Encoder(nn.Module):
    """ResNet-18 without its max pool: thin parts would not survive it at 90 x 90 pixels.

    Args:
        inputs: Input channels.
        width: Channels at stride 2; doubled at strides 4, 8 and 16.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.inputs = inputs
        self.channels = (width, 2 * width, 4 * width, 8 * width)
        self.stem = nn.Sequential(convolution(inputs, width, 5, 2), GroupNorm(width), nn.ReLU(inplace=True))
        self.stages = nn.ModuleList()
        before = width
        for level, channels in enumerate(self.channels):
            stride = 1 if level == 0 else 2
            self.stages.append(
                nn.Sequential(ResidualBlock(before, channels, stride), ResidualBlock(channels, channels))
            )
            before = channels

    def forward(self, image: Tensor) -> list[Tensor]:
        """Encode (B, inputs, H, W); returns the features at strides 2, 4, 8 and 16, finest first."""
        features = self.stem(image)
        levels = []
        for stage in self.stages:
            features = stage(features)
            levels.append(features)
        return levels


class Condition(nn.Module):
    """Condition a decoder level on one pixel: where it is, and what is there.

    Where: a Gaussian at the pixel, as a further channel. What: a scale and a shift of every channel computed
    from the level's own features at the pixel and a vector from the encoder. The scale makes the
    product of the features here and the features there, so 'is this the same link?' is one step away.
    """

    def __init__(self, channels: int, vector: int) -> None:
        super().__init__()
        self.film = nn.Linear(channels + vector, 2 * channels)
        self.merge = convolution(channels + 1, channels, 1)

    def forward(self, features: Tensor, vector: Tensor, pixels: Tensor, shape: tuple[int, int]) -> Tensor:
        """Condition (B, C, h, w) features on ``pixels`` (B, 2) of an image of ``shape``; same size out."""
        here = gather_at(features, pixels, shape)
        scale, shift = self.film(torch.cat([here, vector], 1))[:, :, None, None].chunk(2, 1)
        h, w = features.shape[-2:]
        mark = gaussian_maps(pixels, (h, w), shape)[:, None].to(features.dtype)
        merged: Tensor = self.merge(torch.cat([features * scale + shift, mark], 1))
        return features + merged


class Decoder(nn.Module):
    """Residual U-Net decoder from stride 16 to full resolution.

    The last step is done at stride 2, where a 4 x 4 convolution looks at the raw input once more, and gives
    each of the 2 x 2 pixels of a cell its own output: parts three pixels thin stay sharp, at a quarter of
    the cost of convolutions at full resolution.

    Args:
        channels: Encoder channels at strides 2, 4, 8 and 16.
        inputs: Channels of the raw input.
        outputs: Output maps.
        prior: Probability that the untrained output starts from.
        vector: Length of the condition vector; 0 for a decoder without condition.
    """

    def __init__(self, channels: tuple[int, ...], inputs: int, outputs: int, prior: float, vector: int = 0) -> None:
        super().__init__()
        self.lifts = nn.ModuleList()  # coarse features to the channels of the finer level
        self.laterals = nn.ModuleList()
        self.norms = nn.ModuleList()  # of their sum: the encoder's features grow from block to block
        self.conditions = nn.ModuleList()
        self.blocks = nn.ModuleList()
        for level in range(len(channels) - 2, -1, -1):
            self.lifts.append(convolution(channels[level + 1], channels[level], 1))
            self.laterals.append(convolution(channels[level], channels[level], 1))
            self.norms.append(GroupNorm(channels[level]))
            if vector:
                self.conditions.append(Condition(channels[level], vector))
            self.blocks.append(ResidualBlock(channels[level], channels[level]))
        self.fine = convolution(channels[0], channels[0])
        self.raw = convolution(inputs, channels[0], 4, 2)
        # normalised apart: the features would drown the raw values
        self.fine_norm, self.raw_norm = GroupNorm(channels[0]), GroupNorm(channels[0])
        self.head = nn.Conv2d(channels[0], 4 * outputs, 1)
        nn.init.normal_(self.head.weight, std=0.1)
        with torch.no_grad():  # weights that sum to zero leave the mean of the output to the bias
            self.head.weight -= self.head.weight.mean(1, keepdim=True)
        nn.init.constant_(self.head.bias, math.log(prior / (1 - prior)))  # type: ignore[arg-type]

    def forward(
        self, levels: list[Tensor], image: Tensor, vector: Tensor | None = None, pixels: Tensor | None = None
    ) -> Tensor:
        """Decode features to maps at the resolution of the raw input.

        Args:
            levels: Encoder features at strides 2, 4, 8 and 16.
            image: (B, inputs, H, W) raw input.
            vector: (B, vector) condition vector, where the decoder has conditions.
            pixels: (B, 2) long, the pixel that the condition is about.

        Returns:
            (B, outputs, H, W) logits, float32.
        """
        height, width = image.shape[-2:]
        features = levels[-1]
        for index, (lift, lateral, norm, block) in enumerate(
            zip(self.lifts, self.laterals, self.norms, self.blocks, strict=True)
        ):
            skip = levels[-2 - index]
            shape = (skip.shape[2], skip.shape[3])
            features = norm(resize(lift(features), shape) + lateral(skip))
            if vector is not None and pixels is not None:
                features = self.conditions[index](features, vector, pixels, (height, width))
            features = block(features)
        border = (1, 1 + width % 2, 1, 1 + height % 2)  # 4 x 4 at stride 2: a cell and the pixels around it
        hidden = self.fine_norm(self.fine(features)) + self.raw_norm(self.raw(F.pad(image, border)))
        logits = self.head(F.relu(hidden, inplace=True))
        return F.pixel_shuffle(logits, 2)[:, :, :height, :width].float()
