"""Objects fitted to the view: scale, up direction, root on the table, inertia."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pybullet
import pytest
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation

from assets.importing.joints.kinematics import link_poses, rooted_at
from assets.importing.prepare import prepare
from assets.importing.reading.urdf_reader import load_urdf
from assets.importing.views.fitting import bounding_circle
from urdf_objects import chain, floats, joint, link, load, prepared_points, write

pytestmark = pytest.mark.usefixtures("cache")


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
    prepared = prepare(chain(tmp_path / "chain"), "top")
    points = prepared_points(prepared)
    assert np.linalg.norm(points[:, :2], axis=1).max() == pytest.approx(0.36, abs=1e-6)
    assert points[:, 2].min() == pytest.approx(0, abs=1e-7)
    assert (prepared.radius, prepared.height) == pytest.approx((0.36, np.ptp(points[:, 2])))
    hinge, slide = prepared.joints
    assert (hinge.type, hinge.parent, hinge.child) == ("revolute", 0, 1)
    assert (hinge.lower, hinge.upper) == pytest.approx((-0.4, 1.2))
    assert (slide.type, slide.parent, slide.child) == ("prismatic", 1, 2)
    mesh = ET.parse(prepared.urdf).getroot().find(".//mesh")
    scale = floats(mesh, "scale")[0] / 0.5
    assert (slide.lower, slide.upper) == pytest.approx((0.1 * scale, 0.3 * scale))


def test_a_tall_object_is_made_smaller_still(tmp_path: Path) -> None:
    path = write(tmp_path / "tall.urdf", link("a", "1 1 3"), link("b", "0.1 0.1 1"), joint("revolute", "a", "b"))
    prepared = prepare(path, "top")
    assert prepared.height == pytest.approx(0.30)
    assert prepared.radius == pytest.approx(0.30 / 3 * math.sqrt(0.5), rel=1e-6)
    assert prepared_points(prepared)[:, 2].min() == pytest.approx(0, abs=1e-7)


def test_link_poses_are_the_sources(tmp_path: Path, client: int) -> None:
    """PyBullet's kinematics of the source and of what was made of it: one similarity maps all links."""
    path = chain(tmp_path / "chain")
    prepared = prepare(path, "top")
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
    points = prepared_points(prepare(path, "top"))[:8]
    sides = np.ptp(points, axis=0)
    np.testing.assert_allclose(sides / sides.max(), expected, rtol=1e-4)


def test_planar_root(tmp_path: Path, client: int) -> None:
    body, joints, links = load(prepare(chain(tmp_path / "chain"), "top"), client)
    kinds = [pybullet.getJointInfo(body, joints[n], client)[2] for n in ("planar_x", "planar_y", "planar_yaw")]
    assert kinds == [pybullet.JOINT_PRISMATIC, pybullet.JOINT_PRISMATIC, pybullet.JOINT_REVOLUTE]
    for name, value in (("planar_x", 0.2), ("planar_y", -0.1), ("planar_yaw", math.pi / 2)):
        pybullet.resetJointState(body, joints[name], value, physicsClientId=client)
    state = pybullet.getLinkState(body, links["a"], computeForwardKinematics=True, physicsClientId=client)
    np.testing.assert_allclose(state[4], [0.2, -0.1, 0], atol=1e-6)
    np.testing.assert_allclose(Rotation.from_quat(state[5]).as_rotvec(), [0, 0, math.pi / 2], atol=1e-6)


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
    prepared = prepare(path, "top")
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
