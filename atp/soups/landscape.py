"""Why a soup works or fails: angles between displacements, and barriers on the straight line between two networks."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

from atp.soups.ingredients import Ingredients, SoupWarning, Source, StateDict
from atp.soups.mixing import Statistics, is_statistic, mix

#: A loss that rises by more than this share of the ends' on the way is a barrier: the two do not share a basin.
HIGH = 0.5


def angle_between(initial: Source, one: Source, other: Source) -> float:
    """Angle between what two fine-tunes did to their initialisation.

    Args:
        initial: The initialisation.
        one: A fine-tuned checkpoint.
        other: Another.

    Returns:
        Radians; NaN if one of them did not move.

    Raises:
        SoupError: They are not of one network.
    """
    checkpoints = Ingredients([initial, one, other])
    product = first = second = 0.0
    streams = (checkpoints.read(index) for index in range(3))
    for (name, start), (_, a), (_, b) in zip(*streams, strict=True):
        if start.is_floating_point() and not is_statistic(name):
            da, db = a.double() - start.double(), b.double() - start.double()
            product += float((da * db).sum())
            first += float(da.square().sum())
            second += float(db.square().sum())
    if not first or not second:
        return math.nan
    return math.acos(max(-1.0, min(1.0, product / math.sqrt(first * second))))


def barrier(
    one: Source,
    other: Source,
    loss: Callable[[StateDict], float],
    points: int = 5,
    statistics: Statistics = None,
) -> float:
    """How far the loss rises above the straight line between its values at two checkpoints, on the line between them.

    Args:
        one: A checkpoint.
        other: Another.
        loss: Loss of a state dict.
        points: Points between the two.
        statistics: Of BatchNorm, see :func:`atp.soups.mix`.

    Returns:
        The barrier, at least 0. Where it is high, the two share no basin, and a warning says so.

    Raises:
        SoupError: They are not of one network.
    """
    pair = Ingredients([one, other])
    start, end = loss(pair.load(0)), loss(pair.load(1))
    highest = 0.0
    for step in range(1, points + 1):
        alpha = step / (points + 1)
        between = loss(mix(pair, [1 - alpha, alpha], statistics))
        highest = max(highest, between - ((1 - alpha) * start + alpha * end))
    if highest > HIGH * max(start, end):
        warnings.warn(
            f"{pair[0]} and {pair[1]}: the loss rises by {highest:.3g} between them ({start:.3g} and {end:.3g} at the "
            "ends): they do not come from one initialisation, or went too far from it to be averaged",
            SoupWarning,
            stacklevel=2,
        )
    return highest
