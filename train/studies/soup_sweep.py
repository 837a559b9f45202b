"""Soup sweeps: many fine-tunes from one initialisation, and what soups of them bring; once for each seed."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from assets.files import write_json, write_text
from atp.reporting.soup_tables import (
    comparison_markdown,
    draw_comparison,
    draw_pairs,
    over_seeds,
    pairs_markdown,
    seeds_markdown,
)
from atp.results.soup import Comparison
from atp.soups import Ingredients, all_pairs
from atp.soups.comparison import Task, compare
from train.finetuning.random_search import SweepConfig, load_task, recipes, sweep

#: Examples of a batch in scoring.
BATCH = 250


@dataclass(frozen=True)
class SoupSweepConfig:
    """Options.

    Attributes:
        out: Folder with one for each seed.
        json: File for the results of all seeds; ``soups.json`` in the folder if not given.
        seeds: Sweeps, each with its own recipes and initialisation.
        pairs: Held-out examples that every two fine-tunes of a seed are compared with, half-way between each other; 0
            leaves that out.
        sweep: Options of every sweep; ``out`` and ``seed`` are set for each.
    """

    out: Path = Path("runs/soups")
    json: Path | None = None
    seeds: int = 3
    pairs: int = 500
    sweep: SweepConfig = field(default_factory=lambda: SweepConfig(""))


class SoupSweep:
    """The sweeps of all seeds and what comes of them.

    Args:
        config: The options.
    """

    def __init__(self, config: SoupSweepConfig) -> None:
        if config.seeds < 1 or config.pairs < 0:
            raise ValueError("--seeds must be at least 1, --pairs at least 0")
        self.config = config
        load_task(config.sweep.task)  # one that cannot be had is an error now

    def run(self) -> bool:
        """Fine-tune, compare and write; True, since what stops it is an exception."""
        config, found = self.config, []
        for seed in range(config.seeds):
            folder = config.out / f"seed-{seed}"
            done = folder / "soup.json"
            each = replace(config.sweep, out=folder, seed=seed)
            files = sweep(each)
            compared, about = folder / "compared.json", self._about(files)
            if not done.exists() or _read(compared) != about:
                compared.unlink(missing_ok=True)  # while the comparison is of other fine-tunes than it says
                self._compare(files, folder, recipes(each)).write(done)
                write_json(compared, about)
            result = Comparison.read(done)
            write_text(folder / "soup.md", comparison_markdown(result, singles=True) + "\n")
            draw_comparison(result, folder / "soup.png")
            found.append(result)
        command = shlex.join(["python", "-m", "train.sweep", *sys.argv[1:]])
        swept = over_seeds(found, command)
        swept.write(config.json or config.out / "soups.json")
        print(seeds_markdown(swept))
        if swept.pairs:
            print(pairs_markdown(swept))
            draw_pairs(swept, config.out / "pairs.png")
        return True

    def close(self) -> None:
        """Nothing is left open."""

    def _about(self, files: list[Path]) -> dict[str, Any]:
        """What a comparison depends on: which fine-tunes there are, and how they are compared."""
        stats = [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in files]
        return {"task": self.config.sweep.task, "pairs": self.config.pairs, "fine_tunes": stats}

    def _compare(self, files: list[Path], folder: Path, drawn: list[dict[str, Any]]) -> Comparison:
        """Compare the fine-tunes of a sweep."""
        task = load_task(self.config.sweep.task)
        model = task.make()
        ingredients, initial = Ingredients(list(files)), load_file(folder / "initial.safetensors")
        tests = {name: examples.batches(BATCH) for name, examples in task.tests.items()}
        compared = Task(model, task.held_out.batches(BATCH), tests, initial, task.prepare, classes=task.classes)
        result = compare(ingredients, compared, folder=folder)  # rows that are there are taken up
        if self.config.pairs:
            some = task.held_out.some(self.config.pairs).batches(BATCH)
            pairs = all_pairs(model, ingredients, initial, some, prepare=task.prepare)
            rates = [recipe["learning_rate"] for recipe in drawn]
            result["pairs"] = [{**pair, "rates": [rates[pair["one"]], rates[pair["other"]]]} for pair in pairs]
        return Comparison.from_json({**result, "recipes": drawn})


def _read(path: Path) -> Any:
    """JSON of a file; None where there is none."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
