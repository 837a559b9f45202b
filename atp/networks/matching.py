"""Correspondence over the whole image: which cell of the other image looks like this one, and how far away is it?

A cell p of one image has descriptors d(p), one for each head, of length 1. With the cosines c(p, q) = d(p) . d'(q) to
all cells q of the other image and a sharpness s, p's match is the distribution

    w(p, q) = exp(s c(p, q)) / sum over q of exp(s c(p, q)).

It says what is there (features of the other image, averaged with w), how far away (the mean of q - p), how sure that
is (the largest w, the largest c, and c(p, p): what looks most like the same place did not move), and whether the way
back from there leads to p: what the other image hides has no match that does.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from atp.networks.blocks import GroupNorm, convolution

#: Channels of a descriptor.
DESCRIPTOR = 16
#: Sharpness that an untrained match starts from, and its limit.
SHARPNESS, MOST_SHARPNESS = 10.0, 100.0
#: Numbers that a head tells of a cell beside features: way (2), what is left of it on the way back, three likenesses.
_TOLD = 6
#: Unit of ways, as a share of the image's side.
_WAY = 0.25


class Matching(nn.Module):
    """Match each cell of one image with all of the other, and add what that says to the features.

    The last layer starts at zero: a network that gets this block computes at first what it did without.

    Args:
        inputs: Channels of what cells are matched by.
        channels: Channels of the features that are added to; a multiple of 8.
        heads: Matches of each cell.
    """

    def __init__(self, inputs: int, channels: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.describe = convolution(inputs, heads * DESCRIPTOR, 1)
        self.value = convolution(inputs, channels // 2, 1)
        self.log_sharpness = nn.Parameter(torch.full((heads,), math.log(SHARPNESS)))
        self.merge = convolution(2 * (channels // 2) + heads * _TOLD, channels, 1)
        self.norm = GroupNorm(channels)
        self.mix = convolution(channels, channels)
        nn.init.zeros_(self.mix.weight)

    def forward(self, features: Tensor, compared: Tensor) -> Tensor:
        """Add what the matches say.

        Args:
            features: (2B, channels, h, w), the first B of one image of each pair, the others of the other.
            compared: (2B, inputs, h, w), what cells are matched by.

        Returns:
            (2B, channels, h, w).
        """
        count, (height, width) = len(features) // 2, features.shape[-2:]
        cosines, matches = self._matches(self.describe(compared))
        values = self.value(compared).flatten(2)
        other = values.roll(count, 0).reshape(2 * count, self.heads, -1, height * width)
        seen = (matches @ other.transpose(2, 3)).transpose(2, 3).flatten(1, 2)
        told = self._told(cosines, matches, _grid(height, width, features))
        hidden = torch.cat([values, seen, told], 1).reshape(2 * count, -1, height, width).to(features.dtype)
        mixed: Tensor = self.mix(torch.relu(self.norm(self.merge(hidden))))
        return features + mixed

    def _matches(self, described: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines and matches (2B, heads, N, N): of each cell of an image, over the cells of the other one."""
        cells = described.reshape(len(described), self.heads, DESCRIPTOR, -1)
        first, second = nn.functional.normalize(cells.float(), dim=2).chunk(2)
        there = first.transpose(2, 3) @ second
        cosines = torch.cat([there, there.transpose(2, 3)])
        sharpness = self.log_sharpness.exp().clamp(max=MOST_SHARPNESS)[:, None, None]
        return cosines, (sharpness * cosines).softmax(-1)

    def _told(self, cosines: Tensor, matches: Tensor, grid: Tensor) -> Tensor:
        """Ways, whether they lead back, and how sure they are: (2B, heads * 6, N)."""
        way = matches @ grid - grid  # (2B, heads, N, 2)
        back = matches @ way.roll(len(way) // 2, 0)
        astray = (way + back).abs().sum(-1)
        stay = cosines.diagonal(dim1=2, dim2=3)
        likeness = torch.stack([matches.amax(-1), cosines.amax(-1), stay, astray], 2)
        return torch.cat([way.transpose(2, 3), likeness], 2).flatten(1, 2)


def _grid(height: int, width: int, like: Tensor) -> Tensor:
    """Rows and columns (N, 2) of the middles of cells, in quarters of the image's longer side."""
    unit = _WAY * max(height, width)
    rows, cols = (torch.arange(size, device=like.device, dtype=torch.float32) / unit for size in (height, width))
    return torch.stack([rows[:, None].expand(height, width), cols.expand(height, width)], -1).flatten(0, 1)
