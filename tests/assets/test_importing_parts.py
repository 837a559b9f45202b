"""Which links of an imported object are one part, and which joints move parts."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pybullet
import pytest

from assets.importing.prepare import prepare
from assets.importing.reading.urdf import ObjectError
from urdf_objects import joint, link, load, prepared_points, write

pytestmark = pytest.mark.usefixtures("cache")


def test_names_of_the_planar_root_are_kept_free(tmp_path: Path, client: int) -> None:
    path = write(
        tmp_path / "o.urdf",
        link("world", None),
        link("planar_x"),
        link("object_world", "0.3 0.3 0.3"),
        joint("fixed", "world", "planar_x"),
        joint("revolute", "planar_x", "object_world").replace("planar_x_object_world", "planar_yaw"),
    )
    prepared = prepare(path)
    assert prepared.parts == (("object_object_world", "object_planar_x"), ("object_world",))
    assert prepared.joints[0].name == "object_planar_yaw"
    _, joints, _ = load(prepared, client)
    assert {"planar_x", "planar_y", "planar_yaw", "object_planar_yaw"} <= joints.keys()


def test_fixed_links_are_one_part(tmp_path: Path) -> None:
    path = write(
        tmp_path / "o.urdf",
        link("base", None),
        link("body"),
        link("lamp", "0.1 0.1 0.1"),
        link("door", "0.5 0.05 0.3"),
        link("hinge_frame", None),
        link("knob", "0.02 0.02 0.02"),
        link("stuck", "0.1 0.1 0.2"),
        link("floating", "0.1 0.1 0.2"),
        joint("fixed", "base", "body"),
        joint("fixed", "body", "lamp"),
        joint("revolute", "lamp", "door"),
        joint("fixed", "door", "hinge_frame"),
        joint("fixed", "hinge_frame", "knob"),
        joint("revolute", "door", "stuck", limits="0.5 0.5"),
        joint("floating", "body", "floating"),
    )
    prepared = prepare(path)
    assert [set(part) for part in prepared.parts] == [
        {"base", "body", "lamp", "floating"},
        {"door", "hinge_frame", "knob", "stuck"},
    ]
    assert prepared.part_names == ("body", "door")
    (door,) = prepared.joints
    assert (door.name, door.parent, door.child) == ("lamp_door", 0, 1)
    assert any("floating" in note for note in prepared.notes)
    assert any("without a range" in note and "door_stuck" in note for note in prepared.notes)
    kinds = {j.attrib["name"]: j.attrib["type"] for j in ET.parse(prepared.urdf).getroot().findall("joint")}
    assert kinds["door_stuck"] == kinds["body_floating"] == "fixed"


def test_a_joint_without_range_stays_where_it_is(tmp_path: Path) -> None:
    plain = [link("a", "1 1 0.1"), link("b", "0.2 0.1 0.1", at="0.8 0 0")]
    stuck = write(tmp_path / "t.urdf", *plain, joint("revolute", "a", "b", limits="1.5707963267 1.5707963267"))
    fixed = write(tmp_path / "f.urdf", *plain, joint("fixed", "a", "b", origin='rpy="0 0 1.5707963267"'))
    np.testing.assert_allclose(prepared_points(prepare(stuck)), prepared_points(prepare(fixed)), atol=1e-6)
    assert len(prepare(stuck).parts) == 1


def test_limits_that_are_missing_or_endless(tmp_path: Path) -> None:
    path = write(
        tmp_path / "o.urdf",
        link("a"),
        *(link(name, "0.1 0.1 0.1") for name in "bcdef"),
        joint("revolute", "a", "b", limits=None),
        joint("revolute", "a", "c", limits="-7 7"),
        joint("prismatic", "a", "d", "1 0 0", limits=None),
        joint("prismatic", "a", "e", "1 0 0", limits="0 1e9"),
        joint("revolute", "a", "f", limits="1 -0.5"),
    )
    prepared = prepare(path)
    b, c, d, e, f = prepared.joints
    assert (b.type, c.type) == ("continuous", "continuous")
    assert (b.lower, b.upper, c.lower, c.upper) == pytest.approx((-math.pi, math.pi) * 2)
    assert (d.lower, d.upper) == (-0.1, 0.1)
    assert e.lower == 0
    assert 0 < e.upper <= 1
    assert (f.lower, f.upper) == (-0.5, 1)
    assert np.ptp(prepared_points(prepared)[:8], axis=0).max() > 0.2  # the body is not shrunk to a dot


def test_links_without_shape_between_parts(tmp_path: Path) -> None:
    path = write(
        tmp_path / "o.urdf",
        link("body", "1 1 0.2"),
        link("between", None),
        link("button", "0.2 0.2 0.4"),
        link("nothing", None),
        joint("revolute", "body", "between"),
        joint("prismatic", "between", "button", "1 0 0", "0 0.1"),
        joint("revolute", "button", "nothing"),
    )
    prepared = prepare(path)
    assert prepared.parts == (("body",), ("button",))
    assert [(j.name, j.parent, j.child) for j in prepared.joints] == [
        ("body_between", 0, 1),
        ("between_button", 0, 1),
    ]
    assert any("between, nothing" in note for note in prepared.notes)


def test_a_root_without_shape_gives_way_to_the_largest_part(tmp_path: Path, client: int) -> None:
    path = write(
        tmp_path / "o.urdf",
        link("hub", None),
        link("small", "0.5 0.1 0.1", at="0.3 0 0"),
        link("large", "1 0.2 0.1", at="-0.5 0 0"),
        joint("revolute", "hub", "small", "0 0 1", "-0.5 1", 'xyz="0.1 0.2 0" rpy="1.5707963 0 0"'),
        joint("revolute", "hub", "large", "0 1 0", "-0.2 0.8", 'xyz="0 0.2 0.1"'),
    )
    prepared = prepare(path, "top")
    assert prepared.parts == (("large",), ("small",))
    assert {(j.name, j.parent, j.child) for j in prepared.joints} == {
        ("hub_large", 0, 1),
        ("hub_small", 0, 1),
    }
    assert all(j.lower < j.upper for j in prepared.joints)
    body, joints, links = load(prepared, client)
    assert pybullet.getJointInfo(body, joints["planar_yaw"], client)[12] == b"large"
    assert "hub" in links
    points = prepared_points(prepared)
    assert np.linalg.norm(points[:, :2], axis=1).max() == pytest.approx(0.36, abs=1e-6)


def test_one_part_alone(tmp_path: Path) -> None:
    prepared = prepare(write(tmp_path / "o.urdf", link("a", "2 1 0.1")))
    assert (prepared.parts, prepared.joints, prepared.name) == ((("a",),), (), "o")


def test_nothing_to_see_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ObjectError, match=r"o\.urdf: no link has a shape"):
        prepare(write(tmp_path / "o.urdf", link("a", None)))


def test_partnet_folder(tmp_path: Path) -> None:
    folder = tmp_path / "10558"
    write(
        folder / "mobility.urdf",
        link("base", None),
        link("link_0"),
        link("link_1"),
        link("link_2"),
        joint("fixed", "base", "link_1"),
        joint("revolute", "link_1", "link_0"),
        joint("revolute", "link_1", "link_2"),
    )
    (folder / "semantics.txt").write_text("link_0 hinge leg of it\nlink_1 free leg\nbroken\n")
    (folder / "meta.json").write_text(json.dumps({"model_cat": "Scissors"}))
    prepared = prepare(folder)
    assert (prepared.name, prepared.category) == ("10558", "scissors")
    assert prepared.part_names == ("leg", "leg of it", "link_2")
