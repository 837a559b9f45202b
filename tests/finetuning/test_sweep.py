"""`python -m train.sweep`: sweeps of several seeds, their comparison, and means over the seeds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import tiny_task
from atp.reporting.soup_tables import over_seeds, pairs_markdown, seeds_markdown
from atp.results.soup import Comparison, ComparisonRow, FineTunePair, PairedTest
from atp.soups import uniform_soup
from tiny_task import SPACE, TASK
from train.finetuning.random_search import SweepConfig
from train.finetuning.task import Examples
from train.studies import soup_sweep as study
from train.studies.soup_sweep import SoupSweep, SoupSweepConfig


def test_all_seeds_are_compared_and_the_command_goes_on(tmp_path, capsys):
    config = SoupSweepConfig(out=tmp_path, seeds=2, pairs=40, sweep=SweepConfig(TASK, Path(), runs=3, space=SPACE))
    assert SoupSweep(config).run()
    result = json.loads((tmp_path / "soups.json").read_text())
    assert result["seeds"] == 2
    assert result["in_distribution"] == "same"
    assert [(pair["seed"], pair["one"], pair["other"]) for pair in result["pairs"]] == [
        (seed, *pair) for seed in (0, 1) for pair in ((0, 1), (0, 2), (1, 2))
    ]
    assert (tmp_path / "pairs.png").exists()
    told = capsys.readouterr().out
    assert "| greedy soup |" in told
    rows = {row["way"]: row for row in result["rows"]}
    one, other = (json.loads((tmp_path / f"seed-{seed}" / "soup.json").read_text()) for seed in (0, 1))
    values = [
        next(row for row in each["rows"] if row["way"] == "uniform soup")["tests"]["same"] for each in (one, other)
    ]
    assert rows["uniform soup"]["tests"]["same"][0] == pytest.approx(sum(values) / 2)
    assert rows["best single"]["gain"]["same"] == [0, 0]
    assert one["recipes"] != other["recipes"]
    assert (tmp_path / "seed-1" / "soup.png").exists()
    before = (tmp_path / "seed-0" / "soup.json").stat().st_mtime_ns
    assert SoupSweep(config).run()
    assert (tmp_path / "seed-0" / "soup.json").stat().st_mtime_ns == before


def test_means_and_spreads():
    def result(held_out, same, moved):
        def row(way, change):
            tests = {"same": same + change, "moved": moved + change, "dark": moved + 3 * change}
            paired = {name: PairedTest(1, 0, 0.5) for name in tests}
            return ComparisonRow(way, held_out + change, tests, [0], paired)

        rows = [row("ingredient 0", 0), row("best single", 0), row("greedy soup", 0.1)]
        return Comparison(["one"], rows, "same", ["moved", "dark"])

    found = over_seeds([result(0.5, 0.6, 0.3), result(0.7, 0.8, 0.5)])
    best, greedy = found.rows
    assert best.held_out == pytest.approx((0.6, 0.1414), abs=1e-4)
    assert greedy.tests["moved"] == pytest.approx((0.5, 0.1414), abs=1e-4)
    assert greedy.shifted[0] == pytest.approx(0.6)
    assert greedy.gain["same"] == pytest.approx((0.1, 0.0), abs=1e-9)
    assert greedy.gain["shifted"] == pytest.approx((0.2, 0.0), abs=1e-9)
    line = "| greedy soup | 70.0 ± 14.1 | 80.0 ± 14.1 | 60.0 ± 14.1 | +10.0 ± 0.0 | 0.5, 0.5 | +20.0 ± 0.0 |"
    assert line in seeds_markdown(found, each=False)


def test_pairs_by_learning_rate():
    rates = [1.0, 2.0, 3.0, 4.0, 5.0]
    pairs = [
        FineTunePair(
            a, b, angle=60.0, barrier=a + b, difference=a - b, approximation=2 * (a - b) + 1, soup_loss=0.0,
            ensemble_loss=0.0, curvature=0.0, variance=0.0, rates=(rates[a], rates[b]),
        )
        for a in range(5) for b in range(a + 1, 5)
    ]  # fmt: skip
    row = ComparisonRow("best single", 0.5, {"same": 0.5}, [0], {"same": PairedTest(0, 0, 1.0)})
    recipes = [{"learning_rate": rate} for rate in rates]
    one = Comparison(["one"], [row], "same", [], pairs=pairs, recipes=recipes)
    found = over_seeds([one, one])
    assert [(pair.one, pair.other) for pair in found.pairs if pair.low] == 2 * [(0, 1), (0, 2), (1, 2)]
    assert [(pair.one, pair.other) for pair in found.pairs if pair.high] == [(3, 4)] * 2
    table = pairs_markdown(found)
    assert "| lower learning rates | 6 | 60 | +2.0000 | -1.3333 | 1.00 |" in table
    assert "| all | 20 |" in table


def test_task_that_cannot_be_had():
    with pytest.raises(ValueError, match="nowhere:task"):
        SoupSweep(SoupSweepConfig(sweep=SweepConfig("nowhere:task")))


def test_a_sweep_that_was_enlarged_is_compared_anew(tmp_path, capsys):
    def swept(**options):
        space = SweepConfig(TASK, Path(), runs=options.pop("runs"), space=SPACE)
        SoupSweep(SoupSweepConfig(out=tmp_path, seeds=1, sweep=space, **options)).run()
        return json.loads((tmp_path / "seed-0" / "soup.json").read_text())

    few = swept(runs=2, pairs=0)
    assert len(few["ingredients"]) == 2
    assert not few["pairs"]
    more = swept(runs=3, pairs=20)
    assert len(more["ingredients"]) == len(more["recipes"]) == 3
    assert len(more["pairs"]) == 3
    other = swept(runs=3, pairs=40)
    assert [pair["soup_loss"] for pair in other["pairs"]] != [pair["soup_loss"] for pair in more["pairs"]]
    before = (tmp_path / "seed-0" / "soup.json").stat().st_mtime_ns
    swept(runs=3, pairs=40)
    assert (tmp_path / "seed-0" / "soup.json").stat().st_mtime_ns == before
    assert len(swept(runs=2, pairs=0)["ingredients"]) == 2


def test_held_out_examples_and_tests_are_apart_and_models_are_prepared(tmp_path, monkeypatch):
    """With tests that are labelled the other way round."""
    calls = []
    some = tiny_task.task()
    wrong = {name: Examples(each.inputs, 1 - each.targets) for name, each in some.tests.items()}
    task = replace(some, tests=wrong, prepare=calls.append)
    monkeypatch.setattr(study, "load_task", lambda name: task)
    config = SweepConfig(TASK, Path(), runs=2, space=SPACE)
    SoupSweep(SoupSweepConfig(out=tmp_path, seeds=2, pairs=0, sweep=config)).run()
    files = [tmp_path / f"seed-{seed}" / "000.safetensors" for seed in (0, 1)]
    for file in files:
        row = next(
            row for row in json.loads((file.parent / "soup.json").read_text())["rows"] if row["way"] == "ingredient 0"
        )
        state = load_file(file)
        assert row["held_out"] == pytest.approx(tiny_task.accuracy(state, some.held_out))
        assert row["tests"]["same"] == pytest.approx(1 - tiny_task.accuracy(state, some.tests["same"]))
    assert len(calls) >= 2 * (2 + 3)  # single ones and soups of both seeds
    assert files[0].read_bytes() != files[1].read_bytes()


def test_pairs_are_of_the_first_held_out_examples(tmp_path, monkeypatch):
    """With tests that are labelled the other way round."""
    some = tiny_task.task()
    wrong = {name: Examples(each.inputs, 1 - each.targets) for name, each in some.tests.items()}
    monkeypatch.setattr(study, "load_task", lambda name: replace(some, tests=wrong))
    config = SweepConfig(TASK, Path(), runs=2, space=SPACE)
    SoupSweep(SoupSweepConfig(out=tmp_path, seeds=1, pairs=30, sweep=config)).run()
    (pair,) = json.loads((tmp_path / "seed-0" / "soup.json").read_text())["pairs"]
    model = tiny_task.make()
    model.load_state_dict(uniform_soup([tmp_path / "seed-0" / f"00{number}.safetensors" for number in (0, 1)]))
    few = some.held_out.some(30)
    with torch.no_grad():
        wanted = nn.functional.cross_entropy(model.eval()(few.inputs), few.targets)
    assert pair["soup_loss"] == pytest.approx(float(wanted), rel=1e-5)
