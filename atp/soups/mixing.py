"""Weighted averages of checkpoints."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Literal

import torch
from torch import Tensor

from atp.soups.ingredients import Ingredients, SoupError, SoupWarning, Source, StateDict

#: What to do with the statistics of BatchNorm. ``None`` averages, and warns where they differ.
Statistics = Literal["average", "keep"] | None
#: Weights of the ingredients, for all tensors or for each by its name.
Weights = Sequence[float] | Mapping[str, Sequence[float]]

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def is_statistic(name: str) -> bool:
    """Whether a tensor is a statistic that BatchNorm gathers, by its name."""
    return name.rpartition(".")[2] in STATISTICS


def mix(ingredients: Ingredients, weights: Weights, statistics: Statistics = None) -> StateDict:
    """Weighted average of checkpoints.

    Sums are in float64 and rounded once to the tensors' own dtype. An ingredient of weight 0 is not read, so a one-hot
    mixture is that ingredient. Integer tensors are rounded to the nearest (ties to even); they and booleans keep their
    values where all ingredients agree. Booleans that differ are the first's, with a warning.

    Args:
        ingredients: The checkpoints.
        weights: Of each, for all tensors or for each tensor by name.
        statistics: Statistics of BatchNorm: ``"average"``, or ``"keep"`` those of the first ingredient that has a
            weight. None averages, and warns where they differ. Re-estimating them is
            :func:`atp.soups.reestimate_batchnorm`'s.

    Returns:
        A state dict on the CPU.

    Raises:
        SoupError: There are not as many weights as ingredients, a weight is not finite, or an ingredient cannot be
            read.
    """
    by_name = weights if isinstance(weights, Mapping) else dict.fromkeys(ingredients.layout, weights)
    for name in ingredients.layout:
        row = by_name.get(name, ())
        if len(row) != len(ingredients) or not all(map(_finite, row)):
            raise SoupError(f"'{name}' needs {len(ingredients)} finite weights, not {list(row)}")
    sums = _Sums(ingredients, statistics)
    for index in range(len(ingredients)):
        factors = {name: float(row[index]) for name, row in by_name.items()}
        if any(factors.values()):
            sums.add(index, factors=factors)
    return sums.result()


def uniform_soup(ingredients: Ingredients | Sequence[Source], statistics: Statistics = None) -> StateDict:
    """The mean of all checkpoints (Model soups, sec. 2). N copies of one give that one, bit for bit.

    Args:
        ingredients: The checkpoints.
        statistics: Of BatchNorm, see :func:`mix`.

    Returns:
        A state dict on the CPU.

    Raises:
        SoupError: They cannot be mixed.
    """
    some = _gathered(ingredients)
    sums = _Sums(some, statistics)
    for start in range(0, len(some), 2):
        sums.add(*range(start, min(start + 2, len(some))))
    return sums.result(len(some))


def wise_ft(initial: Source, fine_tuned: Source, alpha: float, statistics: Statistics = None) -> StateDict:
    """Interpolation between the initialisation and a fine-tuned checkpoint (WiSE-FT, arXiv 2109.01903).

    Args:
        initial: The initialisation.
        fine_tuned: What came of it.
        alpha: 0 gives the initialisation, 1 the fine-tuned checkpoint.
        statistics: Of BatchNorm, see :func:`mix`.

    Returns:
        A state dict on the CPU.

    Raises:
        SoupError: They cannot be mixed.
    """
    return mix(Ingredients([initial, fine_tuned]), [1 - alpha, alpha], statistics)


class RunningMean:
    """The mean of a growing set of checkpoints.

    Args:
        ingredients: The checkpoints.
        statistics: Of BatchNorm, see :func:`mix`.
    """

    def __init__(self, ingredients: Ingredients, statistics: Statistics = None) -> None:
        self._ingredients, self._sums, self._count = ingredients, _Sums(ingredients, statistics), 0

    def add(self, index: int) -> None:
        """Take an ingredient in."""
        self._sums.add(index)
        self._count += 1

    def with_another(self, index: int) -> StateDict:
        """The mean with one more ingredient, which is not taken in."""
        return self._sums.result(self._count + 1, self._ingredients.read(index))

    def result(self) -> StateDict:
        """The mean of what was taken in."""
        return self._sums.result(self._count)


class _Sums:
    """Sums of checkpoints, in float64; of integers in int64 where nothing is weighted."""

    def __init__(self, ingredients: Ingredients, statistics: Statistics) -> None:
        self._ingredients, self._statistics = ingredients, statistics
        self._sums: StateDict = {}
        self._first: StateDict = {}  # what is kept rather than summed, and what others are compared with
        self._differ: set[str] = set()

    def add(self, *indices: int, factors: Mapping[str, float] | None = None) -> None:
        """Add ingredients, times factors by tensor name if they are given.

        Two at a time are faster than one after the other: a sum that was just added to is still in the cache.
        """
        streams = (self._ingredients.read(index) for index in indices)
        for name, tensor in chain.from_iterable(zip(*streams, strict=True)):
            factor = 1.0 if factors is None else factors[name]
            if factor == 0:
                continue
            if not tensor.is_floating_point() or is_statistic(name):
                self._look(name, tensor)
            if tensor.dtype == torch.bool:
                continue
            if name in self._sums:
                total = self._sums[name]
                total.add_(tensor, alpha=int(factor) if total.dtype == torch.int64 else factor)
            else:
                dtype = torch.int64 if _counts(tensor) and factors is None else torch.float64
                self._sums[name] = tensor.to(dtype, copy=True)
                if factor != 1:
                    self._sums[name] *= factor

    def result(self, count: int = 1, more: object = None) -> StateDict:
        """The sums divided by ``count``, with the tensors ``more`` added first if there are any."""
        added = dict(more) if more is not None else {}  # type: ignore[call-overload]
        differ = self._differ | {
            name
            for name, tensor in added.items()
            if name in self._first and not torch.equal(self._first[name], tensor)
        }
        state: StateDict = {}
        for name, (shape, dtype) in self._ingredients.layout.items():
            first = self._first.get(name)
            if first is not None and (name not in differ or self._keeps(name, dtype)):
                state[name] = first.clone()
                continue
            total = self._sums.get(name)
            if total is None:
                total = torch.zeros(shape, dtype=torch.float64)
            if name in added:
                total = total + added[name]
            if not math.isfinite(total.sum()):
                for index in range(len(self._ingredients)):
                    self._ingredients.check(index)
            if total.dtype == torch.int64:
                state[name] = _divided(total, count).to(dtype)
            elif dtype.is_floating_point:
                state[name] = (total / count).to(dtype)
            else:
                state[name] = (total / count).round().to(dtype)
        self._warn(differ)
        return self._ingredients.tie(state)

    def _look(self, name: str, tensor: Tensor) -> None:
        """Compare a tensor that may have to be kept with the first ingredient's."""
        if name not in self._first:
            self._first[name] = tensor.clone()
        elif not torch.equal(self._first[name], tensor):
            self._differ.add(name)

    def _keeps(self, name: str, dtype: torch.dtype) -> bool:
        return dtype == torch.bool or (is_statistic(name) and self._statistics == "keep")

    def _warn(self, differ: set[str]) -> None:
        """Tell of choices that matter."""
        for name in sorted(differ):
            dtype = self._ingredients.layout[name][1]
            if is_statistic(name):
                if self._statistics is None:
                    warnings.warn(
                        f"statistics of BatchNorm differ ('{name}' for one) and are averaged, though they are not "
                        "those of the mixed network: choose statistics='average' or 'keep', or re-estimate them",
                        SoupWarning,
                        stacklevel=4,
                    )
                    return
            elif not dtype.is_floating_point:
                done = "the first one's are kept" if dtype == torch.bool else "they are averaged and rounded"
                warnings.warn(f"values of '{name}' ({dtype}) differ; {done}", SoupWarning, stacklevel=4)


def _gathered(ingredients: Ingredients | Sequence[Source]) -> Ingredients:
    return ingredients if isinstance(ingredients, Ingredients) else Ingredients(ingredients)


def _counts(tensor: Tensor) -> bool:
    return not tensor.is_floating_point() and tensor.dtype != torch.bool


def _divided(total: Tensor, count: int) -> Tensor:
    """Integers divided and rounded to the nearest, ties to even, without a float between."""
    quotient = torch.div(total, count, rounding_mode="floor")
    twice = 2 * (total - quotient * count)
    up = (twice > count) | ((twice == count) & (quotient % 2 == 1))
    return quotient + up.to(quotient.dtype)


def _finite(value: float) -> bool:
    return value - value == 0
