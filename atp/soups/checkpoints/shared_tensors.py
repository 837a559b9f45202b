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


def same_tensor(ties: Ties, name: str, names: Iterable[str]) -> str | None:
    """Which of some names has the very tensor of another, not turned; None if none has."""
    root, axes = ties.get(name, (name, ()))
    if axes != tuple(range(len(axes))):
        return None
    for other in names:
        other_root, other_axes = ties.get(other, (other, ()))
        if other != name and other_root == root and other_axes == tuple(range(len(other_axes))):
            return other
    return None
