"""Ways to choose the next action, by name: those of the benchmark, and your own.

A policy of your own is a class in a module that Python finds, such as one in a folder on PYTHONPATH. It is named
``module:Class`` wherever a policy is named, with nothing to change here, and worker processes find it too::

    PYTHONPATH=. atp eval --policies ours,my_module:MyPolicy

:class:`Policy` says what it needs. A policy of the package is a class here with a name given by
:func:`register_policy`; the order of registration is that of the tables of the benchmark.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from assets.registry import Registry
from assets.shipped import shipped_weights
from atp.perception.foreground import object_mask
from atp.types import DIRECTIONS, Action, Observation

if TYPE_CHECKING:
    import gymnasium as gym

    from atp.agent import Agent
    from atp.networks import InteractionNetwork
    from atp.playing.ppo_policy import PpoPolicy


class Policy(Protocol):
    """Chooses the actions of one episode. A new one is made for each, so it may remember what happened.

    It is made with three arguments: the environment, just reset; the evaluated agent, which is reset before the first
    action and perceives and remembers parts whoever acts (``agent.memory.labels``, ``agent.failed``); and a
    ``numpy.random.Generator`` of the episode, from which all that is random must come, so that scores do not depend on
    the number of processes.

    >>> class PushRight:  # holds the corner, where nothing is, and pushes the centre of the image to the right
    ...     def __init__(self, env, agent, rng):
    ...         self.rng = rng
    ...
    ...     def act(self, observation):
    ...         height, width = observation["rgb"].shape[:2]
    ...         return np.array([0, 0, height // 2, width // 2, 0])
    >>> observation = {"rgb": np.zeros((90, 90, 3), np.uint8)}
    >>> PushRight(None, None, np.random.default_rng(0)).act(observation).tolist()
    [0, 0, 45, 45, 0]

    Two attributes of the class may be left out: ``true_motion``, True to perceive with the simulator's motion masks
    in place of the part network's (an upper bound); and ``weights``, the name of shipped weights that it plays with.
    """

    def act(self, observation: Observation) -> Action:
        """Choose the next action.

        Args:
            observation: As the environment gives it.

        Returns:
            (5,) int64: hold row, hold col, push row, push col, direction k (k * 45 degrees).
        """
        ...


#: Makes the policy of one episode from its environment, the evaluated agent and a source of randomness.
PolicyMaker = Callable[["gym.Env[Any, Any]", "Agent", np.random.Generator], Policy]
Class = TypeVar("Class", bound=PolicyMaker)

#: All policies by name.
POLICIES: Registry[PolicyMaker] = Registry("policy", Callable)  # type: ignore[arg-type]


def register_policy(name: str) -> Callable[[Class], Class]:
    """Decorate a class (or function) that makes policies: ``name`` is what commands call it.

    Raises:
        ValueError: The name is taken.
    """
    return POLICIES.register(name)


def make_policy(name: str, env: gym.Env[Any, Any], agent: Agent, rng: np.random.Generator) -> Policy:
    """Make the policy of one episode.

    Args:
        name: A name of ``POLICIES``, or ``module:Class``.
        env: The environment, just reset.
        agent: Perceives and remembers.
        rng: Source of the policy's randomness.

    Returns:
        The policy.

    Raises:
        ValueError: There is no such policy, what is named is none, or its weights are missing.
    """
    make = POLICIES.get(name)
    try:
        inspect.signature(make).bind(env, agent, rng)
    except TypeError as error:
        raise ValueError(f"policy {name!r}: it must be made with (env, agent, rng), but {error}") from error
    policy = make(env, agent, rng)
    if not callable(getattr(policy, "act", None)):
        raise ValueError(f"policy {name!r}: {type(policy).__name__} has no method act(observation)")
    return policy


def sees_true_motion(policy: Policy) -> bool:
    """Whether a policy perceives with the simulator's motion masks."""
    return bool(getattr(policy, "true_motion", False))


def policy_weights(name: str) -> str | None:
    """The name of the shipped weights that a policy plays with besides the agent's, None if there are none."""
    return getattr(POLICIES.get(name), "weights", None)


def weights_available(name: str) -> bool:
    """Whether a policy has what it needs: weights of its own, if it plays with any."""
    weights = policy_weights(name)
    return weights is None or (shipped_weights(weights) / "config.json").is_file()


@register_policy("ours")
class Ours:
    """ours: the interaction network, conditioned on the agent's part memory (AtP, coupled action selection)."""

    def __init__(self, env: gym.Env[Any, Any], agent: Agent, rng: np.random.Generator) -> None:
        self._agent = agent

    def act(self, observation: Observation) -> Action:
        """See :class:`Policy`."""
        return self._agent.act(observation)


class Retrained:
    """Base of ablations: an interaction network trained otherwise chooses the actions.

    It acts on the part memory of the evaluated agent, whose part network also says what moved: only the choice of
    actions differs.

    Attributes:
        weights: Name of its shipped weights.
    """

    weights: ClassVar[str]
    _SHARED_OPTIONS = ("symmetries", "rotated_passes", "restrict_to_foreground", "reexamine_discount")

    def __init__(self, env: gym.Env[Any, Any], agent: Agent, rng: np.random.Generator) -> None:
        from atp.agent import Agent

        config, interaction = _load_interaction(self.weights)
        chosen = {name: getattr(agent.options, name) for name in self._SHARED_OPTIONS}
        self._agent = agent
        self._actor = Agent(interaction, agent.part, config, agent.device.type).replace(**chosen)

    def act(self, observation: Observation) -> Action:
        """See :class:`Policy`."""
        return self._actor.choose(observation, self._agent.memory.labels, self._agent.failed)


@register_policy("ours-four-categories")
class OursFourCategories(Retrained):
    """ours-four-categories: trained on the paper's four categories alone, as the other ablations are."""

    weights = "four-categories"


@register_policy("ours-no-touch")
class OursNoTouch(Retrained):
    """ours-no-touch: trained with the reward variant ``no-touch``, from motion alone."""

    weights = "no-touch"


def random_action(depth: NDArray[np.float32] | None, shape: tuple[int, int], rng: np.random.Generator) -> Action:
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
    return np.array([*divmod(hold, shape[1]), *divmod(push, shape[1]), rng.integers(DIRECTIONS)], np.int64)


@register_policy("act-random")
class ActRandom:
    """act-random: hold and push anywhere on the object."""

    def __init__(self, env: gym.Env[Any, Any], agent: Agent, rng: np.random.Generator) -> None:
        self._rng = rng

    def act(self, observation: Observation) -> Action:
        """See :class:`Policy`."""
        return random_action(observation.get("depth"), observation["rgb"].shape[:2], self._rng)


@register_policy("act-no-hold")
class ActNoHold(Retrained):
    """act-no-hold: never holds; trained with the reward variant ``no-hold``."""

    weights = "no-hold"


@register_policy("act-no-part")
class ActNoPart(Retrained):
    """act-no-part: its interaction network does not see the part memory, neither in training nor here."""

    weights = "no-part"


@register_policy("ppo")
class Ppo:
    """PPO of stable-baselines3, trained with the environment's reward for as many interactions.

    See :mod:`atp.playing.ppo_policy`.

    Actions are sampled from its distribution, as in its training: the most likely one would be repeated for as long as
    nothing moves, because the image stays the same. It keeps no memory; the evaluated agent perceives what moved.

    Attributes:
        weights: Name of its shipped weights.
    """

    weights: ClassVar[str] = "ppo"

    def __init__(self, env: gym.Env[Any, Any], agent: Agent, rng: np.random.Generator) -> None:
        self._policy, self._rng = _load_ppo(self.weights, agent.device.type), rng

    def act(self, observation: Observation) -> Action:
        """See :class:`Policy`."""
        return self._policy.act(observation, self._rng)


@register_policy("ppo-on-object")
class PpoOnObject(Ppo):
    """ppo-on-object: PPO whose pixels are moved to the nearest ones of the object, in its training and here."""

    weights = "ppo-on-object"


@register_policy("gt-act")
class GroundTruthAct:
    """gt-act: the best action from the simulator's state, perceived by the part network (upper bound on acting)."""

    def __init__(self, env: gym.Env[Any, Any], agent: Agent, rng: np.random.Generator) -> None:
        self._env, self._rng = env, rng

    def act(self, observation: Observation) -> Action:
        """See :class:`Policy`."""
        action: Action = self._env.unwrapped.oracle_action(int(self._rng.integers(2**31)))  # type: ignore[attr-defined]
        return action


@register_policy("gt-act-mot")
class GroundTruthActMotion(GroundTruthAct):
    """gt-act-mot: true motion masks as well (upper bound on everything but the aggregation)."""

    true_motion = True


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
            f"{folder}: there are no weights '{weights}' here; those of baselines and ablations are not installed: "
            f"copy assets/weights/{weights} of a checkout of the repository there, or train them by their command in "
            "docs/results/training.md"
        )
    return folder
