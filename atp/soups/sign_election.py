"""TIES: trim task vectors, elect signs, and average what agrees with them (arXiv 2306.01708)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import torch
from torch import Tensor

from atp.soups.blockwise import (
    TensorBlocks,
    completed,
    computed,
    for_each_tensor,
    from_initial,
    trained_names,
    weights_for,
)
from atp.soups.checkpoints.block_reading import blocks
from atp.soups.checkpoints.soup_errors import SoupError
from atp.soups.ingredients import Ingredients, Source, StateDict
from atp.soups.methods import METHODS, Soup, SoupInputs
from atp.soups.mixing import Statistics

#: Share of the elements that is kept, and the factor of what is merged, in the paper.
DENSITY, SCALE = 0.2, 1.0
#: The largest elements of each tensor, or of the whole network as in the paper.
Trim = Literal["tensor", "model"]
#: Bits of a float64 that are told apart in one reading of the files.
DIGIT = 16


def ties(
    ingredients: Ingredients | Sequence[Source],
    initial: Source,
    density: float = DENSITY,
    scale: float = SCALE,
    weights: Sequence[float] | None = None,
    statistics: Statistics = None,
    trim: Trim = "tensor",
) -> StateDict:
    """Merge without interference of small and of contrary changes.

    With task vectors tau_i = theta_i - theta_0, elementwise:

    1. Trim: tau'_i is tau_i where it is among the ``density`` largest by absolute value, elsewhere 0.
    2. Elect: gamma = sgn(sum_i w_i tau'_i).
    3. Merge: tau = sum_{i in A} w_i tau'_i / sum_{i in A} w_i, with A those whose sgn(tau'_i) is gamma and not 0.

    theta = theta_0 + scale * tau.

    Args:
        ingredients: The fine-tuned checkpoints theta_i.
        initial: What they were fine-tuned from, theta_0.
        density: Share of elements that is kept, over 0 and at most 1; equals of the last are kept too.
        scale: Of the merged task vector.
        weights: w_i, positive; None is 1 for each.
        statistics: Of BatchNorm, see :func:`atp.soups.mix`; these and integers are averaged.
        trim: Whether the largest elements of each tensor are kept, or of the network.

    Returns:
        A state dict on the CPU.

    Raises:
        SoupError: They cannot be mixed, or an option is out of range.
    """
    some = Ingredients.of(ingredients)
    row = weights_for(some, weights, 1.0)
    check_density(density)
    if min(row) <= 0:
        raise SoupError(f"weights of TIES must be positive, not {row}")
    every, names = from_initial(some, initial, "TIES"), trained_names(some)
    least = _least_of_model(every, names, density) if trim == "model" else None

    def compute(tensor: TensorBlocks) -> Iterator[Tensor]:
        bounds = least or [_least(tensor, index, density) for index in range(1, len(every))]
        for start, stop in blocks(tensor.count):
            yield tensor.read(0, start, stop) + scale * _merged(tensor, start, stop, bounds, row)

    return completed(some, computed(every, names, compute), statistics)


def check_density(density: float) -> None:
    """Refuse shares that are none.

    Raises:
        SoupError: It is not over 0 and at most 1.
    """
    if not 0 < density <= 1:
        raise SoupError(f"the density must be over 0 and at most 1, not {density:g}")


def _merged(tensor: TensorBlocks, start: int, stop: int, bounds: Sequence[float], weights: Sequence[float]) -> Tensor:
    """The merged task vector of a block; each ingredient is read twice, so that one at a time is in memory."""

    def trimmed(number: int) -> Tensor:
        change = tensor.displacement(number + 1, start, stop)
        return change.masked_fill_(change.abs() < bounds[number], 0)

    total = torch.zeros(stop - start, dtype=torch.float64)
    for number, weight in enumerate(weights):
        total += weight * trimmed(number)
    sign = total.sign_()
    merged, share = torch.zeros_like(sign), torch.zeros_like(sign)
    for number, weight in enumerate(weights):
        change = trimmed(number)
        agrees = (change.sign() == sign) & (sign != 0)
        merged += weight * change * agrees
        share += weight * agrees
    return merged / share.clamp_(min=min(weights))


def _least(tensor: TensorBlocks, index: int, density: float) -> float:
    """The least absolute value of a tensor's changes that is kept."""
    if not tensor.count:
        return 0.0
    sizes = torch.cat([tensor.displacement(index, start, stop).abs_() for start, stop in blocks(tensor.count)])
    kept = max(1, int(density * tensor.count))
    return float(sizes.kthvalue(tensor.count - kept + 1).values)


def _least_of_model(every: Ingredients, names: Sequence[str], density: float) -> list[float]:
    """The same over all tensors of each ingredient, exactly and without holding them: by their bits, digit by digit."""
    digits, width = 64 // DIGIT, 1 << DIGIT
    prefixes, lefts = [0] * (len(every) - 1), [0] * (len(every) - 1)
    for digit in range(digits):
        shift = 64 - DIGIT * (digit + 1)
        total = torch.zeros(len(prefixes), width, dtype=torch.int64)
        for_each_tensor(every, names, _counter(prefixes, shift, digit, total))
        for number, row in enumerate(total):
            if digit == 0:
                lefts[number] = max(1, int(density * int(row.sum())))
            above = row.flip(0).cumsum(0)
            place = int((above >= lefts[number]).nonzero()[0])
            lefts[number] -= int(above[place - 1]) if place else 0
            prefixes[number] = (prefixes[number] << DIGIT) | (width - 1 - place)
    return [float(torch.tensor(bits, dtype=torch.int64).view(torch.float64)) for bits in prefixes]


def _counter(prefixes: Sequence[int], shift: int, digit: int, total: Tensor) -> Callable[[TensorBlocks], None]:
    """Counts the values of one digit among the changes whose digits before are known, of each ingredient."""
    lock, width = threading.Lock(), total.shape[1]

    def count(tensor: TensorBlocks) -> None:
        for start, stop in blocks(tensor.count):
            for number, prefix in enumerate(prefixes):
                bits = tensor.displacement(number + 1, start, stop).abs_().view(torch.int64)
                if digit:
                    bits = bits[(bits >> (shift + DIGIT)) == prefix]
                found = torch.bincount((bits >> shift) & (width - 1), minlength=width)
                with lock:
                    total[number] += found

    return count


@METHODS.register("ties")
def _ties(inputs: SoupInputs) -> Iterator[Soup]:
    state = ties(
        inputs.ingredients,
        inputs.start("TIES"),
        DENSITY if inputs.density is None else inputs.density,
        SCALE if inputs.alpha is None else inputs.alpha,
        inputs.weights,
        inputs.statistics,
        inputs.trim,
    )
    yield Soup("TIES", state, weights_for(inputs.ingredients, inputs.weights, 1.0))
