"""``atp eval``: score policies on objects of a split."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from assets.catalog import split_categories
from atp.checkpoint import resolve_pretrained
from atp.evaluation import evaluate
from atp.files import write_json
from atp.policies import POLICIES

COLUMNS = {
    "policy": "policy",
    "category": "category",
    "episodes": "episodes",
    "miou": "mIoU",
    "mape": "MAPE",
    "hd95": "dH95 (px)",
    "optimal_rate_first_n": "optimal, first N",
    "optimal_rate": "optimal",
    "effective_rate": "effective",
    "motion_iou": "motion IoU",
    "false_motion_rate": "false motion",
}


@dataclass(frozen=True)
class EvalOptions:
    """Score policies on objects of a split: a table, and JSON."""

    policies: str = "ours,act-random,gt-act,gt-act-mot"
    """Names of policies, with commas."""
    split: str = "test"
    """train, val, test or stress."""
    categories: str = ""
    """Categories of the split, with commas; empty takes all."""
    episodes: int = 100
    """Episodes for each policy and category."""
    weights: str = "default"
    """Name of shipped weights, or a checkpoint folder."""
    randomization: bool = False
    """Evaluate under domain randomisation."""
    workers: int = 0
    """Processes; 0 takes one for each core."""
    device: str = "cpu"
    """auto, cpu or cuda."""
    out: Path = Path("runs/eval")
    """Folder for the results."""
    json: Path | None = None
    """File for the results; eval.json in the folder if not given."""
    seed: int = 0
    """Decides the episodes."""


def run(options: EvalOptions, console: Console | None = None) -> dict[str, Any]:
    """Evaluate and write the results.

    Args:
        options: What to evaluate.
        console: Where the progress goes; None shows none.

    Returns:
        What is written as JSON: ``command``, ``weights``, ``split``, ``seed``, ``seconds``, and ``rows``, one for each
        policy and category, as :func:`atp.evaluation.evaluate` describes them.

    Raises:
        ValueError: A policy, split, category or number does not exist or make sense; the message names the choices.
    """
    policies = _names(options.policies, tuple(POLICIES), "policy")
    known = split_categories(options.split)
    categories = _names(options.categories, known, "category") if options.categories else list(known)
    if options.episodes < 1 or options.workers < 0:
        raise ValueError("--episodes must be at least 1 and --workers at least 0")
    resolve_pretrained(options.weights)  # a wrong name is an error here, not in a worker
    began = time.monotonic()
    total = options.episodes * len(policies) * len(categories)
    workers = min(options.workers or len(os.sched_getaffinity(0)), total)
    columns = (
        TextColumn("episodes"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]:.1f}/s"),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, disable=console is None or not console.is_terminal) as bar:
        task, done = bar.add_task("", total=total, rate=0.0), 0

        def progress(count: int) -> None:
            nonlocal done
            done += count
            rate = done / (time.monotonic() - began)
            bar.update(task, completed=done, rate=rate)
            if (
                console is not None
                and not console.is_terminal
                and done * 10 // total > (done - count) * 10 // total
            ):
                left = (total - done) / rate
                print(
                    f"{done}/{total} episodes, {rate:.1f}/s, {left:.0f} s left", file=sys.stderr, flush=True
                )

        rows = evaluate(
            policies,
            categories,
            options.split,
            options.episodes,
            options.seed,
            options.weights,
            device=options.device,
            workers=workers,
            environment={"randomization": options.randomization},
            progress=progress,
        )
    result = {
        "command": " ".join(["atp", *sys.argv[1:]]),
        "weights": options.weights,
        "split": options.split,
        "seed": options.seed,
        "seconds": round(time.monotonic() - began, 1),
        "rows": rows,
    }
    write_json(options.json or options.out / "eval.json", json.loads(json.dumps(result)))
    return result


def main(options: EvalOptions) -> None:
    """Run the command and print its table."""
    console = Console()
    report(run(options, console), console)


def report(result: dict[str, Any], console: Console) -> None:
    """Print the rows: a table on a terminal, plain lines anywhere else."""
    lines = [[_text(row.get(key)) for key in COLUMNS] for row in result["rows"]]
    if console.is_terminal:
        table = Table(*COLUMNS.values(), title=f"split {result['split']}, seed {result['seed']}")
        for line in lines:
            table.add_row(*line)
        console.print(table)
    else:
        for line in (list(COLUMNS.values()), *lines):
            print("\t".join(line), file=console.file)


def _names(text: str, known: tuple[str, ...], what: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    wrong = [name for name in names if name not in known]
    if wrong or not names:
        raise ValueError(f"unknown {what} {', '.join(wrong) or repr(text)}: choose among {', '.join(known)}")
    return names


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
