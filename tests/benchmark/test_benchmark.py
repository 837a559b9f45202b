"""Evaluation over seeds: averages, the journal, and what is printed."""

import json
import math
from dataclasses import asdict

import numpy as np
import pytest

from atp.agent import Agent
from atp.benchmark import evaluation, fingerprint
from atp.benchmark.ablations import ABLATIONS
from atp.benchmark.evaluation import Cell, Record, Setting, Task, evaluate, make_row
from atp.benchmark.suites import suite_cells
from atp.cli import main
from atp.jobs.journal import Journal
from atp.metrics import StepScores
from atp.reporting.tables import cross_table, format_value, mean_rows
from atp.results.eval import EvalRow


def step(miou: float, optimal: bool = False, motion: float = math.nan) -> StepScores:
    false = math.nan if motion == motion else 1.0
    return StepScores({
        "miou": miou, "mape": 0.5, "hd95": 10.0, "effective_rate": optimal, "optimal_rate": optimal,
        "optimal_rate_first_n": optimal, "motion_iou": motion, "false_motion_rate": false,
    })  # fmt: skip


def test_row_is_mean_and_spread_over_seeds_by_hand():
    of_seed = {
        0: [Record([step(0.0, True, 0.8), step(0.4)], 2, {}), Record([step(0.2), step(0.6)], 2, {})],
        1: [Record([step(0.4, True), step(0.9, True, 0.6)], 2, {})],
    }
    row = make_row(Cell("act-random", "pliers", "test"), of_seed)
    assert row.scores["miou"] == pytest.approx((0.5 + 0.9) / 2)
    assert row.spread["miou"] == pytest.approx(np.std([0.5, 0.9], ddof=1))
    assert row.by_interaction["miou"] == pytest.approx([(0.1 + 0.4) / 2, 0.7])
    assert row.scores["optimal_rate_first_n"] == pytest.approx((1 / 4 + 1) / 2)
    assert row.scores["motion_iou"] == pytest.approx(0.7)
    assert row.episodes == 3
    assert row.perception is None


def test_records_survive_json_exactly():
    record = Record([step(1 / 3, True, 0.1), step(0.2)], 3, {"dis_flow": [(math.nan, 1.0), (0.1, math.nan)]})
    back = Record.from_json(json.loads(json.dumps(record.to_json(), allow_nan=False)))
    assert repr(back) == repr(record)


def test_journal_keeps_whole_lines_of_the_same_header(tmp_path):
    file = tmp_path / "journal.jsonl"
    first = Journal(file, {"code": "a"})
    first.add("x", [1, None])
    first.add("y", 2)
    with file.open("a") as stream:
        stream.write('{"key": "z", "val')  # killed here
    again = Journal(file, {"code": "a"})
    assert ("x" in again, "y" in again, "z" in again) == (True, True, False)
    assert again["x"] == [1, None]
    again.add("z", 3)
    assert Journal(file, {"code": "a"})["z"] == 3
    assert len(Journal(file, {"code": "b"})) == 0


def test_resumed_evaluation_equals_an_uninterrupted_one(weights, tmp_path, monkeypatch):
    cells = [Cell("ours", "pliers", "test"), Cell("act-random", "lighter", "test")]
    setting = Setting(str(weights))
    whole = evaluate(cells, 6, [0, 3], setting)
    played = []
    real = evaluation.run_task

    def stop_at_the_fourth(task, setting):
        if len(played) == 3:
            raise KeyboardInterrupt
        played.append(task)
        return real(task, setting)

    monkeypatch.setattr(evaluation, "run_task", stop_at_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        evaluate(cells, 6, [0, 3], setting, journal=Journal(tmp_path / "j", {}))
    rest = []
    monkeypatch.setattr(evaluation, "run_task", lambda task, setting: rest.append(task) or real(task, setting))
    resumed = evaluate(cells, 6, [0, 3], setting, journal=Journal(tmp_path / "j", {}))
    assert resumed == whole
    assert not set(played) & set(rest)
    assert len(played) + len(rest) == 8  # 2 cells, 2 seeds, 5 + 1 episodes
    perception = whole[0].perception
    assert 0 < perception["dis_flow"].motion_iou < 1
    assert perception["frame_difference"] != perception["dis_flow"]


def test_variants_change_the_agent_and_give_it_back(weights):
    agent = evaluation._load(str(weights), "cpu")
    options = agent.options
    for _, ablation in ABLATIONS.items():
        assert agent.replace(**ablation.settings).options != options
    task = evaluation.Task(Cell("ours", "pliers", "test", "one-view"), 0, (0,))
    evaluation.run_task(task, Setting(str(weights)))
    assert evaluation._load(str(weights), "cpu").options == options


def test_suites():
    full = suite_cells("full", ["ours", "gt-act"])
    assert len(full) == 9 * 2
    assert {cell.split for cell in full} == {"test", "val"}
    ablations = suite_cells("ablations")
    assert {cell.variant for cell in ablations} == {"", *ABLATIONS}
    with pytest.raises(ValueError, match="unknown suite 'all': choose one of full"):
        suite_cells("all")


def test_means_and_cross_tables():
    rows = [
        EvalRow("ours", category, "test", "", 5, {"miou": value, "motion_iou": motion}, {"miou": 0.01},
                {"miou": [0.1, value]})
        for category, value, motion in (("pliers", 0.8, None), ("lighter", 0.6, 0.9))
    ]  # fmt: skip
    (mean,) = mean_rows(rows)
    assert mean.scores == {"miou": pytest.approx(0.7), "motion_iou": 0.9}  # of the categories that have it
    assert mean.by_interaction["miou"] == pytest.approx([0.1, 0.7])
    line = cross_table(rows, "miou", lambda row: row.policy).splitlines()[-1]
    assert line == "| ours | 0.800 ± 0.010 | 0.600 ± 0.010 | 0.700 |"
    assert [format_value(value) for value in (None, 0.5, 3, "")] == ["-", "0.500", "3", "-"]


def test_eval_writes_tables_and_a_plot_and_goes_on(weights, tmp_path, capsys):
    arguments = ["eval", "--weights", str(weights), "--policies", "ours,act-random", "--categories", "pliers"]
    arguments += ["--episodes", "4", "--seeds", "2", "--workers", "1", "--out", str(tmp_path)]
    main(arguments)
    first = json.loads((tmp_path / "eval.json").read_text())
    assert first["seeds"] == [0, 1]
    assert first["options"] == asdict(Agent.from_pretrained(weights, "cpu").options)
    assert "agent: motion_threshold" in capsys.readouterr().out
    assert first["rows"][0]["episodes"] == 4
    assert first["rows"][0]["spread"]["miou"] >= 0
    text = (tmp_path / "eval.md").read_text()
    assert "| pliers | ours |" in text
    assert "DIS flow" in text
    assert (tmp_path / "eval.png").stat().st_size > 5000
    journal = (tmp_path / "journal.jsonl").read_bytes()
    main(arguments)
    assert json.loads((tmp_path / "eval.json").read_text())["rows"] == first["rows"]
    assert (tmp_path / "journal.jsonl").read_bytes() == journal
    with pytest.raises(SystemExit):
        main([*arguments, "--episodes", "5"])
    assert "cannot be shared out" in capsys.readouterr().err


def test_other_weights_of_a_policy_are_played_anew(weights, tmp_path, monkeypatch):
    monkeypatch.setattr("assets.shipped.SHIPPED", tmp_path)
    tasks = [Task(Cell(policy, "pliers", "test"), 0, (0, 1)) for policy in ("ours-no-touch", "act-random")]
    (tmp_path / "no-touch").mkdir()
    (tmp_path / "no-touch/part.safetensors").write_bytes(b"one")
    first = [task.key for task in tasks]
    fingerprint._digest_once.cache_clear()
    (tmp_path / "no-touch/part.safetensors").write_bytes(b"two")
    second = [task.key for task in tasks]
    fingerprint._digest_once.cache_clear()
    assert first[0] != second[0]
    assert first[1] == second[1]
