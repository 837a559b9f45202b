"""Measure what things cost, each against a floor measured in the same run.

    python -m train.bench --out runs/bench.json

The floor of a step is the very calls to PyBullet that the step made and cannot do without (tie the grippers, move,
simulate, let go, one image), recorded and then made again from the same state with nothing around them. The floor
of a choice is one pass of the interaction network, which gives all directions. Floor and rest take turns, so that a
machine whose speed drifts slows both.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import tyro
from rich.console import Console
from rich.table import Table

from atp.results.bench import BenchResult
from train.bench.acting import bench_acting
from train.bench.cost import bench_cost
from train.bench.rollouts import bench_rollouts
from train.bench.soup_mixing import bench_soups
from train.bench.step import bench_step
from train.bench.training import bench_training

Part = Literal["step", "rollouts", "training", "acting", "cost", "soups"]


@dataclass(frozen=True)
class BenchOptions:
    """How much to measure, and where to write."""

    out: Path = Path("runs/bench.json")
    """File for the figures."""
    parts: tuple[Part, ...] = ()
    """What to measure; all if nothing is named. The file keeps its figures of the rest."""
    repeats: int = 5
    """Measurements of each; medians are reported."""
    steps: int = 200
    """Environment steps in a measurement."""
    interactions: int = 640
    """Interactions in a measurement of rollouts; a multiple of 16."""
    rounds: int = 4
    """Rounds in a measurement of training."""
    choices: int = 20
    """Actions chosen in a measurement."""
    weights: str = "default"
    """Weights that choose them."""
    device: Literal["auto", "cpu", "cuda"] = "cpu"
    """Where the networks compute."""
    seed: int = 0
    """Decides objects and actions."""


def run(options: BenchOptions) -> BenchResult:
    """Measure and write the figures.

    Args:
        options: How much to measure, and where to write.

    Returns:
        What is written as JSON.
    """
    repeats, seed = options.repeats, options.seed
    cores = len(os.sched_getaffinity(0))
    kept = BenchResult.read(options.out) if options.parts and options.out.exists() else BenchResult(repeats, cores)
    result = replace(kept, repeats=repeats, cores=cores)
    parts: dict[Part, Callable[[], Any]] = {
        "step": lambda: bench_step(repeats, options.steps, seed),
        "rollouts": lambda: bench_rollouts(repeats, options.interactions, seed),
        "training": lambda: bench_training(repeats, options.rounds, options.device),
        "acting": lambda: bench_acting(options.weights, repeats, options.choices, seed, options.device),
        "cost": lambda: bench_cost(repeats, options.steps // 4, seed),
        "soups": lambda: bench_soups(repeats, seed),
    }
    for name in options.parts or parts:
        print(f"measuring {name}", flush=True)
        result = replace(result, **{name: parts[name]()})
        result.write(options.out)  # what was measured is kept if the rest is not waited for
    return result


def _rows(found: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Figures by their names, nested ones with all the names that lead to them."""
    rows = []
    for name, value in found.items():
        label = f"{prefix} {name}".strip().replace("_", " ")
        rows += _rows(value, label) if isinstance(value, dict) else [(label, str(value))]
    return rows


def main() -> None:
    """Entry point."""
    result = run(tyro.cli(BenchOptions, description=__doc__, prog="python -m train.bench"))
    table = Table("figure", "value", title=f"medians of {result.repeats}")
    for row in _rows(result.to_json()):
        table.add_row(*row)
    Console().print(table)


if __name__ == "__main__":
    main()
