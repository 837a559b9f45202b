"""Coupled action selection: a hold from the hold map, then a push from the map conditioned on that hold.

A hold is worth the product of its own reward and that of the best push under it (AtP, arXiv 2105.01047, coupled action
selection), so several holds that lie apart are each rated with their best push.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from atp.networks import InteractionNetwork
from atp.networks.averaging import SymmetryAveraged
from atp.networks.rotated_passes import RotatedPasses
from atp.types import DIRECTIONS, Action

#: Holds that are rated together with their best push.
HOLD_CANDIDATES = 4
#: Two hold candidates lie at least this share of the image's shorter side apart.
CANDIDATE_SPACING = 0.1
#: A failed action makes its neighbourhood (sigma, share of the shorter side) less likely: otherwise the same image
#: would be answered by the same mistake.
AVOID_SIGMA = 0.08
#: Hold pixel of an agent that holds nothing: the object is never in the corner of the view.
NO_HOLD = (0, 0)


@torch.inference_mode()
def best_actions(
    network: InteractionNetwork | SymmetryAveraged | RotatedPasses,
    image: Tensor,
    memory: Tensor,
    failed: Sequence[Sequence[Action]] | None = None,
    holds: bool = True,
    regions: Tensor | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The action with the largest product of hold and push reward, among the best holds that lie apart.

    Args:
        network: The interaction network.
        image: (B, 5, H, W) image tensor.
        memory: (B, 2, H, W) memory tensor.
        failed: For every image, (5,) actions that failed on this very state.
        holds: False for an agent that pushes without holding; its hold is ``NO_HOLD``.
        regions: (B, H, W) integers: hold and push are chosen among pixels of one and the same region, and never in
            region 0. An image without any region, and None, leaves all pixels to choose from.

    Returns:
        (B, 5) int64 actions and (B,) float32, their expected rewards: products of two probabilities.
    """
    batch, (height, width) = len(image), image.shape[-2:]
    features: Any = network.features(image, memory)
    if regions is None:
        regions = torch.ones(batch, height, width, dtype=torch.uint8, device=image.device)
    regions = torch.where((regions > 0).any(-1).any(-1)[:, None, None], regions, 1)
    hold_map = torch.sigmoid(network.hold_logits(features)) * (regions > 0)
    failed = failed or [[] for _ in range(batch)]
    for index, actions in enumerate(failed):
        for action in actions:
            hold_map[index] *= 1 - 0.5 * _bump(action[:2], (height, width)).to(hold_map)
    if holds:
        candidates, hold_values = _peaks(hold_map, HOLD_CANDIDATES)
        images = torch.arange(batch, device=image.device)[:, None]
        of_hold = regions[images, candidates[..., 0], candidates[..., 1]]
    else:
        candidates = torch.tensor(NO_HOLD, device=image.device).expand(batch, 1, 2)
        hold_values = hold_map.new_ones(batch, 1)
        of_hold = regions.flatten(1).amax(1, keepdim=True)
    count = candidates.shape[1]
    push_map = torch.sigmoid(network.push_logits(features.repeat(count), candidates.flatten(0, 1)))
    push_map = push_map.view(batch, count, *push_map.shape[1:])
    push_map = push_map * (regions[:, None] == of_hold[:, :, None, None])[:, :, None]
    for index, actions in enumerate(failed):
        for action in actions:
            push_map[index] *= 1 - _alike(action, (height, width)).to(push_map)
    values, places = push_map.flatten(2).max(-1)
    expected, best = (values * hold_values).max(1)
    chosen = torch.arange(batch, device=best.device)
    found = _actions(candidates[chosen, best], places[chosen, best], height, width)
    return found, expected.float().cpu().numpy()


@torch.inference_mode()
def sampled_actions(
    network: InteractionNetwork,
    image: Tensor,
    memory: Tensor,
    temperature: float,
    generator: torch.Generator,
    holds: bool = True,
) -> NDArray[np.int64]:
    """Sample actions in proportion to exp(logit / temperature), for training.

    Args:
        network: The interaction network.
        image: (B, 5, H, W) image tensor.
        memory: (B, 2, H, W) memory tensor.
        temperature: Above 0; small is greedy.
        generator: CPU generator.
        holds: False for an agent that pushes without holding; its hold is ``NO_HOLD``.

    Returns:
        (B, 5) int64 actions.
    """
    height, width = image.shape[-2:]
    features = network.features(image, memory)

    def sample(logits: Tensor) -> Tensor:
        chances = torch.softmax(logits.flatten(1).cpu() / temperature, 1)
        return torch.multinomial(chances, 1, generator=generator)[:, 0].to(image.device)

    if holds:
        place = sample(network.hold_logits(features))
        held = torch.stack([place // width, place % width], 1)
    else:
        held = torch.tensor(NO_HOLD, device=image.device).expand(len(image), 2)
    return _actions(held, sample(network.push_logits(features, held)), height, width)


def _actions(hold: Tensor, push: Tensor, height: int, width: int) -> NDArray[np.int64]:
    """Join holds (B, 2) and flat indices (B,) into (8, H, W) push maps to (B, 5) actions."""
    direction, place = push // (height * width), push % (height * width)
    parts = [hold[:, 0], hold[:, 1], place // width, place % width, direction]
    return torch.stack(parts, 1).cpu().numpy().astype(np.int64)


def _alike(action: Action, shape: tuple[int, int]) -> Tensor:
    """How much each push resembles that of an action, (8, H, W): near it, and in about its direction."""
    angles = (torch.arange(DIRECTIONS) - int(action[4])) * (math.pi / 4)
    return angles.cos().clamp(min=0)[:, None, None] * _bump(action[2:4], shape)


def _bump(pixel: NDArray[np.int64], shape: tuple[int, int]) -> Tensor:
    """A wide Gaussian of height 1 at a pixel, (H, W)."""
    sigma = AVOID_SIGMA * min(shape)
    rows = torch.exp(-0.5 * ((torch.arange(shape[0]) - int(pixel[0])) / sigma) ** 2)
    cols = torch.exp(-0.5 * ((torch.arange(shape[1]) - int(pixel[1])) / sigma) ** 2)
    return rows[:, None] * cols[None, :]


def _peaks(maps: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The highest pixels of each map that lie apart: (B, count, 2) rows and columns, and (B, count) values."""
    height, width = maps.shape[-2:]
    spacing = max(1, math.ceil(CANDIDATE_SPACING * min(height, width)))
    remaining = maps.clone()
    pixels, values = [], []
    for _ in range(count):
        value, place = remaining.flatten(1).max(1)
        row, col = place // width, place % width
        pixels.append(torch.stack([row, col], 1))
        values.append(value)
        far_row = (torch.arange(height, device=maps.device) - row[:, None]).abs() > spacing
        far_col = (torch.arange(width, device=maps.device) - col[:, None]).abs() > spacing
        far = far_row[:, :, None] | far_col[:, None, :]
        remaining = remaining.masked_fill(~far, -1.0)  # below any value: also where the map is 0 all over
    return torch.stack(pixels, 1), torch.stack(values, 1)
