"""Fisher merging: every element weighted by how much the outputs depend on it (arXiv 2111.09832)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from atp.soups.blockwise import TensorBlocks, completed, computed, trained_names, weights_for
from atp.soups.checkpoints.block_reading import blocks
from atp.soups.checkpoints.soup_errors import LackingError, SoupError
from atp.soups.ingredients import Ingredients, Source, StateDict
from atp.soups.methods import METHODS, Batches, Soup, SoupInputs
from atp.soups.mixing import Statistics
from atp.soups.model_outputs import outputs_of, split_batch


def fisher(
    ingredients: Ingredients | Sequence[Source],
    information: Ingredients | Sequence[Source],
    weights: Sequence[float] | None = None,
    statistics: Statistics = None,
) -> StateDict:
    """The mean weighted by the Fisher information, elementwise.

    theta = sum_i w_i F_i theta_i / sum_i w_i F_i, with F_i the diagonal of the Fisher information at theta_i. Where the
    sum of the w_i F_i is 0, and for tensors that the F_i lack: sum_i w_i theta_i / sum_i w_i.

    Args:
        ingredients: The checkpoints theta_i.
        information: F_i of each, by the same names; see :func:`fisher_information`.
        weights: w_i, positive; None is 1 for each.
        statistics: Of BatchNorm, see :func:`atp.soups.mix`; these and integers are averaged.

    Returns:
        A state dict on the CPU.

    Raises:
        SoupError: They cannot be mixed, or there are not as many F_i as ingredients, or one is negative.
    """
    some, known = Ingredients.of(ingredients), Ingredients.of(information)
    some.refuse_adapters("the Fisher soup")
    row = weights_for(some, weights, 1.0)
    if len(known) != len(some) or min(row) <= 0:
        raise SoupError(f"there must be a Fisher information and a positive weight for each of {len(some)} checkpoints")
    for name, (shape, _) in known.layout.items():
        if name not in some.layout or some.layout[name][0] != shape:
            raise SoupError(f"{known[0]}: '{name}' of shape {shape} is not in {some[0]}")
    count = len(some)

    def compute(tensor: TensorBlocks) -> Iterator[Tensor]:
        for start, stop in blocks(tensor.count):
            plain, total, share = (torch.zeros(stop - start, dtype=torch.float64) for _ in range(3))
            for index, weight in enumerate(row):
                value = tensor.read(index, start, stop)
                plain += weight / sum(row) * value
                if tensor.name in known.layout:
                    importance = weight * tensor.read(count + index, start, stop)
                    if (importance < 0).any():
                        raise SoupError(f"{known[index]}: '{tensor.name}' is negative; Fisher information never is")
                    total += importance * value
                    share += importance
            yield torch.where(share > 0, total / share, plain)

    names = trained_names(some)
    informed = [name for name in names if name in known.layout]
    state = computed(some, informed, compute, known)
    state |= computed(some, [name for name in names if name not in known.layout], compute)
    return completed(some, state, statistics)


def fisher_information(model: nn.Module, batches: Batches, seed: int = 0) -> StateDict:
    """The diagonal of the Fisher information of a classifier, estimated from inputs.

    F = mean over inputs x of (d log p(y | x) / d theta)^2, with y drawn from p(. | x), the network's own outputs.

    Args:
        model: The network, on any device; it is in evaluation mode afterwards.
        batches: Inputs; the targets are not used.
        seed: Decides the y.

    Returns:
        By name of the parameter, float32, on the CPU.

    Raises:
        SoupError: There are no batches.
    """
    model.eval()
    device = next(model.parameters()).device
    generator = torch.Generator().manual_seed(seed)
    parameters = dict(model.named_parameters())
    sums = {name: torch.zeros_like(parameter) for name, parameter in parameters.items()}
    count = 0
    with torch.enable_grad():
        for batch in batches:
            inputs, targets = split_batch(batch)
            for index in range(len(targets)):
                chances = outputs_of(model, _one(inputs, index), device).log_softmax(1)
                drawn = torch.multinomial(chances[0].detach().exp().cpu(), 1, generator=generator)
                found = torch.autograd.grad(chances[0, drawn.to(device)].sum(), list(parameters.values()),
                                            allow_unused=True)  # fmt: skip
                for name, gradient in zip(sums, found, strict=True):
                    if gradient is not None:
                        sums[name] += gradient.square()
                count += 1
    if not count:
        raise SoupError("there must be at least one batch to estimate the Fisher information with")
    return {name: (total / count).float().cpu() for name, total in sums.items()}


def _one(inputs: Any, index: int) -> Any:
    """One example of a batch."""
    if isinstance(inputs, Mapping):
        return {name: _one(value, index) for name, value in inputs.items()}
    return inputs[index : index + 1]


@METHODS.register("fisher")
def _fisher(inputs: SoupInputs) -> Iterator[Soup]:
    some = inputs.ingredients
    known: list[Source] = list(inputs.information)
    if not known and inputs.model is None:
        raise LackingError(
            "the Fisher soup needs a file of Fisher information for each checkpoint (--fisher), or a task"
        )
    if not known and inputs.model is not None:
        for index in range(len(some)):
            inputs.model.load_state_dict(some.load(index))
            known.append(fisher_information(inputs.model, inputs.held_out, inputs.seed))
    yield Soup("Fisher soup", fisher(some, known, inputs.weights, inputs.statistics), range(len(some)))
