"""WiSE-FT: between the initialisation and a fine-tuned checkpoint (arXiv 2109.01903)."""

from __future__ import annotations

from collections.abc import Iterator

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
    if inputs.initial is None:
        return
    for alpha in ALPHAS:
        best = inputs.ingredients.load(inputs.best)
        state = wise_ft(inputs.initial, best, alpha, inputs.statistics)
        yield Soup(f"WiSE-FT {alpha:g}", state, [inputs.best])
