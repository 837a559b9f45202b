"""What the shipped agent is meant to reach on categories that it was never trained on, and what it does reach."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from atp.benchmark.suites import UPPER_BOUND
from atp.reporting.tables import markdown_table, mean
from atp.results.eval import EvalRow

#: Share of its own last mIoU that the agent is to reach soon.
EARLY_SHARE = 0.9


@dataclass(frozen=True)
class Goal:
    """One goal.

    Attributes:
        meaning: What is measured, for tables.
        target: The number that it is compared with.
        above: Whether the score should be at least the target; else it should be below.
        measure: Computes the score from the rows of the unseen categories; None where rows are missing.
    """

    meaning: str
    target: float
    above: bool
    measure: Callable[[Sequence[EvalRow]], float | None]

    def reached(self, value: float) -> bool:
        """Whether a score reaches the goal."""
        return value >= self.target if self.above else value < self.target


def by_policy(rows: Sequence[EvalRow], policy: str) -> dict[str, EvalRow]:
    """The rows of a policy as it is, by category."""
    return {row.category: row for row in rows if row.policy == policy and not row.variant}


def mean_score(rows: Sequence[EvalRow], policy: str, score: str) -> float | None:
    """Mean of a score over categories; None where it is missing."""
    return mean([row.scores.get(score) for row in by_policy(rows, policy).values()])


def early_share(row: EvalRow) -> float | None:
    """Share of its last mIoU that a policy has after N + 1 interactions with objects of N parts."""
    steps, parts = row.by_interaction["miou"], row.scores["num_parts"]
    if parts is None or not steps[-1]:
        return None
    early = steps[min(round(parts) + 1, len(steps)) - 1]
    return None if early is None else early / steps[-1]


def _mean_ratio(score: str, other: str) -> Callable[[Sequence[EvalRow]], float | None]:
    def measure(rows: Sequence[EvalRow]) -> float | None:
        ours, theirs = (mean_score(rows, policy, score) for policy in ("ours", other))
        return ours / theirs if ours is not None and theirs else None

    return measure


def _lowest_ratio(rows: Sequence[EvalRow]) -> float | None:
    ours, bound = by_policy(rows, "ours"), by_policy(rows, UPPER_BOUND)
    pairs = [
        (row.scores["miou"], bound[category].scores["miou"]) for category, row in ours.items() if category in bound
    ]
    return min((mine / most for mine, most in pairs if mine is not None and most), default=None)


def _mean(score: str) -> Callable[[Sequence[EvalRow]], float | None]:
    return lambda rows: mean_score(rows, "ours", score)


def _lowest_early(rows: Sequence[EvalRow]) -> float | None:
    shares = [early_share(row) for row in by_policy(rows, "ours").values()]
    return min((share for share in shares if share is not None), default=None)


GOALS = (
    Goal("mean mIoU of ours over that of gt-act-mot", 0.85, True, _mean_ratio("miou", UPPER_BOUND)),
    Goal("the same in the worst category", 0.70, True, _lowest_ratio),
    Goal("motion IoU, mean", 0.85, True, _mean("motion_iou")),
    Goal("false motion, mean", 0.03, False, _mean("false_motion_rate")),
    Goal("optimal steps over the first N: ours over act-random", 2.2, True,
         _mean_ratio("optimal_rate_first_n", "act-random")),
    Goal("share of its last mIoU after N + 1 interactions, worst category", EARLY_SHARE, True, _lowest_early),
    Goal("mean mIoU of ours over that of PPO", 1.5, True, _mean_ratio("miou", "ppo")),
    Goal("the same of PPO kept to the object by depth", 1.5, True, _mean_ratio("miou", "ppo-on-object")),
)  # fmt: skip


def goals_table(rows: Sequence[EvalRow]) -> str:
    """Every goal with its score, as Markdown.

    Args:
        rows: Rows of the unseen categories.
    """
    lines = []
    for goal in GOALS:
        value = goal.measure(rows)
        sign = "at least" if goal.above else "under"
        found = "-" if value is None else f"{value:.3f}"
        verdict = "not measured" if value is None else "yes" if goal.reached(value) else "**no**"
        lines.append([goal.meaning, f"{sign} {goal.target:g}", found, verdict])
    return markdown_table(["on the five unseen categories", "goal", "measured", "reached"], lines)
