"""The greedy soup: ingredients are tried in the order of their scores, and kept if they help (Model soups, alg. 1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from atp.soups.checkpoints.soup_errors import LackingError
from atp.soups.ingredients import Ingredients, SoupError, Source, StateDict
from atp.soups.methods import METHODS, Soup, SoupInputs
from atp.soups.mixing import RunningMean, Statistics


@dataclass(frozen=True)
class GreedyStep:
    """One ingredient that was tried.

    Attributes:
        index: Which one.
        score: Held-out score with it.
        kept: Whether it stays.
    """

    index: int
    score: float
    kept: bool


@dataclass(frozen=True)
class GreedySoup:
    """A greedy soup.

    Attributes:
        state: State dict on the CPU.
        score: Its held-out score.
        chosen: Indices of its ingredients, in the order in which they were added.
        steps: All that were tried.
    """

    state: StateDict
    score: float
    chosen: list[int]
    steps: list[GreedyStep]


def order_of(scores: Sequence[float]) -> list[int]:
    """The order in which ingredients are tried: a stable ascending sort, reversed, as in the published script.

    Of two equal scores the later ingredient comes first.
    """
    return sorted(range(len(scores)), key=lambda index: scores[index])[::-1]


def greedy_choice(
    scores: Sequence[float],
    score_with: Callable[[list[int], int], float],
    strict: bool = True,
    keep: Callable[[int], None] = lambda index: None,
) -> list[GreedyStep]:
    """Choose among anything that can be combined: weights, or outputs for a greedy ensemble.

    Args:
        scores: Held-out score of each alone.
        score_with: Held-out score of the chosen ones with one more.
        strict: Keep one only if the score rises, as the published script does. Otherwise also if it stays, as the paper
            says.
        keep: Called with each that is kept.

    Returns:
        All steps; the first is the best alone.

    Raises:
        SoupError: There are no scores, or one is NaN.
    """
    if not scores or any(score != score for score in scores):
        raise SoupError(f"every ingredient needs a held-out score that is a number, not {list(scores)}")
    first, *rest = order_of(scores)
    best = scores[first]
    steps, chosen = [GreedyStep(first, best, True)], [first]
    keep(first)
    for index in rest:
        score = score_with(chosen, index)
        kept = score > best if strict else score >= best
        steps.append(GreedyStep(index, score, kept))
        if kept:
            best = score
            chosen.append(index)
            keep(index)
    return steps


def greedy_soup(
    ingredients: Ingredients | Sequence[Source],
    score: Callable[[StateDict], float],
    scores: Sequence[float] | None = None,
    strict: bool = True,
    statistics: Statistics = None,
) -> GreedySoup:
    """Average ingredients as long as the held-out score rises.

    Args:
        ingredients: The checkpoints.
        score: Held-out score of a state dict; larger is better.
        scores: Held-out score of each alone; None asks ``score``.
        strict: See :func:`greedy_choice`.
        statistics: Of BatchNorm, see :func:`atp.soups.mix`. A ``score`` that re-estimates them must do so for single
            checkpoints as well.

    Returns:
        The soup; its score is never below the best ingredient's.

    Raises:
        SoupError: They cannot be mixed, or there are not as many scores as ingredients.
    """
    some = Ingredients.of(ingredients)
    if scores is None:
        scores = [score(some.load(index)) for index in range(len(some))]
    if len(scores) != len(some):
        raise SoupError(f"there must be {len(some)} scores, not {len(scores)}")
    mean = RunningMean(some, statistics)
    steps = greedy_choice(scores, lambda chosen, index: score(mean.with_another(index)), strict, keep=mean.add)
    kept = [step for step in steps if step.kept]
    return GreedySoup(mean.result(), kept[-1].score, [step.index for step in kept], steps)


@METHODS.register("greedy")
def _greedy(inputs: SoupInputs) -> Iterator[Soup]:
    if not inputs.scores:
        raise LackingError("the greedy soup needs a held-out score: --task, or --score-command 'CMD {checkpoint}'")
    found = greedy_soup(inputs.ingredients, inputs.score, inputs.scores, statistics=inputs.statistics)
    yield Soup("greedy soup", found.state, found.chosen)
