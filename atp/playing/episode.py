"""One episode of a policy with an object, watched step by step and scored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gymnasium as gym

from atp.agent import Agent
from atp.metrics import StepData, StepScores, score_step, true_labels_visible
from atp.part_memory.evidence import both_chances, exact
from atp.playing.policies import Policy, sees_true_motion
from atp.types import Action, Labels, Mask, Observation


@dataclass(frozen=True)
class Interaction:
    """What happened in one interaction, for scoring and for drawing.

    Attributes:
        before: Observation before.
        action: (5,) int64.
        after: Observation after.
        moved_before: (H, W) bool, perceived M_t.
        moved_after: (H, W) bool, perceived M_{t+1}.
        parts: (H, W) uint8, part memory aligned with ``after``.
        truth: ``info["privileged"]``, for scoring and drawing.
        scores: Scores of this interaction.
    """

    before: Observation
    action: Action
    after: Observation
    moved_before: Mask
    moved_after: Mask
    parts: Labels
    truth: dict[str, Any]
    scores: StepScores


def play_episode(
    env: gym.Env[Any, Any], agent: Agent, policy: Policy, observation: Observation
) -> Iterator[Interaction]:
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
        if sees_true_motion(policy):
            seen = exact(truth["moved_before"]), exact(truth["moved_after"])
        else:
            seen = agent.perceive(observation, after, action)
        masks = seen[0].moved, seen[1].moved
        parts = agent.remember(action, *masks, after, both_chances(*seen))
        yield Interaction(observation, action, after, *masks, parts, truth, _score(parts, masks, truth))
        observation = after


def _score(parts: Labels, masks: tuple[Mask, Mask], truth: dict[str, Any]) -> StepScores:
    """Scores of an interaction."""
    moved = truth["moved_before"], truth["moved_after"]
    labels = true_labels_visible(truth["labels"])
    return score_step(StepData(parts, labels, masks, moved, bool(truth["effective"]), bool(truth["optimal"])))
