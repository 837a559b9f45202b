"""Statistics of BatchNorm for mixed weights, re-estimated."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import update_bn

from atp.soups.ingredients import Ingredients, SoupError
from atp.soups.mixing import is_statistic


class _StatisticsOnly(nn.Module):
    """A network of which only BatchNorm goes to training mode, so that nothing random happens."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def train(self, mode: bool = True) -> _StatisticsOnly:
        super().train(False)
        for module in self.network.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.train(mode)
        return self

    def forward(self, *inputs: Any) -> Any:
        return self.network(*inputs)


def reestimate_batchnorm(
    network: nn.Module,
    loader: Iterable[Any],
    ingredients: Ingredients | None = None,
    device: torch.device | None = None,
) -> None:
    """Re-estimate the statistics of BatchNorm, with `torch.optim.swa_utils.update_bn`.

    Dropout and stochastic depth are off, so the same batches give the same statistics. Single networks and soups that
    are compared must all be treated so.

    Args:
        network: A network with the mixed weights; only its statistics change. It is in evaluation mode afterwards.
        loader: Batches of inputs, or of tuples that start with them.
        ingredients: What was mixed: if their statistics are all the same, BatchNorm was frozen when they were
            fine-tuned, and to re-estimate them is refused.
        device: Where to compute.

    Raises:
        SoupError: BatchNorm was frozen in the ingredients.
    """
    if ingredients is not None and len(ingredients) > 1 and _frozen(ingredients):
        raise SoupError(
            f"the statistics of BatchNorm are the same in all ingredients ({ingredients[0]} for one): they were "
            "frozen, and weights were fitted to them; keep them"
        )
    update_bn(loader, _StatisticsOnly(network), device)
    network.eval()


def _frozen(ingredients: Ingredients) -> bool:
    """Whether there are statistics, and all ingredients have the same."""
    names = [name for name in ingredients.layout if is_statistic(name)]
    first = {name: tensor.clone() for name, tensor in ingredients.read(0) if name in names}
    return bool(first) and all(
        torch.equal(first[name], tensor)
        for index in range(1, len(ingredients))
        for name, tensor in ingredients.read(index)
        if name in first
    )
