"""Agents with random weights that load and act in milliseconds."""

from __future__ import annotations

from typing import Any

import torch

from atp.agent import Agent
from atp.networks import InteractionNetwork, PartNetwork

#: Channels of the tiny networks at stride 2.
WIDTH = 8
#: Side of the images that tests play with.
SIDE = 48


def tiny_agent(config: dict[str, Any] | None = None, seed: int = 0, contrast: float | None = None) -> Agent:
    """An agent with untrained networks.

    Args:
        config: As for :class:`atp.agent.Agent`; ``resolution`` 48 if not given.
        seed: Of the weights.
        contrast: Standard deviation of the weights of the last layers, whose biases are then 0: reward maps are not
            flat, and motion masks neither empty nor full. None leaves them as they are made.
    """
    torch.manual_seed(seed)
    networks = InteractionNetwork(WIDTH), PartNetwork(WIDTH)
    if contrast is not None:
        for network in networks:
            for name, parameter in network.named_parameters():
                if name.endswith("head.weight"):
                    torch.nn.init.normal_(parameter, std=contrast)
                elif name.endswith("head.bias"):
                    torch.nn.init.zeros_(parameter)
    return Agent(*networks, {"resolution": SIDE, **(config or {})}, device="cpu")
