"""Reading URDF files that others made: what is understood, and what is refused with which message."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from assets.importing.reading.sandbox import package_folder
from assets.importing.reading.urdf import Joint, ObjectError, matrix_to_rpy, rpy_to_matrix
from assets.importing.reading.urdf_reader import load_urdf

TRIANGLE = "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"
BOX = '<visual><geometry><box size="1 2 3"/></geometry></visual>'


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def robot(*elements: str) -> str:
    return f'<?xml version="1.0"?>\n<robot name="thing">{"".join(elements)}</robot>'


def with_mesh(name: str, extra: str = "") -> str:
    return robot(f'<link name="a"><visual><geometry><mesh filename="{name}" {extra}/></geometry></visual></link>')


def two_links(joint: str) -> str:
    return robot(f'<link name="a">{BOX}</link><link name="b">{BOX}</link>', joint)


def joint(kind: str, inside: str = "", parent: str = "a", child: str = "b", name: str = "j") -> str:
    return f'<joint name="{name}" type="{kind}"><parent link="{parent}"/><child link="{child}"/>{inside}</joint>'


def test_rpy_is_about_fixed_axes_and_comes_back() -> None:
    rng = np.random.default_rng(0)
    for rpy in [*rng.uniform(-3, 3, (20, 3)), [0.3, math.pi / 2, 0.7], [1.0, -math.pi / 2, -0.4]]:
        matrix = rpy_to_matrix(rpy)
        np.testing.assert_allclose(matrix, Rotation.from_euler("xyz", rpy).as_matrix(), atol=1e-12)
        np.testing.assert_allclose(rpy_to_matrix(matrix_to_rpy(matrix)), matrix, atol=1e-7)


def test_shapes_origins_and_colours(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.urdf",
        robot(
            '<material name="red"><color rgba="1 0 0 1"/></material>',
            '<link name="a">',
            '<visual><origin xyz="1 2 3"/><geometry><box size="1 2 3"/></geometry>',
            '<material name="red"/></visual>',
            '<visual><geometry><cylinder radius="0.5" length="2"/></geometry>',
            '<material name="x"><color rgba="0 1 0 0.5"/></material></visual>',
            '<visual><geometry><sphere radius="0.25"/></geometry><material name="nowhere"/></visual>',
            "</link>",
        ),
    )
    box, cylinder, sphere = load_urdf(path).links["a"].visuals
    assert (box.geometry.kind, box.geometry.size, box.rgba) == ("box", (1, 2, 3), (1, 0, 0, 1))
    np.testing.assert_array_equal(box.origin[:3, 3], [1, 2, 3])
    assert (cylinder.geometry.size, cylinder.rgba) == ((0.5, 2), (0, 1, 0, 0.5))
    assert (sphere.geometry.size, sphere.rgba) == ((0.25,), None)


def test_joint_defaults_and_limits(tmp_path: Path) -> None:
    def read(text: str) -> Joint:
        return load_urdf(write(tmp_path / "a.urdf", two_links(text))).joints[0]

    plain = read(joint("revolute"))
    np.testing.assert_array_equal(plain.axis, [1, 0, 0])
    assert (plain.lower, plain.upper) == (None, None)
    np.testing.assert_allclose(read(joint("revolute", '<axis xyz="0 3 4"/>')).axis, [0, 0.6, 0.8])
    reversed_limits = read(joint("prismatic", '<limit lower="0.4" upper="-0.1"/>'))
    assert (reversed_limits.lower, reversed_limits.upper) == (-0.1, 0.4)
    one_sided = read(joint("prismatic", '<limit upper="0.2"/>'))
    assert (one_sided.lower, one_sided.upper) == (0.0, 0.2)
    assert read(joint("revolute", '<mimic joint="other"/><limit effort="1" velocity="1"/>')).lower is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<robot><link name='a'>", "not well-formed"),
        ('<!DOCTYPE r [<!ENTITY a "b">]><robot name="r"><link name="a"/></robot>', "DTD"),
        ('<?xml version="1.0" encoding="no-such-code"?><robot/>', "no <link>"),
        ("<sdf/>", "SDF"),
        ("<model/>", "<model>"),
        (robot(), "no <link>"),
        (robot("<link/>"), "has no name"),
        (robot('<link name="a"/><link name="a"/>'), 'two links are called "a"'),
        (robot('<link name="a"/><link name="b"/>'), "several roots"),
        (two_links(joint("hinge")), 'type "hinge"'),
        (two_links(joint("fixed", child="c")), 'child of joint "j" is "c"'),
        (two_links(joint("fixed") + joint("fixed", name="k")), "hangs on two joints"),
        (two_links(joint("fixed") + joint("fixed", parent="b", child="a", name="k")), "cycle"),
        (
            robot(
                '<link name="r"/><link name="a"/><link name="b"/>',
                joint("fixed"),
                joint("fixed", parent="b", child="a", name="k"),
            ),
            "cycle: j, k",
        ),
        (two_links(joint("revolute", '<axis xyz="0 0 0"/>')), "axis of joint"),
        (two_links(joint("revolute", '<axis xyz="0 nan 1"/>')), "finite"),
        (two_links(joint("fixed", '<origin xyz="0 0"/>')), "wanted 3 numbers"),
        (two_links(joint("fixed", '<origin rpy="0 0 up"/>')), "wanted 3 numbers"),
        (with_mesh(""), "no filename"),
        (with_mesh("http://example.org/a.obj"), "only plain, file:// and package://"),
    ],
)
def test_broken_files_are_refused_by_name(tmp_path: Path, text: str, says: str) -> None:
    path = write(tmp_path / "thing" / "broken.urdf", text)
    with pytest.raises(ObjectError, match=r"broken\.urdf") as error:
        load_urdf(path)
    assert says in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ObjectError, match=r"gone\.urdf"):
        load_urdf(tmp_path / "gone.urdf")


def test_a_mirrored_mesh_is_kept(tmp_path: Path) -> None:
    write(tmp_path / "a.obj", TRIANGLE)
    path = write(tmp_path / "a.urdf", with_mesh("a.obj", 'scale="-1 2 3"'))
    assert load_urdf(path).links["a"].visuals[0].geometry.scale == (-1, 2, 3)


def mesh_of(urdf: Path) -> Path:
    mesh = load_urdf(urdf).links["a"].visuals[0].geometry.mesh
    assert mesh is not None
    return mesh


@pytest.mark.parametrize(
    ("urdf", "manifest", "name"),
    [
        ("box/box.urdf", None, "meshes/a.obj"),
        ("box/box.urdf", None, "./meshes/../meshes/a.obj"),
        ("box/urdf/box.urdf", None, "../meshes/a.obj"),  # the conventional layout of a package
        ("box/deep/er/box.urdf", None, "package://box/meshes/a.obj"),  # a folder above is called like it
        ("box/urdf/box.urdf", "renamed", "package://renamed/meshes/a.obj"),  # the manifest names it
        ("box/deep/box.urdf", "renamed", "../meshes/a.obj"),
        ("box/urdf/box.urdf", None, "package://unknown/meshes/a.obj"),  # found below the URDF's parents
    ],
)
def test_mesh_names_inside_the_package(tmp_path: Path, urdf: str, manifest: str | None, name: str) -> None:
    mesh = write(tmp_path / "box" / "meshes" / "a.obj", TRIANGLE)
    if manifest:
        write(tmp_path / "box" / "package.xml", f"<package><name>{manifest}</name></package>")
    assert mesh_of(write(tmp_path / urdf, with_mesh(name))) == mesh


def test_absolute_and_file_names_inside_the_package(tmp_path: Path) -> None:
    mesh = write(tmp_path / "box" / "my meshes" / "a.obj", TRIANGLE)
    urdf = tmp_path / "box" / "box.urdf"
    assert mesh_of(write(urdf, with_mesh(str(mesh)))) == mesh
    assert mesh_of(write(urdf, with_mesh(f"file://{mesh}".replace(" ", "%20")))) == mesh


@pytest.mark.parametrize("existing", [True, False])
def test_names_that_leave_the_package_are_refused(tmp_path: Path, existing: bool) -> None:
    outside = tmp_path / "secret.obj"
    if existing:
        write(outside, TRIANGLE)
    urdf = tmp_path / "box" / "box.urdf"
    for name in (
        "../secret.obj",
        "meshes/../../secret.obj",
        str(outside),
        f"file://{outside}",
        "file://../secret.obj",
        "package://box/../secret.obj",
        "package://unknown/../secret.obj",
    ):
        with pytest.raises(ObjectError, match="outside the object's folder"):
            load_urdf(write(urdf, with_mesh(name)))


def test_links_that_leave_the_package_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "secrets" / "a.obj", TRIANGLE)
    urdf = write(tmp_path / "box" / "box.urdf", with_mesh("link.obj"))
    os.symlink(tmp_path / "secrets" / "a.obj", urdf.parent / "link.obj")
    with pytest.raises(ObjectError, match=r'"link.obj" is a link that leads out'):
        load_urdf(urdf)
    os.symlink(tmp_path / "secrets", urdf.parent / "meshes")
    write(urdf, with_mesh("meshes/a.obj"))
    with pytest.raises(ObjectError, match="is a link that leads out"):
        load_urdf(urdf)
    os.symlink(urdf.parent, tmp_path / "alias")  # a link to the whole object leads nowhere else
    write(urdf.parent / "own.obj", TRIANGLE)
    write(urdf, with_mesh("own.obj"))
    assert mesh_of(tmp_path / "alias" / "box.urdf").is_file()


def test_a_home_folder_is_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "ann"
    monkeypatch.setenv("HOME", str(home))
    write(home / "package.xml", "<package><name>ann</name></package>")
    assert package_folder(home / "things" / "a.urdf", ["ann"]) == home / "things"
    assert package_folder(home / "urdf" / "a.urdf") == home / "urdf"


def test_joints_come_parents_first(tmp_path: Path) -> None:
    links = "".join(f'<link name="{n}"/>' for n in "abcd")
    joints = (
        joint("fixed", parent="c", child="d", name="cd")
        + joint("fixed", parent="b", child="c", name="bc")
        + joint("fixed", name="ab")
    )
    model = load_urdf(write(tmp_path / "a.urdf", robot(links, joints)))
    assert (model.root, [j.name for j in model.joints]) == ("a", ["ab", "bc", "cd"])
