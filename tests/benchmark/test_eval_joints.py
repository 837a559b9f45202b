"""Joints in results of ``atp eval``: only where they are asked for, in the journal, the file and the tables."""

import json

import pytest

from atp.articulation.joint_scores import JointScore
from atp.benchmark.evaluation import Cell, Record, Setting, Task, evaluate, joint_summary
from atp.benchmark.suites import suite_cells
from atp.reporting.play_blocks import success_rate
from atp.reporting.tables import joints_table, results_markdown
from atp.results.eval import ALL_INTERACTIONS, TWO_FRAMES, EvalResult, EvalRow

SCORES = [
    JointScore("revolute", "revolute", 2.0, 0.010, 0.1, True),
    JointScore("revolute", "revolute", 4.0, 0.030, 0.3, False),
    JointScore("prismatic", "revolute", None, None, None, False),
    JointScore("prismatic", "", None, None, None, False),
]


def test_joints_are_counted_and_their_errors_are_of_those_with_the_right_type():
    summary = joint_summary(SCORES)
    assert (summary.joints, summary.told, summary.right, summary.success) == (4, 0.75, pytest.approx(2 / 3), 0.25)
    assert (summary.hinge_axis, summary.hinge_pivot) == (3.0, pytest.approx(0.02))
    assert summary.slide_axis is None
    assert joint_summary([]).told is None


def test_rows_have_joints_where_the_cell_asks_for_them():
    joints = {ALL_INTERACTIONS: SCORES, TWO_FRAMES: SCORES[2:]}
    record = Record([], 2, {}, joints)
    assert Record.from_json(json.loads(json.dumps(record.to_json()))) == record
    assert "joints" not in Record([], 2, {}).to_json()
    asked, not_asked = Cell("ours", "pliers", "test", joints=True), Cell("ours", "pliers", "test")
    assert Task(asked, 0, (0,)).key != Task(not_asked, 0, (0,)).key


def test_the_suite_scores_ours_beside_a_bound_with_true_masks():
    cells = suite_cells("joints")
    assert {cell.policy for cell in cells} == {"ours", "gt-act-mot"}
    assert all(cell.joints for cell in cells)
    assert not any(cell.joints for cell in suite_cells("full", ["ours"]))


def result_with(row):
    return EvalResult("atp eval", "mix", "", "", "joints", [0], 1.0, 1, [row])


def test_a_played_row_survives_its_file_and_is_in_the_tables(weights, tmp_path):
    (row,) = evaluate([Cell("gt-act-mot", "pliers", "test", joints=True)], 2, [0], Setting(str(weights)))
    assert row.joints[ALL_INTERACTIONS].joints == row.joints[TWO_FRAMES].joints == 2
    assert row.joints[ALL_INTERACTIONS].success == 1.0
    result = result_with(row)
    result.write(tmp_path / "joints.json")
    assert EvalResult.read(tmp_path / "joints.json") == result
    assert joints_table([row]) in results_markdown(result)
    assert joints_table([row]).count("\n") == 3
    assert success_rate([row], "gt-act-mot") == 1.0
    assert success_rate([row], "ours") is None


def test_files_from_before_joints_are_read(tmp_path):
    row = EvalRow("ours", "pliers", "test", "", 1, {"miou": 0.5}, {}, {})
    stored = {**result_with(row).to_json(), "schema_version": 2}
    (tmp_path / "old.json").write_text(json.dumps(stored))
    found = EvalResult.read(tmp_path / "old.json")
    assert found.rows[0].joints is None
    assert "## Joints" not in results_markdown(make_result(found))


def make_result(found):
    return EvalResult(**{**vars(found), "rows": [EvalRow("ours", "pliers", "test", "", 1, {}, {}, {"miou": [0.5]})]})
