"""Tensors of a state dict that are one in memory: tied weights, and transposes of each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import Tensor

#: By name: the name of the first tensor with the same memory, and the order of its axes that gives this one.
Ties = dict[str, tuple[str, tuple[int, ...]]]


def shared_tensors(state: Mapping[str, Tensor]) -> Ties:
    """Find names whose tensors cover the same memory.

    Args:
        state: A state dict.

    Returns:
        An entry for each name but the first of those that share. Tensors that overlap in any other way are not in it.
    """
    roots: dict[tuple[object, ...], str] = {}
    ties: Ties = {}
    for name, tensor in state.items():
        if not tensor.numel():
            continue
        axes = sorted(zip(tensor.shape, tensor.stride(), strict=True))
        place = (tensor.untyped_storage().data_ptr(), int(tensor.storage_offset()), tensor.dtype, tuple(axes))
        root = roots.setdefault(place, name)
        if root != name:
            ties[name] = (root, _order(state[root], tensor))
    return ties


def _order(root: Tensor, tensor: Tensor) -> tuple[int, ...]:
    """The order of the axes of one tensor in another with the same sizes and strides."""
    left = list(zip(root.shape, root.stride(), strict=True))
    if left == list(zip(tensor.shape, tensor.stride(), strict=True)):
        return tuple(range(tensor.dim()))
    order: list[int] = []
    for axis in zip(tensor.shape, tensor.stride(), strict=True):
        order.append(next(k for k, each in enumerate(left) if each == axis and k not in order))
    return tuple(order)


def tie_between(ties: Ties, root: str, name: str) -> tuple[int, ...] | None:
    """The order of the axes of one tensor that gives another, None where they are two in memory.

    Args:
        ties: What :func:`shared_tensors` found.
        root: Name of the one.
        name: Name of the other.
    """
    first, axes = ties.get(root, (root, None))
    second, order = ties.get(name, (name, None))
    if first != second:
        return None
    known = axes or order or ()
    axes, order = (tuple(range(len(known))) if each is None else each for each in (axes, order))
    return tuple(axes.index(axis) for axis in order)


def same_tensor(ties: Ties, name: str, names: Iterable[str]) -> str | None:
    """Which of some names has the very tensor of another, not turned; None if none has."""
    for other in names:
        order = tie_between(ties, other, name)
        if other != name and order is not None and order == tuple(range(len(order))):
            return other
    return None
