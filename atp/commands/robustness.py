"""``atp robustness``: how well motion is seen under hands, shadows, oblique views and the like, one at a time."""

from __future__ import annotations

from rich.console import Console

from atp.benchmark.synthetic_robustness import VARIATIONS, score_variation
from atp.commands.arguments import command_line, known_names
from atp.commands.loading import load_agent
from atp.commands.options.robustness import RobustnessOptions
from atp.jobs.progress import track
from atp.perception.baselines import BASELINES
from atp.reporting.tables import format_value, markdown_table, method_title
from atp.results.robustness import RobustnessResult


def run(options: RobustnessOptions) -> RobustnessResult:
    """Score and write the scores.

    Args:
        options: What to score.

    Returns:
        What is written as JSON.

    Raises:
        ValueError: There is no such variation, or a number is out of its range.
        atp.checkpoint.CheckpointError: The weights cannot be read.
    """
    names = known_names("--variations", options.variations, VARIATIONS) if options.variations else list(VARIATIONS)
    if options.pairs < 1:
        raise ValueError(f"--pairs must be at least 1, not {options.pairs}")
    agent = load_agent(options.weights, options.device).for_clips()
    rows = [
        score_variation(agent, name, options.pairs, agent.resolution)
        for name in track(names, "variations", console=Console(stderr=True))
    ]
    result = RobustnessResult(command_line(), options.weights, rows)
    result.write(options.json)
    return result


def main(options: RobustnessOptions) -> None:
    """Run the command and print its table."""
    result = run(options)
    methods = ("agent", *BASELINES)
    lines = [
        [
            row.variation,
            *(format_value(row.methods[method].motion_iou) for method in methods),
            format_value(row.methods["agent"].false_motion_rate),
        ]
        for row in result.variations
    ]
    print(markdown_table(["variation", *map(method_title, methods), "agent, false motion"], lines))
    print(options.json)
