"""Checkpoints of a tiny network, for soups of them."""

from __future__ import annotations

import torch
from torch import nn


def network(seed=0, dtype=torch.float32):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3)).to(dtype)


def states(count, dtype=torch.float32):
    return [network(seed, dtype).state_dict() for seed in range(count)]


def normalised(seed, trained=True):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))
    if trained:
        for _ in range(seed + 3):
            model(torch.randn(16, 6) * (seed + 1))
    return model.eval()
