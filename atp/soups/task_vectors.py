"""Task arithmetic: what fine-tunes did to their initialisation, added up (arXiv 2212.04089)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from atp.soups.blockwise import completed, from_initial, trained_names, weights_for
from atp.soups.ingredients import Ingredients, Source, StateDict
from atp.soups.methods import METHODS, Soup, SoupInputs
from atp.soups.mixing import Statistics, weighted_sum

#: What is used where no held-out set chooses.
SCALE = 0.4


def task_arithmetic(
    ingredients: Ingredients | Sequence[Source],
    initial: Source,
    scale: float = SCALE,
    weights: Sequence[float] | None = None,
    statistics: Statistics = None,
) -> StateDict:
    """The initialisation plus scaled task vectors.

    theta = theta_0 + scale * sum_i w_i tau_i, with the task vectors tau_i = theta_i - theta_0.

    Args:
        ingredients: The fine-tuned checkpoints theta_i.
        initial: What they were fine-tuned from, theta_0.
        scale: Of the sum.
        weights: w_i, which may be negative (to forget a task) and sum to anything; None is 1 for each.
        statistics: Of BatchNorm, see :func:`atp.soups.mix`; these and integers are averaged.

    Returns:
        A state dict on the CPU.

    Raises:
        SoupError: They cannot be mixed.
    """
    some = Ingredients.of(ingredients)
    every = from_initial(some, initial, "task arithmetic")
    row = [scale * weight for weight in weights_for(some, weights, 1.0)]
    factors = {key: [1 - sum(row), *row] for key in trained_names(some)}
    return completed(some, weighted_sum(every, factors, statistics), statistics)


@METHODS.register("task-arithmetic")
def _task_arithmetic(inputs: SoupInputs) -> Iterator[Soup]:
    scale = SCALE if inputs.alpha is None else inputs.alpha
    state = task_arithmetic(
        inputs.ingredients, inputs.start("task arithmetic"), scale, inputs.weights, inputs.statistics
    )
    yield Soup("task arithmetic", state, weights_for(inputs.ingredients, inputs.weights, 1.0))
