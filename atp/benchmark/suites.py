"""Sets of results that belong together: the benchmark, the stress test and the ablations."""

from __future__ import annotations

from assets.catalog import split_categories
from atp.benchmark.ablations import VARIANTS
from atp.benchmark.evaluation import Cell
from atp.playing.policies import POLICIES, weights_available

#: Splits of each suite.
SUITES = {
    "full": ("test", "val"),
    "stress": ("stress",),
    "ablations": ("test",),
}
UPPER_BOUND = "gt-act-mot"


def suite_cells(name: str, policies: list[str] | None = None) -> list[Cell]:
    """The cells of a suite.

    ``full``: every policy on the nine categories, five of them never trained on (split ``test``) and instances of the
    four training categories that were not trained with (``val``). ``stress``: the same on the stress categories.
    ``ablations``: ours as it is and with each of ``atp.benchmark.ablations.VARIANTS``.

    Args:
        name: One of ``SUITES``.
        policies: Names of policies; None takes all whose weights are there.

    Raises:
        ValueError: There is no such suite; the message names the choices.
    """
    if name not in SUITES:
        raise ValueError(f"unknown suite {name!r}: choose one of {', '.join(SUITES)}")
    places = [(split, category) for split in SUITES[name] for category in split_categories(split)]
    if name == "ablations":
        variants = ("", *VARIANTS)
        return [Cell("ours", category, split, variant) for split, category in places for variant in variants]
    chosen = policies or [policy for policy in POLICIES if weights_available(policy)]
    return [Cell(policy, category, split) for split, category in places for policy in chosen]
