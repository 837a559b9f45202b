"""What the interaction network expects of every hold, and of every push given a hold: its conditional reasoning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from atp.agent import Agent
from atp.networks import encoding
from atp.networks.averaging import SymmetryAveraged
from atp.types import Labels, Observation


class RewardMaps(NamedTuple):
    """Expected rewards, 0 to 1, of one observation.

    Attributes:
        hold: (H, W) float32, of holding each pixel.
        push: (N, 8, H, W) float32, of pushing each pixel in each direction, for each of N holds.
    """

    hold: NDArray[np.float32]
    push: NDArray[np.float32]


@torch.inference_mode()
def reward_maps(
    agent: Agent,
    observation: Observation,
    holds: Sequence[Sequence[int]],
    labels: Labels | None = None,
) -> RewardMaps:
    """Rate holds, and pushes under several holds of the same image.

    Args:
        agent: Its interaction network is asked.
        observation: As the environment gives it.
        holds: N >= 1 held pixels, each (row, col).
        labels: (H, W) uint8 part memory; None is an empty one, as at the start.

    Returns:
        The maps, as the agent uses them: the mean over its symmetries.

    Raises:
        ValueError: There is no hold, or one lies outside the image.
    """
    height, width = observation["rgb"].shape[:2]
    pixels = np.array(holds, np.int64).reshape(-1, 2)
    if not len(pixels) or (pixels < 0).any() or (pixels >= (height, width)).any():
        raise ValueError(f"holds must be one or more pixels (row, col) of {height} x {width}, not {holds}")
    if labels is None or not agent.options.see_memory:
        labels = np.zeros((height, width), np.uint8)
    network = SymmetryAveraged(agent.interaction, agent.options.symmetries)
    image = encoding.image_tensor(observation["rgb"], observation.get("depth")).to(agent.device)
    features = network.features(image, encoding.memory_tensor(labels).to(agent.device))
    hold = torch.sigmoid(network.hold_logits(features))[0]
    held = torch.from_numpy(pixels).to(agent.device)
    push = torch.sigmoid(network.push_logits(features.repeat(len(pixels)), held))
    return RewardMaps(hold.float().cpu().numpy(), push.float().cpu().numpy())


def best_push(push: NDArray[np.float32]) -> tuple[int, int, int]:
    """Row, col and direction of the largest value of one (8, H, W) push map."""
    direction, row, col = np.unravel_index(int(push.argmax()), push.shape)
    return int(row), int(col), int(direction)
