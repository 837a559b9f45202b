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
from atp.soups import greedy_soup, learned_soup, model_stock, ties, uniform_soup

kind, files = sys.argv[1], [Path(file) for file in sys.argv[2:]]
if kind == "uniform":
    uniform_soup(files)
elif kind == "greedy":
    greedy_soup(files, lambda state: 1.0, strict=False)
elif kind == "ties":
    ties(files, files[0])
elif kind == "model stock":
    model_stock(files, files[0])
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


@pytest.mark.parametrize("kind", ["uniform", "greedy", "learned", "ties", "model stock"])
def test_32_ingredients_take_no_more_than_2(files, kind):
    def megabytes(count):
        command = [sys.executable, "-c", SCRIPT, kind, *map(str, files[:count])]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    few, many = megabytes(2), megabytes(32)
    assert many < 1.1 * few, (few, many)  # 30 files more are 600 MB


COMMAND = """
import resource, sys
import torch
from safetensors.torch import save_file
from atp.cli import main

save_file({"w": torch.ones(10)}, sys.argv[2] + "/small.safetensors")
try:
    main(["soup", sys.argv[2] + "/small.safetensors"])  # everything is imported
except SystemExit:
    pass
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
main(["soup", sys.argv[1], "--out", sys.argv[2]])
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.parametrize("form", ["folder", "shards", "pt", "ckpt"])
def test_two_large_ones_take_little_more_than_one(tmp_path, form):
    megabytes, layers = 400, 20
    generator = torch.Generator().manual_seed(0)
    for number in range(2):
        state = {f"{k}.weight": torch.randn((megabytes << 18) // layers, generator=generator)
                 for k in range(layers)}  # fmt: skip
        run = tmp_path / "runs" / f"run{number}"
        if form in ("folder", "shards"):
            run.mkdir(parents=True)
            half = layers // 2 if form == "shards" else layers
            items = list(state.items())
            for shard, part in enumerate(p for p in (items[:half], items[half:]) if p):
                name = "model" if form == "folder" else f"model-{shard + 1:05}-of-00002"
                save_file(dict(part), run / f"{name}.safetensors")
        else:
            run.parent.mkdir(exist_ok=True)
            torch.save({"state_dict": state, "epoch": 1}, run.with_suffix(f".{form}"))
        del state
    command = [sys.executable, "-c", COMMAND, str(tmp_path / "runs"), str(tmp_path)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert float(told[-1]) < 1.3 * megabytes
