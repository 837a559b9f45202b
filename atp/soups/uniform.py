"""The uniform soup: the mean of all checkpoints (Model soups, sec. 2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from atp.soups.ingredients import Ingredients, Source, StateDict
from atp.soups.methods import METHODS, Soup, SoupInputs
from atp.soups.mixing import Statistics, Sums, mix


def uniform_soup(ingredients: Ingredients | Sequence[Source], statistics: Statistics = None) -> StateDict:
    """The mean of all checkpoints. N copies of one give that one, bit for bit.

    Args:
        ingredients: The checkpoints.
        statistics: Of BatchNorm, see :func:`atp.soups.mix`.

    Returns:
        A state dict on the CPU.

    Raises:
        SoupError: They cannot be mixed.
    """
    some = Ingredients.of(ingredients)
    if some.adapters:
        return mix(some, [1 / len(some)] * len(some), statistics)
    return Sums(some, statistics).mean(len(some), range(len(some)))


@METHODS.register("uniform")
def _uniform(inputs: SoupInputs) -> Iterator[Soup]:
    every = range(len(inputs.ingredients))
    yield Soup("uniform soup", uniform_soup(inputs.ingredients, inputs.statistics), every)
