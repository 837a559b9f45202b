"""`atp soup`: from a folder of checkpoints, or from published scores, to a table, a scatter and the soups."""

from __future__ import annotations

import json

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn

from atp.cli import main
from atp.soups import uniform_soup

TASK = """
import torch
from torch import nn
from atp.soups.comparison import Task

def task():
    generator = torch.Generator().manual_seed(1)
    def draw(shift):
        inputs = torch.randn(60, 4, generator=generator) + shift
        return [(inputs, (inputs[:, 0] > shift).long())]
    return Task(nn.Linear(4, 2), draw(0.0), {"same": draw(0.0), "moved": draw(0.5)})

def none():
    return 3
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "soup_task_of_a_test.py").write_text(TASK)
    (tmp_path / "runs").mkdir()
    for seed in range(3):
        torch.manual_seed(seed)
        save_file(nn.Linear(4, 2).state_dict(), tmp_path / "runs" / f"{seed}.safetensors")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_folder_and_task(folder, capsys):
    main(["soup", "runs", "--task", "soup_task_of_a_test:task", "--out", "out"])
    told = capsys.readouterr().out
    assert "| greedy soup |" in told
    assert "ingredient" not in told
    result = json.loads((folder / "out" / "soup.json").read_text())
    assert len(result["ingredients"]) == 3
    assert "| ingredient 2 |" in (folder / "out" / "soup.md").read_text()
    assert Image.open(folder / "out" / "soup.png").size[0] > 300
    soup = load_file(folder / "out" / "uniform-soup.safetensors")
    wanted = uniform_soup(sorted((folder / "runs").iterdir()))
    assert all(torch.equal(soup[name], wanted[name]) for name in wanted)
    assert (folder / "out" / "greedy-soup.safetensors").exists()


def test_without_a_task_the_uniform_soup_is_made(folder, capsys):
    main(["soup", "runs/0.safetensors", "runs/1.safetensors", "--out", "out"])
    assert "2 checkpoints" in capsys.readouterr().out
    assert load_file(folder / "out" / "uniform.safetensors")["bias"].shape == (2,)


def test_published_scores(folder, capsys):
    lines = [
        {"model_name": "model_0", "ImageNet2p": 0.75, "ImageNet": 0.76, "A": 0.2, "B": 0.4},
        {"model_name": "model_1", "ImageNet2p": 0.78, "ImageNet": 0.77, "A": 0.3, "B": 0.5},
        {"model_name": "model_2", "ImageNet2p": 0.74, "ImageNet": 0.80, "A": 0.4, "B": 0.6},
    ]
    (folder / "single.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (folder / "greedy.jsonl").write_text(
        json.dumps({"model_name": "greedy_soup", "ImageNet": 0.81, "A": 0.5, "B": 0.6})
    )
    main(["soup", "--scores", "single.jsonl", "greedy.jsonl", "--out", "out"])
    told = capsys.readouterr().out
    assert "| best single | 78.00 | 77.00 | 30.00 | 50.00 | 40.00 |" in told  # chosen by the held-out set
    assert "| greedy soup | - | 81.00 | 50.00 | 60.00 | 55.00 |" in told
    assert (folder / "out" / "soup.png").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "give checkpoints"),
        (["runs", "--scores", "a.jsonl"], "not both"),
        (["out"], "cannot be read"),
        ([".", "--out", "x"], "has no checkpoints"),
        (["runs", "--task", "soup_task_of_a_test"], "no package.module:function"),
        (["runs", "--task", "soup_task_of_a_test:none"], "gives a int"),
        (["--scores", "none.jsonl"], "none.jsonl: cannot be read"),
        (["--scores", "soup_task_of_a_test.py"], "line 1: is no JSON object"),
    ],
)
def test_what_is_wrong_is_told(folder, capsys, arguments, told):
    with pytest.raises(SystemExit) as stopped:
        main(["soup", *arguments])
    assert stopped.value.code == 2
    assert told in capsys.readouterr().err


def test_scores_without_the_sets(folder, capsys):
    (folder / "odd.jsonl").write_text('{"model_name": "m", "accuracy": 0.5}')
    with pytest.raises(SystemExit):
        main(["soup", "--scores", "odd.jsonl"])
    assert "no single checkpoint with 'ImageNet2p'" in capsys.readouterr().err


def report(folder, out="out"):
    return json.loads((folder / out / "soup-report.json").read_text())


def test_a_report_says_what_was_mixed(folder, capsys):
    (folder / "runs" / "initial.safetensors").write_bytes((folder / "runs" / "0.safetensors").read_bytes())
    main(["soup", "runs", "--out", "out"])
    told = capsys.readouterr().out
    assert "note: runs/initial.safetensors: is what the others began from" in told
    found = report(folder)
    assert [each["name"] for each in found["ingredients"]] == [f"runs/{k}.safetensors" for k in range(3)]
    assert found["written"] == ["uniform.safetensors"]
    assert found["dtypes"] == ["float32"]
    assert found["command"].startswith("atp")


def test_the_output_among_the_inputs_is_no_ingredient(folder, capsys):
    for _ in range(3):
        main(["soup", "runs", "--method", "uniform,ties", "--initial", "runs/0.safetensors", "--out", "runs"])
    found = report(folder, "runs")
    assert len(found["ingredients"]) == 3
    assert "runs/uniform.safetensors: is an earlier soup" in capsys.readouterr().out
    wanted = uniform_soup([folder / "runs" / f"{k}.safetensors" for k in range(3)])
    assert torch.equal(load_file(folder / "runs" / "uniform.safetensors")["weight"], wanted["weight"])
    main(["soup", "runs", "--task", "soup_task_of_a_test:task", "--out", "runs"])
    main(["soup", "runs", "--task", "soup_task_of_a_test:task", "--out", "runs"])
    assert len(report(folder, "runs")["ingredients"]) == 3


def test_methods_and_options(folder):
    from atp.soups import Ingredients, mix, slerp, task_arithmetic

    files = [f"runs/{k}.safetensors" for k in range(3)]
    for method, options, wanted in (
        ("linear", ["--weights", "0.5", "0.2", "0.3"], mix(Ingredients(files), [0.5, 0.2, 0.3])),
        (
            "task-arithmetic",
            ["--initial", files[0], "--alpha", "0.5", "--weights", "1", "2", "-1"],
            task_arithmetic(files, files[0], 0.5, [1, 2, -1]),
        ),
    ):
        main(["soup", *files, "--method", method, *options, "--out", "out"])
        found = load_file(f"out/{method}.safetensors")
        assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    main(["soup", *files[:2], "--method", "slerp", "--alpha", "0.25", "--dtype", "float64", "--out", "out"])
    found = load_file("out/slerp.safetensors")
    assert found["weight"].dtype == torch.float64
    torch.testing.assert_close(found["weight"].float(), slerp(*files[:2], 0.25)["weight"])
    main(["soup", files[1], "--method", "wise-ft", "--initial", files[0], "--alpha", "0.5", "--out", "out"])
    assert (folder / "out" / "wise-ft-0.5.safetensors").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["runs/0.safetensors"], "is one checkpoint alone, there is nothing to average"),
        (["runs/0.safetensors", "runs/0.safetensors"], "counts once"),
        (["runs", "--method", "ties"], "TIES needs what the checkpoints were fine-tuned from: --initial"),
        (["runs", "--method", "greedy"], "--score-command"),
        (["runs", "--method", "slerp"], "between two checkpoints, not 3"),
        (["runs", "--method", "bisque"], "unknown soup method 'bisque'"),
        (["runs", "--method", "linear", "--weights", "1", "1", "1"], "must sum to 1, not to 3"),
        (["runs", "--key", "model"], "--key model is for PyTorch files"),
        (["runs", "--task", "soup_task_of_a_test:task", "--score-command", "a {checkpoint}"], "both choose"),
    ],
)
def test_what_a_method_lacks_is_told(folder, capsys, arguments, told):
    with pytest.raises(SystemExit) as stopped:
        main(["soup", *arguments, "--out", "out"])
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert told in error
    assert "Traceback" not in error


def test_warnings_are_lines(folder, capsys):
    for seed in range(2):
        save_file({"a": torch.tensor([seed])}, folder / f"{seed}.safetensors")
    main(["soup", "0.safetensors", "1.safetensors", "--out", "out"])
    assert "warning: values of 'a' (torch.int64) differ; they are averaged and rounded" in capsys.readouterr().err
