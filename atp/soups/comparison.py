"""Soups, ensembles and single checkpoints side by side, on sets that no choice was made with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from scipy.stats import binomtest
from torch import Tensor, nn

from atp.soups.greedy import greedy_choice
from atp.soups.ingredients import Ingredients, SoupError, Source, StateDict
from atp.soups.methods import METHODS, Batches, SoupInputs, method_names
from atp.soups.mixing import Statistics


@dataclass(frozen=True)
class Task:
    """A classification task with checkpoints to compare.

    Attributes:
        model: A network of the checkpoints, on the device to compute on; its weights are replaced again and again.
        held_out: Batches of inputs and class indices by which soups are chosen; they are never reported as a test.
        tests: Batches by the name of the test; the first is in-distribution, the others are shifted.
        initial: What the checkpoints were fine-tuned from; None leaves out what needs it.
        prepare: Called with the model each time that its weights were replaced, single checkpoints' too: to
            re-estimate the statistics of BatchNorm, for one.
        statistics: Of BatchNorm, see :func:`atp.soups.mix`.
        learned_epochs: Passes of the learned soup over ``held_out``.
        classes: Indices of the classes among which to choose, for tests that have not all of them, by name.
    """

    model: nn.Module
    held_out: Batches
    tests: Mapping[str, Batches]
    initial: Source | None = None
    prepare: Callable[[nn.Module], None] = field(default=lambda model: None)
    statistics: Statistics = None
    learned_epochs: int = 3
    classes: Mapping[str, Sequence[int]] = field(default_factory=dict)


@torch.no_grad()
def compare(
    ingredients: Ingredients | Sequence[Source],
    task: Task,
    keep: Callable[[str, StateDict], None] = lambda way, state: None,
    methods: Sequence[str] = (),
) -> dict[str, Any]:
    """Accuracies of all ways to use the checkpoints.

    Args:
        ingredients: The checkpoints.
        task: What they are compared on.
        keep: Called with the name and the weights of each soup.
        methods: Names of the soup methods (:mod:`atp.soups.methods`); all if none is given.

    Returns:
        JSON values: ``ingredients``, their names; ``rows``, one for each way, with ``way``, ``held_out``, ``tests`` (by
        name), ``paired`` (by name: how many examples it ``gained`` and ``lost`` against the best single checkpoint, and
        ``p`` of McNemar's exact test) and ``chosen`` (indices, or weights of the learned soup); ``in_distribution`` and
        ``shifted``, names of the tests.

    Raises:
        SoupError: The checkpoints cannot be mixed or are not of the model, or there is no test.
        ValueError: There is no such method.
    """
    some = Ingredients.of(ingredients)
    if not task.tests or not task.held_out:
        raise SoupError("there must be a held-out set and a test")
    rater = _Rater(task)
    singles = [rater.outputs(some.load(index)) for index in range(len(some))]
    scores = [rater.accuracy(outputs, None) for outputs in singles]
    best = max(range(len(some)), key=lambda index: (scores[index], index))  # of equals the later, as greedy does
    rater.reference = singles[best]
    rows = [rater.row(f"ingredient {index}", outputs, [index]) for index, outputs in enumerate(singles)]
    rows.append(rater.row("best single", singles[best], [best]))

    def add(way: str, state: StateDict, chosen: Sequence[float]) -> None:
        keep(way, state)
        rows.append(rater.row(way, rater.outputs(state), chosen))

    inputs = SoupInputs(
        some,
        scores,
        rater.held_out,
        best,
        task.model,
        task.held_out,
        task.initial,
        task.statistics,
        task.learned_epochs,
    )
    for name in methods or method_names():
        for soup in METHODS.get(name)(inputs):
            keep(soup.name, soup.state)
            rows.append(rater.row(soup.name, rater.outputs(soup.state), soup.chosen))
    everyone = range(len(some))
    rows.append(rater.row("ensemble", _mean(singles), everyone))
    steps = greedy_choice(
        scores,
        lambda chosen, index: rater.accuracy(_mean([singles[each] for each in (*chosen, index)], [None]), None),
    )
    chosen = [step.index for step in steps if step.kept]
    rows.append(rater.row("greedy ensemble", _mean([singles[index] for index in chosen]), chosen))
    first, *others = task.tests
    return {"ingredients": list(some), "rows": rows, "in_distribution": first, "shifted": others}


#: Logits by set; None is the held-out one.
Outputs = dict[str | None, Tensor]


class _Rater:
    """Outputs and accuracies of weights on all sets of a task.

    Attributes:
        reference: Outputs that others are paired with.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self.reference: Outputs = {}
        self._sets: dict[str | None, Batches] = {None: task.held_out}
        self._sets.update(task.tests)
        self._targets: dict[str | None, Tensor] = {}

    def outputs(self, state: StateDict, sets: Iterable[str | None] | None = None) -> Outputs:
        """Logits of some weights, on all sets or on some."""
        model = self._task.model
        try:
            model.load_state_dict(state)
        except RuntimeError as error:
            raise SoupError(f"the checkpoints are not of this model: {error}") from error
        self._task.prepare(model)
        model.eval()
        device = next(model.parameters()).device
        found: Outputs = {}
        for name in self._sets if sets is None else sets:
            logits, targets = [], []
            for inputs, target in self._sets[name]:  # once: they may be read from files
                logits.append(model(inputs.to(device)).double().cpu())
                targets.append(target)
            found[name], self._targets[name] = torch.cat(logits), torch.cat(targets)
        return found

    def held_out(self, state: StateDict) -> float:
        """Accuracy on the held-out set."""
        return self.accuracy(self.outputs(state, [None]), None)

    def accuracy(self, outputs: Outputs, name: str | None) -> float:
        """Share of one set that is right."""
        return float(self._right(outputs, name).double().mean())

    def paired(self, outputs: Outputs, name: str) -> dict[str, float]:
        """Examples that are right in one of outputs and reference alone, with McNemar's exact test."""
        mine, theirs = self._right(outputs, name), self._right(self.reference, name)
        gained, lost = int((mine & ~theirs).sum()), int((~mine & theirs).sum())
        p = binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
        return {"gained": gained, "lost": lost, "p": float(p)}

    def _right(self, outputs: Outputs, name: str | None) -> Tensor:
        logits, targets = outputs[name], self._targets[name]
        some = self._task.classes.get(name) if name is not None else None
        if some is None:
            return logits.argmax(1) == targets
        among = torch.tensor(some)
        return among[logits[:, among].argmax(1)] == targets

    def row(self, way: str, outputs: Outputs, chosen: Sequence[float]) -> dict[str, Any]:
        """A row of the comparison."""
        return {
            "way": way,
            "held_out": self.accuracy(outputs, None),
            "tests": {name: self.accuracy(outputs, name) for name in self._task.tests},
            "paired": {name: self.paired(outputs, name) for name in self._task.tests},
            "chosen": list(chosen),
        }


def _mean(outputs: Sequence[Outputs], sets: Iterable[str | None] | None = None) -> Outputs:
    """Mean logits on each set, or on some."""
    names = outputs[0] if sets is None else sets
    return {name: torch.stack([each[name] for each in outputs]).mean(0) for name in names}
