"""`python -m train.sweep`: sweeps of several seeds, their comparison, and means over the seeds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_finetuning import SPACE, TASK

from atp.soups.report import over_seeds, seeds_markdown
from train.finetuning.sweep import SweepConfig
from train.sweep import SoupSweep, SoupSweepConfig


def test_all_seeds_are_compared_and_the_command_goes_on(tmp_path, capsys):
    config = SoupSweepConfig(
        out=tmp_path, seeds=2, pairs=40, sweep=SweepConfig(TASK, Path(), runs=3, space=SPACE)
    )
    assert SoupSweep(config).run()
    result = json.loads((tmp_path / "soups.json").read_text())
    assert result["seeds"] == 2
    assert result["in_distribution"] == "same"
    assert len(result["pairs"]) == 3
    told = capsys.readouterr().out
    assert "| greedy soup |" in told
    rows = {row["way"]: row for row in result["rows"]}
    one, other = (json.loads((tmp_path / f"seed-{seed}" / "soup.json").read_text()) for seed in (0, 1))
    values = [
        next(row for row in each["rows"] if row["way"] == "uniform soup")["tests"]["same"]
        for each in (one, other)
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
            return {
                "way": way,
                "held_out": held_out + change,
                "tests": tests,
                "paired": {name: {"p": 0.5} for name in tests},
            }

        rows = [row("ingredient 0", 0), row("best single", 0), row("greedy soup", 0.1)]
        return {"rows": rows, "in_distribution": "same", "shifted": ["moved", "dark"]}

    found = over_seeds([result(0.5, 0.6, 0.3), result(0.7, 0.8, 0.5)])
    best, greedy = found["rows"]
    assert best["held_out"] == pytest.approx((0.6, 0.1414), abs=1e-4)
    assert greedy["tests"]["moved"] == pytest.approx((0.5, 0.1414), abs=1e-4)
    assert greedy["shifted"][0] == pytest.approx(0.6)
    assert greedy["gain"]["same"] == pytest.approx((0.1, 0.0), abs=1e-9)
    assert greedy["gain"]["shifted"] == pytest.approx((0.2, 0.0), abs=1e-9)
    assert "| greedy soup | 70.0 ± 14.1 |" in seeds_markdown(found)


def test_task_that_cannot_be_had():
    with pytest.raises(ValueError, match="nowhere:task"):
        SoupSweep(SoupSweepConfig(sweep=SweepConfig("nowhere:task")))
