"""Results of ``atp soup``, of sweeps and of soups of the agent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from atp.results.schema import Result, Spread, list_at, renamed


@dataclass(frozen=True)
class PairedTest:
    """McNemar's exact test against the best single checkpoint.

    Attributes:
        gained: Examples that are right here alone.
        lost: Examples that are right there alone.
        p: Of the test.
    """

    gained: int
    lost: int
    p: float


@dataclass(frozen=True)
class ComparisonRow:
    """One way to use the checkpoints.

    Attributes:
        way: Its name, such as ``greedy soup``; single checkpoints begin with ``ingredient``.
        held_out: Accuracy on the set that chose; None where it is not known.
        tests: Accuracy by test.
        chosen: Indices of the checkpoints, or weights of a learned soup.
        paired: Against the best single checkpoint, by test; empty for scores that others computed.
    """

    way: str
    held_out: float | None
    tests: dict[str, float]
    chosen: list[float] = field(default_factory=list)
    paired: dict[str, PairedTest] = field(default_factory=dict)


@dataclass(frozen=True)
class FineTunePair:
    """Two fine-tunes half-way between each other (Model soups, arXiv 2203.05482, sec. 4).

    Attributes:
        one: Index of the one.
        other: Index of the other.
        angle: Between their displacements, degrees.
        barrier: Loss half-way minus the mean loss of the two.
        difference: Loss of their soup minus that of their ensemble.
        approximation: What the paper says of it.
        soup_loss: Loss of the soup.
        ensemble_loss: Loss of the ensemble.
        curvature: Second derivative of the soup's loss.
        variance: Of the difference of their logits.
        rates: Their learning rates.
    """

    one: int
    other: int
    angle: float
    barrier: float
    difference: float
    approximation: float
    soup_loss: float
    ensemble_loss: float
    curvature: float
    variance: float
    rates: tuple[float, float]


@dataclass(frozen=True)
class Comparison(Result):
    """Soups, ensembles and single checkpoints side by side.

    Attributes:
        ingredients: Names of the checkpoints.
        rows: One for each way.
        in_distribution: Name of the in-distribution test.
        shifted: Names of the shifted tests.
        command: That made it; empty for a part of a sweep.
        pairs: Every two fine-tunes, in a sweep.
        recipes: Options of the fine-tunes, in a sweep.
    """

    WRITTEN_BY: ClassVar[str] = "atp soup"

    ingredients: list[str]
    rows: list[ComparisonRow]
    in_distribution: str
    shifted: list[str]
    command: str = ""
    pairs: list[FineTunePair] = field(default_factory=list)
    recipes: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class SweepRow:
    """One way to use the fine-tunes, over the seeds of a sweep.

    Attributes:
        way: Its name.
        held_out: Accuracy on the set that chose.
        tests: Accuracy by test.
        shifted: Mean accuracy over the shifted tests.
        gain: Over the best single fine-tune, on the in-distribution test (by its name) and ``shifted``.
        paired: McNemar's p of each seed, by test.
    """

    way: str
    held_out: Spread
    tests: dict[str, Spread]
    shifted: Spread
    gain: dict[str, Spread]
    paired: dict[str, list[float]]


@dataclass(frozen=True)
class SweepPair(FineTunePair):
    """Two fine-tunes of one seed.

    Attributes:
        seed: Of the sweep.
        low: Whether the learning rates of both lie in the lower half of their sweep.
        high: Whether they lie in the upper half.
    """

    seed: int
    low: bool
    high: bool


@dataclass(frozen=True)
class SweepResult(Result):
    """Comparisons of several sweeps, one a seed.

    Attributes:
        command: That made it.
        seeds: How many.
        rows: One for each way but single fine-tunes.
        in_distribution: Name of the in-distribution test.
        shifted: Names of the shifted tests.
        pairs: Every two fine-tunes of all seeds.
    """

    WRITTEN_BY: ClassVar[str] = "python -m train.sweep"

    command: str
    seeds: int
    rows: list[SweepRow]
    in_distribution: str
    shifted: list[str]
    pairs: list[SweepPair]


@dataclass(frozen=True)
class NetworkChoice:
    """Which fine-tunes of one network were chosen.

    Attributes:
        singles: Held-out score of each.
        best: Index of the best.
        greedy: Indices of the greedy soup.
        held_out: Held-out scores by way.
    """

    singles: list[float]
    best: int
    greedy: list[int]
    held_out: dict[str, float]


@dataclass(frozen=True)
class AgentSoupsSeed:
    """One sweep of fine-tunes of the agent.

    Attributes:
        chosen: By network: ``interaction`` and ``part``.
        scores: By way, by group (``unseen``, ``stress``, ``robustness``) and by category or variation.
    """

    chosen: dict[str, NetworkChoice]
    scores: dict[str, dict[str, dict[str, float]]]


@dataclass(frozen=True)
class AgentSoupsResult(Result):
    """Soups of the agent itself. Version 1 called the group ``robustness`` ``shifts``.

    Attributes:
        command: That made it.
        options: Of the command.
        seeds: One sweep each.
    """

    VERSION: ClassVar[int] = 2
    WRITTEN_BY: ClassVar[str] = "python -m train.agent_soups"

    command: str
    options: dict[str, Any]
    seeds: list[AgentSoupsSeed]

    @classmethod
    def upgrade(cls, value: dict[str, Any]) -> dict[str, Any]:
        """See :class:`Result`."""

        def upgraded(seed: Any) -> Any:
            scores = seed.get("scores") if isinstance(seed, dict) else None
            if not isinstance(scores, dict):
                return seed
            return {**seed, "scores": {way: renamed(each, shifts="robustness") for way, each in scores.items()}}

        return {**value, "seeds": [upgraded(seed) for seed in list_at(value, "seeds")]}
