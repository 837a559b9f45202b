"""How sure a trained agent must be that something moved, from what it was trained on."""

from __future__ import annotations

import numpy as np
import torch

from atp.agent import Agent
from atp.networks import encoding
from atp.perception.motion import motion_confidence
from train.data.records import decode
from train.data.replay import StoredPlay

#: Share of the interactions in which something moved whose motion is to be believed, and how many are looked at.
BELIEVED, LOOKED_AT = 0.983, 1_000


@torch.inference_mode()
def calibrated_motion_threshold(agent: Agent, replay: StoredPlay, seed: int = 0) -> float:
    """The motion threshold of the agent with which nearly all motion in stored play is believed.

    The harder the motion that a network was trained on, the less certain it is of all motion.

    Args:
        agent: Its part network is asked.
        replay: Stored play; what it holds of motion in both images is looked at.
        seed: Decides which interactions.

    Returns:
        The threshold; that of the agent where nothing moved.
    """
    if not replay.moved.any():
        return agent.options.motion_threshold
    records = replay.sample(LOOKED_AT, np.random.default_rng(seed), replay.moved.astype(float))
    records = records[records["moved"].reshape(len(records), 2, -1).any(-1).all(-1)]
    found = []
    for start in range(0, len(records), 50):
        some = records[start : start + 50]
        batch = decode(some)
        maps = encoding.action_tensor(batch["action"], replay.shape)
        inputs = (each.to(agent.device) for each in (batch["before"], batch["after"], maps))
        found.append(motion_confidence(*agent.part(*inputs)).cpu().numpy())
    return float(np.quantile(np.concatenate(found), 1 - BELIEVED)) if found else agent.options.motion_threshold
