"""``atp eval``: score policies on objects of a split, or a whole suite over several seeds."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from assets.files import write_text
from atp.benchmark.fingerprint import code_digest, modules_digest, weights_digest
from atp.benchmark.own_objects import category_of, find_objects
from atp.checkpoint import resolve_pretrained
from atp.commands.arguments import (
    command_line,
    import_modules,
    known_categories,
    known_names,
    known_policies,
    known_view,
    naming,
)
from atp.commands.options.eval import EvalOptions
from atp.jobs.journal import Journal
from atp.jobs.progress import Progress
from atp.metrics import METRICS
from atp.reporting.tables import cells, columns, joints_table, results_markdown, shown_rows
from atp.results.eval import EvalResult

if TYPE_CHECKING:
    from atp.benchmark.evaluation import Cell

DEFAULT_POLICIES = "ours,act-random,gt-act,gt-act-mot"


def run(options: EvalOptions, console: Console | None = None) -> EvalResult:
    """Evaluate and write the results.

    Args:
        options: What to evaluate.
        console: Where the progress goes; None shows none.

    Returns:
        What is written as JSON.

    Raises:
        ValueError: A suite, policy, split, category, object or number does not exist or make sense; the message names
            the flag and the choices.
    """
    import_modules("--metrics", options.metrics)
    view = known_view("--view", options.view)
    chosen = _cells(options)
    if options.seeds < 1 or options.workers < 0 or options.episodes < options.seeds:
        raise ValueError("--seeds must be at least 1, --episodes at least --seeds, --workers at least 0")
    if options.episodes % options.seeds:
        raise ValueError(f"{options.episodes} --episodes cannot be shared out among {options.seeds} --seeds")
    with naming("--weights"):
        weights = resolve_pretrained(options.weights)  # a wrong name is an error here, not in a worker
    from atp.agent import pick_device
    from atp.benchmark.evaluation import Setting, agent_options, evaluate

    with naming("--device"):
        pick_device(options.device)

    seeds = list(range(options.seed, options.seed + options.seeds))
    depends: dict[str, Any] = {
        "code": code_digest(),
        "weights": weights_digest(weights),
        "device": options.device,
        "randomization": options.randomization,
        **({} if view == "auto" else {"view": view}),
        "metrics": list(METRICS),
    }
    setting = Setting(options.weights, options.device, {"randomization": options.randomization, "view": view})
    depends["options"] = agent_options(setting)
    depends["modules"] = modules_digest(setting.modules)
    cores, total = len(os.sched_getaffinity(0)), options.episodes * len(chosen)
    began = time.monotonic()
    with Progress(total, "episodes", console=console, shown=console is not None) as progress:
        rows = evaluate(
            chosen,
            options.episodes // options.seeds,
            seeds,
            setting,
            workers=min(options.workers or cores, total),
            on_ray=options.ray,
            journal=Journal(options.out / "journal.jsonl", depends),
            progress=progress.advance,
        )
    result = EvalResult(
        command=command_line(),
        weights=options.weights,
        weights_digest=depends["weights"],
        code_digest=depends["code"],
        suite=options.suite,
        seeds=seeds,
        seconds=round(time.monotonic() - began, 1),
        cores=cores,
        rows=rows,
        options=agent_options(setting),
    )
    result.write(options.json or options.out / "eval.json")
    write_text(options.out / "eval.md", results_markdown(result))
    from atp.reporting.plots import draw_by_interaction

    draw_by_interaction(result, options.out / "eval.png")
    return result


def main(options: EvalOptions) -> None:
    """Run the command and print its table."""
    console = Console()
    report(run(options, console), console)
    print(f"{options.out / 'eval.md'}  {options.out / 'eval.png'}")


def report(result: EvalResult, console: Console) -> None:
    """Print the rows: a table on a terminal, plain lines anywhere else; and the options of the agent."""
    headings = columns()
    lines = [cells(row, list(headings), spread=False) for row in shown_rows(result)]
    if console.is_terminal:
        table = Table(*headings.values(), title=f"seeds {', '.join(map(str, result.seeds))}")
        for line in lines:
            table.add_row(*line)
        console.print(table)
    else:
        for line in (list(headings.values()), *lines):
            print("\t".join(line), file=console.file)
    if any(row.joints for row in result.rows):
        print(joints_table(result.rows), file=console.file)
    if result.options:
        text = ", ".join(f"{name} {value}" for name, value in result.options.items())
        print(f"agent: {text}", file=console.file)


def _cells(options: EvalOptions) -> list[Cell]:
    """Who plays with what."""
    from atp.benchmark.evaluation import Cell
    from atp.benchmark.suites import SUITES, suite_cells

    policies = known_policies("--policies", options.policies) if options.policies else None
    if options.suite:
        if options.categories or options.objects:
            raise ValueError(f"--suite {options.suite} has its own objects: leave out --categories and --objects")
        (suite,) = known_names("--suite", options.suite, SUITES)
        return suite_cells(suite, policies)
    policies = policies or DEFAULT_POLICIES.split(",")
    if options.objects:
        if options.categories:
            raise ValueError("--objects takes the place of --categories: leave out one of them")
        with naming("--objects"):
            found = find_objects(options.objects)
        own = [(category_of(path, name), str(path)) for name, path in found.items()]
        return [Cell(policy, category, "", object=path) for category, path in own for policy in policies]
    categories = known_categories("--categories", options.categories, "--split", options.split)
    return [Cell(policy, category, options.split) for category in categories for policy in policies]
