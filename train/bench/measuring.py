"""Measurements that take turns, so that a machine whose speed drifts slows them all."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping

#: Seconds by name, one for each repeat.
Seconds = dict[str, list[float]]


def in_turns(measures: Mapping[str, Callable[[], float]], repeats: int) -> Seconds:
    """Measure one after the other, again and again.

    Args:
        measures: Functions by name; each returns seconds.
        repeats: Measurements of each.

    Returns:
        The seconds.
    """
    taken: Seconds = {name: [] for name in measures}
    for _ in range(repeats):
        for name, measure in measures.items():
            taken[name].append(measure())
    return taken


def median_ratio(seconds: Seconds, over: str, under: str) -> float:
    """The median over repeats of the ratio of two measurements."""
    ratios = [a / b for a, b in zip(seconds[over], seconds[under], strict=True)]
    return round(statistics.median(ratios), 4)


def median_ms(seconds: Seconds, name: str, count: int = 1) -> float:
    """The median over repeats of the milliseconds that one of ``count`` things took."""
    return round(statistics.median(seconds[name]) / count * 1e3, 3)


def median_rate(seconds: Seconds, name: str, count: int) -> float:
    """The median over repeats of how many of ``count`` things were done in a second."""
    return round(count / statistics.median(seconds[name]), 2)
