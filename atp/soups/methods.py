"""Ways to make soups, by name: `atp soup` and :func:`atp.soups.comparison.compare` go through all of them.

A new way is one function in a module of its own, anybody's: it takes :class:`SoupInputs`, returns any number of
:class:`Soup` and registers itself with ``@METHODS.register("best-two")``. ``atp soup --method
uniform,my_module:best-two`` finds it by the name of its module. CONTRIBUTING.md ("A soup method") has a tested example.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from assets.registry import Registry
from atp.soups.checkpoints.soup_errors import LackingError
from atp.soups.ingredients import Ingredients, Source, StateDict
from atp.soups.mixing import Statistics

#: Inputs (B, ...) and class indices (B,) of each batch; a batch may be a dictionary (`atp.soups.model_outputs`).
Batches = Sequence[tuple[Tensor, Tensor]]


def no_score(state: StateDict) -> float:
    """Stands for a score that there is not."""
    raise LackingError("a held-out score is needed: --task, or --score-command 'CMD {checkpoint}'")


@dataclass(frozen=True)
class SoupInputs:
    """What a method may choose by: the checkpoints and the held-out set, and never a test.

    What is not there is empty or None; a method that needs it raises
    :class:`atp.soups.checkpoints.soup_errors.LackingError`.

    Attributes:
        ingredients: The checkpoints.
        scores: Held-out score of each alone; larger is better.
        score: Held-out score of a state dict.
        best: Index of the best alone; of equals the later, as the greedy soup takes them.
        model: A network of theirs, whose weights a method may replace.
        held_out: The held-out set.
        initial: What they were fine-tuned from.
        statistics: Of BatchNorm, see :func:`atp.soups.mix`.
        learned_epochs: Passes of a learned soup over ``held_out``.
        weights: Of the ingredients, as each method takes them.
        alpha: Share or scale, as each method takes it.
        density: Share of changes that is kept, of TIES and DARE.
        trim: Whether TIES keeps the largest changes of each tensor or of the network.
        seed: Of what is random.
        information: Fisher information of each ingredient.
        learned_batches: Batches of a step of a learned soup.
        learned_memory: Bytes that a learned soup may hold checkpoints in.
    """

    ingredients: Ingredients
    scores: Sequence[float] = ()
    score: Callable[[StateDict], float] = no_score
    best: int | None = None
    model: nn.Module | None = None
    held_out: Batches = ()
    initial: Source | None = None
    statistics: Statistics = None
    learned_epochs: int = 3
    weights: Sequence[float] | None = None
    alpha: float | None = None
    density: float | None = None
    trim: Literal["tensor", "model"] = "tensor"
    seed: int = 0
    information: Sequence[Source] = ()
    learned_batches: int = 1
    learned_memory: int = 0

    def start(self, method: str) -> Source:
        """The initialisation.

        Raises:
            LackingError: It is not known.
        """
        if self.initial is None:
            raise LackingError(f"{method} needs what the checkpoints were fine-tuned from: --initial")
        return self.initial


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


#: Makes any number of soups, or raises LackingError. Gradients are off when it is called.
SoupMethod = Callable[[SoupInputs], Iterable[Soup]]

METHODS: Registry[SoupMethod] = Registry("soup method")
#: The package's own that are compared, in the order of tables; others follow in the order of their registration.
OWN_METHODS = ("uniform", "greedy", "learned", "wise-ft", "model-stock")
#: The package's own that are made where they are asked for.
FURTHER_METHODS = ("linear", "task-arithmetic", "ties", "dare", "slerp", "fisher")


def method_names() -> tuple[str, ...]:
    """The methods that are compared where none is named, in the order of tables."""
    return tuple(name for name in dict.fromkeys((*OWN_METHODS, *METHODS.names)) if name not in FURTHER_METHODS)


def make_soups(inputs: SoupInputs, methods: Sequence[str] = ()) -> Iterator[Soup]:
    """The soups of some methods, one after the other.

    Args:
        inputs: What there is.
        methods: Their names; without any all that are compared, but for those that lack something.

    Raises:
        LackingError: A method that was named lacks something.
        SoupError: The checkpoints cannot be mixed.
        ValueError: There is no such method.
    """
    for name in methods or method_names():
        try:
            yield from METHODS.get(name)(inputs)
        except LackingError:
            if methods:
                raise
