"""Soups, ensembles and single checkpoints side by side, on sets that no choice was made with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from scipy.stats import binomtest
from torch import Tensor, nn

from atp.soups.checkpoints.soup_errors import SoupError
from atp.soups.greedy import greedy_choice
from atp.soups.ingredients import Ingredients, Source, StateDict
from atp.soups.methods import Batches, SoupInputs, make_soups
from atp.soups.mixing import Statistics
from atp.soups.model_outputs import SameOrder, outputs_of, split_batch


@dataclass(frozen=True)
class Task:
    """A classification task with checkpoints to compare.

    Attributes:
        model: A network of the checkpoints, on the device to compute on; its weights are replaced again and again. It
            returns logits, or an object that has them as ``logits``.
        held_out: Batches of inputs and class indices by which soups are chosen; they are never reported as a test. A
            batch may be a dictionary with ``labels``. Every pass must give the same examples in the same order.
        tests: Batches by the name of the test; the first is in-distribution, the others are shifted.
        initial: What the checkpoints were fine-tuned from; None leaves out what needs it.
        prepare: Called with the model each time that its weights were replaced, single checkpoints' too: to
            re-estimate the statistics of BatchNorm, for one.
        statistics: Of BatchNorm, see :func:`atp.soups.mix`.
        learned_epochs: Passes of the learned soup over ``held_out``.
        classes: Indices of the classes among which to choose, for tests that have not all of them, by name.
        metric: Score of logits (N, C) and targets (N,), larger is better; None is the accuracy.
        ensembles: Whether ensembles are compared too; without them no checkpoint's logits are kept.
        logits_dtype: In which logits are kept; float16 takes a quarter of the memory.
        learned_batches: Batches of a step of the learned soup, see :func:`atp.soups.learned_soup`.
    """

    model: nn.Module
    held_out: Batches
    tests: Mapping[str, Batches]
    initial: Source | None = None
    prepare: Callable[[nn.Module], None] = field(default=lambda model: None)
    statistics: Statistics = None
    learned_epochs: int = 3
    classes: Mapping[str, Sequence[int]] = field(default_factory=dict)
    metric: Callable[[Tensor, Tensor], float] | None = None
    ensembles: bool = True
    logits_dtype: torch.dtype = torch.float64
    learned_batches: int = 1


@torch.no_grad()
def compare(
    ingredients: Ingredients | Sequence[Source],
    task: Task,
    keep: Callable[[str, StateDict], object] = lambda way, state: None,
    methods: Sequence[str] = (),
    progress: Callable[[str], None] = lambda way: None,
    options: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Accuracies of all ways to use the checkpoints.

    Args:
        ingredients: The checkpoints.
        task: What they are compared on.
        keep: Called with the name and the weights of each soup.
        methods: Names of the soup methods (:mod:`atp.soups.methods`); all that are compared if none is given.
        progress: Called with the name of each row when it is there.
        options: Further fields of :class:`atp.soups.methods.SoupInputs`, such as ``alpha``.

    Returns:
        JSON values: ``ingredients``, their names; ``rows``, one for each way, with ``way``, ``held_out``, ``tests`` (by
        name), ``paired`` (by name: how many examples it ``gained`` and ``lost`` against the best single checkpoint, and
        ``p`` of McNemar's exact test) and ``chosen`` (indices, or weights of the learned soup); ``in_distribution`` and
        ``shifted``, names of the tests.

    Raises:
        SoupError: The checkpoints cannot be mixed or are not of the model, there is no test, a set gives other targets
            in a second pass, or a method that was named lacks something.
        ValueError: There is no such method.
    """
    some = Ingredients.of(ingredients)
    if not task.tests or not task.held_out:
        raise SoupError("there must be a held-out set and a test")
    rater = _Rater(task)
    singles: list[Outputs] = []
    rows: list[dict[str, Any]] = []
    scores, chances = [], []
    for index in range(len(some)):
        outputs = rater.outputs(some.load(index))
        scores.append(rater.score(outputs, None))
        chances.append(rater.rights(outputs))
        rows.append(rater.row(f"ingredient {index}", outputs, [index]))
        singles += [outputs] if task.ensembles else []
        progress(f"ingredient {index}")
    best = max(range(len(some)), key=lambda index: (scores[index], index))  # of equals the later, as greedy does
    for index, rights in enumerate(chances):
        rows[index]["paired"] = rater.paired(rights, chances[best])
    rows.append({**rows[best], "way": "best single"})

    def add(way: str, outputs: Outputs, chosen: Sequence[float]) -> None:
        paired = rater.paired(rater.rights(outputs), chances[best])
        rows.append({**rater.row(way, outputs, chosen), "paired": paired})
        progress(way)

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
        learned_batches=task.learned_batches,
    )
    for soup in make_soups(replace(inputs, **(options or {})), methods):
        keep(soup.name, soup.state)
        add(soup.name, rater.outputs(soup.state), soup.chosen)
    if task.ensembles:
        add("ensemble", _mean(singles), range(len(some)))
        chosen = _greedy_ensemble(rater, scores, singles)
        add("greedy ensemble", _mean([singles[index] for index in chosen]), chosen)
    first, *others = task.tests
    return {"ingredients": list(some), "rows": rows, "in_distribution": first, "shifted": others}


def _greedy_ensemble(rater: _Rater, scores: Sequence[float], singles: Sequence[Outputs]) -> list[int]:
    """Indices of what is in the greedy ensemble."""
    steps = greedy_choice(
        scores,
        lambda chosen, index: rater.score(_mean([singles[each] for each in (*chosen, index)], [None]), None),
    )
    return [step.index for step in steps if step.kept]


#: Logits by set; None is the held-out one.
Outputs = dict[str | None, Tensor]


class _Rater:
    """Outputs and scores of weights on all sets of a task."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._sets: dict[str | None, Batches] = {None: task.held_out}
        self._sets.update(task.tests)
        self._targets: dict[str | None, Tensor] = {}
        self._order = SameOrder()

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
            for batch in self._sets[name]:  # once: they may be read from files
                inputs, target = split_batch(batch)
                logits.append(outputs_of(model, inputs, device).to(self._task.logits_dtype).cpu())
                targets.append(target)
            title = "the held-out set" if name is None else f"the test '{name}'"
            self._targets[name] = self._order.targets(name, targets, title)
            found[name] = torch.cat(logits)
        return found

    def held_out(self, state: StateDict) -> float:
        """Score on the held-out set."""
        return self.score(self.outputs(state, [None]), None)

    def score(self, outputs: Outputs, name: str | None) -> float:
        """Of one set: the task's metric, or the share that is right."""
        if self._task.metric is not None:
            return float(self._task.metric(outputs[name], self._targets[name]))
        return float(self._right(outputs, name).double().mean())

    def rights(self, outputs: Outputs) -> dict[str, Tensor]:
        """Which examples are right, by test; empty where the task has a metric of its own."""
        return {} if self._task.metric is not None else {name: self._right(outputs, name) for name in self._task.tests}

    def paired(self, mine: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> dict[str, dict[str, float]]:
        """Examples of each test that are right in one of two alone, with McNemar's exact test."""
        found = {}
        for name in mine:
            gained, lost = int((mine[name] & ~theirs[name]).sum()), int((~mine[name] & theirs[name]).sum())
            p = binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
            found[name] = {"gained": gained, "lost": lost, "p": float(p)}
        return found

    def _right(self, outputs: Outputs, name: str | None) -> Tensor:
        logits, targets = outputs[name], self._targets[name]
        some = self._task.classes.get(name) if name is not None else None
        if some is None:
            return logits.argmax(1) == targets
        among = torch.tensor(some)
        return among[logits[:, among].argmax(1)] == targets

    def row(self, way: str, outputs: Outputs, chosen: Sequence[float]) -> dict[str, Any]:
        """A row of the comparison, without its pairs."""
        return {
            "way": way,
            "held_out": self.score(outputs, None),
            "tests": {name: self.score(outputs, name) for name in self._task.tests},
            "chosen": list(chosen),
        }


def _mean(outputs: Sequence[Outputs], sets: Iterable[str | None] | None = None) -> Outputs:
    """Mean logits on each set, or on some."""
    names = outputs[0] if sets is None else sets
    return {name: torch.stack([each[name].double() for each in outputs]).mean(0) for name in names}
