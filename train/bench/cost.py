"""What a step costs by resolution and by the number of links."""

from __future__ import annotations

import statistics
from typing import Any

from atp.results.bench import StepCost, StepCosts
from train.bench.step import measure_steps

RESOLUTIONS = (45, 90, 180, 360)
#: Objects by the number of their links that move.
LINKS: dict[str, dict[str, str]] = {
    "2": {"split": "test", "category": "pliers"},
    "3": {"split": "test", "category": "multilink"},
    "4": {"split": "stress", "category": "chain4"},
    "5": {"split": "stress", "category": "chain5"},
}


def bench_cost(repeats: int, steps: int, seed: int) -> StepCosts:
    """Milliseconds of a step, and its ratio to the bare calls in it.

    Args:
        repeats: Measurements; medians are reported.
        steps: Steps of a measurement.
        seed: Decides objects and actions.

    Returns:
        ``by_resolution`` and ``by_links``: ``step_ms`` and ``over_bare`` by number.
    """
    measured: dict[str, dict[str, StepCost]] = {"by_resolution": {}, "by_links": {}}
    kinds: dict[str, dict[str, dict[str, Any]]] = {
        "by_resolution": {str(side): {"resolution": side} for side in RESOLUTIONS},
        "by_links": dict(LINKS),
    }
    for kind, settings in kinds.items():
        for name, options in settings.items():
            measure_steps(5, seed, **options)
            pairs = [measure_steps(steps, seed, **options) for _ in range(repeats)]
            measured[kind][name] = StepCost(
                step_ms=round(statistics.median(step for step, _ in pairs) / steps * 1e3, 3),
                over_bare=round(statistics.median(step / bare for step, bare in pairs), 3),
            )
    return StepCosts(**measured)
