"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import json

import pytest

from assets.files import atomic_folder, atomic_path, write_json


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_only_when_it_is_whole(tmp_path):
    path = tmp_path / "deep" / "result.json"
    write_json(path, [1])
    with pytest.raises(ZeroDivisionError), atomic_path(path) as temporary:
        temporary.write_text(f"[{1 / 0}")
    assert json.loads(path.read_text()) == [1]
    assert names(path.parent) == ["result.json"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_folder_is_replaced_only_when_it_is_whole(tmp_path):
    target = tmp_path / "clip"
    for text in ("first", "second"):
        with atomic_folder(target) as stage:
            (stage / text).write_text(text)
            assert not (target / text).exists()
        assert names(target) == [text]
    with pytest.raises(ZeroDivisionError), atomic_folder(target) as stage:
        (stage / "third").write_text(f"{1 / 0}")
    assert names(target) == ["second"]
    assert names(tmp_path) == ["clip"]


def test_a_whole_folder_of_another_process_stays(tmp_path):
    target = tmp_path / "object"
    with atomic_folder(target, lambda folder: (folder / "mine").exists()) as stage:
        (stage / "mine").write_text("1")
        target.mkdir()
        (target / "mine").write_text("0")  # the other was faster
    assert (target / "mine").read_text() == "0"
    (target / "mine").rename(target / "broken")
    with atomic_folder(target, lambda folder: (folder / "mine").exists()) as stage:
        (stage / "mine").write_text("2")
    assert names(target) == ["mine"]
    assert names(tmp_path) == ["object"]


def test_a_file_in_the_way_of_a_folder_is_an_error(tmp_path):
    target = tmp_path / "object"
    target.write_text("mine")
    with pytest.raises(NotADirectoryError), atomic_folder(target, lambda folder: True) as stage:
        (stage / "part").write_text("1")
    assert target.read_text() == "mine"
    assert names(tmp_path) == ["object"]
