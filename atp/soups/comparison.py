"""Soups, ensembles and single checkpoints side by side, on sets that no choice was made with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from scipy.stats import binomtest
from torch import Tensor, nn

from atp.soups.checkpoints.soup_errors import LackingError, SoupError
from atp.soups.fingerprints import code_of, identity_of
from atp.soups.greedy import greedy_choice
from atp.soups.ingredients import Ingredients, Source, StateDict
from atp.soups.kept_rows import BySet, KeptRows, Single
from atp.soups.methods import METHODS, Batches, SoupInputs, make_soups, method_names
from atp.soups.mixing import Statistics, mix
from atp.soups.model_outputs import SameOrder, outputs_of, split_batch

#: Key of the rows of ensembles among kept ones.
ENSEMBLES = "ensembles"
#: How far a score may be from the one that was kept, as a share, or absolutely where it is small.
CLOSE = 0.01


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
        logits_dtype: In which logits are kept; float16 takes a quarter of the memory, or of the files.
        learned_batches: Batches of a step of the learned soup, see :func:`atp.soups.learned_soup`.
        learned_memory: Bytes that the learned soup may hold checkpoints in, see :func:`atp.soups.learned_soup`.
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
    learned_memory: int = 4 * 10**9


@torch.no_grad()
def compare(
    ingredients: Ingredients | Sequence[Source],
    task: Task,
    keep: Callable[[str, StateDict], object] = lambda way, state: None,
    methods: Sequence[str] = (),
    progress: Callable[[str], None] = lambda way: None,
    options: Mapping[str, Any] | None = None,
    folder: Path | None = None,
    still: Callable[[str], bool] = lambda way: True,
    leave_out: Collection[str] = (),
) -> dict[str, Any]:
    """Accuracies of all ways to use the checkpoints.

    Args:
        ingredients: The checkpoints.
        task: What they are compared on.
        keep: Called with the name and the weights of each soup.
        methods: Names of the soup methods (:mod:`atp.soups.methods`); all that are compared if none is given.
        progress: Called with the name of each row when it is there.
        options: Further fields of :class:`atp.soups.methods.SoupInputs`, such as ``alpha``.
        folder: Where rows and logits are kept, so that a comparison that was interrupted goes on from them. The first
            checkpoint is looked at each time: where its outputs, the targets or anything else differs from what was
            kept, all is compared anew. None keeps rows in memory, and all checkpoints' logits if there are ensembles.
        still: Whether the soup of a kept row is still where ``keep`` put it; if not, it is made again.
        leave_out: Names of methods that are not compared.

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
    keys = {name: f"{name} {code_of(METHODS.get(name))}" for name in methods or method_names() if name not in leave_out}
    inputs = SoupInputs(
        some,
        model=task.model,
        held_out=task.held_out,
        initial=task.initial,
        statistics=task.statistics,
        learned_epochs=task.learned_epochs,
        learned_batches=task.learned_batches,
        learned_memory=task.learned_memory,
    )
    inputs = replace(inputs, **(options or {}))
    kept = KeptRows(folder, {} if folder is None else _about(inputs, task))
    rater = _Rater(task)
    singles = _singles(some, task, rater, kept, progress)
    scores = [single.row["held_out"] for single in singles]
    best = max(range(len(some)), key=lambda index: (scores[index], index))  # of equals the later, as greedy does
    rivals = singles[best].rights
    rows = [{**single.row, "paired": rater.paired(single.rights, rivals)} for single in singles]
    rows.append({**rows[best], "way": "best single"})

    inputs = replace(inputs, scores=scores, score=rater.held_out, best=best)
    for name, key in keys.items():
        known = kept.rows(key)
        if known is None or not all(still(each["way"]) for each in known):
            known = _soups(name, bool(methods), inputs, rater, rivals, keep)
            kept.keep_rows(key, known)
        rows += known
        for each in known:
            progress(each["way"])
    if task.ensembles:
        known = kept.rows(ENSEMBLES)
        if known is None:
            known = _ensembles(scores, rater, rivals, kept)
            kept.keep_rows(ENSEMBLES, known)
        rows += known
        for each in known:
            progress(each["way"])
    kept.finish()
    first, *others = task.tests
    return {"ingredients": list(some), "rows": rows, "in_distribution": first, "shifted": others}


def _about(inputs: SoupInputs, task: Task) -> dict[str, Any]:
    """What rows depend on, as far as it can be seen without the model."""
    some = inputs.ingredients
    tensors = [(name, tuple(shape), str(dtype)) for name, (shape, dtype) in some.layout.items()]
    return {
        "code": [code_of(_about), code_of(mix)],
        "ingredients": [[identity_of(source), ".".join(each.form.entry)]
                        for source, each in zip(some.sources, some.checkpoints, strict=True)],
        "tensors": hashlib.sha256(repr(tensors).encode()).hexdigest(),
        "initial": None if inputs.initial is None else identity_of(inputs.initial),
        "information": [identity_of(source) for source in inputs.information],
        "options": [
            inputs.weights and list(inputs.weights), inputs.alpha, inputs.density, inputs.trim, inputs.seed,
            inputs.statistics, inputs.learned_epochs, inputs.learned_batches,
        ],
        "classes": {name: [int(each) for each in some] for name, some in task.classes.items()},
        "logits": str(task.logits_dtype),
        "metric": None if task.metric is None else code_of(task.metric),
    }  # fmt: skip


def _singles(
    some: Ingredients, task: Task, rater: _Rater, kept: KeptRows, progress: Callable[[str], None]
) -> list[Single]:
    """The checkpoints alone, from what was kept where it is still so."""
    first = rater.outputs(some.load(0))
    row, known = rater.row("ingredient 0", first, [0]), kept.single(0, False)
    if not kept.is_of(first, rater.targets) or (known is not None and not _near(known.row, row)):
        progress("other data, model or metric than before: all is compared anew")
        kept.start_anew()
        kept.is_of(first, rater.targets)
    needed = task.ensembles and kept.rows(ENSEMBLES) is None
    singles = []
    for index in range(len(some)):
        way = f"ingredient {index}"
        single = kept.single(index, needed)
        if single is None:
            outputs = rater.outputs(some.load(index)) if index else first
            single = Single(rater.row(way, outputs, [index]), rater.rights(outputs))
            kept.keep_single(index, single, outputs if needed else None)
        singles.append(single)
        progress(way)
    return singles


def _soups(
    name: str,
    named: bool,
    inputs: SoupInputs,
    rater: _Rater,
    rivals: Mapping[str, Tensor],
    keep: Callable[[str, StateDict], object],
) -> list[dict[str, Any]]:
    """Rows of a method's soups; none where it lacks something and was not named."""
    rows = []
    try:
        for soup in make_soups(inputs, [name]):
            keep(soup.name, soup.state)
            rows.append(rater.paired_row(soup.name, rater.outputs(soup.state), soup.chosen, rivals))
    except LackingError:
        if named:
            raise
    return rows


def _ensembles(
    scores: Sequence[float], rater: _Rater, rivals: Mapping[str, Tensor], kept: KeptRows
) -> list[dict[str, Any]]:
    """Rows of the ensemble of all, and of the greedy one."""
    every, chosen = list(range(len(scores))), _greedy_ensemble(rater, scores, kept)
    return [
        rater.paired_row("ensemble", kept.mean(every, rater.sets), every, rivals),
        rater.paired_row("greedy ensemble", kept.mean(chosen, rater.sets), chosen, rivals),
    ]


def _near(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two rows have the same scores, but for what a device rounds otherwise."""
    pairs = [
        (one["held_out"], other["held_out"]),
        *((one["tests"][name], other["tests"][name]) for name in one["tests"]),
    ]
    return all(a == b or abs(a - b) <= CLOSE * max(1.0, abs(a)) for a, b in pairs)


def _greedy_ensemble(rater: _Rater, scores: Sequence[float], kept: KeptRows) -> list[int]:
    """Indices of what is in the greedy ensemble."""
    total = torch.zeros((), dtype=torch.float64)

    def with_another(index: int) -> Tensor:
        return total + kept.logits(index, None).double()

    def add(index: int) -> None:
        nonlocal total
        total = with_another(index)

    steps = greedy_choice(
        scores,
        lambda chosen, index: rater.score({None: with_another(index) / (len(chosen) + 1)}, None),
        keep=add,
    )
    return [step.index for step in steps if step.kept]


class _Rater:
    """Outputs and scores of weights on all sets of a task.

    Attributes:
        sets: Batches; None is the held-out set.
        targets: Of the sets that were gone through.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self.sets: dict[str | None, Batches] = {None: task.held_out}
        self.sets.update(task.tests)
        self.targets: BySet = {}
        self._order = SameOrder()

    def outputs(self, state: StateDict, sets: Iterable[str | None] | None = None) -> BySet:
        """Logits of some weights, on all sets or on some."""
        model = self._task.model
        try:
            model.load_state_dict(state)
        except RuntimeError as error:
            raise SoupError(f"the checkpoints are not of this model: {error}") from error
        self._task.prepare(model)
        model.eval()
        device = next(model.parameters()).device
        found: BySet = {}
        for name in self.sets if sets is None else sets:
            logits, targets = [], []
            for batch in self.sets[name]:  # once: they may be read from files
                inputs, target = split_batch(batch)
                logits.append(outputs_of(model, inputs, device).to(self._task.logits_dtype).cpu())
                targets.append(target)
            title = "the held-out set" if name is None else f"the test '{name}'"
            self.targets[name] = self._order.targets(name, targets, title)
            found[name] = torch.cat(logits)
        return found

    def held_out(self, state: StateDict) -> float:
        """Score on the held-out set."""
        return self.score(self.outputs(state, [None]), None)

    def score(self, outputs: BySet, name: str | None) -> float:
        """Of one set: the task's metric, or the share that is right."""
        if self._task.metric is not None:
            return float(self._task.metric(outputs[name], self.targets[name]))
        return float(self._right(outputs, name).double().mean())

    def rights(self, outputs: BySet) -> dict[str, Tensor]:
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

    def _right(self, outputs: BySet, name: str | None) -> Tensor:
        logits, targets = outputs[name], self.targets[name]
        some = self._task.classes.get(name) if name is not None else None
        if some is None:
            return logits.argmax(1) == targets
        among = torch.tensor(some)
        return among[logits[:, among].argmax(1)] == targets

    def row(self, way: str, outputs: BySet, chosen: Sequence[float]) -> dict[str, Any]:
        """A row of the comparison, without its pairs."""
        return {
            "way": way,
            "held_out": self.score(outputs, None),
            "tests": {name: self.score(outputs, name) for name in self._task.tests},
            "chosen": list(chosen),
        }

    def paired_row(
        self, way: str, outputs: BySet, chosen: Sequence[float], rivals: Mapping[str, Tensor]
    ) -> dict[str, Any]:
        """A row with its pairs."""
        return {**self.row(way, outputs, chosen), "paired": self.paired(self.rights(outputs), rivals)}
