"""Blocks of ``docs/performance.md``: the goals of speed, all that was measured, and the memory of workers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from atp.reporting.result_files import RESULTS, Results
from atp.reporting.tables import markdown_table
from atp.results.bench import BenchResult, EnduranceResult
from atp.results.schema import ResultError


@dataclass(frozen=True)
class SpeedGoal:
    """One goal of speed.

    Attributes:
        meaning: What is measured, for tables.
        figure: Finds it.
        most: It should be at most the target; else at least.
        target: The number that it is compared with.
    """

    meaning: str
    figure: Callable[[Any], float]
    most: bool
    target: float


GOALS = (
    SpeedGoal("a step over the bare PyBullet calls in it", lambda b: b.step.step_over_bare, True, 1.10),
    SpeedGoal("two workers over one", lambda b: b.rollouts.scaling.two_workers_over_one, False, 1.85),
    SpeedGoal(
        "pool over Gymnasium's `AsyncVectorEnv`, 2 environments",
        lambda b: b.rollouts.environments["2"].pool_over_async_vector_env, False, 1.1,
    ),
    SpeedGoal("the same, 16", lambda b: b.rollouts.environments["16"].pool_over_async_vector_env, False, 1.1),
    SpeedGoal(
        "pool over stable-baselines3's `SubprocVecEnv`, 2 environments",
        lambda b: b.rollouts.environments["2"].pool_over_subproc_vec_env, False, 1.1,
    ),
    SpeedGoal("the same, 16", lambda b: b.rollouts.environments["16"].pool_over_subproc_vec_env, False, 1.1),
    SpeedGoal("training over the sum of playing and learning alone", lambda b: b.training.over_sum, True, 1.10),
    SpeedGoal(
        "uniform soup of 16 checkpoints over reading the files", lambda b: b.soups.uniform_over_reading, True, 1.5
    ),
)  # fmt: skip


def speed_goals(results: Results) -> str:
    """The goals of speed, and what the rest costs in a sentence."""
    bench = results.read(BenchResult, "bench")
    step, rollouts, acting = bench.step, bench.rollouts, bench.acting
    if step is None or rollouts is None or acting is None or bench.training is None or bench.soups is None:
        raise ResultError(f"{RESULTS / 'bench.json'}: not everything was measured; run `make bench`")
    lines = []
    for goal in GOALS:
        value = goal.figure(bench)
        reached = value <= goal.target if goal.most else value >= goal.target
        bound = f"at {'most' if goal.most else 'least'} {goal.target:.2f}"
        lines.append([goal.meaning, bound, f"{value:.2f}", "yes" if reached else "**no**"])
    choice, ratio = acting.choice_ms, acting.choice_over_one_pass
    return (
        markdown_table([f"{bench.cores} cores, medians of {bench.repeats}", "goal", "measured", ""], lines)
        + f"\n\nA step takes {step.step_ms:.1f} ms. Two bare PyBullet processes do "
        f"{rollouts.scaling.two_bare_processes_over_one:.2f} times what one does at the same time on the same machine. "
        f"Choosing an action takes {choice['one_pass']:.0f} ms on one core with one pass that gives all directions, "
        f"{ratio['rotated_passes']:.1f} times that with the paper's eight rotated passes, and "
        f"{ratio['eight_views']:.1f} times that averaged over the eight symmetries of its input, which is the default."
    )


def speed_table(results: Results) -> str:
    """All figures of ``python -m train.bench``."""
    bench = results.read(BenchResult, "bench")
    measured = {name: value for name, value in bench.to_json().items() if isinstance(value, dict)}
    lines = [[label, str(value)] for part, found in measured.items() for label, value in _flat(found, part)]
    return markdown_table([f"medians of {bench.repeats}, {bench.cores} cores", ""], lines)


def endurance(results: Results) -> str:
    """What ``python -m train.bench.endurance`` found, in a sentence."""
    found = results.read(EnduranceResult, "endurance")
    growth = "not known" if found.growth is None else f"{100 * found.growth:.1f} %"
    return (
        f"{found.interactions:,} interactions and {found.resets:,} resets in {found.seconds / 3600:.1f} "
        f"hours: the memory of a worker grew by at most {growth}."
    )


def _flat(found: dict[str, Any], prefix: str) -> list[tuple[str, Any]]:
    """Figures by the names that lead to them."""
    rows: list[tuple[str, Any]] = []
    for name, value in found.items():
        label = f"{prefix}, {name.replace('_', ' ')}"
        rows += _flat(value, label) if isinstance(value, dict) else [(label, value)]
    return rows
