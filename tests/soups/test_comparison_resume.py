"""Comparisons that were interrupted go on from the rows that are there, and from none where anything differs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tiny_soups import network, states
from torch import nn

from atp.cli import main
from atp.soups import Ingredients, learned_soup
from atp.soups.comparison import Task, compare
from atp.soups.kept_rows import JOURNAL, LOGITS
from atp.soups.soup_files import SoupFiles


def batch(seed, count=40):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 6, generator=generator), torch.randint(3, (count,), generator=generator)


class Counted(list):
    """Batches that count how often they are gone through."""

    passes = 0

    def __iter__(self):
        self.passes += 1
        return super().__iter__()


def task(**options):
    return Task(network(0), [batch(0)], {"same": Counted([batch(1)]), "moved": [batch(2)]}, **options)


def counted(sources, job, folder, **options):
    """A comparison, and for how many rows the model was run."""
    before = job.tests["same"].passes
    found = compare(sources, job, folder=folder, **options)
    return found, job.tests["same"].passes - before


@pytest.fixture
def sources(tmp_path):
    paths = [tmp_path / f"{number}.safetensors" for number in range(3)]
    for path, state in zip(paths, states(3), strict=True):
        save_file(state, path)
    return paths


def test_an_interrupted_comparison_goes_on_and_ends_the_same(sources, tmp_path):
    job, folder, told = task(initial=network(9).state_dict()), tmp_path / "out", []
    wanted = compare(sources, job)

    def stop(way):
        told.append(way)
        if way in stops:
            raise KeyboardInterrupt

    stops = ["ingredient 1"]
    with pytest.raises(KeyboardInterrupt):
        compare(sources, job, folder=folder, progress=stop)
    stops = ["greedy soup"]
    job.tests["same"].passes = 0
    with pytest.raises(KeyboardInterrupt):
        compare(sources, job, folder=folder, progress=stop)
    assert job.tests["same"].passes == 1 + 1 + 2  # the first again, the third, uniform and greedy
    found, passes = counted(sources, job, folder)
    assert found == wanted
    assert passes == 1 + 5  # the first again, learned, three of WiSE-FT, model stock
    again, passes = counted(sources, job, folder)
    assert again == wanted
    assert passes == 1
    assert not list((folder / LOGITS).glob("ingredient*"))  # nothing needs them any more


@pytest.mark.parametrize("change", ["file", "targets", "network", "metric", "option", "order", "first"])
def test_where_anything_differs_all_is_compared_anew(sources, tmp_path, change):
    job, folder, options = task(), tmp_path / "out", {}
    compare(sources, job, folder=folder)
    if change == "file":
        save_file(network(7).state_dict(), sources[2])
    elif change == "targets":
        inputs, targets = batch(2)
        job = replace(job, tests={**job.tests, "moved": [(inputs, targets.roll(1))]})
    elif change == "network":
        job = replace(job, model=nn.Sequential(network(0)[0], nn.ReLU(), network(0)[2]))
    elif change == "metric":
        job = replace(job, metric=lambda logits, targets: float(logits.mean()))
    elif change == "option":
        options = {"options": {"learned_epochs": 1}}
    elif change == "order":
        sources = sources[::-1]
    else:
        (folder / LOGITS / "first").unlink()
    found, passes = counted(sources, job, folder, **options)
    assert passes == 3 + 3  # three alone, uniform, greedy, learned
    assert found == compare(sources, job, **options)


def test_further_methods_keep_the_rows_that_are_there(sources, tmp_path):
    job, folder = task(ensembles=False), tmp_path / "out"
    assert counted(sources, job, folder, methods=["uniform"])[1] == 3 + 1
    found, passes = counted(sources, job, folder, methods=["uniform", "greedy"])
    assert passes == 1 + 1
    assert found == compare(sources, job, methods=["uniform", "greedy"])
    whole = replace(job, ensembles=True)  # their logits were not kept
    found, passes = counted(sources, whole, folder, methods=["greedy"])
    assert passes == 3
    assert found == compare(sources, whole, methods=["greedy"])


def test_logits_are_in_files_and_in_half_precision(sources, tmp_path):
    sizes = {}

    def look(way):
        if way == "ingredient 2":
            sizes.update({path.name: path.stat().st_size for path in (tmp_path / "out" / LOGITS).iterdir()})

    for dtype in (torch.float64, torch.float16):
        found = compare(sources, task(logits_dtype=dtype), folder=tmp_path / "out", progress=look)
        wanted = 3 * 40 * 3 * dtype.itemsize
        assert all(wanted < sizes[f"ingredient-{number}"] < wanted + 500 for number in range(3))
        assert found == compare(sources, task(logits_dtype=dtype))


def test_a_soup_that_is_gone_or_another_is_made_again(sources, tmp_path):
    job, out = task(), tmp_path / "out"

    def swept():
        files = SoupFiles(out, Ingredients(sources))
        passes = counted(sources, job, out, keep=files.keep, still=files.still, methods=["uniform", "greedy"])[1]
        files.finish("")
        return passes, sorted(json.loads((out / "soup-report.json").read_text())["soups"])

    names = ["greedy soup", "uniform soup"]
    assert swept() == (5, names)
    assert swept() == (1, names)
    first = (out / "uniform-soup.safetensors").read_bytes()
    (out / "uniform-soup.safetensors").unlink()
    assert swept() == (2, names)
    assert (out / "uniform-soup.safetensors").read_bytes() == first
    save_file(network(7).state_dict(), out / "uniform-soup.safetensors")
    assert swept() == (2, names)
    assert (out / "uniform-soup.safetensors").read_bytes() == first


TASK = """
import torch
from torch import nn
from atp.soups.comparison import Task

def task():
    generator = torch.Generator().manual_seed(1)
    sets = [[(torch.randn(20, 6, generator=generator), torch.arange(20) % 3)] for _ in range(2)]
    return Task(nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3)), sets[0], {"same": sets[1]})
"""


def test_the_command_resumes_and_leaves_rows_out(sources, tmp_path, monkeypatch, capsys):
    (tmp_path / "resumed_task_of_a_test.py").write_text(TASK)
    monkeypatch.chdir(tmp_path)
    command = ["soup", *map(str, sources), "--task", "resumed_task_of_a_test:task", "--out", "out"]

    def ways():
        return [row["way"] for row in json.loads((tmp_path / "out" / "soup.json").read_text())["rows"]]

    main([*command, "--leave-out", "learned,ensembles"])
    assert ways() == [*(f"ingredient {k}" for k in range(3)), "best single", "uniform soup", "greedy soup"]
    entries = (tmp_path / "out" / JOURNAL).read_text().splitlines()
    written = (tmp_path / "out" / "uniform-soup.safetensors").stat().st_mtime_ns
    main([*command, "--leave-out", "ensembles"])
    assert ways()[-3:] == ["uniform soup", "greedy soup", "learned soup"]
    assert (tmp_path / "out" / JOURNAL).read_text().splitlines()[: len(entries)] == entries
    assert (tmp_path / "out" / "uniform-soup.safetensors").stat().st_mtime_ns == written
    with pytest.raises(SystemExit):
        main([*command, "--leave-out", "bisque"])
    assert "--leave-out bisque: is not compared" in capsys.readouterr().err


def test_a_learned_soup_in_memory_reads_its_files_once(sources, monkeypatch):
    reads = []
    original = Ingredients.blocks

    def watched(self, indices):
        reads.extend(isinstance(self.sources[index], Path) for index in indices)
        return original(self, indices)

    monkeypatch.setattr(Ingredients, "blocks", watched)
    bytes_of_all = 3 * 4 * sum(parameter.numel() for parameter in network(0).parameters())
    batches = [batch(seed) for seed in range(4)]
    streamed = learned_soup(sources, network(5), batches, memory=bytes_of_all - 1)
    assert sum(reads) == 3 * (2 * 4 + 1)  # twice a step, and for the soup
    reads.clear()
    held = learned_soup(sources, network(5), batches, memory=bytes_of_all)
    assert sum(reads) == 3
    assert torch.equal(held.weights, streamed.weights)
    assert all(torch.equal(held.state[name], tensor) for name, tensor in streamed.state.items())
