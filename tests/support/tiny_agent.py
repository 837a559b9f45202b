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


def tiny_agent(config: dict[str, Any] | None = None, seed: int = 0) -> Agent:
    """An agent with untrained networks.

    Args:
        config: As for :class:`atp.agent.Agent`; ``resolution`` 48 if not given.
        seed: Of the weights.
    """
    torch.manual_seed(seed)
    return Agent(InteractionNetwork(WIDTH), PartNetwork(WIDTH), {"resolution": SIDE, **(config or {})}, device="cpu")
