"""Results of model soups as text: of sweeps of image and text networks, and of the agent itself."""

from __future__ import annotations

import statistics
from typing import Any

from atp.benchmark.tables import format_value, markdown_table
from atp.soups.report import pairs_markdown, seeds_markdown

#: Sweeps with a block of their own, by the task.
SWEEPS = ("text", "image", "wide", "frozen", "trained", "reestimated")
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
