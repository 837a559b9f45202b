"""What is fine-tuned, on what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from atp.soups.comparison import Batches

#: Inputs of any kind, changed with a strength in 0..1 and a source of randomness.
Augment = Callable[[Tensor, float, torch.Generator], Tensor]


@dataclass(frozen=True)
class Examples:
    """Labelled examples.

    Attributes:
        inputs: (N, ...) tensor.
        targets: (N,) long class indices.
    """

    inputs: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.targets)

    def first(self, count: int) -> Examples:
        """The first ``count`` of them."""
        return Examples(self.inputs[:count], self.targets[:count])

    def batches(self, size: int) -> Batches:
        """Batches in order, as views."""
        return list(zip(self.inputs.split(size), self.targets.split(size), strict=True))


@dataclass(frozen=True)
class FineTuningTask:
    """A classification task with a pretrained network.

    Attributes:
        make: Makes the pretrained network, with a new head. Parameters that require no gradients are not fine-tuned.
        head: Start of the names of the head's parameters; the linear probe trains those alone.
        train: Examples to fine-tune with.
        held_out: Examples to choose with; never reported.
        tests: Examples to report, by name; the first is in-distribution, the others are shifted.
        augment: Changes a batch of training inputs.
        prepare: Of :class:`atp.soups.comparison.Task`.
    """

    make: Callable[[], nn.Module]
    head: str
    train: Examples
    held_out: Examples
    tests: Mapping[str, Examples]
    augment: Augment = field(default=lambda inputs, strength, generator: inputs)
    prepare: Callable[[nn.Module], None] = field(default=lambda model: None)
