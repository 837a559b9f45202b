"""Figures of speed as text: the goals, all that was measured, and the memory of workers."""

from __future__ import annotations

from typing import Any

from atp.reporting.tables import markdown_table

#: Goals: what is measured, the part and the names that lead to it in the file, whether less is better, and the goal.
GOALS: tuple[tuple[str, tuple[str, ...], bool, float], ...] = (
    ("a step over the bare PyBullet calls in it", ("step", "step_over_bare"), True, 1.10),
    ("two workers over one", ("rollouts", "scaling", "two_workers_over_one"), False, 1.85),
    (
        "pool over Gymnasium's `AsyncVectorEnv`, 2 environments",
        ("rollouts", "environments", "2", "pool_over_async_vector_env"),
        False,
        1.1,
    ),
    ("the same, 16", ("rollouts", "environments", "16", "pool_over_async_vector_env"), False, 1.1),
    (
        "pool over stable-baselines3's `SubprocVecEnv`, 2 environments",
        ("rollouts", "environments", "2", "pool_over_subproc_vec_env"),
        False,
        1.1,
    ),
    ("the same, 16", ("rollouts", "environments", "16", "pool_over_subproc_vec_env"), False, 1.1),
    ("training over the sum of playing and learning alone", ("training", "over_sum"), True, 1.10),
    ("uniform soup of 16 checkpoints over reading the files", ("soups", "uniform_over_reading"), True, 1.5),
)


def speed_goals(bench: dict[str, Any]) -> str:
    """A table of the goals of speed.

    Args:
        bench: What ``python -m train.bench`` wrote.

    Returns:
        Markdown.
    """
    lines = []
    for title, names, less, goal in GOALS:
        value = _find(bench, names)
        reached = value <= goal if less else value >= goal
        lines.append(
            [
                title,
                f"at {'most' if less else 'least'} {goal:.2f}",
                f"{value:.2f}",
                "yes" if reached else "**no**",
            ]
        )
    step, scaling, acting = bench["step"], bench["rollouts"]["scaling"], bench["acting"]
    choice, ratio = acting["choice_ms"], acting["choice_over_one_pass"]
    return (
        markdown_table([f"{bench['cores']} cores, medians of {bench['repeats']}", "goal", "measured", ""], lines)
        + f"\n\nA step takes {step['step_ms']:.1f} ms. Two bare PyBullet processes do "
        f"{scaling['two_bare_processes_over_one']:.2f} times what one does at the same time on the same machine. "
        f"Choosing an action takes {choice['one_pass']:.0f} ms on one core with one pass that gives all directions, "
        f"{ratio['rotated_passes']:.1f} times that with the paper's eight turned passes, and "
        f"{ratio['eight_views']:.1f} times that averaged over eight views, which is the default."
    )


def speed_table(bench: dict[str, Any]) -> str:
    """All figures of ``python -m train.bench``, as Markdown."""
    parts = ("step", "rollouts", "training", "acting", "cost", "soups")
    lines = [[name, str(value)] for part in parts if part in bench for name, value in _flat(bench[part], part)]
    return markdown_table([f"medians of {bench['repeats']}, {bench['cores']} cores", ""], lines)


def endurance(found: dict[str, Any]) -> str:
    """What ``python -m train.bench.endurance`` found, in a sentence."""
    return (
        f"{found['interactions']:,} interactions and {found['resets']:,} resets in {found['seconds'] / 3600:.1f} "
        f"hours: the memory of a worker grew by at most {100 * found['growth']:.1f} %."
    )


def _find(found: Any, names: tuple[str, ...]) -> float:
    for name in names:
        found = found[name]
    return float(found)


def _flat(found: dict[str, Any], prefix: str) -> list[tuple[str, Any]]:
    """Figures by the names that lead to them."""
    rows: list[tuple[str, Any]] = []
    for name, value in found.items():
        label = f"{prefix}, {name.replace('_', ' ')}"
        rows += _flat(value, label) if isinstance(value, dict) else [(label, value)]
    return rows
