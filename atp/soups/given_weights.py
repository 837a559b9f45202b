"""The weighted mean of checkpoints, with weights that are given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from atp.soups.checkpoints.soup_errors import LackingError
from atp.soups.ingredients import Ingredients, Source, StateDict
from atp.soups.methods import METHODS, Soup, SoupInputs
from atp.soups.mixing import Statistics, mix


def linear_soup(
    ingredients: Ingredients | Sequence[Source], weights: Sequence[float], statistics: Statistics = None
) -> StateDict:
    """The weighted mean: theta = sum_i w_i theta_i.

    Args:
        ingredients: The checkpoints theta_i.
        weights: w_i, which sum to 1.
        statistics: Of BatchNorm, see :func:`atp.soups.mix`.

    Returns:
        A state dict on the CPU.

    Raises:
        SoupError: They cannot be mixed, or the weights do not sum to 1.
    """
    return mix(Ingredients.of(ingredients), weights, statistics)


@METHODS.register("linear")
def _linear(inputs: SoupInputs) -> Iterator[Soup]:
    if inputs.weights is None:
        raise LackingError("the linear soup needs weights, one for each checkpoint: --weights 0.7 0.3")
    yield Soup("linear soup", linear_soup(inputs.ingredients, inputs.weights, inputs.statistics), inputs.weights)
