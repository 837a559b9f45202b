"""Blocks of ``docs/results/soups.md``: soups of image and text networks, and of the agent itself."""

from __future__ import annotations

import statistics
from collections.abc import Callable

from atp.reporting.result_files import Results, source
from atp.reporting.soup_tables import pairs_markdown, percent, seeds_markdown
from atp.reporting.tables import format_value, markdown_table
from atp.results.soup import AgentSoupsResult, SweepResult

#: Sweeps with a block of their own, by the task.
SWEEPS = ("text", "image", "wide")
#: Sweeps of a network with BatchNorm, with titles: what becomes of its statistics.
STATISTICS = {
    "frozen": "frozen", "frozen-low": "frozen, lower rates", "trained": "trained, averaged",
    "reestimated": "trained, re-estimated",
}  # fmt: skip
#: Ways to use the fine-tunes that are shown of them.
SHOWN_METHODS = ("best single", "uniform soup", "greedy soup", "learned soup", "ensemble")
#: What the agents are measured with, with titles.
GROUPS = {
    "unseen": "unseen categories, mIoU",
    "stress": "stress categories, mIoU",
    "robustness": "synthetic image pairs, motion IoU",
}


def sweep_soups(name: str) -> Callable[[Results], str]:
    """What soups of a sweep bring, and why: a block for each of ``SWEEPS``."""

    def block(results: Results) -> str:
        result = results.read(SweepResult, f"soup-{name}")
        more = (
            f"{result.seeds} seeds: mean ± standard deviation, percent; McNemar's p of each seed, in-distribution, "
            "against the best single fine-tune"
        )
        tables = [seeds_markdown(result, each=False), *([pairs_markdown(result)] if result.pairs else [])]
        return "\n\n".join([source(f"soup-{name}", result.command, more), *tables])

    return block


def batchnorm_soups(results: Results) -> str:
    """What soups of a network with BatchNorm bring, by what becomes of its statistics."""
    found = {name: results.read(SweepResult, f"soup-{name}") for name in STATISTICS}
    first = found["frozen"]
    test = first.in_distribution
    header = ["", *(f"{title}: {what}" for title in STATISTICS.values() for what in (test, "shifted"))]
    lines = []
    for way in SHOWN_METHODS:
        rows = [next(row for row in result.rows if row.way == way) for result in found.values()]
        lines.append([way, *(percent(cell) for row in rows for cell in (row.tests[test], row.shifted))])
    for half in ("low", "high"):
        line = [f"barrier between two with {half}er learning rates (angle)"]
        for result in found.values():
            pairs = [pair for pair in result.pairs if (pair.low if half == "low" else pair.high)]
            barrier = statistics.fmean(pair.barrier for pair in pairs)
            line += [f"{barrier:+.2f} ({statistics.fmean(pair.angle for pair in pairs):.0f}°)", ""]
        lines.append(line)
    others = ", ".join(f"`soup-{name}.json`" for name in list(STATISTICS)[1:])
    more = (
        f"and the same for {others}; {first.seeds} seeds: mean ± standard deviation, percent; the barrier is the "
        "loss half-way minus the mean loss of the two"
    )
    return f"{source('soup-frozen', first.command, more)}\n\n{markdown_table(header, lines)}"


def agent_soups(results: Results) -> str:
    """What soups of the agent bring."""
    result = results.read(AgentSoupsResult, "soup-agents")
    ways = list(result.seeds[0].scores)
    lines = []
    for way in ways:
        cells = []
        for group in GROUPS:
            values = [statistics.fmean(seed.scores[way][group].values()) for seed in result.seeds]
            spread = statistics.stdev(values) if len(values) > 1 and way != ways[0] else None
            cells.append(format_value(statistics.fmean(values), spread))
        lines.append([way, *cells])
    more = f"{len(result.seeds)} sweeps of {result.options['runs']} fine-tunes: mean ± standard deviation over them"
    table = markdown_table(["", *GROUPS.values()], lines)
    return f"{source('soup-agents', result.command, more)}\n\n{table}"
