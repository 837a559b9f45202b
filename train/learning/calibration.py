"""How sure a trained agent must be that something moved, from what it was trained on."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from atp.agent import Agent
from atp.networks import encoding
from atp.perception.motion import motion_confidence
from train.data.records import decode
from train.data.replay import StoredPlay

#: How many interactions are looked at.
LOOKED_AT = 1_000
#: How many times as bad it is to believe motion where nothing moved as to miss motion. What was missed can be tried
#: again; what was falsely believed stays in the part memory.
FALSE_COST = 2.0

Confidences = NDArray[np.float32]  # (n,)


@torch.inference_mode()
def calibrated_motion_threshold(agent: Agent, replay: StoredPlay, seed: int = 0) -> float:
    """The motion threshold of the agent that does best on stored play, see :func:`best_threshold`.

    The harder the motion that a network was trained on, the less certain it is of all motion.

    Args:
        agent: Its part network is asked.
        replay: Stored play. Interactions after which something is seen to have moved in one image alone are left out.
        seed: Decides which interactions are looked at.

    Returns:
        The threshold; that of the agent where nothing moved.
    """
    if not replay.moved.any():
        return agent.options.motion_threshold
    records = replay.sample(LOOKED_AT, np.random.default_rng(seed))
    seen = np.asarray(records["moved"].reshape(len(records), 2, -1).any(-1), bool)
    agree = seen[:, 0] == seen[:, 1]
    records, moved = records[agree], seen[agree, 0]
    found = []
    for start in range(0, len(records), 50):
        batch = decode(records[start : start + 50])
        maps = encoding.action_tensor(batch["action"], replay.shape)
        inputs = (each.to(agent.device) for each in (batch["before"], batch["after"], maps))
        found.append(motion_confidence(*agent.part(*inputs)).cpu().numpy())
    confidence = np.concatenate(found)
    return best_threshold(confidence[moved], confidence[~moved])


def best_threshold(moved: Confidences, still: Confidences) -> float:
    """The threshold with the least cost: the share of motion missed, and ``FALSE_COST`` times that falsely believed.

    Args:
        moved: (n,) how sure the network was where something moved, not empty.
        still: (m,) how sure it was where nothing did.

    Returns:
        The threshold, halfway between the confidences that it parts.

    >>> round(best_threshold(np.array([4.0, 5.0, 6.0]), np.array([0.0, 1.0, 3.0])), 2)
    3.5
    """
    levels = np.unique(np.concatenate([[0.0], moved, still]))
    trials = np.append(0.0, (levels[:-1] + levels[1:]) / 2)
    missed = np.searchsorted(np.sort(moved), trials) / len(moved)
    false = 1 - np.searchsorted(np.sort(still), trials) / max(len(still), 1) if len(still) else np.zeros(len(trials))
    return float(trials[np.argmin(missed + FALSE_COST * false)])
