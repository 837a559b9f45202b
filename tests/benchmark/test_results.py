"""Result files: what is in the repository reads, what is written reads the same, what is wrong is named."""

import json
from pathlib import Path

import pytest

from atp.results.bench import BenchResult, EnduranceResult
from atp.results.clip import ClipsResult
from atp.results.eval import EvalResult
from atp.results.learning_curve import Curve, CurveEntry
from atp.results.play import PlayResult
from atp.results.robustness import LeaveOneOutResult, RobustnessResult
from atp.results.schema import Result, ResultError
from atp.results.soup import AgentSoupsResult, SweepResult

RESULTS = Path(__file__).parents[2] / "docs" / "results"
KINDS: dict[str, type[Result]] = {
    "bench": BenchResult, "endurance": EnduranceResult, "clips": ClipsResult, "validation-clips": ClipsResult,
    "robustness": RobustnessResult, "robustness-four-categories": RobustnessResult,
    "leave-one-out": LeaveOneOutResult, "soup-agents": AgentSoupsResult,
}  # fmt: skip
FILES = sorted(RESULTS.rglob("*.json"))


def kind_of(file: Path) -> type[Result]:
    if file.parent.name == "curves":
        return Curve
    return KINDS.get(file.stem, SweepResult if file.stem.startswith("soup-") else EvalResult)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_file_of_the_repository_reads_and_is_written_the_same(file, tmp_path):
    kind = kind_of(file)
    result = kind.read(file)
    result.write(tmp_path / "again.json")
    assert kind.read(tmp_path / "again.json") == result
    assert json.loads((tmp_path / "again.json").read_text())["schema_version"] == kind.VERSION


def test_rows_keep_their_layout():
    stored = json.loads((RESULTS / "full.json").read_text())["rows"]
    written = EvalResult.read(RESULTS / "full.json").to_json()["rows"]
    assert written == stored


def test_old_names_of_ablations_variations_and_commands_are_read(tmp_path):
    row = {"policy": "ours", "category": "pliers", "split": "test", "episodes": 1, "spread": {}, "miou": 0.5}
    stored = json.loads((RESULTS / "full.json").read_text())
    del stored["rows"]
    old = {"credulous": "no-confidence-gate", "no-doubts": "no-reexamination", "anywhere": "no-foreground",
           "one-view": "one-view", "": ""}  # fmt: skip
    for version, expected in ((None, list(old.values())), (2, list(old))):
        rows = [{**row, "variant": name} for name in old]
        result = EvalResult.from_json({**stored, "rows": rows, **({"schema_version": version} if version else {})})
        assert [each.variant for each in result.rows] == expected
    shifts = {"command": "atp shifts --json docs/results/shifts.json", "weights": "video", "shifts": [
        {"shift": "hands", "pairs": 3, "agent": {"motion_iou": 0.5, "false_motion_rate": None}}
    ]}  # fmt: skip
    result = RobustnessResult.from_json(shifts)
    assert result.command == "atp robustness --json docs/results/robustness.json"
    assert [(each.variation, each.methods["agent"].motion_iou) for each in result.variations] == [("hands", 0.5)]


def test_curves_were_lists(tmp_path):
    (tmp_path / "curve.json").write_text('[{"interactions": 400, "effective/policy": 0.25}]')
    assert Curve.read(tmp_path / "curve.json").entries == [CurveEntry(400, {"effective/policy": 0.25})]


PLAYED = {
    "category": "pliers", "instance": "pliers-3", "policy": "ours", "seed": 0, "num_parts": 2, "miou": None,
    "strip": "a.png", "video": "a.mp4", "interactions": [{
        "hold": [1, 2], "push": [3, 4], "direction": 0, "touch": [True, False], "effective": False, "optimal": False,
        "miou": None, "mape": None, "hd95": None, "motion_iou": 1, "parts_found": 0,
    }],
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": "much"}, "seed: must be a whole number, not 'much'"),
        ({"seed": True}, "seed: must be a whole number, not True"),
        ({"miou": [1]}, r"miou: must be a number, not \[1\]"),
        ({"colour": 1}, "colour: unknown key"),
        ({"interactions": 3}, "interactions: must be a list, not 3"),
        (
            {"interactions": [{**PLAYED["interactions"][0], "hold": [1]}]},
            r"interactions\[0\].hold: must be a list of 2",
        ),
        ({"interactions": [{"hold": [1, 2]}]}, r"interactions\[0\].push: missing"),
        ({"schema_version": 99}, "schema_version 99 is not known here"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(change, message, tmp_path):
    file = tmp_path / "result.json"
    file.write_text(json.dumps(PLAYED))
    assert PlayResult.read(file).interactions[0].hold == (1, 2)
    file.write_text(json.dumps(PLAYED | change))
    with pytest.raises(ResultError, match=rf"result\.json: is no result of `atp play`: {message}"):
        PlayResult.read(file)


@pytest.mark.parametrize(("text", "message"), [(None, "missing; `atp eval` writes it"), ("{", "cannot be read as JSON"),
                                               ("[]", "must be a JSON object")])  # fmt: skip
def test_files_that_are_none_are_named(text, message, tmp_path):
    file = tmp_path / "eval.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ResultError, match=rf"eval\.json: .*{message}"):
        EvalResult.read(file)
