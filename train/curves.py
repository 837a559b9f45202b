"""Learning curves: written by training runs, drawn side by side.

python -m train.curves runs/touch runs/ppo --labels ours-touch PPO --out runs/curves.png
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from numpy.typing import NDArray

from atp.files import atomic_path, write_json

#: Entries that are drawn, and what they mean.
DRAWN = {
    "optimal_first_n": "optimal steps among the first N",
    "effective": "effective steps",
}


class Curve:
    """``curve.json`` of a run: a list of entries with ``interactions`` and rates of steps by name.

    The names are those of TensorBoard: ``effective`` and ``optimal_first_n`` (the optimal ones among the first N steps
    with an object of N parts), each of the ``policy`` in training and of ``random`` actions, as in
    ``effective/policy``. An entry covers what was played since the one before.

    Args:
        path: The file.
        start: Interactions played by earlier processes; entries past it are dropped, as they are played again.

    Raises:
        ValueError: The file is there and is not a curve.
    """

    def __init__(self, path: Path, start: int = 0) -> None:
        self.path = path
        self.entries: list[dict[str, Any]] = []
        if start and path.exists():
            self.entries = [entry for entry in read_curve(path) if entry["interactions"] <= start]

    def add(self, interactions: int, rates: dict[str, float]) -> None:
        """Append an entry and write the file."""
        self.entries.append({"interactions": interactions, **rates})
        write_json(self.path, self.entries)


def read_curve(path: Path) -> list[dict[str, Any]]:
    """Read the curve of a run.

    Args:
        path: ``curve.json``, or the folder of the run.

    Returns:
        Its entries, see :class:`Curve`.

    Raises:
        ValueError: It is missing or is not a curve; the message names the file.
    """
    path = path / "curve.json" if path.is_dir() else path
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read as the curve of a training run ({error})") from error
    good = isinstance(entries, list) and all(
        isinstance(entry, dict) and all(isinstance(value, int | float) for value in entry.values())
        for entry in entries
    )
    if not good or not all("interactions" in entry for entry in entries):
        raise ValueError(f"{path}: must be a list of entries with interactions and rates")
    return list(entries)


def series(
    entries: list[dict[str, Any]], name: str, window: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """One rate of a curve, smoothed.

    Args:
        entries: Of :func:`read_curve`.
        name: Of the rate, e.g. ``effective/policy``.
        window: Interactions over which to average, back from each entry.

    Returns:
        Interactions (n,) and rates (n,) of the entries that have it.
    """
    known = [(entry["interactions"], entry[name]) for entry in entries if name in entry]
    places, values = np.array(known, np.float64).reshape(-1, 2).T
    smooth = [values[(places > place - window) & (places <= place)].mean() for place in places]
    return places, np.array(smooth, np.float64)


def draw_curves(curves: dict[str, list[dict[str, Any]]], out: Path, window: int = 2_000) -> None:
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
