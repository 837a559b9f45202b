"""Objects of scene-synthesizer: surfaces, limits and fronts of a plain URDF; its kinds where the package is there."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from assets.found import synthesizer
from assets.found.dressing import dressed
from assets.found.found_object import TRAINING, UNTRAINED, VALIDATION, SourceMissing
from assets.found.synthesizer import KINDS, Kind
from assets.importing.prepare import prepare
from urdf_objects import joint, link, write

pytestmark = pytest.mark.usefixtures("cache")


def cupboard(path: Path) -> Path:
    """A body with a door whose limits are wide, a drawer that falls out, a button, and an empty root."""
    handle = link("door", "0.5 0.02 0.8", "0.25 0 0").replace("<visual>", '<visual name="object_door_panel">', 1)
    handle = handle.replace(
        "</link>",
        '<visual name="object_door_handle"><geometry><cylinder radius="0.02" length="0.2"/></geometry></visual></link>',
    )
    return write(
        path,
        link("world", None),
        link("object_corpus", "1 0.6 0.8"),
        handle,
        link("object_drawer_0_2", "0.4 0.5 0.2"),
        link("button", "0.02 0.02 0.02"),
        link("basket_0", "0.4 0.4 0.2"),
        joint("fixed", "world", "object_corpus"),
        joint("revolute", "object_corpus", "door", "0 0 -1", "0 3.1", 'xyz="-0.5 -0.31 0"'),
        joint("prismatic", "object_corpus", "object_drawer_0_2", "0 -1 0", "0 0.9", 'xyz="0.25 -0.1 0"'),
        joint("prismatic", "object_corpus", "basket_0", "0 -1 0", "0 0.4"),
        joint("prismatic", "object_corpus", "button", "0 1 0", "-0.01 0", 'xyz="0.4 -0.3 0.3"'),
    )


def test_joints_of_a_plain_object_get_sensible_limits(tmp_path: Path) -> None:
    obj = dressed(cupboard(tmp_path / "it.urdf"), "cupboard", np.random.default_rng(0))
    assert [part.part for part in obj.links] == ["body", "door", "drawer"]  # to which button and basket are fixed
    door, drawer = obj.joints
    assert (door.type, door.lower, door.upper) == ("revolute", 0.0, pytest.approx(math.radians(105)))
    assert (drawer.type, drawer.lower, drawer.upper) == ("prismatic", 0.0, pytest.approx(0.8 * 0.5))
    assert door.origin == pytest.approx((-0.5, -0.31, 0.0))
    assert drawer.axis == pytest.approx((0.0, -1.0, 0.0))


def test_shapes_are_dressed_by_their_names(tmp_path: Path) -> None:
    urdf = cupboard(tmp_path / "it.urdf")
    obj = dressed(urdf, "cupboard", np.random.default_rng(1))
    panel, handle = obj.links[1].visuals
    assert panel.material is not handle.material
    assert np.ptp(panel.mesh.bounds, axis=0) == pytest.approx([0.5, 0.02, 0.8])
    assert obj.links[2].visuals[0].material is panel.material  # fronts are alike
    again = dressed(urdf, "cupboard", np.random.default_rng(1))
    other = dressed(urdf, "cupboard", np.random.default_rng(2))
    textures = [each.links[0].visuals[0].material.texture for each in (obj, again, other)]
    assert np.array_equal(textures[0], textures[1])
    assert not np.array_equal(textures[0], textures[2])


def test_an_object_is_turned_with_its_joints(tmp_path: Path) -> None:
    urdf = cupboard(tmp_path / "it.urdf")
    door, drawer = dressed(urdf, "cupboard", np.random.default_rng(0), math.pi).joints
    assert door.origin == pytest.approx((0.5, 0.31, 0.0))
    assert drawer.axis == pytest.approx((0.0, 1.0, 0.0))


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthesizer, "PACKAGE", "no_such_package_of_a_test")
    with pytest.raises(SourceMissing, match="pip install scene-synthesizer"):
        synthesizer.offer(0)


class Scene:
    """Stands for the package's: exports a cupboard whatever it is given."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def add_object(self, asset: object, name: str) -> None:
        assert (asset.width, name) == (pytest.approx(asset.width), "object")  # type: ignore[attr-defined]

    def export(self, path: str) -> None:
        cupboard(Path(path))


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for the package, with the one kind of asset that `Kind`s of the tests name."""
    name = "stand_in_of_a_test"
    stand_in, assets = ModuleType(name), ModuleType(f"{name}.procedural_assets")
    stand_in.Scene = Scene  # type: ignore[attr-defined]
    assets.Asset = SimpleNamespace  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, name, stand_in)
    monkeypatch.setitem(sys.modules, f"{name}.procedural_assets", assets)
    monkeypatch.setattr(synthesizer, "PACKAGE", name)
    monkeypatch.setattr(synthesizer.importlib.metadata, "version", lambda name: "9.9")


def sizes(rng: np.random.Generator, temporary: str) -> dict[str, float]:
    return {"width": rng.uniform(1.0, 2.0)}


@pytest.mark.usefixtures("package")
def test_objects_are_written_the_same_for_the_same_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthesizer, "KINDS", (Kind("cupboard", "Asset", sizes, 2, 1),))
    offer = synthesizer.offer(3)
    assert [(each.name, each.split) for each in offer.objects] == [
        ("cupboard-train-000", TRAINING),
        ("cupboard-train-001", TRAINING),
        ("cupboard-val-000", VALIDATION),
    ]
    assert {(each.source, each.licence) for each in offer.objects} == {("scene-synthesizer 9.9", "Apache-2.0")}
    contents = []
    for number, each in enumerate(
        (*offer.objects[:2], synthesizer.offer(3).objects[0], synthesizer.offer(4).objects[0])
    ):
        folder = tmp_path / str(number)
        each.write(folder)
        assert len(prepare(folder).parts) == 3
        contents.append({path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()})
    first, second, again, other = contents
    assert again == first
    assert first["material-0.png"] not in (second["material-0.png"], other["material-0.png"])


@pytest.mark.usefixtures("package")
def test_kinds_that_must_stay_untrained_go_to_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = tuple(Kind(category, "Asset", sizes, 2, 1) for category in sorted(UNTRAINED))
    monkeypatch.setattr(synthesizer, "KINDS", kinds)
    assert {each.split for each in synthesizer.offer(0).objects} == {VALIDATION}


def test_kinds_are_held_out_entirely() -> None:
    assert {kind.category for kind in KINDS if not kind.train} >= {"microwave", "dishwasher"}
    assert all(kind.val for kind in KINDS)
    assert not {kind.category for kind in KINDS if kind.train} & UNTRAINED


@pytest.mark.parametrize("kind", KINDS, ids=[kind.category for kind in KINDS])
def test_every_kind_moves(kind: Kind, tmp_path: Path) -> None:
    pytest.importorskip("scene_synthesizer")
    offer = {each.name: each for each in synthesizer.offer(0).objects}
    folder = tmp_path / kind.category
    offer[f"{kind.category}-val-000"].write(folder)
    model = prepare(folder)
    assert model.part_names[0] == "body"
    assert model.joints
    assert all(each.upper - each.lower > 0.02 for each in model.joints)
