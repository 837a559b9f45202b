"""Model stock: how far to go from the initialisation towards the mean, from angles alone (arXiv 2403.19522)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from atp.soups.ingredients import Ingredients, SoupError, Source, StateDict
from atp.soups.methods import METHODS, Soup, SoupInputs
from atp.soups.mixing import Statistics, is_statistic
from atp.soups.uniform import uniform_soup


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
    start = some.beside(initial).load(0)
    unit_sums = {
        name: torch.zeros(tensor.shape, dtype=torch.float64)
        for name, tensor in start.items()
        if tensor.is_floating_point() and not is_statistic(name)
    }
    moved = dict.fromkeys(unit_sums, 0)
    for index in range(len(some)):
        for name, tensor in some.read(index):
            if name in unit_sums:
                displacement = tensor.double() - start[name].double()
                length = displacement.norm()
                if length > 0:
                    unit_sums[name] += displacement / length
                    moved[name] += 1
    state = uniform_soup(some, statistics)
    count = len(some)
    for name, unit_sum in unit_sums.items():
        if moved[name] < 2:
            continue  # nobody moved, or one alone: the mean as it is
        # of unit vectors: |sum|^2 = N + sum over pairs of their cosines
        cosine = max(0.0, float((unit_sum.square().sum() - moved[name]) / (count * (count - 1))))
        share = count * cosine / (1 + (count - 1) * cosine)
        mixed = share * state[name].double() + (1 - share) * start[name].double()
        state[name] = mixed.to(start[name].dtype) if share < 1 else state[name]
    return some.tie(state)


@METHODS.register("model-stock")
def _model_stock(inputs: SoupInputs) -> Iterator[Soup]:
    if inputs.initial is not None and len(inputs.ingredients) > 1:
        state = model_stock(inputs.ingredients, inputs.initial, inputs.statistics)
        yield Soup("model stock", state, range(len(inputs.ingredients)))
