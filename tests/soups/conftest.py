"""Fixtures of the tests of soups."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file
from tiny_soups import states


@pytest.fixture
def files(tmp_path):
    """Five checkpoints on disk, of both kinds."""
    paths = []
    for number, state in enumerate(states(5)):
        path = tmp_path / f"{number}.{'safetensors' if number % 2 else 'pt'}"
        save_file(state, path) if number % 2 else torch.save(state, path)
        paths.append(path)
    return paths
