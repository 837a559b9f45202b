"""Play: one object, played with step by step, by a policy or by a person, and taken back."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

import envs
from atp.agent import Agent
from atp.playing.episode import Interaction, play_episode
from atp.playing.policies import Policy, make_policy, sees_true_motion
from atp.types import Action, Labels, Observation

#: Interactions with one object, at most.
MOST_INTERACTIONS = 30


@dataclass(frozen=True)
class ChosenObject:
    """What is played with, and who plays.

    Attributes:
        category: Category of the object.
        split: Split of the object set.
        policy: Name of a policy.
        seed: Decides the object, its pose and joint state, and what the policy draws.
    """

    category: str
    split: str = "test"
    policy: str = "ours"
    seed: int = 0


class _GivenFirst:
    """A policy that carries out the actions it is given, and asks another one where it has none."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.true_motion = sees_true_motion(policy)
        self.given: list[Action] = []

    def act(self, observation: Observation) -> Action:
        return self.given.pop(0) if self.given else self.policy.act(observation)


class Playground:
    """An episode that is played on request.

    Args:
        agent: Perceives and remembers. Nobody else may play with it meanwhile.
        chosen: What is played with.

    Attributes:
        chosen: As given.
        info: Of the environment's reset.
        steps: The interactions so far.

    Raises:
        ValueError: There is no such object or policy.
    """

    def __init__(self, agent: Agent, chosen: ChosenObject) -> None:
        self.chosen = chosen
        self._agent = agent
        self._env: gym.Env[Any, Any] = gym.make(
            envs.ENV_ID,
            disable_env_checker=True,
            category=chosen.category,
            split=chosen.split,
            resolution=agent.resolution,
            interactions=MOST_INTERACTIONS,
        )
        self.steps: list[Interaction] = []
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        """The object as it was at the start, with nothing known of it."""
        self._first, self.info = self._env.reset(seed=self.chosen.seed)
        inner = make_policy(self.chosen.policy, self._env, self._agent, np.random.default_rng(self.chosen.seed))
        self._policy = _GivenFirst(inner)
        self._agent.reset(self._first)
        self._episode: Iterator[Interaction] = play_episode(self._env, self._agent, self._policy, self._first)
        self.steps = []

    @property
    def observation(self) -> Observation:
        """What the camera sees now."""
        return self.steps[-1].after if self.steps else self._first

    @property
    def parts(self) -> Labels:
        """(H, W) uint8 parts found so far, aligned with :attr:`observation`."""
        return self.steps[-1].parts if self.steps else np.zeros(self.observation["rgb"].shape[:2], np.uint8)

    def step(self, action: Action | None = None) -> Interaction:
        """Carry out one interaction.

        Args:
            action: (5,) int64, chosen by a person; None asks the policy.

        Returns:
            What happened.

        Raises:
            ValueError: The action lies outside the image, or the episode is over.
        """
        if action is not None and not self._env.action_space.contains(np.asarray(action, np.int64)):
            raise ValueError(f"hold and push must lie in the image and the direction be 0 to 7, not {list(action)}")
        if len(self.steps) >= MOST_INTERACTIONS:
            raise ValueError(f"after {MOST_INTERACTIONS} interactions it ends: go back, or take another object")
        self._policy.given = [] if action is None else [np.asarray(action, np.int64)]
        self.steps.append(next(self._episode))
        return self.steps[-1]

    def back(self) -> None:
        """Take the last interaction back: those before it are played again, for physics cannot be run backwards.

        A policy that draws at random may choose otherwise afterwards.

        Raises:
            ValueError: Nothing was done yet.
        """
        if not self.steps:
            raise ValueError("there is nothing to take back")
        actions = [step.action for step in self.steps[:-1]]
        self._begin()
        self._policy.given = list(actions)
        self.steps = list(itertools.islice(self._episode, len(actions)))

    def close(self) -> None:
        """End the simulation."""
        self._env.close()
