"""The weighted mean of checkpoints, with weights that are given."""

from __future__ import annotations

from collections.abc import Iterator

from atp.soups.checkpoints.soup_errors import LackingError
from atp.soups.methods import METHODS, Soup, SoupInputs
from atp.soups.mixing import mix


@METHODS.register("linear")
def _linear(inputs: SoupInputs) -> Iterator[Soup]:
    if inputs.weights is None:
        raise LackingError("the linear soup needs weights, one for each checkpoint: --weights 0.7 0.3")
    yield Soup("linear soup", mix(inputs.ingredients, inputs.weights, inputs.statistics), inputs.weights)
