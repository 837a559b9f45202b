"""Results as plots."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from assets.files import atomic_path
from atp.metrics import plotted_metrics
from atp.reporting.tables import category_rows
from atp.results.eval import EvalResult, EvalRow

#: Upper bounds are drawn dashed.
UPPER_BOUNDS = ("gt-act", "gt-act-mot")


def draw_by_interaction(result: EvalResult, out: Path) -> None:
    """Draw scores after each interaction, one panel a category, upper bounds dashed (AtP's figure of mIoU).

    Every metric that is ``plotted`` has its panels below those of the one before.

    Args:
        result: Scores.
        out: A .png, .pdf or .svg file; replaced.
    """
    from matplotlib.figure import Figure

    metrics = plotted_metrics()
    rows = category_rows(result.rows)
    categories = list(dict.fromkeys(row.category for row in rows))
    names = list(dict.fromkeys(_name(row) for row in rows))
    columns = min(5, len(categories))
    lines = math.ceil(len(categories) / columns)
    figure = Figure(figsize=(2.8 * columns, 2.6 * lines * len(metrics) + 0.6), layout="constrained")
    grid = figure.subplots(lines * len(metrics), columns, squeeze=False, sharey=False)
    for number, metric in enumerate(metrics):
        panels = grid[number * lines : (number + 1) * lines]
        shared = panels[0, 0]
        for place, panel in enumerate(panels.flat):
            if place >= len(categories):
                panel.set_axis_off()
                continue
            _draw_panel(panel, rows, categories[place], metric.key, names)
            if panel is not shared:
                panel.sharey(shared)
            if place % columns:
                panel.tick_params(labelleft=False)
            else:
                panel.set_ylabel(f"{metric.title} ({metric.unit})" if metric.unit else metric.title)
        shared.set_ylim(0, None if metric.unit else 1)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(8, len(labels)))
    with atomic_path(out) as temporary:
        figure.savefig(temporary, dpi=110)


def _draw_panel(panel: Any, rows: list[EvalRow], category: str, key: str, names: list[str]) -> None:
    """One metric in one category."""
    count = 0
    for row in rows:
        values = row.by_interaction.get(key)
        if row.category != category or values is None:  # a metric that the file does not have
            continue
        count = max(count, len(values))
        style = "--" if row.policy in UPPER_BOUNDS else "-"
        panel.plot(
            range(1, len(values) + 1),
            [math.nan if value is None else value for value in values],
            style,
            marker=".",
            color=f"C{names.index(_name(row)) % 10}",
            linewidth=2.5 if row.policy == "ours" else 1.2,
            label=_name(row),
        )
    panel.set(title=category, xlabel="interactions", xticks=range(1, count + 1))
    panel.grid(alpha=0.3)


def _name(row: EvalRow) -> str:
    return row.variant or row.policy
