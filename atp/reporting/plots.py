"""Results as plots."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from assets.files import atomic_path

#: Upper bounds are drawn dashed.
UPPER_BOUNDS = ("gt-act", "gt-act-mot")


def draw_by_interaction(result: dict[str, Any], out: Path) -> None:
    """Draw mIoU after each interaction, one panel a category, upper bounds dashed (AtP's figure of the same).

    Args:
        result: As :func:`atp.commands.eval.run` returns it.
        out: A .png, .pdf or .svg file; replaced.
    """
    from matplotlib.figure import Figure

    categories = list(dict.fromkeys(row["category"] for row in result["rows"]))
    names = list(dict.fromkeys(_name(row) for row in result["rows"]))
    columns = min(5, len(categories))
    lines = math.ceil(len(categories) / columns)
    figure = Figure(figsize=(2.8 * columns, 2.6 * lines + 0.6), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False, sharey=True).flat
    for panel, category in zip(panels, categories, strict=False):
        for row in result["rows"]:
            if row["category"] != category:
                continue
            values = row["miou_by_interaction"]
            style = "--" if row["policy"] in UPPER_BOUNDS else "-"
            panel.plot(
                range(1, len(values) + 1), values, style, marker=".", color=f"C{names.index(_name(row)) % 10}",
                linewidth=2.5 if row["policy"] == "ours" else 1.2, label=_name(row),
            )  # fmt: skip
        panel.set(title=category, ylim=(0, 1), xlabel="interactions", xticks=range(1, len(values) + 1))
        panel.grid(alpha=0.3)
    for panel in list(figure.axes)[len(categories) :]:
        panel.set_axis_off()
    for panel in list(figure.axes)[: len(categories) : columns]:
        panel.set_ylabel("mIoU")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(8, len(labels)))
    with atomic_path(out) as temporary:
        figure.savefig(temporary, dpi=110)


def _name(row: dict[str, Any]) -> str:
    return str(row["variant"] or row["policy"])
