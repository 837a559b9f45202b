"""DARE: drop most of what a fine-tune changed, at random, and rescale the rest (arXiv 2311.03099)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from atp.soups.blockwise import TensorBlocks, completed, computed, from_initial, trained_names, weights_for
from atp.soups.checkpoints.block_reading import blocks
from atp.soups.ingredients import Ingredients, Source, StateDict
from atp.soups.methods import METHODS, Soup, SoupInputs
from atp.soups.mixing import Statistics
from atp.soups.sign_election import check_density

#: Share that is kept: the paper drops nine of ten elements.
DENSITY = 0.1


def dare(
    ingredients: Ingredients | Sequence[Source],
    initial: Source,
    density: float = DENSITY,
    weights: Sequence[float] | None = None,
    seed: int = 0,
    statistics: Statistics = None,
) -> StateDict:
    """The initialisation plus sparse changes.

    With delta_i = theta_i - theta_0 and m_i of independent Bernoulli draws with chance ``density`` (1 - p there):
    theta = theta_0 + sum_i w_i m_i delta_i / density, which in the mean over draws is theta_0 + sum_i w_i delta_i.

    Args:
        ingredients: The fine-tuned checkpoints theta_i.
        initial: What they were fine-tuned from, theta_0.
        density: Chance of an element to be kept, over 0 and at most 1.
        weights: w_i; None is 1 / N for each of N.
        seed: Decides what is dropped, with the number of the ingredient and the name of the tensor.
        statistics: Of BatchNorm, see :func:`atp.soups.mix`; these and integers are averaged.

    Returns:
        A state dict on the CPU.

    Raises:
        SoupError: They cannot be mixed, or the density is out of range.
    """
    some = Ingredients.of(ingredients)
    row = weights_for(some, weights, 1 / len(some))
    check_density(density)
    every = from_initial(some, initial, "DARE")

    def compute(tensor: TensorBlocks) -> Iterator[Tensor]:
        key = zlib.crc32(tensor.name.encode())
        sources = [np.random.default_rng([seed, number, key]) for number in range(len(row))]
        for start, stop in blocks(tensor.count):
            total = tensor.read(0, start, stop)
            for number, (weight, source) in enumerate(zip(row, sources, strict=True)):
                kept = torch.from_numpy(source.random(stop - start) < density)
                total += weight / density * kept * tensor.displacement(number + 1, start, stop)
            yield total

    return completed(some, computed(every, trained_names(some), compute), statistics)


@METHODS.register("dare")
def _dare(inputs: SoupInputs) -> Iterator[Soup]:
    density = DENSITY if inputs.density is None else inputs.density
    state = dare(inputs.ingredients, inputs.start("DARE"), density, inputs.weights, inputs.seed, inputs.statistics)
    yield Soup("DARE", state, weights_for(inputs.ingredients, inputs.weights, 1 / len(inputs.ingredients)))
