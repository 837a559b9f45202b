"""``atp shifts``: how well motion is seen under hands, shadows, oblique views and the like, one at a time."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from assets.files import write_json
from atp.benchmark.synthetic_robustness import SHIFTS, score_shift
from atp.perception.baselines import BASELINES
from atp.reporting.tables import format_value, markdown_table


@dataclass(frozen=True)
class ShiftsOptions:
    """Score motion masks on synthetic image pairs, under one kind of variation at a time."""

    weights: str = "video"
    """Name of shipped weights, or a checkpoint folder."""
    shifts: str = ""
    """Kinds of variation, with commas; empty takes all."""
    pairs: int = 200
    """Pairs for each."""
    device: str = "cpu"
    """auto, cpu or cuda."""
    json: Path = Path("runs/shifts.json")
    """File for the scores."""


def run(options: ShiftsOptions) -> dict[str, Any]:
    """Score and write the scores.

    Args:
        options: What to score.

    Returns:
        What is written as JSON: ``command``, ``weights`` and ``shifts``, a list as of
        :func:`atp.benchmark.synthetic_robustness.score_shift`.

    Raises:
        ValueError: There is no such variation, or a number is out of its range.
        atp.checkpoint.CheckpointError: The weights cannot be read.
    """
    names = [name.strip() for name in options.shifts.split(",") if name.strip()] or list(SHIFTS)
    wrong = [name for name in names if name not in SHIFTS]
    if wrong:
        raise ValueError(f"unknown shift {', '.join(wrong)}: choose among {', '.join(SHIFTS)}")
    if options.pairs < 1:
        raise ValueError(f"--pairs must be at least 1, not {options.pairs}")
    from atp.agent import Agent

    agent = Agent.from_pretrained(options.weights, options.device).for_clips()
    resolution = int(agent.config.get("resolution", 90))
    console = Console(stderr=True)
    rows = [
        score_shift(agent, name, options.pairs, resolution)
        for name in track(names, "shifts", console=console, disable=not console.is_terminal)
    ]
    result = {"command": " ".join(["atp", *sys.argv[1:]]), "weights": options.weights, "shifts": rows}
    write_json(options.json, result)
    return result


def main(options: ShiftsOptions) -> None:
    """Run the command and print its table."""
    result = run(options)
    methods = ("agent", *BASELINES)
    header = ["shift", *(f"{method.replace('_', ' ')}" for method in methods), "agent, false motion"]
    lines = [
        [
            row["shift"],
            *(format_value(row[method]["motion_iou"]) for method in methods),
            format_value(row["agent"]["false_motion_rate"]),
        ]
        for row in result["shifts"]
    ]
    print(markdown_table(header, lines))
    print(options.json)
