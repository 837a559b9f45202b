"""Computing with all ingredients block by block: memory does not grow with their number."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from torch import Tensor

from atp.soups.checkpoints.block_reading import BLOCK, Buffer, blocks
from atp.soups.checkpoints.soup_errors import SoupError
from atp.soups.ingredients import Ingredients, Source, StateDict, TensorReader
from atp.soups.mixing import Statistics, Sums, is_statistic

Result = TypeVar("Result")


class TensorBlocks:
    """One tensor of all ingredients.

    Args:
        name: Of the tensor.
        count: Elements.
        readers: Of the ingredients.
        names: Of the ingredients.

    Attributes:
        name: Of the tensor.
        count: Elements.
        ingredients: How many there are after the first, which is an initialisation where there is one.
    """

    def __init__(self, name: str, count: int, readers: Sequence[TensorReader], names: Sequence[str]) -> None:
        self.name, self.count, self.ingredients = name, count, len(readers) - 1
        self._readers, self._names = readers, names
        self._buffers: dict[torch.dtype, Buffer] = {}

    def read(self, index: int, start: int, stop: int) -> Tensor:
        """Elements of one ingredient.

        Args:
            index: Which one.
            start: The first element.
            stop: One past the last; at most one block more.

        Returns:
            (stop - start,) float64, or complex128; a copy.

        Raises:
            SoupError: Some are not finite.
        """
        dtype = self._readers[index].dtype(self.name)
        if dtype not in self._buffers:
            self._buffers[dtype] = Buffer(dtype, min(self.count, BLOCK))
        block = self._readers[index].block(self.name, start, stop, self._buffers[dtype])
        exact = torch.empty(stop - start, dtype=torch.complex128 if dtype.is_complex else torch.float64)
        exact.copy_(block)
        if not torch.isfinite(exact.sum()):
            raise SoupError(f"{self._names[index]}: '{self.name}' has NaN or infinite values; leave this one out")
        return exact

    def displacement(self, index: int, start: int, stop: int) -> Tensor:
        """Elements of one ingredient minus those of the first, which is the initialisation."""
        return self.read(index, start, stop) - self.read(0, start, stop)


def for_each_tensor(
    ingredients: Ingredients,
    names: Sequence[str],
    work: Callable[[TensorBlocks], Result],
    beside: Ingredients | None = None,
) -> dict[str, Result]:
    """Call something for every tensor, in threads.

    Args:
        ingredients: The checkpoints, all of which are open at a time.
        names: Of the tensors.
        work: What is called.
        beside: Further checkpoints with these names, counted after the others.

    Returns:
        What it returned, by name.
    """
    every = [*ingredients, *(beside or ())]
    with (
        ingredients.blocks(range(len(ingredients))) as readers,
        (beside or ingredients.some([0])).blocks(range(len(beside or ()))) as others,
        ThreadPoolExecutor(torch.get_num_threads() + 1) as threads,
    ):

        def call(name: str) -> Result:
            return work(TensorBlocks(name, math.prod(ingredients.layout[name][0]), [*readers, *others], every))

        return dict(zip(names, threads.map(call, names), strict=True))


def computed(
    ingredients: Ingredients,
    names: Sequence[str],
    compute: Callable[[TensorBlocks], Iterator[Tensor]],
    beside: Ingredients | None = None,
) -> StateDict:
    """Tensors that are computed from those of the ingredients.

    Args:
        ingredients: The checkpoints.
        names: Of the tensors.
        compute: Yields the elements of a tensor for each of :func:`atp.soups.checkpoints.block_reading.blocks`.
        beside: As :func:`for_each_tensor` takes it.

    Returns:
        The tensors by name, in their own dtypes.

    Raises:
        SoupError: Values are beyond the range of their dtype, or an ingredient's are not finite.
    """

    def work(tensor: TensorBlocks) -> Tensor:
        shape, dtype = ingredients.layout[tensor.name]
        found = torch.empty(tensor.count, dtype=dtype)
        for (start, stop), part in zip(blocks(tensor.count), compute(tensor), strict=True):
            found[start:stop] = part
        if not torch.isfinite(found).all():
            raise SoupError(
                f"'{tensor.name}': the mixture has values beyond the range of {dtype}: ask for a wider one (--dtype)"
            )
        return found.view(shape)

    return for_each_tensor(ingredients, names, work, beside)


def trained_names(ingredients: Ingredients) -> list[str]:
    """Tensors that a training moves: numbers that are no statistics of BatchNorm, and each tied one once."""
    return [
        name
        for name, (_, dtype) in ingredients.layout.items()
        if (dtype.is_floating_point or dtype.is_complex) and not is_statistic(name) and name not in ingredients.ties
    ]


def completed(ingredients: Ingredients, state: StateDict, statistics: Statistics) -> StateDict:
    """A mixture with the tensors that it lacks: integers and statistics, which are averaged, and tied ones."""
    others = [name for name in ingredients.layout if name not in state and name not in ingredients.ties]
    if others:
        state = {**state, **Sums(ingredients, statistics, others).mean(len(ingredients), range(len(ingredients)))}
    ingredients.tie(state)
    return {name: state[name] for name in ingredients.layout}


def from_initial(ingredients: Ingredients, initial: Source, method: str) -> Ingredients:
    """The initialisation, and the ingredients after it.

    Raises:
        SoupError: It is of another network, or they are adapters, whose initialisation is none.
    """
    ingredients.refuse_adapters(method)
    return ingredients.after([initial])


def weights_for(ingredients: Ingredients, weights: Sequence[float] | None, usual: float) -> list[float]:
    """Weights of the ingredients, all the usual where none are given.

    Raises:
        SoupError: There are not as many as ingredients, or one is not finite.
    """
    if weights is None or not len(weights):
        return [usual] * len(ingredients)
    if len(weights) != len(ingredients) or not all(map(math.isfinite, weights)):
        raise SoupError(f"there must be {len(ingredients)} finite weights, not {list(weights)}")
    return [float(weight) for weight in weights]
