"""When a soup does as well as an ensemble (Model soups, sec. 4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from atp.soups.ingredients import Ingredients, SoupError, Source
from atp.soups.mixing import Statistics, mix


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
) -> SoupVersusEnsemble:
    """Compare the soup of two networks with their ensemble.

    Args:
        model: A network of theirs; it is used in evaluation mode and ends with the soup's weights.
        one: The checkpoint at alpha 0.
        other: The checkpoint at alpha 1.
        batches: Inputs and class indices.
        alpha: Where on the line between the two.
        beta: Factor of the logits.
        step: Of the central difference that gives the second derivative.
        statistics: Of BatchNorm, see :func:`atp.soups.mix`.

    Returns:
        Both sides.

    Raises:
        SoupError: They are not of one network, or there are no batches.
    """
    pair = Ingredients([one, other])
    data = list(batches)
    if not data:
        raise SoupError("there must be at least one batch")
    targets = torch.cat([target for _, target in data])
    model.eval()

    def logits(place: float) -> Tensor:
        model.load_state_dict(mix(pair, [1 - place, place], statistics))
        return torch.cat([model(inputs).double() for inputs, _ in data])

    def loss(outputs: Tensor) -> float:
        return float(nn.functional.cross_entropy(beta * outputs, targets))

    start, end = logits(0.0), logits(1.0)
    before, after, soup = logits(alpha - step), logits(alpha + step), logits(alpha)
    soup_loss, ensemble_loss = loss(soup), loss((1 - alpha) * start + alpha * end)
    curvature = (loss(before) - 2 * soup_loss + loss(after)) / step**2
    chances = (beta * soup).softmax(1)
    change = end - start
    variance = float(((chances * change.square()).sum(1) - (chances * change).sum(1).square()).mean())
    approximation = alpha * (1 - alpha) / 2 * (-curvature + beta**2 * variance)
    return SoupVersusEnsemble(
        soup_loss - ensemble_loss, approximation, soup_loss, ensemble_loss, curvature, variance
    )
