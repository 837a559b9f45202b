"""Ways to choose the next action. A new policy is one class here and one line in `POLICIES`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from atp.objectness import object_mask

if TYPE_CHECKING:
    import gymnasium as gym

    from atp.agent import Agent

Observation = dict[str, NDArray[Any]]


class Policy(Protocol):
    """Chooses actions and says how what moved is perceived.

    Attributes:
        true_motion: Perceive with the simulator's motion masks instead of the part network's (an upper bound).
    """

    true_motion: bool

    def act(self, observation: Observation) -> NDArray[np.int64]:
        """Choose the next action.

        Args:
            observation: As the environment gives it.

        Returns:
            (5,) int64: hold row, hold col, push row, push col, direction.
        """
        ...


def random_action(
    depth: NDArray[np.float32] | None, shape: tuple[int, int], rng: np.random.Generator
) -> NDArray:
    """Both pixels uniform on the object and a uniform direction.

    Args:
        depth: (H, W) metres, from which the object is found; None or without readings: uniform in the image.
        shape: (H, W).
        rng: Source of randomness.

    Returns:
        (5,) int64 action.
    """
    candidates = np.flatnonzero(object_mask(depth)) if depth is not None else np.zeros(0, np.intp)
    if not len(candidates):
        candidates = np.arange(shape[0] * shape[1])
    hold, push = rng.choice(candidates, 2)
    return np.array([*divmod(hold, shape[1]), *divmod(push, shape[1]), rng.integers(8)], np.int64)


class ActRandom:
    """act-random: hold and push anywhere on the object."""

    true_motion = False

    def __init__(self, env: gym.Env, agent: Agent, rng: np.random.Generator) -> None:
        self._rng = rng

    def act(self, observation: Observation) -> NDArray[np.int64]:
        """See :class:`Policy`."""
        return random_action(observation["depth"], observation["rgb"].shape[:2], self._rng)


class GroundTruthAct:
    """gt-act: the best action from the simulator's state, perceived by the part network (upper bound on acting)."""

    true_motion = False

    def __init__(self, env: gym.Env, agent: Agent, rng: np.random.Generator) -> None:
        self._env, self._rng = env, rng

    def act(self, observation: Observation) -> NDArray[np.int64]:
        """See :class:`Policy`."""
        action: NDArray[np.int64] = self._env.unwrapped.oracle_action(int(self._rng.integers(2**31)))  # type: ignore[attr-defined]
        return action


class GroundTruthActMotion(GroundTruthAct):
    """gt-act-mot: true motion masks as well (upper bound on everything but the aggregation)."""

    true_motion = True


class Ours:
    """ours: the interaction network, conditioned on the agent's part memory (AtP section 4)."""

    true_motion = False

    def __init__(self, env: gym.Env, agent: Agent, rng: np.random.Generator) -> None:
        self._agent = agent

    def act(self, observation: Observation) -> NDArray[np.int64]:
        """See :class:`Policy`."""
        return self._agent.act(observation)


POLICIES: dict[str, Callable[[gym.Env, Agent, np.random.Generator], Policy]] = {
    "ours": Ours,
    "act-random": ActRandom,
    "gt-act": GroundTruthAct,
    "gt-act-mot": GroundTruthActMotion,
}
