"""The learned soup: mixing weights by gradient descent on held-out data (Model soups, app. I).

The gradient for an ingredient's weight is the inner product of the loss's gradient at the soup with the ingredient. So
one backward pass and one reading of the files give all of them, and memory does not grow with their number. Where all
ingredients fit the memory that is allowed, their files are read once instead. A low-rank picture of them would not be
smaller: displacements of fine-tunes are far from parallel (docs/results/soups.md has their angles), so their rank is
their number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from atp.soups.checkpoints.soup_errors import LackingError
from atp.soups.ingredients import Ingredients, SoupError, Source, StateDict
from atp.soups.methods import METHODS, Soup, SoupInputs
from atp.soups.mixing import Statistics, mix
from atp.soups.model_outputs import outputs_of, split_batch

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class LearnedSoup:
    """A learned soup.

    Attributes:
        state: State dict on the CPU.
        weights: (N,) float64 shares of the ingredients, or (L, N) by layer; rows sum to 1.
        layers: Names of the layers of the rows; empty without ``by_layer``.
        temperature: What the outputs are multiplied with.
        losses: Held-out loss at each step.
    """

    state: StateDict
    weights: Tensor
    layers: list[str]
    temperature: float
    losses: list[float]


def layer_of(name: str) -> str:
    """The layer of a tensor: its module."""
    return name.rpartition(".")[0]


def bytes_of(ingredients: Ingredients) -> int:
    """What all ingredients take in memory, as they are stored."""
    each = (layout for checkpoint in ingredients.checkpoints for layout in checkpoint.layout.values())
    return sum(math.prod(shape) * dtype.itemsize for shape, dtype in each)


def mixture_gradient(ingredients: Ingredients, gradients: StateDict, layers: Sequence[str] = ()) -> Tensor:
    """Gradient of a loss for the weights of the mixture, from its gradient for the mixed tensors.

    Args:
        ingredients: The checkpoints.
        gradients: The loss's gradient by tensor name; names without one do not count.
        layers: Names of layers, for a gradient by layer.

    Returns:
        (N,) float64, or (L, N) by layer.
    """
    rows = {layer: row for row, layer in enumerate(layers)}
    exact = {name: gradient.double().flatten() for name, gradient in gradients.items()}
    found = torch.zeros(max(1, len(layers)), len(ingredients), dtype=torch.float64)
    for index in range(len(ingredients)):
        for name, tensor in ingredients.read(index):
            if name in exact:
                product = torch.dot(exact[name], tensor.double().flatten())
                found[rows[layer_of(name)] if layers else 0, index] += product
    return found if layers else found[0]


def learned_soup(
    ingredients: Ingredients | Sequence[Source],
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    loss: Loss = nn.functional.cross_entropy,
    by_layer: bool = False,
    learning_rate: float = 0.1,
    learn_temperature: bool = True,
    statistics: Statistics = None,
    batches_per_step: int = 1,
    memory: int = 0,
) -> LearnedSoup:
    """Learn a softmax over the ingredients, and a temperature, on held-out batches.

    Args:
        ingredients: The checkpoints.
        model: A network of theirs, on any device; it is used in evaluation mode and ends with the soup's weights.
            Parameters count that require no gradients too, as ingredients may differ in them.
        batches: Held-out inputs and targets; repeat them for more epochs.
        loss: Of outputs and targets.
        by_layer: Learn a softmax for each module.
        learning_rate: Of AdamW, without weight decay.
        learn_temperature: Learn a factor of the outputs beside.
        statistics: Of BatchNorm, see :func:`atp.soups.mix`.
        batches_per_step: Batches whose mean loss a step is made with. The files are read twice a step, so many make
            soups of large files affordable; the last step may have fewer.
        memory: Bytes. Where all ingredients fit, they are held there in their own dtypes and files are read once; else
            files are read twice a step.

    Returns:
        The soup.

    Raises:
        SoupError: The checkpoints cannot be mixed, or are not of this model; there is no batch; or the loss depends on
            no parameter.
    """
    some = Ingredients.of(ingredients)
    some.refuse_adapters("the learned soup")
    if bytes_of(some) <= memory:
        some = some.in_memory()
    layers = list(dict.fromkeys(layer_of(name) for name in some.layout)) if by_layer else []
    logits = torch.zeros(max(1, len(layers)), len(some), dtype=torch.float64, requires_grad=True)
    log_temperature = torch.zeros((), dtype=torch.float64, requires_grad=learn_temperature)
    learned = [logits, log_temperature] if learn_temperature else [logits]
    optimizer = torch.optim.AdamW(learned, lr=learning_rate, weight_decay=0.0)
    model.eval()
    device = next(model.parameters()).device
    losses: list[float] = []
    with _all_require_gradients(model):
        for some_batches in _grouped(batches, batches_per_step):
            shares = logits.softmax(1)
            _fill(model, mix(some, _by_name(some, shares.detach(), layers), statistics))
            model.zero_grad(set_to_none=True)
            optimizer.zero_grad(set_to_none=True)
            values = []
            for inputs, targets in map(split_batch, some_batches):
                outputs = outputs_of(model, inputs, device)
                value = loss(outputs * log_temperature.exp().to(outputs), targets.to(device)) / len(some_batches)
                if not value.requires_grad:
                    raise SoupError("the loss depends on no parameter of the model: nothing can be learned")
                value.backward()  # type: ignore[no-untyped-call]
                values.append(float(value.detach()))
            gradients = _gradients(model)
            found = mixture_gradient(some, gradients, layers).reshape(logits.shape)
            shares.backward(found)  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(sum(values))
        model.zero_grad(set_to_none=True)
    if not losses:
        raise SoupError("the learned soup needs a held-out batch or more, and an epoch or more of them")
    weights = logits.detach().softmax(1)
    state = mix(some, _by_name(some, weights, layers), statistics)
    _fill(model, state)
    return LearnedSoup(
        state, weights if layers else weights[0], layers, math.exp(float(log_temperature.detach())), losses
    )


def _gradients(model: nn.Module) -> StateDict:
    """Gradients by name of the parameter.

    Raises:
        SoupError: There are none.
    """
    found = {
        name: parameter.grad.detach().cpu()
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }
    if not found:
        raise SoupError("the loss depends on no parameter of the model: nothing can be learned")
    return found


@contextmanager
def _all_require_gradients(model: nn.Module) -> Iterator[None]:
    """Frozen parameters get gradients too: ingredients differ in them where others trained them."""
    frozen = [each for each in model.parameters() if not each.requires_grad and each.is_floating_point()]
    for parameter in frozen:
        parameter.requires_grad_(True)
    try:
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(False)


def _grouped(batches: Iterable[tuple[Tensor, Tensor]], size: int) -> Iterator[list[tuple[Tensor, Tensor]]]:
    """Batches for each step."""
    group: list[tuple[Tensor, Tensor]] = []
    for batch in batches:
        group.append(batch)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


def _by_name(ingredients: Ingredients, shares: Tensor, layers: Sequence[str]) -> dict[str, list[float]]:
    """Weights by tensor name."""
    rows = {layer: row for row, layer in enumerate(layers)}
    values = shares.tolist()
    return {name: values[rows[layer_of(name)] if layers else 0] for name in ingredients.layout}


def _fill(model: nn.Module, state: StateDict) -> None:
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise SoupError(f"the ingredients are not of this model: {error}") from error


@METHODS.register("learned")
def _learned(inputs: SoupInputs) -> list[Soup]:
    if inputs.model is None:
        raise LackingError("the learned soup needs a task: --task")
    epochs = (batch for _ in range(inputs.learned_epochs) for batch in inputs.held_out)
    with torch.enable_grad():
        found = learned_soup(
            inputs.ingredients,
            inputs.model,
            epochs,
            statistics=inputs.statistics,
            batches_per_step=inputs.learned_batches,
            memory=inputs.learned_memory,
        )
    return [Soup("learned soup", found.state, found.weights.tolist())]
