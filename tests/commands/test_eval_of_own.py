"""`atp eval` with policies, objects and metrics of the user's own, from modules and folders that are no part of it."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from assets.generators.category import CATEGORY_REGISTRY
from atp import metrics
from atp.benchmark.own_objects import find_objects
from atp.cli import main

URDF = """<robot name="{name}">
  <link name="base"><visual><geometry><box size="0.4 0.4 0.1"/></geometry></visual></link>
  <link name="arm"><visual><origin xyz="0.3 0 0"/><geometry><box size="0.6 0.1 0.1"/></geometry></visual></link>
  <joint name="hinge" type="revolute">
    <parent link="base"/><child link="arm"/><origin xyz="0 0.3 0"/><axis xyz="0 0 1"/>
    <limit lower="-1" upper="1" effort="1" velocity="1"/>
  </joint>
</robot>"""

MODULE = '''
import numpy as np

from atp.metrics import StepMetric, part_areas, register


class Corner:
    """Holds and pushes the corner of the image."""

    true_motion = True

    def __init__(self, env, agent, rng):
        pass

    def act(self, observation):
        return np.zeros(5, np.int64)


def count(step):
    return len(part_areas(step.parts))


register(StepMetric("parts_seen", "parts seen", value=count, over="all"))
'''


def write_object(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / f"{folder.name}.urdf").write_text(URDF.format(name=folder.name))
    return folder


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A folder to work in, with a module and two objects."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(metrics.METRICS, "_entries", dict(metrics.METRICS._entries))
    (tmp_path / "own_of_a_test.py").write_text(MODULE)
    for name in ("crank", "lever"):
        write_object(tmp_path / "things" / name)
    monkeypatch.delitem(sys.modules, "own_of_a_test", raising=False)
    return tmp_path


def evaluate(weights, *arguments: str) -> list[dict]:
    main(["eval", "--weights", str(weights), "--episodes", "2", "--out", "out", *arguments])
    return json.loads(Path("out/eval.json").read_text())["rows"]


def test_own_policy_objects_and_metric_in_workers(own, weights, capsys):
    arguments = ["--policies", "act-random,own_of_a_test:Corner", "--objects", "things", "--metrics", "own_of_a_test"]
    rows = evaluate(weights, *arguments, "--workers", "2")
    assert [(row["policy"], row["category"], row["object"]) for row in rows] == [
        (policy, name, f"things/{name}")
        for name in ("crank", "lever")
        for policy in ("act-random", "own_of_a_test:Corner")
    ]
    corner = rows[1]
    assert (corner["optimal_rate"], corner["false_motion_rate"]) == (0, 0)
    assert corner["parts_seen"] == 0
    assert "parts seen" in capsys.readouterr().out
    assert "| crank | own_of_a_test:Corner |" in Path("out/eval.md").read_text()
    # another file of the policy is another policy to a resumed evaluation, and so is another object
    journal = Path("out/journal.jsonl")
    count = len(journal.read_text().splitlines())
    assert evaluate(weights, *arguments, "--workers", "1") == rows
    assert len(journal.read_text().splitlines()) == count
    urdf = own / "things/lever/lever.urdf"
    urdf.write_text(urdf.read_text().replace("0.6 0.1 0.1", "0.7 0.1 0.1"))
    evaluate(weights, *arguments, "--workers", "1")
    assert len(journal.read_text().splitlines()) == count + 2


def test_objects_are_urdf_files_folders_or_folders_of_folders(own):
    things = own / "things"
    both = {"crank": things / "crank", "lever": things / "lever"}
    assert find_objects([things]) == both
    assert find_objects([things / "lever", things / "crank"]) == both
    assert find_objects([things / "crank" / "crank.urdf"]) == {"crank": things / "crank" / "crank.urdf"}
    nested = own / "cabinet" / "urdf"
    write_object(nested)
    assert find_objects([own / "cabinet"]) == {"cabinet": own / "cabinet"}
    shutil.copytree(things / "crank", own / "other" / "crank")
    assert list(find_objects([things, own / "other"])) == ["crank", "lever", "other"]
    assert list(find_objects([things / "crank", own / "other" / "crank"])) == ["crank", "crank-2"]
    (things / "empty").mkdir()
    with pytest.raises(ValueError, match=r"things/empty: no \.urdf file"):
        find_objects([things / "empty"])


def test_objects_that_say_their_category_have_a_row_for_each_and_a_mean(own, weights, capsys):
    for name in ("crank", "lever", "wheel"):
        folder = own / "things" / name
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.urdf").unlink(missing_ok=True)
        (folder / "mobility.urdf").write_text(URDF.format(name="same"))  # all files are alike
    for name in ("lever", "wheel"):
        (own / "things" / name / "meta.json").write_text('{"category": "Handle"}')
    (own / "things" / "crank" / "meta.json").write_text("broken")
    rows = evaluate(weights, "--policies", "act-random", "--objects", "things", "--workers", "1")
    assert [(row["category"], row["object"]) for row in rows] == [
        ("crank", "things/crank"),
        ("handle", "things/lever"),
        ("handle", "things/wheel"),
    ]
    keys = [json.loads(line)["key"] for line in Path("out/journal.jsonl").read_text().splitlines()[1:]]
    assert len(set(keys)) == 3  # files that are alike may name meshes that are not
    page = Path("out/eval.md").read_text().partition("## ")[0]
    lines = [line.split(" | ") for line in page.splitlines() if line.startswith("| ")]
    assert [line[0] for line in lines] == ["| category", "| ---", "| crank", "| handle", "| mean"]
    episodes = lines[0].index("episodes")
    assert [line[episodes] for line in lines[2:]] == ["2", "4", "6"]
    motion = [row["miou"] for row in rows]
    column = next(number for number, heading in enumerate(lines[0]) if heading.startswith("mIoU"))
    assert float(lines[3][column]) == pytest.approx((motion[1] + motion[2]) / 2, abs=1e-3)
    assert float(lines[4][column]) == pytest.approx((motion[0] + (motion[1] + motion[2]) / 2) / 2, abs=1e-3)
    printed = [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()]
    assert printed[:4] == ["category", "crank", "handle", "mean"]


def test_found_objects_have_a_row_for_each_category(own, weights, monkeypatch):
    monkeypatch.delenv("ATP_OBJECTS", raising=False)  # whose objects would be found too
    monkeypatch.setenv("ATP_FOUND", str(own / "things"))
    entries = [{"name": n, "category": n, "split": "found", "index": 0} for n in ("lever", "crank")]
    (own / "things" / "index.json").write_text(json.dumps({"objects": entries}))
    rows = evaluate(weights, "--policies", "act-random", "--split", "found", "--workers", "1")
    assert [(row["category"], row["split"]) for row in rows] == [("crank", "found"), ("lever", "found")]
    rows = evaluate(weights, "--policies", "act-random", "--split", "found", "--categories", "lever", "--workers", "1")
    assert [row["category"] for row in rows] == ["lever"]


TONGS = """
from dataclasses import replace

from assets.generators.category import register_category
from assets.generators.pliers import pliers


@register_category("tongs_of_a_test", split="test")
def tongs(rng):
    return replace(pliers(rng), category="tongs_of_a_test")
"""


def test_a_category_of_ones_own_is_named_by_its_module(own, weights, monkeypatch, capsys):
    (own / "own_tongs_of_a_test.py").write_text(TONGS)
    monkeypatch.setenv("PYTHONPATH", f"{own}:{os.environ.get('PYTHONPATH', '')}")  # for the worker processes
    monkeypatch.setenv("ATP_CACHE", str(own / "cache"))
    try:
        (row,) = evaluate(
            weights, "--policies", "gt-act-mot", "--categories", "own_tongs_of_a_test:tongs_of_a_test", "--workers", "2"
        )
        assert row["category"] == "own_tongs_of_a_test:tongs_of_a_test"
        assert row["miou"] > 0.5
        with pytest.raises(SystemExit):
            main(["eval", "--split", "stress", "--categories", "own_tongs_of_a_test:tongs_of_a_test"])
        assert "--categories: own_tongs_of_a_test:tongs_of_a_test is not in --split stress" in capsys.readouterr().err
    finally:
        CATEGORY_REGISTRY._entries.pop("tongs_of_a_test", None)
