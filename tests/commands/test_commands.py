"""The real commands, for a few steps, with untrained weights."""

import json
import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from atp.cli import main


def play(weights: Path, out: Path, *more: str) -> dict:
    arguments = ["--weights", str(weights), "--out", str(out), "--device", "cpu", "--interactions", "2", *more]
    main(["play", *arguments])
    return json.loads((out / "result.json").read_text())


def test_play_writes_result_strip_and_video(weights, tmp_path):
    result = play(weights, tmp_path, "--category", "multilink", "--json", str(tmp_path / "copy.json"))
    assert result["category"] == "multilink"
    assert result["num_parts"] == 3
    assert len(result["interactions"]) == 2
    for step in result["interactions"]:
        assert {"hold", "push", "direction", "touch", "effective", "optimal", "miou"} <= set(step)
        assert all(0 <= value < 48 for value in step["hold"] + step["push"])
        assert 0 <= step["miou"] <= 1
    assert json.loads((tmp_path / "copy.json").read_text()) == result
    assert np.asarray(Image.open(tmp_path / "strip.png")).shape[1] > 5 * 225
    labels = np.asarray(Image.open(tmp_path / "masks/2-parts.png"))
    assert len(set(np.unique(labels)) - {0}) == result["interactions"][1]["parts_found"]
    images = {image["file_name"] for image in json.loads((tmp_path / "masks/masks.json").read_text())["images"]}
    assert images == {f"{number}-{what}.png" for number in (1, 2) for what in ("before", "after", "parts")}
    with av.open(str(tmp_path / "video.mp4")) as video:
        stream = video.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert sum(1 for _ in video.decode(stream)) == 2 * (8 + 20 + 12 + 8 + 20)


def test_same_seed_same_play(weights, tmp_path):
    first, second, other = (
        play(weights, tmp_path / name, "--policy", "act-random", "--seed", seed)
        for name, seed in (("a", "3"), ("b", "3"), ("c", "4"))
    )
    assert first["interactions"] == second["interactions"]
    assert (tmp_path / "a/strip.png").read_bytes() == (tmp_path / "b/strip.png").read_bytes()
    assert first["interactions"] != other["interactions"]


def test_upper_bound_finds_both_parts_of_pliers(weights, tmp_path):
    result = play(weights, tmp_path, "--policy", "gt-act-mot")
    assert [step["optimal"] for step in result["interactions"]] == [True, True]
    assert result["miou"] > 0.9  # true masks and two good actions leave only occlusion to lose


def test_eval_rows_do_not_depend_on_the_number_of_workers(weights, tmp_path):
    arguments = ["eval", "--weights", str(weights), "--policies", "act-random,gt-act-mot", "--episodes", "6"]
    rows = []
    for workers in ("1", "2"):
        main([*arguments, "--categories", "pliers", "--workers", workers, "--out", str(tmp_path / workers)])
        rows.append(json.loads((tmp_path / workers / "eval.json").read_text())["rows"])
    assert rows[0] == rows[1]
    random, bound = rows[0]
    keys = {"policy", "category", "episodes", "miou", "mape", "hd95", "optimal_rate", "effective_rate"}
    assert keys | {"miou_by_interaction", "motion_iou"} <= set(random)
    assert (random["policy"], bound["policy"], bound["episodes"]) == ("act-random", "gt-act-mot", 6)
    assert len(bound["miou_by_interaction"]) == 5
    assert bound["motion_iou"] == 1.0
    assert bound["miou"] > 0.85 > random["miou"]
    # once one of two parts has moved, what is left of the object is the other
    assert bound["miou_by_interaction"][0] > 0.85


@pytest.fixture
def drawer(tmp_path: Path) -> Path:
    (tmp_path / "drawer").mkdir()
    urdf = tmp_path / "drawer" / "drawer.urdf"
    urdf.write_text(
        """<robot name="drawer">
  <link name="case"><visual><geometry><box size="0.4 0.4 0.1"/></geometry></visual></link>
  <link name="tray"><visual><geometry><box size="0.3 0.3 0.05"/></geometry></visual></link>
  <joint name="rail" type="prismatic">
    <parent link="case"/><child link="tray"/><axis xyz="1 0 0"/><limit lower="0" upper="0.3" effort="1" velocity="1"/>
  </joint>
</robot>"""
    )
    return urdf.parent


def test_object_reports_parts_and_joints(drawer, tmp_path, capsys):
    main(["object", str(drawer), "--out", str(tmp_path / "out")])
    result = json.loads((tmp_path / "out/object.json").read_text())
    assert [part["links"] for part in result["parts"]] == [["case"], ["tray"]]
    (joint,) = result["joints"]
    assert (joint["type"], joint["parent"], joint["child"]) == ("prismatic", 1, 2)
    assert joint["upper"] > joint["lower"]
    assert Image.open(tmp_path / "out/object.png").size[0] > 500
    assert "rail" in capsys.readouterr().out


def test_play_with_an_own_object(weights, drawer, tmp_path):
    result = play(weights, tmp_path / "out", "--object", str(drawer), "--policy", "act-random")
    assert result["num_parts"] in (1, 2)


@pytest.mark.skipif("ATP_OBJECTS" not in os.environ, reason="ATP_OBJECTS names no folder of foreign objects")
def test_cabinet_others_made(weights, tmp_path):
    cabinet = Path(os.environ["ATP_OBJECTS"]) / "sektion_cabinet_model"
    main(["object", str(cabinet), "--out", str(tmp_path / "object")])
    result = json.loads((tmp_path / "object/object.json").read_text())
    assert len(result["parts"]) == 5
    assert sorted(joint["type"] for joint in result["joints"]) == ["prismatic"] * 2 + ["revolute"] * 2
    played = play(weights, tmp_path / "play", "--object", str(cabinet), "--policy", "gt-act")
    assert played["num_parts"] >= 3
    assert any(step["effective"] for step in played["interactions"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["play", "--weights", "nowhere"], "--weights: nowhere"),
        (["play", "--device", "tpu"], "--device: "),
        (["play", "--split", "tset"], "--split: unknown split 'tset'"),
        (["play", "--object", "no/such"], "--object: "),
        (["play", "--index", "100000"], "--index: "),
        (["play", "--interactions", "0"], "--interactions must be at least 1"),
        (["maps", "--category", "teapot"], "--category: "),
        (["play", "--policy", "guess"], "--policy: unknown policy 'guess'"),
        (["play", "--category", "teapot"], "--category: unknown category 'teapot'"),
        (["eval", "--policies", "ours,guess"], "--policies: unknown policy 'guess'"),
        (["eval", "--policies", "ours,no_such:Policy"], "--policies: policy 'no_such:Policy': there is no module"),
        (["eval", "--metrics", "no_such"], "--metrics: there is no module 'no_such'"),
        (["eval", "--split", "holdout"], "--split: "),
        (["eval", "--suite", "everything"], "--suite: unknown everything: choose among full"),
        (["eval", "--categories", "teapot"], "--categories: unknown teapot"),
        (["eval", "--objects", "no/such/folder"], "no/such/folder: no such file or folder"),
        (["eval", "--suite", "full", "--objects", "x"], "leave out --categories and --objects"),
        (["object", "no/such/folder"], "no/such/folder"),
        (["clip", "no/such/clip"], "no/such/clip"),
    ],
)
def test_mistakes_are_named(arguments, message, weights, tmp_path, capsys):
    if "--weights" not in arguments and arguments[0] in ("play", "maps", "eval"):
        arguments = [*arguments, "--weights", str(weights)]
    with pytest.raises(SystemExit) as stop:
        main([*arguments, "--out", str(tmp_path)])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert "Traceback" not in error


def test_console_command_prints_nothing_but_its_own_words(weights, tmp_path):
    command = [str(Path(sys.executable).parent / "atp"), "play", "--weights", str(weights), "--out", str(tmp_path)]
    done = subprocess.run([*command, "--interactions", "1"], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.startswith("1. hold ")
    assert "pybullet" not in done.stdout + done.stderr


def test_contact_sheet_has_a_row_for_each_category_and_follows_its_seed(tmp_path):
    def sheet(name: str, *more: str) -> np.ndarray:
        arguments = [
            "--splits",
            "test",
            "--columns",
            "2",
            "--resolution",
            "48",
            "--out",
            str(tmp_path / name),
        ]
        main(["objects", *arguments, *more])
        return np.asarray(Image.open(tmp_path / name))

    first, again, other = sheet("a.png"), sheet("b.png"), sheet("c.png", "--seed", "1")
    assert first.shape[0] > 5 * 48
    assert np.array_equal(first, again)
    assert first.shape != other.shape or (first != other).any()


def test_contact_sheet_of_nothing_is_an_error(tmp_path, capsys):
    for wrong in (["--columns", "0"], ["--splits", "tset"]):
        with pytest.raises(SystemExit) as stop:
            main(["objects", *wrong, "--out", str(tmp_path / "x.png")])
        assert stop.value.code == 2
    assert "tset" in capsys.readouterr().err
    assert not (tmp_path / "x.png").exists()
