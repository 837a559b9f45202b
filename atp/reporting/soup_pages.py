"""Results of model soups as text: of sweeps of image and text networks, and of the agent itself."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from atp.reporting.soup_tables import pairs_markdown, seeds_markdown
from atp.reporting.tables import format_value, markdown_table

#: Sweeps with a block of their own, by the task.
SWEEPS = ("text", "image", "wide")
#: Sweeps of a network with BatchNorm, with titles: what becomes of its statistics.
STATISTICS = {
    "frozen": "frozen", "frozen-low": "frozen, lower rates", "trained": "trained, averaged",
    "reestimated": "trained, re-estimated",
}  # fmt: skip
#: Ways that are told of them.
SHOWN_METHODS = ("best single", "uniform soup", "greedy soup", "learned soup", "ensemble")
#: What the agents are measured with, with titles.
GROUPS = {
    "unseen": "unseen categories, mIoU",
    "stress": "stress group, mIoU",
    "shifts": "synthetic shifts, motion IoU",
}


def sweep_soups(result: dict[str, Any]) -> str:
    """What soups of a sweep bring, and why.

    Args:
        result: What ``python -m train.sweep`` wrote.

    Returns:
        Markdown.
    """
    tables = [seeds_markdown(result, each=False)]
    if result["pairs"]:
        tables.append(pairs_markdown(result))
    head = (
        f"`.venv/bin/{result['command']}` ({result['seeds']} seeds: mean ± standard deviation, percent; McNemar's p of "
        "each seed, in-distribution, against the best single fine-tune):"
    )
    return "\n\n".join([head, *tables])


def batchnorm_soups(found: Mapping[str, dict[str, Any]]) -> str:
    """What soups of a network with BatchNorm bring, by what becomes of its statistics.

    Args:
        found: What ``python -m train.sweep`` wrote, by the names of ``STATISTICS``.

    Returns:
        Markdown.
    """
    test = found["frozen"]["in_distribution"]
    header = ["", *(f"{title}: {what}" for title in STATISTICS.values() for what in (test, "shifted"))]
    lines = []
    for way in SHOWN_METHODS:
        rows = [next(row for row in found[name]["rows"] if row["way"] == way) for name in STATISTICS]
        cells = [cell for row in rows for cell in (row["tests"][test], row["shifted"])]
        lines.append([way, *(f"{100 * mean:.1f} ± {100 * spread:.1f}" for mean, spread in cells)])
    for half in ("low", "high"):
        line = [f"barrier between two with {half}er learning rates (angle)"]
        for name in STATISTICS:
            pairs = [pair for pair in found[name]["pairs"] if pair[half]]
            barrier, angle = (statistics.fmean(pair[what] for pair in pairs) for what in ("barrier", "angle"))
            line += [f"{barrier:+.2f} ({angle:.0f}°)", ""]
        lines.append(line)
    seeds, command = found["frozen"]["seeds"], found["frozen"]["command"]
    head = (
        f"`.venv/bin/{command}` and the same for the others ({seeds} seeds: mean ± standard deviation, percent; the "
        "barrier is the loss half-way minus the mean loss of the two):"
    )
    return f"{head}\n\n{markdown_table(header, lines)}"


def agent_soups(result: dict[str, Any]) -> str:
    """What soups of the agent bring.

    Args:
        result: What ``python -m train.agent_soups`` wrote.

    Returns:
        Markdown.
    """
    ways = list(result["seeds"][0]["scores"])
    lines = []
    for way in ways:
        cells = []
        for group in GROUPS:
            values = [statistics.fmean(seed["scores"][way][group].values()) for seed in result["seeds"]]
            spread = statistics.stdev(values) if len(values) > 1 and way != ways[0] else None
            cells.append(format_value(statistics.fmean(values), spread))
        lines.append([way, *cells])
    options = result["options"]
    head = (
        f"`.venv/bin/{result['command']}` ({len(result['seeds'])} sweeps of {options['runs']} fine-tunes: mean ± "
        "standard deviation over them):"
    )
    return f"{head}\n\n{markdown_table(['', *GROUPS.values()], lines)}"
