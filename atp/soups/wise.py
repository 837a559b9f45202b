"""WiSE-FT: between the initialisation and a fine-tuned checkpoint (arXiv 2109.01903)."""

from __future__ import annotations

from collections.abc import Iterator

from atp.soups.checkpoints.soup_errors import LackingError
from atp.soups.ingredients import Ingredients, Source, StateDict
from atp.soups.methods import METHODS, Soup, SoupInputs
from atp.soups.mixing import Statistics, mix

#: Shares of the fine-tuned checkpoint in comparisons.
ALPHAS = (0.25, 0.5, 0.75)


def wise_ft(initial: Source, fine_tuned: Source, alpha: float, statistics: Statistics = None) -> StateDict:
    """Interpolation between the initialisation and a fine-tuned checkpoint.

    Args:
        initial: The initialisation.
        fine_tuned: What came of it.
        alpha: 0 gives the initialisation, 1 the fine-tuned checkpoint.
        statistics: Of BatchNorm, see :func:`atp.soups.mix`.

    Returns:
        A state dict on the CPU.

    Raises:
        SoupError: They cannot be mixed.
    """
    return mix(Ingredients([initial, fine_tuned]), [1 - alpha, alpha], statistics)


@METHODS.register("wise-ft")
def _wise_ft(inputs: SoupInputs) -> Iterator[Soup]:
    initial, some = inputs.start("WiSE-FT"), inputs.ingredients
    some.refuse_adapters("WiSE-FT")
    best = 0 if len(some) == 1 else inputs.best
    if best is None:
        raise LackingError("WiSE-FT is of one checkpoint: give one, or a score that says which is best")
    pair = some.some([best]).after([initial])
    for alpha in ALPHAS if inputs.alpha is None else (inputs.alpha,):
        yield Soup(f"WiSE-FT {alpha:g}", mix(pair, [1 - alpha, alpha], inputs.statistics), [best])
