"""A fine-tuning task of milliseconds: two classes of six numbers."""

from __future__ import annotations

import torch
from torch import nn

from train.finetuning.recipe import SearchSpace
from train.finetuning.task import Examples, FineTuningTask

SPACE = SearchSpace(learning_rate=(1e-3, 1e-2), epochs=(1, 3), batch_size=16)
TASK = "tiny_task:task"


def make():
    torch.manual_seed(0)
    body = nn.Linear(6, 12)
    return nn.Sequential(body, nn.ReLU(), nn.Linear(12, 2))


def draw(count, shift=0.0, seed=1):
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(count, 6, generator=generator)
    return Examples(inputs + shift, (inputs[:, 0] * inputs[:, 1] > 0).long())


def task():
    return FineTuningTask(
        make, "2", draw(200), draw(80, seed=2), {"same": draw(100, seed=3), "moved": draw(100, 0.5, seed=4)}
    )


def accuracy(state, examples):
    model = make()
    model.load_state_dict(state)
    return float((model(examples.inputs).argmax(1) == examples.targets).double().mean())
