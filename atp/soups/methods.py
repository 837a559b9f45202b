"""Ways to make soups, by name: `atp soup` and :func:`atp.soups.comparison.compare` go through all of them.

A new way is one function in a module of its own, anybody's: it takes :class:`SoupInputs`, returns any number of
:class:`Soup` and registers itself with ``@METHODS.register("best-two")``. ``atp soup --methods
uniform,my_module:best-two`` finds it by the name of its module. CONTRIBUTING.md ("A soup method") has a tested example.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from assets.registry import Registry
from atp.soups.ingredients import Ingredients, Source, StateDict
from atp.soups.mixing import Statistics

#: Inputs (B, ...) and class indices (B,) of each batch.
Batches = Sequence[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class SoupInputs:
    """What a method may choose by: the checkpoints and the held-out set, and never a test.

    Attributes:
        ingredients: The checkpoints.
        scores: Held-out accuracy of each alone.
        score: Held-out accuracy of a state dict.
        best: Index of the best alone; of equals the later, as the greedy soup takes them.
        model: A network of theirs, whose weights a method may replace.
        held_out: The held-out set.
        initial: What they were fine-tuned from; None where it is not known.
        statistics: Of BatchNorm, see :func:`atp.soups.mix`.
        learned_epochs: Passes of a learned soup over ``held_out``.
    """

    ingredients: Ingredients
    scores: Sequence[float]
    score: Callable[[StateDict], float]
    best: int
    model: nn.Module
    held_out: Batches
    initial: Source | None = None
    statistics: Statistics = None
    learned_epochs: int = 3


@dataclass(frozen=True)
class Soup:
    """A mixture that a method made.

    Attributes:
        name: In tables.
        state: State dict on the CPU.
        chosen: Indices of its ingredients, or weights of all.
    """

    name: str
    state: StateDict
    chosen: Sequence[float]


#: Makes any number of soups; none where it lacks something. Gradients are off when it is called.
SoupMethod = Callable[[SoupInputs], Iterable[Soup]]

METHODS: Registry[SoupMethod] = Registry("soup method")
#: The package's own, in the order of tables; others follow in the order of their registration.
OWN_METHODS = ("uniform", "greedy", "learned", "wise-ft", "model-stock")


def method_names() -> tuple[str, ...]:
    """All registered methods, in the order of tables."""
    return tuple(dict.fromkeys((*OWN_METHODS, *METHODS.names)))
