"""Learning curves: written by training runs, drawn side by side.

python -m train.curves runs/touch runs/ppo --labels ours-touch PPO --out runs/curves.png
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from numpy.typing import NDArray

from assets.files import atomic_path
from atp.results import CurveEntry
from train.runs.curve_file import read_curve

#: Entries that are drawn, and what they mean.
DRAWN = {
    "optimal_first_n": "optimal steps among the first N",
    "effective": "effective steps",
}


def series(entries: list[CurveEntry], name: str, window: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """One rate of a curve, smoothed.

    Args:
        entries: Of :func:`read_curve`.
        name: Of the rate, e.g. ``effective/policy``.
        window: Interactions over which to average, back from each entry.

    Returns:
        Interactions (n,) and rates (n,) of the entries that have it.
    """
    known = [(entry.interactions, entry.rates[name]) for entry in entries if name in entry.rates]
    places, values = np.array(known, np.float64).reshape(-1, 2).T
    smooth = [values[(places > place - window) & (places <= place)].mean() for place in places]
    return places, np.array(smooth, np.float64)


def draw_curves(curves: dict[str, list[CurveEntry]], out: Path, window: int = 2_000) -> None:
    """Draw learning curves side by side, one panel a rate, random actions dashed.

    Args:
        curves: Entries by label.
        out: A .png, .pdf or .svg file; replaced.
        window: As :func:`series`.

    Raises:
        ValueError: There is nothing to draw, or Matplotlib cannot write such a file.
    """
    from matplotlib.figure import Figure

    if not any(len(entries) for entries in curves.values()):
        raise ValueError("the curves have no entries yet")
    figure = Figure(figsize=(10, 4), layout="constrained")
    for axes, (rate, title) in zip(figure.subplots(1, len(DRAWN)), DRAWN.items(), strict=True):
        for index, (label, entries) in enumerate(curves.items()):
            for kind, style in (("policy", "-"), ("random", ":")):
                places, values = series(entries, f"{rate}/{kind}", window)
                if len(places):
                    shown = label if kind == "policy" else f"{label}: its random actions"
                    axes.plot(places, values, style, color=f"C{index}", label=shown)
        axes.set(title=title, xlabel="interactions", ylabel="rate", ylim=(0, 1))
        axes.grid(alpha=0.3)
    axes.legend()
    with atomic_path(out) as temporary:
        figure.savefig(temporary, dpi=120)


@dataclass(frozen=True)
class CurvesOptions:
    """Draw learning curves of training runs side by side.

    Attributes:
        runs: Folders of runs, or their curve.json.
        labels: What to call them; the folders' names by default.
        out: The picture, .png, .pdf or .svg.
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
