"""``atp eval``: score policies on objects of a split, or a whole suite over several seeds."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from assets.catalog import split_categories
from assets.files import write_json, write_text
from atp.benchmark.fingerprint import code_digest, weights_digest
from atp.benchmark.suites import suite_cells
from atp.checkpoint import resolve_pretrained
from atp.jobs.journal import Journal
from atp.jobs.progress import Progress
from atp.metrics import METRICS
from atp.playing.policies import POLICIES
from atp.reporting.tables import columns, format_value, results_markdown

if TYPE_CHECKING:
    from atp.benchmark.evaluation import Cell

DEFAULT_POLICIES = "ours,act-random,gt-act,gt-act-mot"


@dataclass(frozen=True)
class EvalOptions:
    """Score policies on objects of a split, or a suite: a table, JSON, Markdown and a plot.

    An evaluation that was stopped goes on where it was when the same command is given again.
    """

    suite: str = ""
    """full (every policy on nine categories), stress or ablations, in place of a split and its categories."""
    policies: str = ""
    """Names of policies, with commas; empty: ours, act-random, gt-act and gt-act-mot, or all of a suite."""
    split: str = "test"
    """train, val, test, stress, or partnet-train, partnet-val or partnet-test."""
    categories: str = ""
    """Categories of the split, with commas; empty takes all."""
    episodes: int = 100
    """Episodes for each policy and category, shared out among the seeds."""
    seeds: int = 1
    """How many seeds; scores are means over them, with their spread."""
    seed: int = 0
    """The first seed."""
    weights: str = "default"
    """Name of shipped weights, or a checkpoint folder."""
    randomization: bool = False
    """Evaluate under domain randomisation."""
    workers: int = 0
    """Processes; 0 takes one for each core."""
    ray: bool = False
    """Play on a Ray cluster (extra ray), the one that RAY_ADDRESS names if it does."""
    device: str = "cpu"
    """auto, cpu or cuda."""
    out: Path = Path("runs/eval")
    """Folder for the results."""
    json: Path | None = None
    """File for the results; eval.json in the folder if not given."""


def run(options: EvalOptions, console: Console | None = None) -> dict[str, Any]:
    """Evaluate and write the results.

    Args:
        options: What to evaluate.
        console: Where the progress goes; None shows none.

    Returns:
        What is written as JSON: ``command``, ``weights``, ``weights_digest``, ``code_digest``, ``suite``, ``seeds``,
        ``seconds`` (of this run of the command), ``cores``, and ``rows``, one for each policy, category and variant, as
        :func:`atp.benchmark.evaluation.make_row` describes them.

    Raises:
        ValueError: A suite, policy, split, category or number does not exist or make sense; the message names the
            choices.
    """
    cells = _cells(options)
    if options.seeds < 1 or options.workers < 0 or options.episodes < options.seeds:
        raise ValueError("--seeds must be at least 1, --episodes at least --seeds, --workers at least 0")
    if options.episodes % options.seeds:
        raise ValueError(f"{options.episodes} --episodes cannot be shared out among {options.seeds} --seeds")
    weights = resolve_pretrained(options.weights)  # a wrong name is an error here, not in a worker
    from atp.benchmark.evaluation import Setting, evaluate

    each = options.episodes // options.seeds
    seeds = list(range(options.seed, options.seed + options.seeds))
    depends = {
        "code": code_digest(),
        "weights": weights_digest(weights),
        "device": options.device,
        "randomization": options.randomization,
        "metrics": list(METRICS),
    }
    journal = Journal(options.out / "journal.jsonl", depends)
    began = time.monotonic()
    total = options.episodes * len(cells)
    with Progress(total, "episodes", console=console, shown=console is not None) as progress:
        rows = evaluate(
            cells,
            each,
            seeds,
            Setting(options.weights, options.device, {"randomization": options.randomization}),
            workers=min(options.workers or len(os.sched_getaffinity(0)), total),
            on_ray=options.ray,
            journal=journal,
            progress=progress.advance,
        )
    result = {
        "command": " ".join(["atp", *sys.argv[1:]]),
        "weights": options.weights,
        "weights_digest": depends["weights"],
        "code_digest": depends["code"],
        "suite": options.suite,
        "seeds": seeds,
        "seconds": round(time.monotonic() - began, 1),
        "cores": len(os.sched_getaffinity(0)),
        "rows": rows,
    }
    result = json.loads(json.dumps(result))
    write_json(options.json or options.out / "eval.json", result)
    write_text(options.out / "eval.md", results_markdown(result))
    from atp.reporting.plots import draw_by_interaction

    draw_by_interaction(result, options.out / "eval.png")
    return result


def main(options: EvalOptions) -> None:
    """Run the command and print its table."""
    console = Console()
    report(run(options, console), console)
    print(f"{options.out / 'eval.md'}  {options.out / 'eval.png'}")


def report(result: dict[str, Any], console: Console) -> None:
    """Print the rows: a table on a terminal, plain lines anywhere else."""
    headings = columns()
    lines = [[format_value(row.get(key)) for key in headings] for row in result["rows"]]
    if console.is_terminal:
        table = Table(*headings.values(), title=f"seeds {', '.join(map(str, result['seeds']))}")
        for line in lines:
            table.add_row(*line)
        console.print(table)
    else:
        for line in (list(headings.values()), *lines):
            print("\t".join(line), file=console.file)


def _cells(options: EvalOptions) -> list[Cell]:
    policies = _names(options.policies, tuple(POLICIES), "policy") if options.policies else None
    if options.suite:
        if options.categories:
            raise ValueError(f"--suite {options.suite} has its own categories: leave out --categories")
        return suite_cells(options.suite, policies)
    from atp.benchmark.evaluation import Cell

    known = split_categories(options.split)
    categories = _names(options.categories, known, "category") if options.categories else list(known)
    policies = policies or DEFAULT_POLICIES.split(",")
    return [Cell(policy, category, options.split) for category in categories for policy in policies]


def _names(text: str, known: tuple[str, ...], what: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    wrong = [name for name in names if name not in known]
    if wrong or not names:
        raise ValueError(f"unknown {what} {', '.join(wrong) or repr(text)}: choose among {', '.join(known)}")
    return names
