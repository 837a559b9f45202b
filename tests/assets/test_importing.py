"""Any articulated object made ready: fitted, upright, with inertia, found again in the cache."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pybullet
import pytest
import trimesh
from PIL import Image
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation
from shapely.geometry import Polygon

from assets.cache import cache_root
from assets.importing.fitting import bounding_circle
from assets.importing.kinematics import link_poses, rooted_at
from assets.importing.prepare import PreparedObject, _Builder, find_urdf, prepare
from assets.importing.urdf import ObjectError, load_urdf

CUBE = trimesh.creation.box((1.0, 1.0, 1.0))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ATP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def client() -> Iterator[int]:
    number = pybullet.connect(pybullet.DIRECT)
    yield number
    pybullet.disconnect(number)


def link(name: str, size: str | None = "1 0.2 0.1", at: str = "0 0 0", rgba: str | None = None) -> str:
    if size is None:
        return f'<link name="{name}"/>'
    colour = f'<material name="m{name}"><color rgba="{rgba}"/></material>' if rgba else ""
    shape = f'<geometry><box size="{size}"/></geometry>'
    return f'<link name="{name}"><visual><origin xyz="{at}"/>{shape}{colour}</visual></link>'


def mesh_link(name: str, mesh: str, scale: str = "1 1 1", at: str = "0 0 0") -> str:
    shape = f'<geometry><mesh filename="{mesh}" scale="{scale}"/></geometry>'
    return f'<link name="{name}"><visual><origin xyz="{at}"/>{shape}</visual></link>'


def joint(
    kind: str, parent: str, child: str, axis: str = "0 0 1", limits: str | None = "-1 1", origin: str = ""
) -> str:
    limit = "" if limits is None else '<limit lower="{}" upper="{}"/>'.format(*limits.split())
    return (
        f'<joint name="{parent}_{child}" type="{kind}"><origin {origin}/><parent link="{parent}"/>'
        f'<child link="{child}"/><axis xyz="{axis}"/>{limit}</joint>'
    )


def write(path: Path, *elements: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'<robot name="thing">{"".join(elements)}</robot>', encoding="utf-8")
    return path


def chain(folder: Path) -> Path:
    """Three links with skewed frames, a hinge and a slide, and a fixed knob on the last."""
    (folder / "meshes").mkdir(parents=True, exist_ok=True)
    CUBE.export(folder / "meshes" / "cube.obj")
    return write(
        folder / "chain.urdf",
        link("a", "1 0.2 0.1", "0.3 0.1 0.2"),
        mesh_link("b", "meshes/cube.obj", "0.5 0.1 0.2", "0.2 0 0.1"),
        link("c", "0.3 0.3 0.1"),
        link("knob", "0.1 0.1 0.1"),
        joint("revolute", "a", "b", "0.1 0.2 1", "-0.4 1.2", 'xyz="0.4 0.1 0" rpy="0.2 -0.1 0.7"'),
        joint("prismatic", "b", "c", "0.8 0.6 0", "0.1 0.3", 'xyz="0.3 0.2 0.1" rpy="0 0.3 -1"'),
        joint("fixed", "c", "knob", origin='xyz="0 0 0.1" rpy="0.5 0.5 0.5"'),
    )


def load(prepared: PreparedObject, client: int) -> tuple[int, dict[str, int], dict[str, int]]:
    """The body, and its joint numbers by joint name and by child link name."""
    body = pybullet.loadURDF(
        str(prepared.urdf),
        useFixedBase=True,
        flags=pybullet.URDF_USE_INERTIA_FROM_FILE,
        physicsClientId=client,
    )
    infos = [pybullet.getJointInfo(body, i, client) for i in range(pybullet.getNumJoints(body, physicsClientId=client))]
    return body, {i[1].decode(): i[0] for i in infos}, {i[12].decode(): i[0] for i in infos}


def picture(client: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """RGB, depth in metres and object mask, seen from 1.5 m above; image up is world +y."""
    view = pybullet.computeViewMatrix([0, 0, 1.5], [0, 0, 0], [0, 1, 0])
    near, far = 0.1, 3.0
    lens = pybullet.computeProjectionMatrixFOV(2 * math.degrees(math.atan(0.5 / 1.5)), 1, near, far)
    width, height, rgb, depth, labels = pybullet.getCameraImage(
        90, 90, view, lens, shadow=0, renderer=pybullet.ER_TINY_RENDERER, physicsClientId=client
    )
    buffer = np.reshape(depth, (height, width))
    metres = far * near / (far - (far - near) * buffer)
    return (
        np.reshape(rgb, (height, width, 4))[..., :3],
        metres,
        np.reshape(labels, (height, width)) >= 0,
    )


def prepared_points(prepared: PreparedObject) -> np.ndarray:
    """Corners of all boxes and meshes of a prepared object at mid-range, by this file's own kinematics."""
    robot = ET.parse(prepared.urdf).getroot()
    middle = {j.name: (j.lower + j.upper) / 2 for j in prepared.joints}

    def frame(element: ET.Element) -> np.ndarray:
        origin = element.find("origin")
        pose = np.eye(4)
        if origin is not None:
            pose[:3, :3] = Rotation.from_euler("xyz", _floats(origin, "rpy")).as_matrix()
            pose[:3, 3] = _floats(origin, "xyz")
        return pose

    poses = {"world": np.eye(4)}
    for element in robot.findall("joint"):
        motion = np.eye(4)
        q = middle.get(element.attrib["name"], 0.0)
        axis_element = element.find("axis")
        if axis_element is not None and element.attrib["type"] == "prismatic":
            motion[:3, 3] = q * _floats(axis_element, "xyz")
        elif axis_element is not None:
            motion[:3, :3] = Rotation.from_rotvec(q * _floats(axis_element, "xyz")).as_matrix()
        parent, child = element.find("parent"), element.find("child")
        assert parent is not None
        assert child is not None
        poses[child.attrib["link"]] = poses[parent.attrib["link"]] @ frame(element) @ motion
    corners = np.array([[x, y, z, 1] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    clouds = []
    for element in robot.findall("link"):
        for visual in element.findall("visual"):
            box, mesh = visual.find("geometry/box"), visual.find("geometry/mesh")
            sides = _floats(box, "size") if box is not None else _floats(mesh, "scale")  # meshes: unit cubes
            local = corners * np.append(sides, 1.0)
            clouds.append(local @ (poses[element.attrib["name"]] @ frame(visual)).T)
    return np.concatenate(clouds)[:, :3]


def _floats(element: ET.Element | None, key: str) -> np.ndarray:
    assert element is not None
    return np.array([float(word) for word in element.attrib[key].split()])


def test_smallest_circle() -> None:
    centre, radius = bounding_circle(np.array([[0.0, 0.0], [2.0, 0.0], [1.0, 0.5]]))
    np.testing.assert_allclose([*centre, radius], [1, 0, 1])  # the third point is inside: two points set it
    centre, radius = bounding_circle(np.array([[3.0, 4.0]] * 5))
    np.testing.assert_allclose([*centre, radius], [3, 4, 0])
    rng = np.random.default_rng(0)
    for _ in range(20):
        points = rng.normal(size=(60, 2)) * rng.uniform(0.01, 5, 2) + rng.normal(size=2)
        centre, radius = bounding_circle(points)
        assert np.linalg.norm(points - centre, axis=1).max() <= radius + 1e-12
        best = min(
            minimize(
                lambda c, p=points: np.linalg.norm(p - c, axis=1).max(),
                start,
                method="Nelder-Mead",
                options={"xatol": 1e-9, "fatol": 1e-9, "maxiter": 2000},
            ).fun
            for start in (points.mean(axis=0), centre)
        )
        assert radius <= best + 1e-6


def test_fit_and_scaled_limits(tmp_path: Path) -> None:
    prepared = prepare(chain(tmp_path / "chain"))
    points = prepared_points(prepared)
    assert np.linalg.norm(points[:, :2], axis=1).max() == pytest.approx(0.36, abs=1e-6)
    assert points[:, 2].min() == pytest.approx(0, abs=1e-7)
    assert (prepared.radius, prepared.height) == pytest.approx((0.36, np.ptp(points[:, 2])))
    hinge, slide = prepared.joints
    assert (hinge.type, hinge.parent, hinge.child) == ("revolute", 0, 1)
    assert (hinge.lower, hinge.upper) == pytest.approx((-0.4, 1.2))
    assert (slide.type, slide.parent, slide.child) == ("prismatic", 1, 2)
    mesh = ET.parse(prepared.urdf).getroot().find(".//mesh")
    scale = _floats(mesh, "scale")[0] / 0.5
    assert (slide.lower, slide.upper) == pytest.approx((0.1 * scale, 0.3 * scale))


def test_a_tall_object_is_made_smaller_still(tmp_path: Path) -> None:
    path = write(tmp_path / "tall.urdf", link("a", "1 1 3"), link("b", "0.1 0.1 1"), joint("revolute", "a", "b"))
    prepared = prepare(path)
    assert prepared.height == pytest.approx(0.30)
    assert prepared.radius == pytest.approx(0.30 / 3 * math.sqrt(0.5), rel=1e-6)
    assert prepared_points(prepared)[:, 2].min() == pytest.approx(0, abs=1e-7)


def test_link_poses_are_the_sources(tmp_path: Path, client: int) -> None:
    """PyBullet's kinematics of the source and of what was made of it: one similarity maps all links."""
    path = chain(tmp_path / "chain")
    prepared = prepare(path)
    body, joints, links = load(prepared, client)
    source = pybullet.loadURDF(str(path), useFixedBase=True, physicsClientId=client)
    infos = [pybullet.getJointInfo(source, i, client) for i in range(3)]
    scale = prepared.joints[1].upper / 0.3
    maps = []
    for hinge, slide in [(-0.4, 0.1), (0.3, 0.25), (1.2, 0.3)]:
        pybullet.resetJointState(body, joints["a_b"], hinge, physicsClientId=client)
        pybullet.resetJointState(body, joints["b_c"], slide * scale, physicsClientId=client)
        for info in infos:
            position = {b"a_b": hinge, b"b_c": slide}.get(info[1], 0.0)
            if info[2] != pybullet.JOINT_FIXED:
                pybullet.resetJointState(source, info[0], position, physicsClientId=client)
        for info in infos:
            old = pybullet.getLinkState(source, info[0], computeForwardKinematics=True, physicsClientId=client)
            new = pybullet.getLinkState(
                body, links[info[12].decode()], computeForwardKinematics=True, physicsClientId=client
            )
            turn = Rotation.from_quat(new[5]) * Rotation.from_quat(old[5]).inv()
            shift = np.array(new[4]) - scale * turn.apply(old[4])
            maps.append(np.append(turn.as_matrix(), shift))
    assert np.ptp(np.array(maps), axis=0).max() < 1e-5


def test_another_root_moves_no_link(tmp_path: Path) -> None:
    model = load_urdf(chain(tmp_path / "chain"))
    for positions in ({"a_b": 0.7, "b_c": 0.2}, {"a_b": -0.3, "b_c": 0.1}):
        shapes: dict[str, np.ndarray] = {}
        for root in ("a", "b", "c", "knob"):
            other = rooted_at(model, root)
            assert other.root == root
            poses = link_poses(other, positions)
            shown = {n: poses[n] @ other.links[n].visuals[0].origin for n in other.links}
            shapes[root] = np.stack([np.linalg.inv(shown["a"]) @ shown[n] for n in sorted(shown)])
        for root in ("b", "c", "knob"):
            np.testing.assert_allclose(shapes[root], shapes["a"], atol=1e-12)


@pytest.mark.parametrize(
    ("axis", "kind", "expected"),
    [
        ("0 0 1", "revolute", (0.1, 0.2, 1.0)),
        ("0 1 0", "revolute", (1.0, 0.1, 0.2)),  # a y-up object lies down: its y points at the camera
        ("0 -1 0", "revolute", (1.0, 0.1, 0.2)),
        ("1 0 0", "revolute", (0.2, 1.0, 0.1)),
        ("0 1 0", "prismatic", (0.1, 0.2, 1.0)),  # z and x serve a slide along y alike: z stays up
        ("0 0 1", "prismatic", (1.0, 0.1, 0.2)),  # a slide along z cannot be seen from there
    ],
)
def test_up_axis(tmp_path: Path, axis: str, kind: str, expected: tuple[float, ...]) -> None:
    path = write(
        tmp_path / "o.urdf",
        link("a", "0.1 0.2 1"),
        link("b", "0.01 0.01 0.01"),
        joint(kind, "a", "b", axis, "-0.01 0.01"),
    )
    points = prepared_points(prepare(path))[:8]
    sides = np.ptp(points, axis=0)
    np.testing.assert_allclose(sides / sides.max(), expected, rtol=1e-4)


def test_planar_root(tmp_path: Path, client: int) -> None:
    body, joints, links = load(prepare(chain(tmp_path / "chain")), client)
    kinds = [pybullet.getJointInfo(body, joints[n], client)[2] for n in ("planar_x", "planar_y", "planar_yaw")]
    assert kinds == [pybullet.JOINT_PRISMATIC, pybullet.JOINT_PRISMATIC, pybullet.JOINT_REVOLUTE]
    for name, value in (("planar_x", 0.2), ("planar_y", -0.1), ("planar_yaw", math.pi / 2)):
        pybullet.resetJointState(body, joints[name], value, physicsClientId=client)
    state = pybullet.getLinkState(body, links["a"], computeForwardKinematics=True, physicsClientId=client)
    np.testing.assert_allclose(state[4], [0.2, -0.1, 0], atol=1e-6)
    np.testing.assert_allclose(Rotation.from_quat(state[5]).as_rotvec(), [0, 0, math.pi / 2], atol=1e-6)


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


def test_inertia_is_physical(tmp_path: Path, client: int) -> None:
    path = write(
        tmp_path / "o.urdf",
        link("a", "1 1 0.001", at="0.5 0 0"),  # a sheet: near-zero thickness
        link("b", "0.5 0.5 0.2"),
        link("frame", None),
        link("c", "0.001 0.001 0.001"),
        joint("revolute", "a", "b"),
        joint("fixed", "b", "frame"),
        joint("continuous", "frame", "c", limits=None),
    )
    prepared = prepare(path)
    robot = ET.parse(prepared.urdf).getroot()
    masses = {}
    for element in robot.findall("link"):
        if element.attrib["name"] == "world":
            continue
        mass, inertia = element.find("inertial/mass"), element.find("inertial/inertia")
        assert mass is not None
        assert inertia is not None
        masses[element.attrib["name"]] = float(mass.attrib["value"])
        a, b, c = sorted(float(inertia.attrib[key]) for key in ("ixx", "iyy", "izz"))
        assert a > 1e-7
        assert c <= (a + b) * (1 + 1e-6)
    assert sum(masses[n] for n in "abc") == pytest.approx(1.0)
    assert min(masses[n] for n in "abc") >= 0.05
    assert masses["b"] > masses["c"]
    body, _, links = load(prepared, client)
    state = pybullet.getLinkState(body, links["a"], computeForwardKinematics=True, physicsClientId=client)
    centre = np.array(state[0])
    shown = prepared_points(prepared)[:8]
    np.testing.assert_allclose(centre, (shown.min(axis=0) + shown.max(axis=0)) / 2, atol=1e-6)


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
    assert any("door_stuck has no range" in note for note in prepared.notes)
    kinds = {j.attrib["name"]: j.attrib["type"] for j in ET.parse(prepared.urdf).getroot().findall("joint")}
    assert kinds["door_stuck"] == kinds["body_floating"] == "fixed"


def test_a_joint_without_range_stays_where_it_is(tmp_path: Path) -> None:
    plain = [link("a", "1 1 0.1"), link("b", "0.2 0.1 0.1", at="0.8 0 0")]
    turned = write(tmp_path / "t.urdf", *plain, joint("revolute", "a", "b", limits="1.5707963267 1.5707963267"))
    fixed = write(tmp_path / "f.urdf", *plain, joint("fixed", "a", "b", origin='rpy="0 0 1.5707963267"'))
    np.testing.assert_allclose(prepared_points(prepare(turned)), prepared_points(prepare(fixed)), atol=1e-6)
    assert len(prepare(turned).parts) == 1


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
    prepared = prepare(path)
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
    with pytest.raises(ObjectError, match=r"o\.urdf: no link has a <visual>"):
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


def test_which_urdf_a_folder_means(tmp_path: Path) -> None:
    folder = tmp_path / "cabinet_model"
    with pytest.raises(ObjectError, match="no such file or folder"):
        find_urdf(folder)
    folder.mkdir()
    with pytest.raises(ObjectError, match=r"no \.urdf file"):
        find_urdf(folder)
    only = write(folder / "urdf" / "one.urdf", link("a"))
    assert find_urdf(folder) == only
    write(folder / "urdf" / "two.urdf", link("a"))
    with pytest.raises(ObjectError, match=r"urdf/one\.urdf, urdf/two\.urdf"):
        find_urdf(folder)
    short = write(folder / "urdf" / "cab.urdf", link("a"))
    assert find_urdf(folder) == short
    named = write(folder / "urdf" / "cabinet.urdf", link("a"))
    assert find_urdf(folder) == named
    mobility = write(folder / "mobility.urdf", link("a"))
    assert find_urdf(folder) == mobility
    assert find_urdf(short) == short


def test_the_cache_is_hit_until_a_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = chain(tmp_path / "chain")
    builds = []
    build = _Builder.build

    def counted(self: _Builder, semantics: str, meta: bytes) -> None:
        builds.append(1)
        build(self, semantics, meta)

    monkeypatch.setattr(_Builder, "build", counted)
    first = prepare(path)
    assert first.urdf.is_relative_to(cache_root())
    start = time.perf_counter()
    assert prepare(path) == first
    assert time.perf_counter() - start < 0.05
    assert len(builds) == 1

    mesh = tmp_path / "chain" / "meshes" / "cube.obj"
    CUBE.copy().apply_scale(3).export(mesh)
    larger = prepare(path)
    assert (len(builds), larger.urdf == first.urdf) == (2, False)
    path.write_text(path.read_text().replace("0.1 0.3", "0.1 0.4").replace('upper="0.3"', 'upper="0.4"'))
    assert prepare(path).joints[1].upper > larger.joints[1].upper
    mesh.unlink()
    with pytest.raises(ObjectError, match=r'"meshes/cube\.obj".* is missing'):
        prepare(path)


def test_a_damaged_cache_entry_is_made_again(tmp_path: Path) -> None:
    path = chain(tmp_path / "chain")
    first = prepare(path)
    (first.urdf.parent / "prepared.json").write_text("{")
    assert prepare(path) == first
    first.urdf.unlink()
    assert prepare(path) == first
    assert first.urdf.is_file()
    assert not list(cache_root().glob("prepared/.building-*"))


def _prepare_into(queue: multiprocessing.Queue[PreparedObject], path: str, cache: str) -> None:
    os.environ["ATP_CACHE"] = cache
    queue.put(prepare(path))


def test_several_processes_at_once(tmp_path: Path, cache: Path) -> None:
    path = chain(tmp_path / "chain")
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    workers = [context.Process(target=_prepare_into, args=(queue, str(path), str(cache))) for _ in range(4)]
    for worker in workers:
        worker.start()
    results = [queue.get(timeout=30) for _ in workers]
    for worker in workers:
        worker.join()
    assert all(result == results[0] for result in results)
    assert len(list(cache.glob("prepared/*/object.urdf"))) == 1
    assert not list(cache.glob("prepared/.building-*"))


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("m.wrl", "#VRML V2.0 utf8", "format .wrl"),
        ("m.obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 99\n", "cannot read mesh"),
        ("m.obj", "v 0 0 nan\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "damaged"),
        ("m.obj", "v 0 0 0\n", "m.obj"),
        ("m.obj", "", "m.obj"),
        ("m.stl", "not a mesh", "m.stl"),
    ],
)
def test_unusable_meshes_are_named(tmp_path: Path, name: str, content: str, says: str) -> None:
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / name).write_text(content)
    path = write(tmp_path / "o" / "o.urdf", mesh_link("a", name))
    with pytest.raises(ObjectError, match=r"o\.urdf") as error:
        prepare(path)
    assert says in str(error.value)
    assert name in str(error.value)


@pytest.mark.parametrize("kind", ["obj", "stl", "stl_ascii", "ply", "off"])
def test_mesh_formats_are_all_shown(tmp_path: Path, client: int, kind: str) -> None:
    name = f"cube.{kind[:3]}"
    CUBE.export(tmp_path / name, file_type=kind)
    prepared = prepare(write(tmp_path / "o.urdf", mesh_link("a", name, "1 1 0.2")))
    load(prepared, client)
    _, depth, shown = picture(client)
    side = 0.72 / math.sqrt(2)  # of a square in the bounding circle
    assert depth[45, 45] == pytest.approx(1.5 - 0.2 * side, abs=2e-3)
    assert shown.sum() == pytest.approx((90 * side * 1.5 / (1.5 - 0.2 * side)) ** 2, rel=0.06)


def test_a_mirrored_mesh_shows_its_outside(tmp_path: Path, client: int) -> None:
    (tmp_path / "o").mkdir()
    wedge = trimesh.creation.extrude_polygon(_triangle(), 0.3)  # x from 0 to 2, so that mirroring shows
    wedge.export(tmp_path / "o" / "w.obj")
    pictures = []
    for scale in ("1 1 1", "-1 1 1"):
        prepared = prepare(write(tmp_path / "o" / f"{scale[0]}.urdf", mesh_link("a", "w.obj", scale)))
        body, _, _ = load(prepared, client)
        pictures.append(picture(client))
        pybullet.removeBody(body, client)
    (rgb, depth, shown), (mirrored_rgb, mirrored_depth, mirrored) = pictures
    assert (shown[:, ::-1] ^ mirrored).sum() < 60  # outlines agree but for a pixel along the edges
    assert shown.sum() > 500
    both = shown[:, ::-1] & mirrored
    assert np.abs(depth[:, ::-1] - mirrored_depth)[both].max() < 2e-3
    assert np.median(mirrored_rgb[both]) == pytest.approx(np.median(rgb[shown]), abs=3)  # lit from outside


def _triangle() -> Polygon:
    return Polygon([(0, 0), (2, 0), (0, 1)])


@pytest.mark.parametrize("texture", [False, True])
def test_colour_of_a_material_library(tmp_path: Path, client: int, texture: bool) -> None:
    obj = "mtllib m.mtl\nv 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nv 0 0 -1\nv 1 0 -1\n"
    obj += "vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n"
    obj += "usemtl big\nf 1/1 2/2 3/3\nf 1/1 3/3 4/4\nusemtl low\nf 1/1 5/2 6/3\n"
    (tmp_path / "m.obj").write_text(obj)
    Image.new("RGB", (8, 8), (0, 40, 250)).save(tmp_path / "t.png")
    (tmp_path / "m.mtl").write_text(f"newmtl low\nKd 0 1 0\nnewmtl big\nKd 1 0.2 0\n{'map_Kd t.png' * texture}\n")
    prepared = prepare(write(tmp_path / "o.urdf", mesh_link("a", "m.obj")))
    visuals = ET.parse(prepared.urdf).getroot().findall(".//visual")
    colours = [None if c is None else c.attrib["rgba"] for c in (v.find(".//color") for v in visuals)]
    assert colours == [None if texture else "1 0.2 0 1", "0 1 0 1"]  # a colour would tint a texture
    load(prepared, client)
    if texture:
        rgb, _, shown = picture(client)
        red, green, blue = np.median(rgb[shown], axis=0)
        assert blue > 3 * green > 3 * red
        return
    rgb, _, shown = picture(client)
    red, green, blue = np.median(rgb[shown], axis=0)
    assert red > 3 * green > 3 * blue
    (tmp_path / "m.mtl").write_text("newmtl big\nKd 0 0 1\n")  # a change of the library is noticed
    colour = ET.parse(prepare(tmp_path / "o.urdf").urdf).getroot().find(".//color")
    assert colour is not None
    assert colour.attrib["rgba"] == "0 0 1 1"


def test_the_files_own_colour_wins(tmp_path: Path) -> None:
    prepared = prepare(write(tmp_path / "o.urdf", link("a", rgba="0.1 0.2 0.3 1")))
    colour = ET.parse(prepared.urdf).getroot().find(".//color")
    assert colour is not None
    assert colour.attrib["rgba"] == "0.1 0.2 0.3 1"


def test_paths_with_odd_characters(tmp_path: Path, client: int) -> None:
    folder = tmp_path / "a b & <c> é"
    prepared = prepare(chain(folder))
    load(prepared, client)
    assert picture(client)[2].sum() > 200


def test_generated_objects_need_nothing_special(client: int) -> None:
    from assets.catalog import instance_folder

    prepared = prepare(instance_folder("multilink", 0, "test"))
    assert (prepared.category, len(prepared.parts), len(prepared.joints)) == ("multilink", 3, 2)
    body, joints, _ = load(prepared, client)
    for part_joint in prepared.joints:
        middle = (part_joint.lower + part_joint.upper) / 2
        pybullet.resetJointState(body, joints[part_joint.name], middle, physicsClientId=client)
    rows, columns = np.nonzero(picture(client)[2])
    assert min(rows.min(), columns.min()) >= 10
    assert max(rows.max(), columns.max()) < 80
    assert max(np.ptp(rows), np.ptp(columns)) > 40


@pytest.fixture
def cabinet() -> Path:
    objects = os.environ.get("ATP_OBJECTS")
    if not objects:
        pytest.skip("ATP_OBJECTS is not set: it names the folder that holds sektion_cabinet_model")
    folder = Path(objects) / "sektion_cabinet_model"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return folder


def test_a_cabinet_that_others_made(cabinet: Path, client: int) -> None:
    prepared = prepare(cabinet)
    assert prepared.name == "sektion_cabinet"
    assert [set(part) for part in prepared.parts] == [
        {"sektion"},
        {"door_right_link", "door_right_nob_link"},
        {"door_left_link", "door_left_nob_link"},
        {"drawer_top", "drawer_handle_top"},
        {"drawer_bottom", "drawer_handle_bottom"},
    ]
    assert sorted(j.type for j in prepared.joints) == ["prismatic", "prismatic", "revolute", "revolute"]
    assert all(j.parent == 0 for j in prepared.joints)
    assert prepared.height == pytest.approx(0.30)  # it stands upright, its doors' hinges towards the camera
    body, joints, _ = load(prepared, client)
    _, _, closed = picture(client)
    for part_joint in prepared.joints:
        pybullet.resetJointState(body, joints[part_joint.name], part_joint.upper, physicsClientId=client)
    _, depth, opened = picture(client)
    assert opened.sum() > closed.sum() + 100  # the drawers have come out
    assert depth[opened].min() == pytest.approx(1.2, abs=5e-3)
