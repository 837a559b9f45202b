"""When a soup does as well as an ensemble (Model soups, sec. 4)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from atp.soups.ingredients import Ingredients, SoupError, Source
from atp.soups.landscape import angle_between
from atp.soups.mixing import Statistics, mix
from atp.soups.model_outputs import SameOrder, outputs_of, split_batch


@dataclass(frozen=True)
class SoupVersusEnsemble:
    """Both sides of the paper's approximation (eq. 3) for two networks.

    Attributes:
        difference: Loss of their soup minus loss of their logit ensemble.
        approximation: alpha (1 - alpha) / 2 times (minus the second derivative in alpha of the soup's loss, plus beta
            squared times the mean over inputs of the variance of the difference of their logits, over classes drawn
            from the soup's softmax).
        soup_loss: Cross-entropy of the soup, with logits times beta.
        ensemble_loss: The same of the ensemble.
        curvature: The second derivative.
        variance: The mean variance.
    """

    difference: float
    approximation: float
    soup_loss: float
    ensemble_loss: float
    curvature: float
    variance: float


@torch.no_grad()
def soup_versus_ensemble(
    model: nn.Module,
    one: Source,
    other: Source,
    batches: Iterable[tuple[Tensor, Tensor]],
    alpha: float = 0.5,
    beta: float = 1.0,
    step: float = 0.1,
    statistics: Statistics = None,
    prepare: Callable[[nn.Module], None] = lambda model: None,
) -> SoupVersusEnsemble:
    """Compare the soup of two networks with their ensemble.

    Args:
        model: A network of theirs; it is used in evaluation mode and its weights are replaced.
        one: The checkpoint at alpha 0.
        other: The checkpoint at alpha 1.
        batches: Inputs and class indices.
        alpha: Where on the line between the two.
        beta: Factor of the logits.
        step: Of the central difference that gives the second derivative.
        statistics: Of BatchNorm, see :func:`atp.soups.mix`.
        prepare: Called with the model each time that its weights were replaced: to re-estimate BatchNorm's statistics.

    Returns:
        Both sides.

    Raises:
        SoupError: They are not of one network, there are no batches, or they come in another order in a second pass.
    """
    line = _Line(model, list(batches), statistics, prepare)
    pair = Ingredients([one, other])
    ends = line.logits(pair, [1, 0]), line.logits(pair, [0, 1])
    return line.sides(pair, ends, alpha, beta, step)


@torch.no_grad()
def all_pairs(
    model: nn.Module,
    ingredients: Ingredients,
    initial: Source,
    batches: Sequence[tuple[Tensor, Tensor]],
    beta: float = 1.0,
    step: float = 0.1,
    statistics: Statistics = None,
    prepare: Callable[[nn.Module], None] = lambda model: None,
) -> list[dict[str, Any]]:
    """Every two ingredients half-way between each other: why their soup works or fails.

    Args:
        model: A network of theirs; it is used in evaluation mode and its weights are replaced.
        ingredients: The fine-tuned checkpoints.
        initial: What they were fine-tuned from.
        batches: Inputs and class indices.
        beta: Factor of the logits.
        step: Of the central difference that gives the second derivative.
        statistics: Of BatchNorm, see :func:`atp.soups.mix`.
        prepare: As :func:`soup_versus_ensemble` takes it.

    Returns:
        For each pair: ``one`` and ``other``, indices; ``angle``, degrees between their displacements from the
        initialisation; ``barrier``, loss half-way minus the mean of theirs; and the fields of
        :class:`SoupVersusEnsemble`.

    Raises:
        SoupError: They are not of one network, there are no batches, or they come in another order in a second pass.
    """
    line = _Line(model, batches, statistics, prepare)
    singles = [line.logits(ingredients, _one_hot(index, len(ingredients))) for index in range(len(ingredients))]
    losses = [line.loss(logits, beta) for logits in singles]
    rows = []
    for one in range(len(ingredients)):
        for other in range(one + 1, len(ingredients)):
            pair = ingredients.some([one, other])
            sides = line.sides(pair, (singles[one], singles[other]), 0.5, beta, step)
            angle = angle_between(initial, *pair.sources)
            rows.append(
                {
                    "one": one,
                    "other": other,
                    "angle": math.degrees(angle),
                    "barrier": sides.soup_loss - (losses[one] + losses[other]) / 2,
                    **asdict(sides),
                }
            )
    return rows


class _Line:
    """Outputs of mixtures on some batches."""

    def __init__(
        self,
        model: nn.Module,
        batches: Sequence[tuple[Tensor, Tensor]],
        statistics: Statistics,
        prepare: Callable[[nn.Module], None],
    ) -> None:
        if not batches:
            raise SoupError("there must be at least one batch")
        self._model, self._batches, self._statistics = model.eval(), batches, statistics
        self._prepare = prepare
        self._order = SameOrder()
        self._targets = torch.empty(0)

    def logits(self, ingredients: Ingredients, weights: Sequence[float]) -> Tensor:
        """Logits (N, C) of a mixture, in float64."""
        self._model.load_state_dict(mix(ingredients, weights, self._statistics))
        self._prepare(self._model)
        self._model.eval()
        device = next(self._model.parameters()).device
        logits, targets = [], []
        for batch in self._batches:
            inputs, target = split_batch(batch)
            logits.append(outputs_of(self._model, inputs, device).double().cpu())
            targets.append(target)
        self._targets = self._order.targets(None, targets, "the batches")
        return torch.cat(logits)

    def loss(self, logits: Tensor, beta: float) -> float:
        """Cross-entropy."""
        return float(nn.functional.cross_entropy(beta * logits, self._targets))

    def sides(
        self, pair: Ingredients, ends: tuple[Tensor, Tensor], alpha: float, beta: float, step: float
    ) -> SoupVersusEnsemble:
        """Both sides of the approximation."""
        places = (alpha - step, alpha, alpha + step)
        before, soup, after = (self.logits(pair, [1 - place, place]) for place in places)
        start, end = ends
        soup_loss = self.loss(soup, beta)
        ensemble_loss = self.loss((1 - alpha) * start + alpha * end, beta)
        curvature = (self.loss(before, beta) - 2 * soup_loss + self.loss(after, beta)) / step**2
        chances, change = (beta * soup).softmax(1), end - start
        variance = float(((chances * change.square()).sum(1) - (chances * change).sum(1).square()).mean())
        approximation = alpha * (1 - alpha) / 2 * (-curvature + beta**2 * variance)
        return SoupVersusEnsemble(
            soup_loss - ensemble_loss, approximation, soup_loss, ensemble_loss, curvature, variance
        )


def _one_hot(index: int, count: int) -> list[float]:
    return [float(index == each) for each in range(count)]
