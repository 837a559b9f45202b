"""Model stock: how far to go from the initialisation towards the mean, from angles alone (arXiv 2403.19522)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch

from atp.soups.blockwise import TensorBlocks, completed, for_each_tensor, from_initial, trained_names
from atp.soups.checkpoints.block_reading import blocks
from atp.soups.checkpoints.soup_errors import LackingError, SoupError
from atp.soups.ingredients import Ingredients, Source, StateDict
from atp.soups.methods import METHODS, Soup, SoupInputs
from atp.soups.mixing import Statistics, weighted_sum


def model_stock(
    ingredients: Ingredients | Sequence[Source], initial: Source, statistics: Statistics = None
) -> StateDict:
    """Between the initialisation and the mean of the ingredients, tensor by tensor; no held-out set is needed.

    With N ingredients and the mean cosine c between their displacements from the initialisation, the mean gets the
    share N c / (1 + (N - 1) c) (eq. 6 there): 1 where they are identical, 0 where they are orthogonal. A negative
    cosine counts as 0.

    Args:
        ingredients: The fine-tuned checkpoints, two or more.
        initial: What they were fine-tuned from.
        statistics: Of BatchNorm, see :func:`atp.soups.mix`; those are averaged or kept, and not interpolated.

    Returns:
        A state dict on the CPU.

    Raises:
        SoupError: They cannot be mixed, or there is but one.
    """
    some = Ingredients.of(ingredients)
    if len(some) < 2:
        raise SoupError("model stock needs two ingredients or more")
    every, names, count = from_initial(some, initial, "model stock"), trained_names(some), len(some)
    squares = for_each_tensor(every, names, _squared_lengths)

    def share(tensor: TensorBlocks) -> float:
        lengths = [math.sqrt(square) for square in squares[tensor.name]]
        moved = sum(length > 0 for length in lengths)
        if moved < 2:
            return 1.0  # nobody moved, or one alone: the mean as it is
        total = 0.0
        for start, stop in blocks(tensor.count):
            unit_sum = torch.zeros(stop - start, dtype=torch.float64)
            for number, length in enumerate(lengths):
                if length > 0:
                    unit_sum = unit_sum + tensor.displacement(number + 1, start, stop) / length
            total += float(unit_sum.abs().square().sum())
        # of unit vectors: |sum|^2 = N + sum over pairs of their cosines
        cosine = max(0.0, (total - moved) / (count * (count - 1)))
        return count * cosine / (1 + (count - 1) * cosine)

    shares = for_each_tensor(every, names, share)
    factors = {name: [1 - part, *([part / count] * count)] for name, part in shares.items()}
    return completed(some, weighted_sum(every, factors, statistics), statistics)


def _squared_lengths(tensor: TensorBlocks) -> list[float]:
    """Of the displacements of all ingredients."""
    found = [0.0] * tensor.ingredients
    for start, stop in blocks(tensor.count):
        for number in range(len(found)):
            found[number] += float(tensor.displacement(number + 1, start, stop).abs().square().sum())
    return found


@METHODS.register("model-stock")
def _model_stock(inputs: SoupInputs) -> Iterator[Soup]:
    initial = inputs.start("model stock")
    if len(inputs.ingredients) < 2:
        raise LackingError("model stock needs two ingredients or more")
    state = model_stock(inputs.ingredients, initial, inputs.statistics)
    yield Soup("model stock", state, range(len(inputs.ingredients)))
