"""URDF files and the files that they name, as people have them: found, left out with a note, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.importing.prepare import find_urdf, prepare
from assets.importing.reading.urdf import ObjectError
from urdf_objects import CUBE, joint, link, mesh_link, write

pytestmark = pytest.mark.usefixtures("cache")

HINGE = (
    '<robot name="thing"><link name="base"><visual><geometry><box size="1 0.2 0.1"/></geometry></visual></link>'
    '<link name="arm é"><visual><geometry><box size="0.5 0.2 0.1"/></geometry></visual></link>'
    '<joint name="hinge" type="revolute"><parent link="base"/><child link="arm é"/><axis xyz="0 0 1"/>'
    '<limit lower="-1" upper="1"/></joint></robot>'
)


@pytest.mark.parametrize(
    "data",
    [
        HINGE.encode("utf-8-sig"),
        HINGE.encode("utf-16"),
        ('<?xml version="1.0" encoding="utf-16"?>' + HINGE).encode("utf-16"),
        ('<?xml version="1.0"?>' + HINGE).encode("utf-16-be"),
        ('<?xml version="1.0" encoding="utf-16"?>' + HINGE).encode(),  # a text that was UTF-16 before it was saved
        HINGE.encode("utf-32"),
        ('\n  <?xml version="1.0" encoding="utf-8"?>\n' + HINGE).encode(),
        ('<!-- made\nby me -->\n<?xml version="1.0"?>\n' + HINGE).encode(),
        ('<?xml version="1.0" encoding="iso-8859-1"?>' + HINGE).encode("latin-1"),
        ('<?xml version="1.0" encoding="utf-8"?>' + HINGE).encode("latin-1"),  # declared wrongly
        HINGE.replace("<robot", '<robot xmlns="http://ros.org"').encode(),
        HINGE.replace("<robot ", "<robot xmlns:xacro='http://x' ").encode(),  # as xacro leaves it in its results
        HINGE.replace('<robot name="thing">', '<robot name="thing"><gazebo:x y="1"/>').encode(),  # never declared
        (HINGE + "\n\0\0").encode(),
    ],
)
def test_text_of_any_kind_is_read(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "o.urdf").write_bytes(data)
    prepared = prepare(tmp_path / "o.urdf")
    assert prepared.parts == (("base",), ("arm é",))
    assert not prepared.notes


@pytest.mark.parametrize(
    ("written", "lies", "noted"),
    [
        ("meshes\\cube.obj", "meshes/cube.obj", True),
        ("my meshes/the cube.obj", "my meshes/the cube.obj", False),
        ("my%20meshes/cube.obj", "my meshes/cube.obj", True),
        ("a%20b.obj", "a%20b.obj", False),  # as written comes first
        ("my%20meshes\\cube.obj", "my meshes/cube.obj", True),
        ("звезда.obj", "звезда.obj", False),
        ("E\u0301.obj", "\u00c9.obj", True),  # composed otherwise, as between Macs and others
        ("Meshes/Cube.OBJ", "meshes/cube.obj", True),
        ("package:///meshes/cube.obj", "meshes/cube.obj", True),
        ("package://other_pkg/meshes/cube.obj", "meshes/cube.obj", True),
        ("package://Thing/meshes/Cube.obj", "meshes/cube.obj", True),
        ("package://thing/meshes/cube.obj", "meshes/cube.obj", False),
        ("file://meshes/cube.obj", "meshes/cube.obj", True),
        ("thing/meshes/cube.obj", "meshes/cube.obj", True),  # from the folder above, as PyBullet finds it
    ],
)
def test_names_of_files_are_understood(tmp_path: Path, written: str, lies: str, noted: bool) -> None:
    folder = tmp_path / "thing"
    (folder / lies).parent.mkdir(parents=True)
    CUBE.export(folder / lies, file_type="obj")
    urdf = write(folder / "o.urdf", link("a"), mesh_link("b", written), joint("revolute", "a", "b"))
    for given in (urdf, folder):
        prepared = prepare(given)
        assert len(prepared.parts) == 2
        assert [f'"{written}" is {lies}' in note for note in prepared.notes] == [True] * noted


def test_a_mesh_that_is_not_there_is_left_out(tmp_path: Path) -> None:
    CUBE.export(tmp_path / "cube.obj")
    names = [f"meshes/new-{number}.obj" for number in range(8)]
    visuals = "".join(f'<visual><geometry><mesh filename="{name}"/></geometry></visual>' for name in names)
    arm = mesh_link("b", "cube.obj").replace("</link>", f"{visuals}</link>")
    prepared = prepare(write(tmp_path / "o.urdf", link("a"), arm, joint("revolute", "a", "b")))
    assert len(prepared.parts) == 2
    (note,) = prepared.notes
    assert "meshes/new-0.obj" in note
    assert note.endswith("and 3 more")
    with pytest.raises(ObjectError, match=r"nothing to see.*meshes/new-0\.obj"):  # unless nothing is left
        prepare(write(tmp_path / "p.urdf", f'<link name="a">{visuals}</link>'))


@pytest.mark.parametrize(
    "written",
    ["/home/somebody/ws/meshes/cube.obj", "file:///C:/ws/meshes/cube.obj", "C:\\ws\\Meshes\\cube.obj", "../cube.obj"],
)
def test_files_of_another_machine(tmp_path: Path, written: str) -> None:
    folder = tmp_path / "o"
    urdf = write(folder / "o.urdf", link("a"), mesh_link("b", written), joint("revolute", "a", "b"))
    with pytest.raises(ObjectError, match="--mesh-root FOLDER"):
        prepare(urdf)
    root = tmp_path / "root"
    (root / "deep" / "meshes").mkdir(parents=True)
    without = prepare(urdf, mesh_root=root)
    assert any("left out" in note and written in note for note in without.notes)
    CUBE.export(root / "deep" / "meshes" / "cube.obj")
    prepared = prepare(urdf, mesh_root=root)
    assert len(prepared.parts) == 2
    assert any(f'"{written}" is deep/meshes/cube.obj' in note for note in prepared.notes)
    (root / "meshes").mkdir()
    (root / "deep" / "meshes" / "cube.obj").rename(root / "meshes" / "cube.obj")
    (root / "other").mkdir()
    CUBE.export(root / "other" / "cube.obj")
    (root / "meshes" / "link").symlink_to(tmp_path)
    if written.startswith(".."):
        with pytest.raises(ObjectError, match="could be any of"):  # nothing but the name is known
            prepare(urdf, mesh_root=root)
    else:
        assert any(
            "is meshes/cube.obj" in note for note in prepare(urdf, mesh_root=root).notes
        )  # the path's end decides
    with pytest.raises(ObjectError, match="no such folder"):
        prepare(urdf, mesh_root=tmp_path / "gone")


def test_a_link_below_the_further_folder_may_not_lead_out_of_it(tmp_path: Path) -> None:
    CUBE.export(tmp_path / "secret.obj")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "cube.obj").symlink_to(tmp_path / "secret.obj")
    urdf = write(tmp_path / "o" / "o.urdf", mesh_link("a", "/elsewhere/cube.obj"))
    with pytest.raises(ObjectError, match="leads out of the folder"):
        prepare(urdf, mesh_root=tmp_path / "root")


@pytest.mark.parametrize(
    ("element", "says"),
    [
        (mesh_link("b", "file://$(find thing)/meshes/b.obj"), "run xacro first"),
        (link("b", "${length} 0.1 0.1"), "run xacro first"),
        ('<xacro:macro name="m"/>', "run xacro first"),
        (mesh_link("b", "model://thing/b.obj"), r"only plain, file:// and package://"),
        (mesh_link("b", "pointer.obj"), "git lfs pull"),
        (mesh_link("b", "pointer.stl"), "git lfs pull"),
        (mesh_link("b", "empty.stl"), "empty file"),
        (mesh_link("b", "b.wrl"), r"format \.wrl"),
    ],
)
def test_what_is_refused_names_the_file_and_the_next_step(tmp_path: Path, element: str, says: str) -> None:
    for name in ("pointer.obj", "pointer.stl"):
        (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12345\n")
    (tmp_path / "empty.stl").touch()
    (tmp_path / "b.wrl").write_text("#VRML V2.0 utf8")
    path = write(tmp_path / "o.urdf", link("a"), element)
    path.write_text(path.read_text().replace("</robot>", joint("revolute", "a", "b") + "</robot>"))
    with pytest.raises(ObjectError, match=says) as error:
        prepare(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("o.urdf", "", "empty"),
        ("o.urdf", "version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        ("o.urdf.xacro", HINGE, "run xacro first"),
        ("o.xml", "<mujoco/>", "MJCF.*URDF is read"),
        ("model.sdf", '<sdf version="1.7"/>', "SDF.*URDF is read"),
        ("o.usda", "#usda 1.0", "USD.*URDF is read"),
        ("o.xml", HINGE, "give its path"),
    ],
)
def test_other_formats_are_called_by_their_name(tmp_path: Path, name: str, text: str, says: str) -> None:
    (tmp_path / "folder").mkdir()
    path = tmp_path / "folder" / name
    path.write_text(text)
    with pytest.raises(ObjectError, match=says) as error:
        prepare(path.parent)
    assert name in str(error.value)
    if says == "give its path":
        assert len(prepare(path).parts) == 2
    elif path.suffix != ".usda":
        with pytest.raises(ObjectError, match=says.split(".*")[0]):
            prepare(path)


def test_a_urdf_is_found_in_any_case(tmp_path: Path) -> None:
    path = write(tmp_path / "o.URDF", link("a"))
    assert find_urdf(tmp_path) == path
