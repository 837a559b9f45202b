"""How well an agent sees motion, and hands and robots, in pairs that it was not trained with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from atp.agent import Agent
from atp.metrics import mask_iou, score_motion
from atp.types import Observation


def score_pairs(agent: Agent, pairs: NDArray[Any]) -> dict[str, float | None]:
    """Score an agent.

    Args:
        agent: The agent, with the options for clips.
        pairs: (B,) of :func:`train.data.pair_sources.pair_type`.

    Returns:
        ``motion_iou``: mean over the pairs in which something moved; ``false_motion``: mean share of the pixels that
        were taken to move in the others; ``agent_taken``: share of the agents' pixels that were; ``agent_iou``: mean
        over the images with an agent of 1 % or more, where the agent segments them. None without any such pair.
    """
    motion, false, taken, agents = [], [], [], []
    for pair in pairs:
        before, after = (Observation(rgb=image) for image in pair["rgb"])
        found = agent.perceive(before, after)
        moved = [each.moved for each in found]
        if pair["moved"].any():
            motion.append(score_motion(moved[0], moved[1], *pair["moved"])[0])
        else:
            false.append(float(np.mean(moved)))
        for each, mask in zip(found, pair["agent"], strict=True):
            if mask.mean() < 0.01:
                continue
            taken.append(float(each.moved[mask].mean()))
            if each.agent is not None:
                agents.append(float(mask_iou(each.agent, mask)))
    named = {"motion_iou": motion, "false_motion": false, "agent_taken": taken, "agent_iou": agents}
    return {name: float(np.mean(values)) if values else None for name, values in named.items()}
