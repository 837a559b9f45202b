"""Weighted averages of checkpoints."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from atp.soups.checkpoints.block_reading import BLOCK, Buffer, blocks
from atp.soups.checkpoints.low_rank import joined_factors, rank_axis
from atp.soups.ingredients import Ingredients, SoupError, SoupWarning, StateDict, TensorReader

#: What to do with the statistics of BatchNorm. ``None`` averages, and warns where they differ.
Statistics = Literal["average", "keep"] | None
#: Weights of the ingredients, for all tensors or for each by its name.
Weights = Sequence[float] | Mapping[str, Sequence[float]]

#: Factors of ingredients by the name of the tensor.
Factors = Mapping[str, Sequence[float]]

#: Files that are open at a time.
MOST_OPEN = 256
#: How far the sum of weights may be from one.
ROUNDING = 1e-6
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def is_statistic(name: str) -> bool:
    """Whether a tensor is a statistic that BatchNorm gathers, by its name."""
    return name.rpartition(".")[2] in STATISTICS


def mix(ingredients: Ingredients, weights: Weights, statistics: Statistics = None) -> StateDict:
    """Weighted average of checkpoints.

    Sums are in float64 and rounded once to the tensors' own dtype. An ingredient of weight 0 is not read, so a one-hot
    mixture is that ingredient. Integer tensors are rounded to the nearest (ties to even); they and booleans keep their
    values where all ingredients agree. Booleans that differ are the first's, with a warning. Of low-rank adapters it is
    B A that is averaged (:mod:`atp.soups.checkpoints.low_rank`).

    Args:
        ingredients: The checkpoints.
        weights: Of each, for all tensors or for each tensor by name; they sum to 1.
        statistics: Statistics of BatchNorm: ``"average"``, or ``"keep"`` those of the first ingredient that has a
            weight. None averages, and warns where they differ. Re-estimating them is
            :func:`atp.soups.reestimate_batchnorm`'s.

    Returns:
        A state dict on the CPU.

    Raises:
        SoupError: There are not as many weights as ingredients, a weight is not finite, they do not sum to 1, the
            mixture has values beyond the range of its dtype, or an ingredient cannot be read.
    """
    by_name = weights if isinstance(weights, Mapping) else dict.fromkeys(ingredients.layout, weights)
    for name in ingredients.layout:
        row = by_name.get(name, ())
        if len(row) != len(ingredients) or not all(map(_finite, row)):
            raise SoupError(f"'{name}' needs {len(ingredients)} finite weights, not {list(row)}")
        if abs(math.fsum(row) - 1) > ROUNDING:
            raise SoupError(f"weights must sum to 1, not to {math.fsum(row):.6g}: {list(row)}")
    if ingredients.adapters:
        return _mix_adapters(ingredients, by_name, statistics)
    return weighted_sum(ingredients, by_name, statistics)


def weighted_sum(ingredients: Ingredients, by_name: Factors, statistics: Statistics = None) -> StateDict:
    """As :func:`mix`, of networks, with weights by name that sum to anything."""
    used = [index for index in range(len(ingredients)) if any(row[index] for row in by_name.values())]
    factors = {name: [float(row[index]) for index in used] for name, row in by_name.items()}
    return Sums(ingredients, statistics, list(by_name)).mean(1, used, factors)


def _mix_adapters(ingredients: Ingredients, by_name: Factors, statistics: Statistics) -> StateDict:
    factors = [name for name in ingredients.layout if rank_axis(name) is not None]
    others = {name: by_name[name] for name in ingredients.layout if name not in factors}
    state = weighted_sum(ingredients, others, statistics) if others else {}
    used = [index for index in range(len(ingredients)) if any(row[index] for row in by_name.values())]
    with ingredients.blocks(used) as readers:
        for name in factors:
            configs, weights = [ingredients.adapters[i] for i in used], [by_name[name][i] for i in used]
            parts = [reader.tensor(name) for reader in readers]
            state[name] = joined_factors(name, parts, configs, weights, ingredients.layout[name][1])
            if not torch.isfinite(state[name]).all():
                for index in used:
                    ingredients.check(index)
                raise _beyond(name, ingredients.layout[name][1])
    return {name: state[name] for name in ingredients.layout}


class RunningMean:
    """The mean of a growing set of checkpoints.

    Args:
        ingredients: The checkpoints.
        statistics: Of BatchNorm, see :func:`mix`.
    """

    def __init__(self, ingredients: Ingredients, statistics: Statistics = None) -> None:
        self._ingredients, self._sums, self._count = ingredients, Sums(ingredients, statistics), 0
        self._statistics = statistics
        self._taken: list[int] = []

    def add(self, index: int) -> None:
        """Take an ingredient in."""
        if not self._ingredients.adapters:
            self._sums.add([index])
        self._taken.append(index)
        self._count += 1

    def with_another(self, index: int) -> StateDict:
        """The mean with one more ingredient, which is not taken in."""
        if self._ingredients.adapters:
            return self._of([*self._taken, index])
        return self._sums.mean(self._count + 1, [index])

    def result(self) -> StateDict:
        """The mean of what was taken in."""
        return self._of(self._taken) if self._ingredients.adapters else self._sums.mean(self._count)

    def _of(self, indices: Sequence[int]) -> StateDict:
        weights = [(index in indices) / len(indices) for index in range(len(self._ingredients))]
        return mix(self._ingredients, weights, self._statistics)


class Sums:
    """Sums of checkpoints, in float64; of integers in int64 where nothing is weighted.

    Tensors are worked at in threads, each in blocks: a block's sum stays in the cache while all checkpoints are added
    to it. There is one thread more than PyTorch uses, since they wait for the interpreter now and then.

    Args:
        ingredients: The checkpoints.
        statistics: Of BatchNorm, see :func:`mix`.
        names: Of the tensors that are summed; None takes all.
    """

    def __init__(self, ingredients: Ingredients, statistics: Statistics, names: Sequence[str] | None = None) -> None:
        self._ingredients, self._statistics = ingredients, statistics
        self._names = list(ingredients.layout) if names is None else [n for n in ingredients.layout if n in set(names)]
        self._sums: StateDict = {}  # flat
        self._first: StateDict = {}  # what is kept rather than summed, and what others are compared with; flat
        self._differ: set[str] = set()

    def add(self, indices: Sequence[int], factors: Factors | None = None) -> None:
        """Add ingredients, times factors of each by tensor name if they are given."""

        def add(name: str, readers: Sequence[TensorReader]) -> None:
            total = self._sums.get(name)
            for start, stop, part in self._parts(name, readers, factors, self._differ):
                if total is None:
                    total = part.new_empty(math.prod(self._ingredients.layout[name][0]))
                total[start:stop] = part
            if total is not None:
                self._sums[name] = total

        self._for_each_tensor(add, indices)

    def mean(self, count: int, more: Sequence[int] = (), factors: Factors | None = None) -> StateDict:
        """The sums divided by ``count``, with ``more`` ingredients than were added, times factors if they are given."""
        files = max(1, *(len(each.form.files) for each in self._ingredients.checkpoints))
        most = 1 if self._ingredients.whole else max(1, MOST_OPEN // files)
        if len(more) > most:
            here, rest = slice(most), slice(most, None)
            self.add(more[here], factors and {name: row[here] for name, row in factors.items()})
            return self.mean(count, more[rest], factors and {name: row[rest] for name, row in factors.items()})
        state: StateDict = {}
        differ = set(self._differ)

        def divide(name: str, readers: Sequence[TensorReader]) -> None:
            state[name] = self._divided(name, count, self._parts(name, readers, factors, differ), differ)

        self._for_each_tensor(divide, more)
        self._warn(differ)
        state = {name: state[name] for name in self._names}
        return self._ingredients.tie(state) if len(state) == len(self._ingredients.layout) else state

    def _for_each_tensor(self, work: Callable[[str, Sequence[TensorReader]], None], indices: Sequence[int]) -> None:
        """Call something for every tensor with readers of some ingredients."""
        with (
            self._ingredients.blocks(indices) as readers,
            ThreadPoolExecutor(torch.get_num_threads() + 1) as threads,
        ):
            for _ in threads.map(lambda name: work(name, readers), self._names):
                pass

    def _parts(
        self, name: str, readers: Sequence[TensorReader], factors: Factors | None, differ: set[str]
    ) -> Iterator[tuple[int, int, Tensor]]:
        """Start, stop and sum, block by block, of a tensor with the readers' added; a sum holds until the next.

        The name is added to ``differ`` where values differ that are to be compared.
        """
        shape, dtype = self._ingredients.layout[name]
        count, total = math.prod(shape), self._sums.get(name)
        block_of = _BlockSource(name, min(count, BLOCK))
        row = [1.0] * len(readers) if factors is None else factors[name]
        terms = [(reader, factor) for reader, factor in zip(readers, row, strict=True) if factor != 0]
        first = self._first.get(name)
        if first is None and terms and (not _continuous(dtype) or is_statistic(name)):
            first = self._first[name] = torch.empty(count, dtype=dtype)
            for start, stop in blocks(count):
                first[start:stop] = block_of(terms[0][0], start, stop)
        whole = _counts(dtype) and factors is None
        exact = torch.complex128 if dtype.is_complex else torch.float64
        scratch = torch.empty(min(count, BLOCK), dtype=torch.int64 if whole else exact)
        for start, stop in blocks(count):
            part = scratch[: stop - start]
            if total is not None:
                part.copy_(total[start:stop])
            elif not terms:
                part.zero_()
            for number, (reader, factor) in enumerate(terms):
                block = block_of(reader, start, stop)
                if first is not None and not torch.equal(first[start:stop], block.to(dtype)):
                    differ.add(name)
                if dtype == torch.bool:
                    continue
                if total is None and number == 0:
                    _put(part, block)
                    if factor != 1:
                        part *= int(factor) if whole else factor
                else:
                    _add(part, block, factor)
            yield start, stop, part

    def _divided(self, name: str, count: int, parts: Iterator[tuple[int, int, Tensor]], differ: set[str]) -> Tensor:
        """A tensor's sum divided, or the first one's where it is kept."""
        shape, dtype = self._ingredients.layout[name]
        mean = torch.empty(math.prod(shape), dtype=dtype)
        for start, stop, part in parts:
            if dtype == torch.bool:
                mean[start:stop] = False
                continue
            if not np.isfinite(part.numpy().sum()):
                for index in range(len(self._ingredients)):
                    self._ingredients.check(index)
            if part.dtype == torch.int64:
                part = _rounded_quotient(part, count)
            else:
                np.divide(part.numpy(), count, out=part.numpy())
            _put(mean[start:stop], part if _continuous(dtype) else part.round())
            if _continuous(dtype) and not torch.isfinite(mean[start:stop]).all():
                raise _beyond(name, dtype)
        first = self._first.get(name)
        if first is not None and (name not in differ or self._keeps(name, dtype)):
            mean = first.clone()
        return mean.view(shape)

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
            elif not _continuous(dtype):
                done = "the first one's are kept" if dtype == torch.bool else "they are averaged and rounded"
                warnings.warn(f"values of '{name}' ({dtype}) differ; {done}", SoupWarning, stacklevel=4)


class _BlockSource:
    """Reads blocks of one tensor, into memory of its own for each dtype."""

    def __init__(self, name: str, count: int) -> None:
        self._name, self._count = name, count
        self._buffers: dict[torch.dtype, Buffer] = {}

    def __call__(self, reader: TensorReader, start: int, stop: int) -> Tensor:
        dtype = reader.dtype(self._name)
        if dtype not in self._buffers:
            self._buffers[dtype] = Buffer(dtype, self._count)
        return reader.block(self._name, start, stop, self._buffers[dtype])


def _beyond(name: str, dtype: torch.dtype) -> SoupError:
    return SoupError(f"'{name}': the mixture has values beyond the range of {dtype}: ask for a wider one (--dtype)")


def _continuous(dtype: torch.dtype) -> bool:
    return dtype.is_floating_point or dtype.is_complex


def _put(place: Tensor, values: Tensor) -> None:
    """Copy, by NumPy where it can: PyTorch would start threads of its own."""
    if torch.bfloat16 in (place.dtype, values.dtype):
        place.copy_(values)
    else:
        with np.errstate(over="ignore"):  # it is looked for afterwards
            place.numpy()[:] = values.numpy()


def _add(total: Tensor, block: Tensor, factor: float) -> None:
    """Add a block times a factor. NumPy's addition is faster than PyTorch's where dtypes differ."""
    if block.dtype == torch.bfloat16 or factor != 1:  # NumPy has no bfloat16
        total.add_(block, alpha=factor if _continuous(total.dtype) else int(factor))
    else:
        np.add(total.numpy(), block.numpy(), out=total.numpy())


def _counts(dtype: torch.dtype) -> bool:
    return not _continuous(dtype) and dtype != torch.bool


def _rounded_quotient(total: Tensor, count: int) -> Tensor:
    """Integers divided and rounded to the nearest, ties to even, without a float between."""
    quotient = torch.div(total, count, rounding_mode="floor")
    twice = 2 * (total - quotient * count)
    up = (twice > count) | ((twice == count) & (quotient % 2 == 1))
    return quotient + up.to(quotient.dtype)


def _finite(value: float) -> bool:
    return value - value == 0
