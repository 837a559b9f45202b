"""Catalog and writer: names, splits, the folder on disk, several processes at once."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import trimesh
from PIL import Image

from assets import (
    CATEGORIES,
    MIX_CATEGORIES,
    STRESS_CATEGORIES,
    TEST_CATEGORIES,
    TRAIN_CATEGORIES,
    Instance,
    instance_folder,
    instances,
    prepare,
)
from assets.catalog import generate, split_categories, split_size
from assets.writer import write_partnet_folder

pytestmark = pytest.mark.usefixtures("cache")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def split_of(category: str) -> str:
    return next(split for split in ("train", "test", "stress") if category in split_categories(split))


@pytest.mark.parametrize("category", CATEGORIES)
def test_folder_has_the_partnet_layout(category: str, cache: Path) -> None:
    folder = instance_folder(category, 3, split_of(category))
    assert cache in folder.parents
    assert json.loads((folder / "meta.json").read_text())["category"] == category
    robot = ElementTree.parse(folder / "mobility.urdf").getroot()
    links = [link.attrib["name"] for link in robot.findall("link")]
    obj = generate(Instance(category, 3, split_of(category)))
    assert links == ["base", *(f"link_{i}" for i in range(len(obj.links)))]
    assert robot.findall("link")[0].find("visual") is None
    joints = robot.findall("joint")
    assert [joint.attrib["type"] for joint in joints] == ["fixed", *(joint.type for joint in obj.joints)]
    assert sorted(joint.find("child").attrib["link"] for joint in joints) == sorted(links[1:])  # type: ignore[union-attr]
    semantics = [line.split() for line in (folder / "semantics.txt").read_text().splitlines()]
    assert [row[0] for row in semantics] == links[1:]
    kind = "slider" if category == "drawers" else "hinge"
    assert [row[1] for row in semantics] == ["free"] + [kind] * len(obj.joints)
    for link in robot.findall("link")[1:]:
        files = [mesh.attrib["filename"] for mesh in link.iterfind("visual/geometry/mesh")]
        assert files
        assert files == [mesh.attrib["filename"] for mesh in link.iterfind("collision/geometry/mesh")]
        for file in files:
            assert file.startswith("textured_objs/original-")
            text = (folder / file).read_text()
            library = folder / "textured_objs" / text.split("mtllib ")[1].split()[0]
            texture = library.parent / library.read_text().split("map_Kd ")[1].split()[0]
            assert Image.open(texture).mode == "RGB"


@pytest.mark.parametrize("category", CATEGORIES)
def test_files_put_together_give_the_generated_object(category: str) -> None:
    """Reading the files back and chaining the URDF's offsets gives closed meshes at their first place."""
    instance = Instance(category, 5, split_of(category))
    folder, obj = instance.folder(), generate(instance)
    robot = ElementTree.parse(folder / "mobility.urdf").getroot()

    def offset(element: ElementTree.Element) -> np.ndarray:
        origin = element.find("origin")
        assert origin is not None
        return np.array([float(x) for x in origin.attrib["xyz"].split()])

    frames = {"base": np.zeros(3)}
    for joint in robot.findall("joint"):  # written parents first
        names = [joint.find(tag).attrib["link"] for tag in ("parent", "child")]  # type: ignore[union-attr]
        frames[names[1]] = frames[names[0]] + offset(joint)
    for i, link in enumerate(obj.links):
        element = robot.find(f"link[@name='link_{i}']")
        assert element is not None
        for visual, written in zip(link.visuals, element.findall("visual"), strict=True):
            file = written.find("geometry/mesh").attrib["filename"]  # type: ignore[union-attr]
            rows = [line.split() for line in (folder / file).read_text().splitlines()]
            vertices = np.array([row[1:] for row in rows if row[0] == "v"], dtype=float)
            faces = np.array([[c.split("/")[0] for c in row[1:]] for row in rows if row[0] == "f"], dtype=int) - 1
            mesh = trimesh.Trimesh(vertices + offset(written) + frames[f"link_{i}"], faces, process=False)
            assert mesh.is_watertight
            np.testing.assert_allclose(mesh.bounds, visual.mesh.bounds, atol=3e-6)
            uv = np.array([row[1:] for row in rows if row[0] == "vt"], dtype=float)
            assert uv.min() >= 0.0


def test_limits_in_the_file_are_those_of_the_object() -> None:
    instance = Instance("multilink", 2, "test")
    robot = ElementTree.parse(instance.folder() / "mobility.urdf").getroot()
    limits = [limit.attrib for limit in robot.iterfind("joint/limit")]
    for written, joint in zip(limits, generate(instance).joints, strict=True):
        assert float(written["lower"]) == pytest.approx(joint.lower, abs=1e-6)
        assert float(written["upper"]) == pytest.approx(joint.upper, abs=1e-6)


def test_generated_slides_reach_the_prepared_object_in_metres_of_its_size() -> None:
    for index in range(4):
        instance = Instance("drawers", index, "stress")
        obj, prepared = generate(instance), prepare(instance.folder())
        assert len(prepared.parts) == len(obj.links)
        assert [joint.type for joint in prepared.joints] == ["prismatic"] * len(obj.joints)
        ratios = [
            (written.upper - written.lower) / (joint.upper - joint.lower)
            for written, joint in zip(prepared.joints, obj.joints, strict=True)
        ]
        assert 0.5 < ratios[0] < 2.0  # one scale brings the whole object into view
        assert ratios == pytest.approx([ratios[0]] * len(ratios), rel=1e-3)


def test_same_instance_gives_the_same_bytes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for category in CATEGORIES:
        first = contents(instance_folder(category, 7, split_of(category)))
        with monkeypatch.context() as patch:
            patch.setenv("ATP_CACHE", str(tmp_path / "again"))
            assert contents(instance_folder(category, 7, split_of(category))) == first


def test_bytes_do_not_depend_on_the_process(tmp_path: Path) -> None:
    code = "import sys; from assets import instance_folder; print(instance_folder('knife', 4))"
    env = {"ATP_CACHE": str(tmp_path / "other"), "PYTHONHASHSEED": "77"}
    run = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=Path(__file__).parents[2], capture_output=True, text=True
    )
    assert contents(Path(run.stdout.strip())) == contents(instance_folder("knife", 4))


def test_every_field_of_the_name_changes_the_object() -> None:
    names = [
        Instance("scissors", 0, "train"),
        Instance("scissors", 1, "train"),
        Instance("scissors", 0, "val"),
        Instance("scissors", 0, "train", 1),
    ]
    sizes = {generate(name).links[0].visuals[0].mesh.bounds.tobytes() for name in names}
    assert len(sizes) == len(names)
    assert len({name.folder() for name in names}) == len(names)


def test_train_and_val_streams_are_disjoint() -> None:
    def shapes(split: str) -> set[bytes]:
        names = instances(split, "knife")[:20]
        return {generate(name).links[1].visuals[0].mesh.vertices.tobytes() for name in names}

    train, val = shapes("train"), shapes("val")
    assert len(train) == len(val) == 20
    assert not train & val


def test_splits_and_sizes() -> None:
    assert len(set(CATEGORIES)) == len(CATEGORIES)  # no category is in two groups
    assert set(CATEGORIES) == {*TRAIN_CATEGORIES, *TEST_CATEGORIES, *STRESS_CATEGORIES}
    assert split_categories("train") == split_categories("val") == TRAIN_CATEGORIES
    assert split_categories("test") == TEST_CATEGORIES
    assert split_categories("stress") == STRESS_CATEGORIES
    assert split_categories("mix") == TRAIN_CATEGORIES + MIX_CATEGORIES
    assert not set(MIX_CATEGORIES) & set(CATEGORIES)  # no score is of a category that the mix trains on
    assert {name for name in instances("mix") if name.split == "train"} == set(instances("train"))
    for split, size in (("train", 200), ("val", 50), ("test", 50), ("stress", 50), ("mix", 200)):
        found = instances(split)
        assert split_size(split) == size
        assert len(found) == len(set(found)) == size * len(split_categories(split))
        assert {name.category for name in found} == set(split_categories(split))
    assert {name.category for name in instances("val", "knife")} == {"knife"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("spoon", 0, "train"), CATEGORIES),
        (("pliers", 0, "train"), ("scissors, knife", "split test")),
        (
            ("scissors", 0, "test"),
            ("pliers, microwave, lighter, eyeglasses, multilink", "split train or val"),
        ),
        (("scissors", 200, "train"), ("200", "0 to 199")),
        (("scissors", -1, "val"), ("-1", "0 to 49")),
        (("scissors", 0, "training"), ("train, val, test",)),
        (("scissors", 0, "train", -2), ("seed", "-2")),
    ],
)
def test_a_wrong_name_is_refused_with_the_choices(arguments: tuple, words: tuple[str, ...], cache: Path) -> None:
    with pytest.raises(ValueError, match=r"(choose one|choose 0|seed)") as error:
        instance_folder(*arguments)
    for word in words:
        assert word in str(error.value)
    assert not cache.exists()


def test_two_processes_at_once_give_one_good_folder(cache: Path) -> None:
    code = (
        "import sys, time; from assets import instance_folder\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "for i in range(6): print(instance_folder('scissors', i), flush=True)"
    )
    pair = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in pair:  # both have imported everything before either starts
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    out = []
    for process in pair:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in pair:
        out.append(process.communicate()[0])
        assert process.returncode == 0
    assert out[0] == out[1]
    folders = [Path(line) for line in out[0].split()]
    assert len(folders) == 6
    assert sorted(folders[0].parent.iterdir()) == sorted(folders)  # no left-overs
    for i, folder in enumerate(folders):
        fresh = folder.parent.parent / f"fresh-{i}"
        meta = json.loads((folder / "meta.json").read_text())
        write_partnet_folder(
            generate(Instance("scissors", i, "train")),
            fresh,
            {key: meta[key] for key in ("index", "split", "seed", "generator_version")},
        )
        assert contents(fresh) == contents(folder)


def test_second_call_reuses_the_folder() -> None:
    folder = instance_folder("knife", 0)
    before = (folder / "mobility.urdf").stat().st_mtime_ns
    time.sleep(0.01)
    assert instance_folder("knife", 0) == folder
    assert (folder / "mobility.urdf").stat().st_mtime_ns == before


def test_a_broken_folder_in_the_way_is_named() -> None:
    folder = instance_folder("knife", 1)
    (folder / "meta.json").unlink()
    with pytest.raises(OSError, match=r"knife-train-0-001.*delete it"):
        instance_folder("knife", 1)
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_writer_refuses_a_folder_in_use(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="not empty"):
        write_partnet_folder(generate(Instance("knife", 0, "train")), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]
