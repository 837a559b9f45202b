"""Learning curves side by side, as an image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets.files import atomic_path
from atp.results.learning_curve import CurveEntry

#: Rates that have a panel, and what they mean.
RATES = {
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
    for axes, (rate, title) in zip(figure.subplots(1, len(RATES)), RATES.items(), strict=True):
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
