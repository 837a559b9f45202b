"""Ways to choose the next action. A new policy is one class here and one line in `POLICIES`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from assets.shipped import shipped_weights
from atp.perception.foreground import object_mask

if TYPE_CHECKING:
    import gymnasium as gym

    from atp.agent import Agent
    from atp.networks import InteractionNetwork
    from atp.playing.ppo_policy import PpoPolicy

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


def random_action(depth: NDArray[np.float32] | None, shape: tuple[int, int], rng: np.random.Generator) -> NDArray:
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


class Retrained:
    """Base of ablations: an interaction network trained otherwise chooses the actions.

    It acts on the part memory of the evaluated agent, whose part network also says what moved: only the choice of
    actions differs.

    Attributes:
        weights: Name of its shipped weights.
    """

    true_motion = False
    weights: ClassVar[str]
    _SHARED_OPTIONS = ("symmetries", "rotated_passes", "restrict_to_foreground", "reexamine_discount")

    def __init__(self, env: gym.Env, agent: Agent, rng: np.random.Generator) -> None:
        from atp.agent import Agent

        config, interaction = _load_interaction(self.weights)
        chosen = {name: getattr(agent.options, name) for name in self._SHARED_OPTIONS}
        self._agent = agent
        self._actor = Agent(interaction, agent.part, config, agent.device.type).replace(**chosen)

    def act(self, observation: Observation) -> NDArray[np.int64]:
        """See :class:`Policy`."""
        return self._actor.choose(observation, self._agent.memory.labels, self._agent.failed)


class ActNoHold(Retrained):
    """act-no-hold: never holds; trained with the reward variant ``no-hold``."""

    weights = "no-hold"


class ActNoPart(Retrained):
    """act-no-part: its interaction network does not see the part memory, neither in training nor here."""

    weights = "no-part"


class OursNoTouch(Retrained):
    """ours-no-touch: trained with the reward variant ``no-touch``, from motion alone."""

    weights = "no-touch"


class Ppo:
    """PPO of stable-baselines3, trained with the environment's reward for as many interactions.

    See :mod:`atp.playing.ppo_policy`.

    Actions are drawn from its distribution, as in its training: the most likely one would be repeated for as long as
    nothing moves, because the picture stays the same. It keeps no memory; the evaluated agent perceives what moved.

    Attributes:
        weights: Name of its shipped weights.
    """

    true_motion = False
    weights: ClassVar[str] = "ppo"

    def __init__(self, env: gym.Env, agent: Agent, rng: np.random.Generator) -> None:
        self._policy, self._rng = _load_ppo(self.weights, agent.device.type), rng

    def act(self, observation: Observation) -> NDArray[np.int64]:
        """See :class:`Policy`."""
        return self._policy.act(observation, self._rng)


class PpoOnObject(Ppo):
    """ppo-on-object: PPO whose pixels are moved to the nearest ones of the object, in its training and here."""

    weights = "ppo-on-object"


def weights_available(policy: str) -> bool:
    """Whether a policy of ``POLICIES`` has what it needs: weights of its own, if it plays with any."""
    name = getattr(POLICIES[policy], "weights", None)
    return name is None or (shipped_weights(name) / "config.json").is_file()


@cache
def _load_interaction(weights: str) -> tuple[dict[str, Any], InteractionNetwork]:
    """The config and the interaction network of shipped weights; one for all episodes of a process."""
    from atp.checkpoint import load_networks

    config, networks = load_networks(_require(weights), ("interaction",))
    return config, networks["interaction"]  # type: ignore[return-value]


@cache
def _load_ppo(weights: str, device: str) -> PpoPolicy:
    """PPO of shipped weights; one for all episodes of a process."""
    from atp.playing.ppo_policy import PpoPolicy

    return PpoPolicy.from_pretrained(_require(weights), device)


def _require(weights: str) -> Path:
    folder = shipped_weights(weights)
    if not (folder / "config.json").is_file():
        raise ValueError(
            f"{folder}: there are no weights for this policy yet; train them (README, 'Train') and copy the "
            "run's folder 'weights' there"
        )
    return folder


POLICIES: dict[str, Callable[[gym.Env, Agent, np.random.Generator], Policy]] = {
    "ours": Ours,
    "ours-no-touch": OursNoTouch,
    "act-random": ActRandom,
    "act-no-hold": ActNoHold,
    "act-no-part": ActNoPart,
    "ppo": Ppo,
    "ppo-on-object": PpoOnObject,
    "gt-act": GroundTruthAct,
    "gt-act-mot": GroundTruthActMotion,
}
