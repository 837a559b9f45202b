"""Results as Markdown tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from atp.metrics import METRICS, shown_metrics

#: Columns of the table of scores that say whose they are.
NAMES = ("category", "policy", "variant", "episodes")

Row = dict[str, Any]
Result = dict[str, Any]


def columns(leave_out: Sequence[str] = ()) -> dict[str, str]:
    """Columns of the table of scores, heading by key: :data:`NAMES` and the metrics that are shown."""
    headings = {name: name for name in NAMES} | {metric.key: metric.heading for metric in shown_metrics()}
    return {key: heading for key, heading in headings.items() if key not in leave_out}


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
        lines: Cells of each line.

    Returns:
        Text without a line break at its end.
    """
    rows = [header, ["---"] * len(header), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def mean_rows(rows: Sequence[Row]) -> list[Row]:
    """Average rows over the categories of each split, by policy and variant.

    Args:
        rows: Of a result.

    Returns:
        Rows with ``split``, ``policy``, ``variant``, ``categories`` (how many) and the means of what is a number in all
        of them, in the order of their first appearance.
    """
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["split"], row["policy"], row["variant"]), []).append(row)
    means = []
    for (split, policy, variant), group in groups.items():
        mean: Row = {"split": split, "policy": policy, "variant": variant, "categories": len(group)}
        for name in group[0]:
            values = [row[name] for row in group if isinstance(row[name], float)]
            if values:
                mean[name] = sum(values) / len(values)
        lists = [row["miou_by_interaction"] for row in group]
        mean["miou_by_interaction"] = [sum(step) / len(step) for step in zip(*lists, strict=True)]
        means.append(mean)
    return means


def scores_table(rows: Sequence[Row], leave_out: Sequence[str] = ("variant", "episodes")) -> str:
    """All scores of rows, with their spread over seeds, best values not marked.

    Args:
        rows: Of a result.
        leave_out: Keys of :func:`columns` to leave out.
    """
    headings = columns(leave_out)
    lines = [[format_value(row.get(key), row["spread"].get(key)) for key in headings] for row in rows]
    return markdown_table(list(headings.values()), lines)


def by_interaction_table(rows: Sequence[Row], score: str = "miou") -> str:
    """One score after each interaction."""
    count = max(len(row[f"{score}_by_interaction"]) for row in rows)
    lines = [
        [row["category"], row["policy"], *(format_value(value) for value in row[f"{score}_by_interaction"])]
        for row in rows
    ]
    return markdown_table(["category", "policy", *(str(t + 1) for t in range(count))], lines)


def cross_table(rows: Sequence[Row], score: str, names: Callable[[Row], str]) -> str:
    """One score of every policy (or variant) in every category, and the mean of each line.

    Args:
        rows: Of one split.
        score: Name of the score.
        names: What to call a row's line.
    """
    categories = list(dict.fromkeys(row["category"] for row in rows))
    lines: dict[str, dict[str, Row]] = {}
    for row in rows:
        lines.setdefault(names(row), {})[row["category"]] = row
    table = []
    for name, found in lines.items():
        cells = []
        for category in categories:
            cell = found.get(category, {})
            cells.append(format_value(cell.get(score), cell.get("spread", {}).get(score)))
        known = [row[score] for row in found.values() if row.get(score) is not None]
        table.append([name, *cells, format_value(sum(known) / len(known) if known else None)])
    return markdown_table(["", *categories, "mean"], table)


def perception_table(rows: Sequence[Row]) -> str:
    """Motion IoU and false motion of the part network and of classical methods on the same pairs of images."""
    lines = []
    for row in rows:
        if "perception" not in row:
            continue
        found = {"part network": row, **row["perception"]}
        for score in ("motion_iou", "false_motion_rate"):
            lines.append(
                [row["category"], METRICS.get(score).title, *(format_value(method[score]) for method in found.values())]
            )
    return markdown_table(["category", "", "part network", "frame difference", "DIS flow"], lines)


def results_markdown(result: Result) -> str:
    """Everything of a result as Markdown."""
    rows = result["rows"]
    seeds = ", ".join(map(str, result["seeds"]))
    leave_out = [] if any(row["variant"] for row in rows) else ["variant"]
    parts = [
        f"# Results\n\n`{result['command']}`, weights `{result['weights']}` ({result['weights_digest']}), seeds "
        f"{seeds}. Means over the seeds, with the standard deviation over them.",
        scores_table(rows, leave_out),
        f"## mIoU after each interaction\n\n{by_interaction_table(rows)}",
    ]
    if any("perception" in row for row in rows):
        parts.append(f"## What moved\n\n{perception_table(rows)}")
    return "\n\n".join(parts) + "\n"
