"""The set of found objects: made once, resumed, listed by split, played with."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path

import gymnasium as gym
import pytest

import envs
from assets.catalog import TRAIN_CATEGORIES, Instance, instance_folder, instances, split_categories
from assets.found import synthesizer
from assets.found.__main__ import main
from assets.found.building import VERSION, build
from assets.found.collection import found_root, is_built
from assets.found.found_object import TRAINING, VALIDATION, FoundObject
from assets.importing.prepare import ObjectError
from furniture_library import CUPBOARD, SLIDING, write_library
from urdf_objects import joint, link

pytestmark = pytest.mark.usefixtures("cache")


def hinged(kind: str = "revolute", more: int = 0) -> str:
    """A body with an arm on a hinge, and further arms."""
    arms = [f"arm{i}" for i in range(1 + more)]
    links = [link("body", "0.4 0.4 0.1"), *(link(arm, "0.6 0.1 0.1", "0.3 0 0") for arm in arms)]
    joints = [joint(kind, "body", arm, origin='xyz="0 0.3 0"') for arm in arms]
    return f'<robot name="thing">{"".join(links + joints)}</robot>'


def write_hinged(text: str, folder: Path) -> None:
    (folder / "mobility.urdf").write_text(text)


def found(name: str, split: str = VALIDATION, category: str = "crank", text: str | None = None) -> FoundObject:
    write = partial(write_hinged, hinged() if text is None else text)
    return FoundObject(name, category, split, "a test | of pipes", "MIT", "Somebody", write)


@pytest.fixture
def made(cache: Path) -> Path:
    """A set where the splits look for it."""
    objects = [found(f"crank-{i}", TRAINING) for i in range(3)] + [found("lever", category="lever"), found("crank-val")]
    build(found_root(), objects, 0)
    assert found_root() == cache / "found"
    return found_root()


def test_index_and_licences_say_where_every_object_is_from(made: Path) -> None:
    index = json.loads((made / "index.json").read_text())
    assert (index["version"], index["seed"]) == (VERSION, 0)
    assert [(each["name"], each["split"], each["index"]) for each in index["objects"]] == [
        ("crank-0", TRAINING, 0),
        ("crank-1", TRAINING, 1),
        ("crank-2", TRAINING, 2),
        ("crank-val", VALIDATION, 0),
        ("lever", VALIDATION, 0),
    ]
    assert {each["parts"] for each in index["objects"]} == {2}
    table = (made / "LICENCES.md").read_text()
    assert "| lever | a test \\| of pipes | MIT | Somebody |" in table
    assert table.count("| MIT |") == 5


def test_what_is_there_is_kept_and_another_seed_is_made_anew(made: Path) -> None:
    objects = [found("crank-0", TRAINING), found("new")]
    seen: list[str] = []
    report = build(made, objects, 0, seen.append)
    assert (report.made, report.kept, seen) == (("new",), ("crank-0",), ["crank-0", "new"])
    assert {each["name"] for each in report.entries} == {"crank-0", "crank-1", "crank-2", "crank-val", "lever", "new"}
    report = build(made, objects, 1)
    assert report.made == ("crank-0", "new")
    assert {each["name"] for each in report.entries} == {"crank-0", "new"}  # of this seed
    assert json.loads((made / "new" / "meta.json").read_text())["seed"] == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (hinged(kind="fixed"), "no joint moves a part"),
        ("<robot/>", "has no <link>"),
        (hinged(more=15), "17 parts, more than the 15"),
    ],
)
def test_an_object_that_cannot_be_played_with_is_left_out(tmp_path: Path, text: str, reason: str) -> None:
    report = build(tmp_path / "set", [found("bad", text=text), found("good")], 0)
    assert [each["name"] for each in report.entries] == ["good"]
    assert len(report.broken) == 1
    assert report.broken[0].startswith("bad: ")
    assert reason in report.broken[0]
    assert sorted(path.name for path in (tmp_path / "set").iterdir()) == ["LICENCES.md", "good", "index.json"]


def test_two_objects_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two found objects are called twin"):
        build(tmp_path / "set", [found("twin"), found("twin")], 0)


def test_without_the_set_its_splits_say_what_to_do(cache: Path) -> None:
    for use in (split_categories, instances, partial(instance_folder, "crank", 0)):
        with pytest.raises(ObjectError, match=r"found/index\.json: .*run `make found`"):
            use("found-train")  # type: ignore[operator]
    assert set(split_categories("mix")) >= set(TRAIN_CATEGORIES)  # which does without
    assert not is_built()


def test_splits_list_the_set(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ATP_OBJECTS", raising=False)  # whose objects would be found too
    assert split_categories("found") == ("crank", "lever")
    assert instances("found-train") == [Instance("crank", i, "found-train") for i in range(3)]
    assert instances("found", "lever") == [Instance("lever", 0, "found")]
    assert instances("found", "lever")[0].folder() == made / "lever"
    with pytest.raises(ObjectError, match="has the categories crank, lever, not 'pliers'"):
        instances("found", "pliers")
    with pytest.raises(ObjectError, match="no instance 3 of crank in split 'found-train': choose 0 to 2"):
        instance_folder("crank", 3, "found-train")
    shutil.rmtree(made / "lever")
    with pytest.raises(ObjectError, match="lever: is gone: run `make found`"):
        instance_folder("lever", 0, "found")
    made.rename(tmp_path / "elsewhere")
    monkeypatch.setenv("ATP_FOUND", str(tmp_path / "elsewhere"))
    assert len(instances("found-train")) == 3
    (tmp_path / "elsewhere" / "index.json").write_text("{}")
    with pytest.raises(ObjectError, match=r"index\.json: is damaged"):
        instances("found-train")


def test_the_mix_trains_on_the_found_objects_that_are_for_training(made: Path) -> None:
    mix = instances("mix")
    assert [each for each in mix if each.split == "found-train"] == instances("found-train")
    assert [each for each in mix if each.split == "train"] == instances("train")
    assert {each.split for each in mix} <= {"train", "mix", "found-train"}
    assert instances("mix", "crank") == instances("found-train")
    assert "crank" in split_categories("mix")


def test_own_objects_of_the_tests_are_in_the_validation_split(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("chest", "lever"):
        (tmp_path / "own" / name).mkdir(parents=True)
        (tmp_path / "own" / name / "it.urdf").write_text(hinged())
    (tmp_path / "own" / "notes").mkdir()
    monkeypatch.setenv("ATP_OBJECTS", str(tmp_path / "own"))
    assert split_categories("found") == ("crank", "lever", "chest")
    assert instance_folder("chest", 0, "found") == tmp_path / "own" / "chest"
    assert instance_folder("lever", 0, "found") == made / "lever"  # the set's own
    assert split_categories("found-train") == ("crank",)


def test_the_environment_plays_with_the_set(made: Path) -> None:
    env = gym.make(envs.ENV_ID, split="found", disable_env_checker=True)
    try:
        _, info = env.reset(seed=0, options={"category": "lever"})
        assert (info["category"], info["instance"]) == ("lever", "lever")
        assert info["privileged"]["num_parts"] == 2
    finally:
        env.close()


def test_one_command_makes_the_set_of_the_sources_that_are_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(synthesizer, "PACKAGE", "no_such_package_of_a_test")
    library = write_library(tmp_path / "a.sh3f", {"cupboard": CUPBOARD, "window_2x3": SLIDING})
    assert main(["--sweethome", str(library)]) == 0
    said = capsys.readouterr().out
    assert "scene-synthesizer is not installed" in said
    assert "pip install scene-synthesizer" in said
    assert "found-train: 2 objects: window 2" in said
    assert "found: 1 objects: furniture 1" in said
    assert {each.category for each in instances("found-train")} == {"window"}
    assert main(["--sweethome", str(library)]) == 0
    assert "0 made, 3 were there" in capsys.readouterr().out
    assert main(["--sweethome", str(tmp_path / "gone")]) == 2
    captured = capsys.readouterr()
    assert "apt-get install sweethome3d-furniture" in captured.out
    assert "no source of objects is here" in captured.err
