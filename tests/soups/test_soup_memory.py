"""Memory does not grow with the number of ingredients."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from safetensors.torch import save_file

pytestmark = pytest.mark.slow

LAYERS, WIDTH = 20, 512  # 20 MB
SCRIPT = f"""
import resource, sys
from pathlib import Path
import torch
from torch import nn
from atp.soups import greedy_soup, learned_soup, uniform_soup

kind, files = sys.argv[1], [Path(file) for file in sys.argv[2:]]
if kind == "uniform":
    uniform_soup(files)
elif kind == "greedy":
    greedy_soup(files, lambda state: 1.0, strict=False)
else:
    model = nn.Sequential(*(nn.Linear({WIDTH}, {WIDTH}, bias=False) for _ in range({LAYERS})))
    learned_soup(files, model, 2 * [(torch.ones(4, {WIDTH}), torch.zeros(4, dtype=torch.long))])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@pytest.fixture(scope="module", params=["safetensors", "pt"])
def files(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ingredients")
    save = save_file if request.param == "safetensors" else torch.save
    generator = torch.Generator().manual_seed(0)
    for number in range(32):
        state = {
            f"{layer}.weight": torch.randn(WIDTH, WIDTH, generator=generator) / WIDTH**0.5 for layer in range(LAYERS)
        }
        save(state, folder / f"{number:02}.{request.param}")
    return sorted(folder.iterdir())


@pytest.mark.parametrize("kind", ["uniform", "greedy", "learned"])
def test_32_ingredients_take_no_more_than_2(files, kind):
    def megabytes(count):
        command = [sys.executable, "-c", SCRIPT, kind, *map(str, files[:count])]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    few, many = megabytes(2), megabytes(32)
    assert many < 1.1 * few, (few, many)  # 30 files more are 600 MB
