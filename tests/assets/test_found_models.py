"""Models of Sweet Home 3D: joints from the names of groups, sizes, surfaces, licences."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path

import numpy as np
import pytest

from assets.found import sweethome
from assets.found.found_object import TRAINING, UNTRAINED, VALIDATION, FoundObject, SourceMissing
from assets.found.licences import free_licence
from assets.importing.joints.kinematics import apply, link_poses
from assets.importing.prepare import prepare
from assets.importing.reading.urdf import UrdfModel
from assets.importing.reading.urdf_reader import load_urdf
from assets.importing.shapes.meshes import read_mesh
from furniture_library import CUPBOARD, PLAIN, SLIDING, library_bytes, write_debian_package, write_library

pytestmark = pytest.mark.usefixtures("cache")


def written(place: Path, folder: Path, name: str = "sweethome-cupboard") -> UrdfModel:
    """The object of a library, written and read again."""
    found = {each.name: each for each in sweethome.offer(0, place).objects}[name]
    folder.mkdir()
    found.write(folder)
    return load_urdf(folder / "mobility.urdf")


def points(model: UrdfModel, link: str, positions: dict[str, float] | None = None) -> np.ndarray:
    """Points (n, 3) of a link in the object's frame."""
    (visual,) = model.links[link].visuals
    assert visual.geometry.mesh is not None
    mesh = read_mesh(visual.geometry.mesh, model.path, model.folder)
    return apply(link_poses(model, positions or {})[link] @ visual.origin, mesh.points)


def test_a_door_hangs_on_its_hinge_and_opens_out_of_the_body(tmp_path: Path) -> None:
    model = written(write_library(tmp_path / "a.sh3f"), tmp_path / "it")
    (joint,) = model.joints
    assert joint.type == "revolute"
    np.testing.assert_allclose(np.abs(joint.axis), [0, 0, 1])
    # the middle of the pin: 0.05 of 4 units wide and 3.15 of 3.4 deep, from 40 and 30 cm, the front at -y
    np.testing.assert_allclose(joint.origin[:2, 3], [-0.2 + 0.05 * 0.1, 0.15 - 3.15 * 0.3 / 3.4], atol=1e-6)
    assert (joint.lower, joint.upper) == pytest.approx((-math.radians(100), 0))
    assert points(model, "link_1").shape == (16, 3)  # the leaf and its pane
    body, leaf = points(model, "link_0"), points(model, "link_1", {joint.name: joint.lower or 0.0})
    inside = ((leaf > body.min(axis=0) + 1e-6) & (leaf < body.max(axis=0) - 1e-6)).all(axis=1)
    assert leaf[:, 1].min() < body[:, 1].min() - 0.3  # it stands out to the front
    assert not inside.any()
    prepared = prepare(tmp_path / "it")
    assert (prepared.part_names, prepared.joints[0].type) == (("body", "opening_1"), "revolute")


def test_size_is_that_of_the_catalogue_with_z_up(tmp_path: Path) -> None:
    model = written(write_library(tmp_path / "a.sh3f"), tmp_path / "it")
    everything = np.concatenate([points(model, "link_0"), points(model, "link_1")])
    np.testing.assert_allclose(np.ptp(everything, axis=0), [0.4, 0.3, 0.6], atol=1e-5)
    assert everything[:, 2].min() == pytest.approx(0.0, abs=1e-6)


def test_a_model_is_turned_as_its_catalogue_says(tmp_path: Path) -> None:
    turned = "modelRotation#=1 0 0 0 0 -1 0 1 0"  # a quarter about x: what was up is in front
    model = written(write_library(tmp_path / "a.sh3f", more=turned), tmp_path / "it")
    np.testing.assert_allclose(np.abs(model.joints[0].axis), [0, 1, 0], atol=1e-9)
    assert points(model, "link_1")[:, 2].max() < points(model, "link_0")[:, 2].min() + 0.1  # the door is below


def test_panes_slide_along_the_rail_that_all_share_to_its_ends(tmp_path: Path) -> None:
    place = write_library(tmp_path / "a.sh3f", {"slider": SLIDING})
    model = written(place, tmp_path / "it", "sweethome-slider")
    assert [joint.type for joint in model.joints] == ["prismatic", "prismatic"]
    left, right = model.joints
    np.testing.assert_allclose([left.axis, right.axis], [[1, 0, 0], [1, 0, 0]])
    # panes of 4 on a rail of 10 units, which are 40 cm
    assert (left.lower, left.upper) == pytest.approx((0.0, 0.24))
    assert (right.lower, right.upper) == pytest.approx((-0.24, 0.0))


def test_limits_of_the_choices_go_before_the_usual_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sweethome, "choices", lambda: {"cupboard": {"category": "cupboard", "limits": {"hinge": [-30, 60]}}}
    )
    (joint,) = written(write_library(tmp_path / "a.sh3f"), tmp_path / "it").joints
    assert (joint.lower, joint.upper) == pytest.approx((math.radians(-30), math.radians(60)))


def test_a_repainted_model_has_other_colours_and_the_same_textures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweethome, "choices", lambda: {"cupboard": {"category": "cupboard", "train": True}})
    place = write_library(tmp_path / "a.sh3f")
    names = [each.name for each in sweethome.offer(0, place).objects]
    assert names == ["sweethome-cupboard", "sweethome-cupboard-1"]
    materials = []
    for name in names:
        model = written(place, tmp_path / name, name)
        (visual,) = model.links["link_1"].visuals
        mesh = read_mesh(visual.geometry.mesh, model.path, model.folder)  # type: ignore[arg-type]
        materials.append(mesh.materials[0].rgba)
        body = read_mesh(model.folder / "textured_objs" / "link_0.obj", model.path, model.folder)
        assert {each.texture.name for each in body.materials if each.texture} == {"grain.png"}
    assert materials[0] == (0.1, 0.2, 0.3, 1.0)
    assert materials[1] != materials[0]


def test_models_without_moving_groups_are_no_objects(tmp_path: Path) -> None:
    place = write_library(tmp_path / "a.sh3f", {"cupboard": CUPBOARD, "box": PLAIN})
    assert [each.name for each in sweethome.offer(0, place).objects] == ["sweethome-cupboard"]
    with pytest.raises(SourceMissing, match="apt-get install sweethome3d-furniture"):
        sweethome.offer(0, write_library(tmp_path / "b.sh3f", {"box": PLAIN}))


def test_a_model_that_is_not_fit_to_play_with_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweethome, "choices", lambda: {"cupboard": {"leave_out": "of a test"}})
    place = write_library(tmp_path / "a.sh3f", {"cupboard": CUPBOARD, "slider": SLIDING})
    assert [each.name for each in sweethome.offer(0, place).objects] == ["sweethome-slider"]


def test_a_library_is_found_in_a_package_and_in_a_folder(tmp_path: Path) -> None:
    libraries = {"a.sh3f": library_bytes({"cupboard": CUPBOARD}), "b.sh3f": library_bytes({"slider": SLIDING})}
    package = write_debian_package(tmp_path / "furniture.deb", libraries)
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, contents in libraries.items():
        (folder / name).write_bytes(contents)
    wanted = ["sweethome-cupboard", "sweethome-slider"]
    for place in (package, folder):
        found = sweethome.offer(0, place).objects
        assert [each.name for each in found] == wanted
        assert (found[0].author, found[0].licence) == ("Somebody", "CC-BY-3.0")
        assert found[0].source == 'Sweet Home 3D, Of a test: A "cupboard"'


def test_what_is_no_library_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.sh3f").write_text("no archive")
    (tmp_path / "a.deb").write_text("no package")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("note.txt", "mine")
    for name in ("a.sh3f", "a.deb", "a.zip"):
        with pytest.raises(ValueError, match=name):
            sweethome.offer(0, tmp_path / name)
    with pytest.raises(SourceMissing, match="gone: apt-get install sweethome3d-furniture, or --sweethome"):
        sweethome.offer(0, tmp_path / "gone")


@pytest.mark.parametrize(
    ("damage", "words"),
    [("f 1 2 99/1", "corner 99/1"), ("v 1 2 x", "could not convert")],
)
def test_a_broken_model_is_named(tmp_path: Path, damage: str, words: str) -> None:
    place = tmp_path / "b.sh3f"
    with zipfile.ZipFile(write_library(tmp_path / "a.sh3f")) as good, zipfile.ZipFile(place, "w") as bad:
        for name in good.namelist():
            bad.writestr(name, good.read(name) + (f"{damage}\n".encode() if name.endswith(".obj") else b""))
    with pytest.raises(ValueError, match=rf"models/cupboard/cupboard\.obj: .*{words}"):
        written(place, tmp_path / "it")


def test_models_whose_licence_is_not_free_are_left_out_and_counted(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    write_library(tmp_path / "a" / "a.sh3f", licence="GNU GPL")
    offer = sweethome.offer(0, tmp_path / "a")
    assert (offer.objects, offer.not_free) == ((), 1)
    write_library(tmp_path / "a" / "b.sh3f", {"slider": SLIDING}, licence="Public domain")
    offer = sweethome.offer(0, tmp_path / "a")
    assert ([each.licence for each in offer.objects], offer.not_free) == (["CC0-1.0"], 1)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("Public domain", "CC0-1.0"),
        ("CC-0", "CC0-1.0"),
        ("Creative Commons Attribution 3.0 United States license", "CC-BY-3.0"),
        ("CC-BY 4.0", "CC-BY-4.0"),
        ("Apache License 2.0", "Apache-2.0"),
        ("MIT", "MIT"),
        ("Creative Commons Attribution-ShareAlike 3.0", None),
        ("Creative Commons Attribution-NonCommercial 4.0", None),
        ("Creative Commons Attribution No Derivatives", None),
        ("CC BY-NC-SA 4.0", None),
        ("GNU General Public License", None),
        ("Free Art License", None),
        ("permitted with limits", None),
        ("", None),
    ],
)
def test_free_licences(words: str, name: str | None) -> None:
    assert free_licence(words) == name


@pytest.mark.parametrize("category", sorted(UNTRAINED))
def test_some_categories_are_never_trained_on(category: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweethome, "choices", lambda: {"cupboard": {"category": category, "train": True}})
    assert [each.split for each in sweethome.offer(0, write_library(tmp_path / "a.sh3f")).objects] == [VALIDATION]
    with pytest.raises(ValueError, match="never trained on"):
        FoundObject("one", category, TRAINING, "", "MIT", "", lambda folder: None)


def test_the_choices_train_on_about_half_and_hold_kinds_out() -> None:
    models = [each for each in sweethome.choices().values() if "leave_out" not in each]
    trained = {str(each["category"]) for each in models if each["train"]}
    assert 0.4 < sum(each["train"] for each in models) / len(models) < 0.6
    assert not trained & UNTRAINED
    assert len({each["category"] for each in models} - trained) >= 5
