"""Scores as Markdown tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from atp.metrics import METRICS, shown_metrics
from atp.perception.baselines import BASELINES
from atp.results.eval import EvalResult, EvalRow, JointSummary

#: Columns of the table of scores that say whose they are.
NAMES = ("category", "policy", "variant", "episodes")
#: Titles of classical methods whose name does not say it.
METHOD_TITLES = {"dis_flow": "DIS flow", "farneback": "Farneback flow"}
#: Columns of the scores of joints.
JOINT_HEADINGS = (
    "joints", "told", "type right", "success", "hinges: axis (degrees)", "pivot (mm)", "range (degrees)",
    "slides: axis (degrees)", "range (mm)",
)  # fmt: skip


def columns(leave_out: Sequence[str] = ()) -> dict[str, str]:
    """Columns of the table of scores, heading by key: :data:`NAMES` and the metrics that are shown."""
    headings = {name: name for name in NAMES} | {metric.key: metric.heading for metric in shown_metrics()}
    return {key: heading for key, heading in headings.items() if key not in leave_out}


def cells(row: EvalRow, keys: Sequence[str], spread: bool = True) -> list[str]:
    """The cells of a row in some :func:`columns`, scores with their spread over seeds if wanted."""
    found = []
    for key in keys:
        value = getattr(row, key) if key in NAMES else row.scores.get(key)
        found.append(format_value(value, row.spread.get(key) if spread else None))
    return found


def format_value(value: Any, spread: float | None = None) -> str:
    """A number with three digits and, where there is one, its spread; a dash for None or an empty text."""
    if value is None or value == "":
        return "-"
    if not isinstance(value, float):
        return str(value)
    return f"{value:.3f}" if not spread else f"{value:.3f} ± {spread:.3f}"


def markdown_table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table.

    Args:
        header: Names of columns.
        lines: Cells of each line, as many as the header has.

    Returns:
        Text without a line break at its end.

    Raises:
        ValueError: A line has more or fewer cells than the header.
    """
    for line in lines:
        if len(line) != len(header):
            raise ValueError(f"a line of {len(line)} cells in a table of {len(header)} columns: {' | '.join(line)}")
    rows = [header, ["---"] * len(header), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def method_title(name: str) -> str:
    """What tables call a classical method."""
    return METHOD_TITLES.get(name, name.replace("_", " "))


def baselines_in(names: Sequence[str]) -> list[str]:
    """Those of the classical methods that results have, in the order of ``BASELINES``; files may be older."""
    return [name for name in BASELINES if name in names]


def mean_rows(rows: Sequence[EvalRow]) -> list[EvalRow]:
    """Average rows over the categories of each split, by policy and variant.

    Args:
        rows: Of a result.

    Returns:
        Rows of category ``mean`` without spread, in the order of their first appearance; a score is averaged over the
        categories that have it.
    """
    groups: dict[tuple[str, str, str], list[EvalRow]] = {}
    for row in rows:
        groups.setdefault((row.split, row.policy, row.variant), []).append(row)
    return [_mean_row(group, "mean") for group in groups.values()]


def category_rows(rows: Sequence[EvalRow]) -> list[EvalRow]:
    """Rows of several objects of one category as one, likewise by split, policy and variant; other rows as they are."""
    groups: dict[tuple[str, ...], list[EvalRow]] = {}
    for row in rows:
        groups.setdefault((row.category, row.split, row.policy, row.variant), []).append(row)
    return [group[0] if len(group) == 1 else _mean_row(group, group[0].category) for group in groups.values()]


def shown_rows(result: EvalResult) -> list[EvalRow]:
    """The rows that tables of ``atp eval`` show: by category, and outside of a suite the mean of several."""
    rows = category_rows(result.rows)
    several = len({row.category for row in rows}) > 1 and not result.suite
    return [*rows, *mean_rows(rows)] if several else rows


def _mean_row(group: Sequence[EvalRow], category: str) -> EvalRow:
    """The mean of rows of one split, policy and variant."""
    first = group[0]
    scores = {key: mean([row.scores.get(key) for row in group]) for key in first.scores}
    steps = {
        key: [mean(values) for values in zip(*(row.by_interaction[key] for row in group), strict=True)]
        for key in first.by_interaction
    }
    episodes = sum(row.episodes for row in group)
    return EvalRow(first.policy, category, first.split, first.variant, episodes, scores, {}, steps)


def mean(values: Sequence[float | None]) -> float | None:
    """Mean of the values that are there; None without any."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def scores_table(rows: Sequence[EvalRow], leave_out: Sequence[str] = ("variant", "episodes")) -> str:
    """All scores of rows, with their spread over seeds; an arrow says which way a score is better.

    Args:
        rows: Of a result.
        leave_out: Keys of :func:`columns` to leave out.
    """
    headings = columns(leave_out)
    return markdown_table(list(headings.values()), [cells(row, list(headings)) for row in rows])


def by_interaction_table(rows: Sequence[EvalRow], score: str = "miou") -> str:
    """One score after each interaction."""
    known = [(row, row.by_interaction[score]) for row in rows if score in row.by_interaction]
    count = max((len(values) for _, values in known), default=0)
    lines = [
        [row.category, row.variant or row.policy, *map(format_value, values), *["-"] * (count - len(values))]
        for row, values in known
    ]
    return markdown_table(["category", "policy", *(str(t + 1) for t in range(count))], lines)


def cross_table(rows: Sequence[EvalRow], score: str, names: Callable[[EvalRow], str]) -> str:
    """One score of every policy (or variant) in every category, and the mean of each line.

    Args:
        rows: Of one split.
        score: Key of the metric.
        names: What to call a row's line.
    """
    categories = list(dict.fromkeys(row.category for row in rows))
    lines: dict[str, dict[str, EvalRow]] = {}
    for row in rows:
        lines.setdefault(names(row), {})[row.category] = row
    table = []
    for name, found in lines.items():
        line = [found.get(category) for category in categories]
        values = [format_value(row.scores.get(score), row.spread.get(score)) if row else "-" for row in line]
        table.append([name, *values, format_value(mean([row.scores.get(score) for row in found.values()]))])
    return markdown_table(["", *categories, "mean"], table)


def perception_table(rows: Sequence[EvalRow]) -> str:
    """Motion IoU and false motion of the part network and of classical methods on the same pairs of images."""
    perceived = [(row, row.perception) for row in rows if row.perception is not None]
    methods = baselines_in([name for _, found in perceived for name in found])
    lines = []
    for row, found in perceived:
        for score in ("motion_iou", "false_motion_rate"):
            values = [getattr(found[name], score) if name in found else None for name in methods]
            title = METRICS.get(score).title
            lines.append([row.category, title, format_value(row.scores[score]), *map(format_value, values)])
    return markdown_table(["category", "", "part network", *map(method_title, methods)], lines)


def joints_table(rows: Sequence[EvalRow]) -> str:
    """The joints of rows, from all interactions and from two frames alone: errors as median / 90th percentile.

    Args:
        rows: Of a result; those without joints are left out.
    """
    lines = [
        [row.category, row.policy, name, *joint_cells(summary)]
        for row in rows
        if row.joints is not None
        for name, summary in row.joints.items()
    ]
    return markdown_table(["category", "policy", "from", *JOINT_HEADINGS], lines)


def joint_cells(summary: JointSummary) -> list[str]:
    """The cells of :data:`JOINT_HEADINGS`."""
    return [
        str(summary.joints),
        *map(format_value, (summary.told, summary.right, summary.success)),
        _pair(summary.hinge_axis, summary.hinge_axis_p90),
        _pair(summary.hinge_pivot, summary.hinge_pivot_p90, 1000),
        _pair(summary.hinge_range),
        _pair(summary.slide_axis, summary.slide_axis_p90),
        _pair(summary.slide_range, unit=1000),
    ]


def _pair(median: float | None, high: float | None = None, unit: float = 1.0) -> str:
    values = [f"{unit * value:.1f}" for value in (median, high) if value is not None]
    return " / ".join(values) or "-"


def results_markdown(result: EvalResult) -> str:
    """Everything of a result of ``atp eval`` as a page."""
    rows = result.rows
    seeds = ", ".join(map(str, result.seeds))
    leave_out = [] if any(row.variant for row in rows) else ["variant"]
    options = ", ".join(f"{name} {value}" for name, value in result.options.items())
    parts = [
        f"# Results\n\n`{result.command}`, weights `{result.weights}` ({result.weights_digest}), seeds "
        f"{seeds}. Means over the seeds, with the standard deviation over them."
        + (f" Options of the agent: {options}." if options else ""),
        scores_table(shown_rows(result), leave_out),
        f"## mIoU after each interaction\n\n{by_interaction_table(shown_rows(result))}",
    ]
    if any(row.perception for row in rows):
        parts.append(f"## What moved\n\n{perception_table(rows)}")
    if any(row.joints for row in rows):
        parts.append(f"## Joints\n\n{joints_table(rows)}")
    return "\n\n".join(parts) + "\n"
