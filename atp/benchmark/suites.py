"""Sets of results that belong together: the benchmark, the stress test, the ablations and joints."""

from __future__ import annotations

from collections.abc import Callable

from assets.catalog import split_categories
from assets.registry import Registry
from atp.benchmark.ablations import ABLATIONS
from atp.benchmark.evaluation import Cell
from atp.playing.policies import POLICIES, weights_available

UPPER_BOUND = "gt-act-mot"

#: Makes the cells of a suite from names of policies; None takes all whose weights are there.
SuiteMaker = Callable[[list[str] | None], list[Cell]]
#: Every suite by name.
SUITES: Registry[SuiteMaker] = Registry("suite")


def suite_cells(name: str, policies: list[str] | None = None) -> list[Cell]:
    """The cells of a suite.

    Args:
        name: One of ``SUITES``.
        policies: Names of policies; None takes all whose weights are there.

    Raises:
        ValueError: There is no such suite; the message names the choices.
    """
    return SUITES.get(name)(policies)


@SUITES.register("full")
def benchmark(policies: list[str] | None = None) -> list[Cell]:
    """Every policy on the five categories never trained on (``test``), and unseen objects of the others (``val``)."""
    return _on_splits(("test", "val"), policies)


@SUITES.register("stress")
def stress(policies: list[str] | None = None) -> list[Cell]:
    """Every policy on the stress categories."""
    return _on_splits(("stress",), policies)


@SUITES.register("ablations")
def ablations(policies: list[str] | None = None) -> list[Cell]:
    """``ours`` as it is and with each of ``ABLATIONS``, on the categories that were never trained on."""
    return [Cell("ours", category, "test", name) for category in split_categories("test") for name in ("", *ABLATIONS)]


@SUITES.register("joints")
def joints(policies: list[str] | None = None) -> list[Cell]:
    """The joints that ``ours`` finds on the categories never trained on, beside a bound with true masks."""
    chosen = policies or ["ours", UPPER_BOUND]
    return [Cell(policy, category, "test", joints=True) for category in split_categories("test") for policy in chosen]


def _on_splits(splits: tuple[str, ...], policies: list[str] | None) -> list[Cell]:
    chosen = policies or [policy for policy in POLICIES if weights_available(policy)]
    places = [(split, category) for split in splits for category in split_categories(split)]
    return [Cell(policy, category, split) for split, category in places for policy in chosen]
