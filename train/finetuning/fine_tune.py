"""One fine-tune: the linear probe that all start from, and the fine-tune itself (LP-FT, arXiv 2202.10054)."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from atp.soups import StateDict
from train.finetuning.recipe import Recipe
from train.finetuning.task import Augment, Examples, FineTuningTask
from train.learning.schedule import lr_share_at

#: The probe is fitted to outputs of the rest of the network, which stay as they are; so it may take long steps.
PROBE = Recipe(learning_rate=1e-2, weight_decay=1e-4, epochs=10)


def probe(task: FineTuningTask, recipe: Recipe = PROBE) -> StateDict:
    """The pretrained network with a head that was fitted alone: the initialisation of all fine-tunes.

    Args:
        task: What is fine-tuned.
        recipe: How the head is fitted; nothing is augmented.

    Returns:
        State dict on the CPU.
    """
    torch.manual_seed(recipe.seed)
    model = task.make()
    if task.head is None:
        return _copied(model)
    try:
        head = model.get_submodule(task.head)
    except AttributeError as error:
        raise ValueError(f"the task's network has no module '{task.head}', its head") from error
    model.eval()  # statistics and dropout belong to the rest
    fit(head, list(head.parameters()), _seen_by(head, model, task.train), lambda inputs, *_: inputs, recipe)
    return _copied(model)


@torch.no_grad()
def _seen_by(head: nn.Module, model: nn.Module, examples: Examples) -> Examples:
    """What the head of a network gets to see of examples, computed once."""
    seen: list[Tensor] = []
    hook = head.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].cpu()))
    device = next(model.parameters()).device
    for inputs, _ in examples.batches(PROBE.batch_size):
        model(inputs.to(device))
    hook.remove()
    return Examples(torch.cat(seen), examples.targets)


def fine_tune(task: FineTuningTask, initial: StateDict, recipe: Recipe) -> StateDict:
    """Fine-tune from an initialisation.

    Args:
        task: What is fine-tuned.
        initial: As :func:`probe` gives it.
        recipe: How.

    Returns:
        State dict on the CPU.
    """
    torch.manual_seed(recipe.seed)
    model = task.make()
    model.load_state_dict(initial)
    model.train()
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    fit(model, parameters, task.train, task.augment, recipe)
    return _copied(model)


def fit(model: nn.Module, parameters: list[nn.Parameter], examples: Examples, augment: Augment, recipe: Recipe) -> None:
    """Minimise the cross-entropy of examples.

    Args:
        model: The network, in the mode in which it is to be trained.
        parameters: Those that change.
        examples: What is learned.
        augment: Changes a batch of inputs.
        recipe: How. What the network itself draws, as dropout does, comes from PyTorch's global generator.
    """
    generator, device = torch.Generator().manual_seed(recipe.seed), parameters[0].device
    total = recipe.epochs * math.ceil(len(examples) / recipe.batch_size)
    optimizer = torch.optim.AdamW(parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: lr_share_at(step, total))
    for inputs, targets in _batches(examples, recipe, generator):
        inputs, targets = augment(inputs, recipe.augmentation, generator).to(device), targets.to(device)
        other = torch.randperm(len(targets), generator=generator).to(device)
        share = _mixing_share(recipe.mixup, generator)
        if share < 1:
            inputs = share * inputs + (1 - share) * inputs[other]
        logits = model(inputs)
        loss = share * _loss(logits, targets, recipe) + (1 - share) * _loss(logits, targets[other], recipe)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()


def _batches(examples: Examples, recipe: Recipe, generator: torch.Generator) -> Iterable[tuple[Tensor, Tensor]]:
    """All examples in a new order for each epoch."""
    for _ in range(recipe.epochs):
        order = torch.randperm(len(examples), generator=generator)
        for which in torch.split(order, recipe.batch_size):
            yield examples.inputs[which], examples.targets[which]


def _loss(logits: Tensor, targets: Tensor, recipe: Recipe) -> Tensor:
    return nn.functional.cross_entropy(logits, targets, label_smoothing=recipe.label_smoothing)


def _mixing_share(mixup: float, generator: torch.Generator) -> float:
    """A draw of Beta(mixup, mixup), at least a half; 1 without mixup."""
    if mixup <= 0:
        return 1.0
    gamma = torch._standard_gamma(torch.full((2,), mixup, dtype=torch.float64), generator=generator)
    share = float(gamma[0] / gamma.sum().clamp(min=1e-300))
    return max(share, 1 - share)


def _copied(model: nn.Module) -> StateDict:
    return {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}
