"""Learning curves: written by training runs, drawn side by side.

python -m train.curves runs/touch runs/ppo --labels ours-touch PPO --out runs/curves.png
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import tyro

from train.runs.curve_file import read_curve
from train.runs.curve_plot import draw_curves


@dataclass(frozen=True)
class CurvesOptions:
    """Draw learning curves of training runs side by side.

    Attributes:
        runs: Folders of runs, or their curve.json.
        labels: What to call them; the folders' names by default.
        out: The image, .png, .pdf or .svg.
        window: Interactions over which rates are averaged.
    """

    runs: tyro.conf.Positional[tuple[Path, ...]]
    labels: tuple[str, ...] = ()
    out: Path = Path("runs/curves.png")
    window: int = 2_000


def main(arguments: list[str] | None = None) -> int:
    """Entry point.

    Args:
        arguments: Command line; None takes the process's.

    Returns:
        The exit status: 0, or 2 where a curve cannot be read.
    """
    options = tyro.cli(CurvesOptions, args=arguments, prog="python -m train.curves")
    labels = options.labels or tuple(str(run) for run in options.runs)
    try:
        if len(set(labels)) != len(options.runs):
            raise ValueError(f"{len(options.runs)} runs need as many different --labels, not {labels}")
        curves = {label: read_curve(run) for label, run in zip(labels, options.runs, strict=True)}
        draw_curves(curves, options.out, options.window)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
