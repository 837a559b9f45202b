"""What was left out, cut or guessed of an object's file is said on the terminal, in object.json and in info."""

from __future__ import annotations

import json
from pathlib import Path

import gymnasium as gym
import pytest

import envs
from atp.cli import main
from atp.results.object import ObjectResult
from urdf_objects import CUBE, cupboard, joint, link, mesh_link, write

MISSING = "meshes that are not there are left out: gone.obj"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATP_CACHE", str(tmp_path / "cache"))


def with_missing_mesh(folder: Path) -> Path:
    arm = link("arm", "0.5 0.2 0.1", "0.5 0 0").replace(
        "</link>", '<visual><geometry><mesh filename="gone.obj"/></geometry></visual></link>'
    )
    return write(folder / "o.urdf", link("base", "0.5 0.2 0.1"), arm, joint("revolute", "base", "arm"))


def test_object_says_what_was_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["object", str(with_missing_mesh(tmp_path)), "--out", str(tmp_path / "out")])
    assert capsys.readouterr().out.count(MISSING) == 1
    assert json.loads((tmp_path / "out/object.json").read_text())["notes"] == [MISSING]


def test_play_says_what_was_left_out(tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    urdf = with_missing_mesh(tmp_path)
    main(["play", "--object", str(urdf), "--weights", str(weights), "--out", str(tmp_path / "out")])
    assert capsys.readouterr().out.count(MISSING) == 1


def test_info_says_what_was_left_out(tmp_path: Path) -> None:
    env = gym.make(envs.ENV_ID, object=with_missing_mesh(tmp_path), disable_env_checker=True)
    assert env.reset(seed=0)[1]["notes"] == (MISSING,)
    env.close()


def test_play_refuses_what_has_nothing_to_find(
    tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stuck = write(tmp_path / "o.urdf", link("a"), link("b"), joint("revolute", "a", "b", limits="0 0"))
    with pytest.raises(SystemExit):
        main(["play", "--object", str(stuck), "--weights", str(weights), "--out", str(tmp_path / "play")])
    message = capsys.readouterr().err
    assert "--object" in message
    assert "nothing to find" in message
    assert "limits are 0 to 0" in message
    assert not (tmp_path / "play").exists()
    main(["object", str(stuck), "--out", str(tmp_path / "object")])
    assert "limits are 0 to 0" in capsys.readouterr().out
    assert (tmp_path / "object/object.png").is_file()


def test_files_of_another_machine_are_looked_for_where_one_says(tmp_path: Path, weights: Path) -> None:
    urdf = write(
        tmp_path / "o" / "o.urdf", link("a"), mesh_link("b", "/home/ann/cube.obj"), joint("revolute", "a", "b")
    )
    (tmp_path / "meshes").mkdir()
    CUBE.export(tmp_path / "meshes" / "cube.obj")
    with pytest.raises(SystemExit):
        main(["object", str(urdf), "--out", str(tmp_path / "out")])
    root = ["--mesh-root", str(tmp_path / "meshes")]
    main(["object", str(urdf), *root, "--out", str(tmp_path / "out")])
    assert len(ObjectResult.read(tmp_path / "out/object.json").parts) == 2
    main(["play", "--object", str(urdf), *root, "--weights", str(weights), "--out", str(tmp_path / "play")])
    assert (tmp_path / "play/result.json").is_file()


def test_object_json_of_an_earlier_version_has_no_notes() -> None:
    old = {"schema_version": 2, "name": "o", "category": "c", "urdf": "u", "radius": 0.3, "height": 0.1, "image": "i"}
    assert ObjectResult.from_json({**old, "parts": [], "joints": []}).notes == []


def test_commands_take_a_view_and_say_which_was_chosen(
    tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    urdf = str(cupboard(tmp_path / "c.urdf"))
    main(["object", urdf, "--out", str(tmp_path / "out")])
    chosen = ObjectResult.read(tmp_path / "out/object.json").view
    assert chosen.startswith("--view=")
    assert f"seen with {chosen}" in capsys.readouterr().out.replace("\n", " ")
    main(["object", urdf, "--view", "50,-70", "--out", str(tmp_path / "again")])
    assert ObjectResult.read(tmp_path / "again/object.json").view == "--view=50,-70"
    first, second = ((tmp_path / name / "object.png").read_bytes() for name in ("out", "again"))
    assert first != second
    played = ["play", "--object", urdf, "--weights", str(weights), "--interactions", "1"]
    main([*played, "--view", "top", "--out", str(tmp_path / "top")])
    main([*played, "--out", str(tmp_path / "auto")])
    assert (tmp_path / "top/strip.png").read_bytes() != (tmp_path / "auto/strip.png").read_bytes()
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main([*played, "--view", "front", "--out", str(tmp_path / "wrong")])
    assert "--view: view must be 'auto', 'top', or elevation" in capsys.readouterr().err
