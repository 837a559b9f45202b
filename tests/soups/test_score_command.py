"""Scores by a command, and scores that others published: what is larger, what is a loss, what is no score."""

from __future__ import annotations

import json
import sys

import pytest
import torch
from left_checkpoints import hugging_face, mean, state
from safetensors.torch import load_file, save_file

from atp.cli import main
from atp.reporting.soup_tables import read_scores
from atp.soups import SoupError, SoupWarning
from atp.soups.checkpoints.checkpoint_folders import REPORT
from atp.soups.fingerprints import fingerprint_of
from atp.soups.score_command import ScoreCommand

#: Prints how far a checkpoint is from a target, and counts its calls.
SCORE = """
import sys, json, struct
from pathlib import Path
path = Path(sys.argv[1])
path = path / "model.safetensors" if path.is_dir() else path
data = path.read_bytes()
length = struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8:8 + length])
start, stop = header["fc.weight"]["data_offsets"]
values = struct.unpack(f"<{(stop - start) // 4}f", data[8 + length + start:8 + length + stop])
target = json.loads(Path("target.json").read_text())
with open("calls.txt", "a") as file:
    file.write(f"{path}\\n")
print("evaluating", file=sys.stderr)
print("score:")
print(-sum((a - b) ** 2 for a, b in zip(values, target)) if sys.argv[2] == "score" else
      sum((a - b) ** 2 for a, b in zip(values, target)))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Four checkpoints, of which the mean of the first and the third is the target."""
    (tmp_path / "score.py").write_text(SCORE)
    wanted = mean(state(0), state(2))
    (tmp_path / "target.json").write_text(json.dumps(wanted["fc.weight"].flatten().tolist()))
    (tmp_path / "runs").mkdir()
    for seed in range(4):
        save_file(state(seed), tmp_path / "runs" / f"{seed}.safetensors")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("lower", [True, False])
def test_greedy_soups_are_chosen_by_a_command_and_go_on(folder, capsys, lower):
    command = f"{sys.executable} -S score.py {{checkpoint}} {'loss' if lower else 'score'}"
    arguments = ["soup", "runs", "--method", "greedy", "--score-command", command, "--statistics", "average"]
    arguments += ["--lower-is-better"] if lower else []
    main([*arguments, "--out", "out"])
    told = capsys.readouterr().out
    assert "greedy soup of 4 checkpoints: out/greedy.safetensors" in told
    found, wanted = load_file("out/greedy.safetensors"), mean(state(0), state(2))
    torch.testing.assert_close(found["fc.weight"], wanted["fc.weight"])
    report = json.loads((folder / "out" / REPORT).read_text())
    assert report["scores"]["greedy soup"] == pytest.approx(0, abs=1e-10)
    assert set(report["soups"]["greedy soup"]["chosen"]) == {0, 2}
    assert (report["scores"]["runs/1.safetensors"] > 0) == lower  # as it was printed
    calls = len((folder / "calls.txt").read_text().splitlines())
    assert calls == 4 + 3  # the soup itself was a candidate
    main([*arguments, "--out", "out"])
    assert len((folder / "calls.txt").read_text().splitlines()) == calls
    assert not list((folder / "out").glob(".candidate*"))


def test_folders_are_scored_as_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "score.py").write_text(SCORE)
    (tmp_path / "target.json").write_text(json.dumps(state(0)["fc.weight"].flatten().tolist()))
    for seed in (0, 1):
        hugging_face(tmp_path / "runs" / f"run{seed}", seed)
    command = f"{sys.executable} -S score.py {{checkpoint}} score"
    main(["soup", "runs", "--method", "uniform,greedy", "--score-command", command, "--out", "out"])
    assert (tmp_path / "out" / "greedy" / "config.json").exists()
    torch.testing.assert_close(load_file("out/greedy/model.safetensors")["fc.weight"], state(0)["fc.weight"])


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("print('no number')", "must print a number in its last line, not 'no number'"),
        ("pass", "not 'nothing'"),
        ("print('nan')", "printed nan"),
        ("import sys; sys.exit('it broke')", "ended with status 1: it broke"),
    ],
)
def test_commands_that_give_no_score(tmp_path, code, told):
    (tmp_path / "run.py").write_text(code)
    scorer = ScoreCommand(f"{sys.executable} -S {tmp_path}/run.py {{checkpoint}}", str, tmp_path / "journal")
    with pytest.raises(SoupError, match=told):
        scorer.of_path(tmp_path / "run.py")


def test_commands_that_cannot_be_run(tmp_path):
    with pytest.raises(SoupError, match=r"must have \{checkpoint\}"):
        ScoreCommand("evaluate", str, tmp_path / "journal")
    with pytest.raises(SoupError, match="No closing quotation"):
        ScoreCommand("evaluate '{checkpoint}", str, tmp_path / "journal")
    with pytest.raises(SoupError, match="no-such-command cannot be run"):
        ScoreCommand("no-such-command {checkpoint}", str, tmp_path / "journal").of_path(tmp_path)


def test_fingerprints_are_of_values_names_and_types():
    one = {"a": torch.ones(3), "none": torch.zeros(0)}
    others = [{**one, "a": torch.zeros(3)}, {**one, "a": torch.ones(3, 1)}, {**one, "a": torch.ones(3).half()},
              {"b": torch.ones(3), "none": torch.zeros(0)}]  # fmt: skip
    prints = {fingerprint_of(each) for each in (one, *others)}
    assert len(prints) == 5
    assert fingerprint_of({name: tensor.clone() for name, tensor in one.items()}) == fingerprint_of(one)


def test_the_best_by_a_command_is_the_later_of_equals(folder):
    """WiSE-FT is of the best; the second and the third are equally good."""
    code = "import sys; print(int(sys.argv[1][-13] in '12'))"
    command = f'{sys.executable} -S -c "{code}" {{checkpoint}}'
    main(["soup", "runs", "--method", "wise-ft", "--alpha", "1", "--initial", "runs/0.safetensors", "--score-command",
          command, "--statistics", "average", "--out", "out"])  # fmt: skip
    found = load_file("out/wise-ft-1.safetensors")
    assert torch.equal(found["fc.weight"], state(2)["fc.weight"])


# --- published scores ------------------------------------------------------------------------------------------------


def lines(path, *rows):
    path.write_text("\n".join(json.dumps({"model_name": f"m{k}", **row}) for k, row in enumerate(rows)))
    return path


def test_numbers_of_a_training_are_no_tests(tmp_path):
    extra = {"epoch": 1, "lr": 1e-3, "is_best": True, "weight_decay": 0.1, "val_loss": 0.3, "throughput": 812.0}
    path = lines(tmp_path / "a.jsonl", {"held": 0.5, "in": 0.6, "A": 0.4, **extra}, {"held": 0.6, "in": 0.5, "A": 0.2})
    with pytest.warns(SoupWarning, match="left out: epoch, lr, weight_decay, val_loss, throughput"):
        found = read_scores([path], "held", "in")
    assert found.shifted == ["A"]
    assert all(set(row.tests) == {"in", "A"} for row in found.rows)
    assert read_scores([path], "held", "in", ["throughput"]).shifted == ["throughput"]
    with pytest.raises(SoupError, match="--shifted B: is in no line; there are A, epoch"):
        read_scores([path], "held", "in", ["B"])


def test_losses_choose_only_where_it_is_said(tmp_path):
    path = lines(tmp_path / "a.jsonl", {"val_loss": 0.9, "in": 0.6}, {"val_loss": 0.3, "in": 0.5})
    with pytest.raises(SoupError, match=r"val_loss looks like a loss.*--lower-is-better"):
        read_scores([path], "val_loss", "in")
    best = next(
        row for row in read_scores([path], "val_loss", "in", lower_is_better=True).rows if row.way == "best single"
    )
    assert best.chosen == [1]


def test_of_equal_scores_the_later_and_missing_sets_have_no_mean(tmp_path):
    from atp.reporting.soup_tables import shifted_mean

    path = lines(tmp_path / "a.jsonl", {"held": 0.5, "in": 0.6, "A": 0.4}, {"held": 0.5, "in": 0.5, "A": 0.1})
    soup = tmp_path / "soup.jsonl"
    soup.write_text(json.dumps({"model_name": "greedy_soup", "in": 0.7}))
    found = read_scores([path, soup], "held", "in")
    rows = {row.way: row for row in found.rows}
    assert rows["best single"].chosen == [1]
    assert shifted_mean(found, rows["greedy soup"]) is None
    assert shifted_mean(found, rows["best single"]) == pytest.approx(0.1)
