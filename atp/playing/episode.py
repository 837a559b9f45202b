"""One episode of a policy with an object, watched step by step and scored."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from atp.agent import Agent
from atp.metrics import StepScores, score_memory, score_motion, true_labels_visible
from atp.playing.policies import Policy

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Interaction:
    """What happened in one interaction, for scoring and for pictures.

    Attributes:
        before: Observation before.
        action: (5,) int64.
        after: Observation after.
        moved_before: (H, W) bool, perceived M_t.
        moved_after: (H, W) bool, perceived M_{t+1}.
        parts: (H, W) uint8, part memory aligned with ``after``.
        truth: ``info["privileged"]``, for scoring and pictures.
        scores: Scores of this interaction.
    """

    before: dict[str, Any]
    action: NDArray[np.int64]
    after: dict[str, Any]
    moved_before: Mask
    moved_after: Mask
    parts: NDArray[np.uint8]
    truth: dict[str, Any]
    scores: StepScores


def play_episode(env: gym.Env, agent: Agent, policy: Policy, observation: dict[str, Any]) -> Iterator[Interaction]:
    """Play until the environment ends the episode.

    Args:
        env: The environment, just reset.
        agent: Perceives and remembers; it is reset here.
        policy: Chooses the actions.
        observation: The observation of the reset.

    Yields:
        Every interaction, when it is done.
    """
    agent.reset(observation)
    truncated = False
    while not truncated:
        action = policy.act(observation)
        after, _, _, truncated, info = env.step(action)
        truth = info["privileged"]
        if policy.true_motion:
            masks = truth["moved_before"], truth["moved_after"]
        else:
            masks = agent.segment_motion(observation, after, action)
        parts = agent.remember(action, *masks, after)
        yield Interaction(observation, action, after, *masks, parts, truth, _score(parts, masks, truth))
        observation = after


def _score(parts: NDArray[np.uint8], masks: tuple[Mask, Mask], truth: dict[str, Any]) -> StepScores:
    """Scores of an interaction; NaN for the memory's when no part is left in view."""
    true_labels = true_labels_visible(truth["labels"])
    memory = score_memory(parts, true_labels) if true_labels.any() else (math.nan,) * 3
    motion = score_motion(*masks, truth["moved_before"], truth["moved_after"])
    return StepScores(*memory, bool(truth["effective"]), bool(truth["optimal"]), *motion)
