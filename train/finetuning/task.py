"""What is fine-tuned, on what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, overload

import torch
from torch import Tensor, nn

from atp.soups.methods import Batches

#: Inputs of any kind, changed with a strength in 0..1 and a source of randomness.
Augment = Callable[[Tensor, float, torch.Generator], Tensor]


class Inputs(Protocol):
    """What is read when it is asked for, as a tensor is: a part by a slice, a batch by indices."""

    def __len__(self) -> int: ...

    @overload
    def __getitem__(self, which: slice) -> Inputs: ...
    @overload
    def __getitem__(self, which: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Examples:
    """Labelled examples.

    Attributes:
        inputs: (N, ...) tensor, or what is read only when it is needed.
        targets: (N,) long class indices.
    """

    inputs: Tensor | Inputs
    targets: Tensor

    def __len__(self) -> int:
        return len(self.targets)

    def some(self, count: int) -> Examples:
        """``count`` of them, or all, evenly spread."""
        step = max(1, len(self) // count)
        return Examples(self.inputs[::step][:count], self.targets[::step][:count])

    def batches(self, size: int) -> Batches:
        """Batches in order, each made when it is asked for."""
        return _Batches(self, size)


class _Batches(Sequence[tuple[Tensor, Tensor]]):
    """Batches of examples."""

    def __init__(self, examples: Examples, size: int) -> None:
        self._examples, self._parts = examples, torch.split(torch.arange(len(examples)), size)

    def __len__(self) -> int:
        return len(self._parts)

    def __getitem__(self, number: Any) -> Any:
        which = self._parts[number]
        return self._examples.inputs[which], self._examples.targets[which]


@dataclass(frozen=True)
class FineTuningTask:
    """A classification task with a pretrained network.

    Attributes:
        make: Makes the pretrained network, with a new head, on the device to compute on. Parameters that require no
            gradients are not fine-tuned.
        head: Name of the module that is the head; the linear probe trains it alone. None leaves the probe out: the
            network has a head that is good already.
        train: Examples to fine-tune with.
        held_out: Examples to choose with; never reported.
        tests: Examples to report, by name; the first is in-distribution, the others are shifted.
        augment: Changes a batch of training inputs.
        prepare: Of :class:`atp.soups.comparison.Task`.
        classes: The same.
    """

    make: Callable[[], nn.Module]
    head: str | None
    train: Examples
    held_out: Examples
    tests: Mapping[str, Examples]
    augment: Augment = field(default=lambda inputs, strength, generator: inputs)
    prepare: Callable[[nn.Module], None] = field(default=lambda model: None)
    classes: Mapping[str, Sequence[int]] = field(default_factory=dict)
