"""SLERP: from one checkpoint to another along an arc (Shoemake, SIGGRAPH 1985), tensor by tensor."""

from __future__ import annotations

import math
from collections.abc import Iterator

from atp.soups.blockwise import TensorBlocks, completed, for_each_tensor, trained_names
from atp.soups.checkpoints.block_reading import blocks
from atp.soups.checkpoints.soup_errors import SoupError
from atp.soups.ingredients import Ingredients, Source, StateDict
from atp.soups.methods import METHODS, Soup, SoupInputs
from atp.soups.mixing import Statistics, weighted_sum

#: Cosine over which two tensors are taken for parallel, where the line and the arc are one.
PARALLEL = 0.9995
#: Length under which a tensor has no direction.
SHORT = 1e-8


def slerp(one: Source, other: Source, alpha: float = 0.5, statistics: Statistics = None) -> StateDict:
    """Spherical interpolation of two checkpoints.

    With the angle w between two tensors a and b, as vectors: sin((1 - alpha) w) / sin w * a + sin(alpha w) / sin w * b.
    Where they are nearly parallel: (1 - alpha) a + alpha b.

    Args:
        one: The checkpoint at alpha 0.
        other: The checkpoint at alpha 1.
        alpha: Where between the two.
        statistics: Of BatchNorm, see :func:`atp.soups.mix`; these and integers are averaged.

    Returns:
        A state dict on the CPU.

    Raises:
        SoupError: They cannot be mixed.
    """
    return _slerp(Ingredients([one, other]), alpha, statistics)


def _slerp(pair: Ingredients, alpha: float, statistics: Statistics) -> StateDict:
    pair.refuse_adapters("SLERP")

    def factors(tensor: TensorBlocks) -> list[float]:
        product = first = second = 0.0
        for start, stop in blocks(tensor.count):
            a, b = tensor.read(0, start, stop), tensor.read(1, start, stop)
            product += float((a.conj() * b).sum().real)
            first += float(a.abs().square().sum())
            second += float(b.abs().square().sum())
        lengths = [length if length > SHORT else 1.0 for length in (math.sqrt(first), math.sqrt(second))]
        cosine = product / (lengths[0] * lengths[1])
        if abs(cosine) > PARALLEL:
            return [1 - alpha, alpha]
        angle = math.acos(cosine)
        return [math.sin((1 - alpha) * angle) / math.sin(angle), math.sin(alpha * angle) / math.sin(angle)]

    by_name = for_each_tensor(pair, trained_names(pair), factors)
    return completed(pair, weighted_sum(pair, by_name, statistics), statistics)


@METHODS.register("slerp")
def _of_two(inputs: SoupInputs) -> Iterator[Soup]:
    if len(inputs.ingredients) != 2:
        raise SoupError(f"SLERP is between two checkpoints, not {len(inputs.ingredients)}")
    alpha = 0.5 if inputs.alpha is None else inputs.alpha
    yield Soup("SLERP", _slerp(inputs.ingredients, alpha, inputs.statistics), [1 - alpha, alpha])
