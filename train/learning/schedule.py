"""Learning rates, as pure functions of the step. They rise linearly from near 0 and fall to 0 by half a cosine.

PPO alone has a constant one, the default of stable-baselines3.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from train.config import LearnerConfig


def lr_at(step: int, config: LearnerConfig, total_steps: int) -> float:
    """The learning rate of the agent's networks: of both stages of training and of the agent's fine-tunes.

    Args:
        step: Gradient steps made before, 0 at first.
        config: ``learning_rate``, the peak, and ``warmup``, steps until it is reached.
        total_steps: Gradient steps of the whole run.

    Returns:
        The rate of the step to come.
    """
    # 1) the warm-up: a straight line from peak / warmup at the first step to the peak
    warmup = min(1.0, (step + 1) / max(1, config.warmup))
    # 2) the decay: half a cosine from 1 at the first step to 0 after the last
    decay = 0.5 * (1 + np.cos(np.pi * min(1.0, step / max(1, total_steps))))
    # 3) their product: the peak is just below ``learning_rate``, since the cosine falls during the warm-up too
    return config.learning_rate * float(warmup * decay)


def lr_share_at(step: int, total_steps: int) -> float:
    """The share of the peak at a step of other networks' fine-tunes: the cosine starts when the warm-up is over.

    Args:
        step: Gradient steps made before, 0 at first.
        total_steps: Gradient steps of the whole fine-tune; a tenth of them are the warm-up.

    Returns:
        What the peak is multiplied with, in 0..1.
    """
    warmup = max(1, total_steps // 10)
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, total_steps - warmup)))
