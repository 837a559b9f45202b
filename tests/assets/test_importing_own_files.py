"""The simulator is given files that were written here, whatever an object's own files name."""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import trimesh
from opened_files import opened_below
from PIL import Image

from assets.importing.prepare import PreparedObject, prepare
from urdf_objects import image_from_above, joint, link, load, mesh_link, write

pytestmark = pytest.mark.usefixtures("cache")

LINE = re.compile(
    r"(v|vn)( -?[\d.]+(e-?\d+)?){3}|vt( -?[\d.]+){2}|f( \d+(/\d*){0,2}){3}|usemtl surface|mtllib \w+\.mtl"
)


def textured_cube(folder: Path, mtllib: str, library: str) -> Path:
    """A closed cube with texture coordinates and normals, and a library beside it; both as given."""
    cube = trimesh.creation.box((1, 1, 1))
    lines = [f"v {x} {y} {z}" for x, y, z in cube.vertices]
    lines += ["vt 0 0", "vt 1 0", "vt 1 1", *(f"vn {x} {y} {z}" for x, y, z in cube.face_normals), "usemtl m"]
    lines += [f"f {a}/1/{n} {b}/2/{n} {c}/3/{n}" for n, (a, b, c) in enumerate(cube.faces + 1, start=1)]
    folder.mkdir()
    (folder / "c.obj").write_text(mtllib + "\n" + "\n".join(lines) + "\n")
    (folder / "m.mtl").write_text(library)
    return write(folder / "o.urdf", mesh_link("a", "c.obj"), link("b", "0.1 0.1 0.1"), joint("revolute", "a", "b"))


def only_own_files(prepared: PreparedObject) -> None:
    """All that the prepared URDF leads to lies beside it, in words that have one meaning."""
    folder = prepared.urdf.parent
    for mesh in ET.parse(prepared.urdf).getroot().iter("mesh"):
        path = Path(mesh.attrib["filename"])
        assert path.parent == folder
        for line in path.read_text("ascii").splitlines():
            assert LINE.fullmatch(line), line
    for library in folder.glob("*.mtl"):
        texture = re.fullmatch(r"newmtl surface\nKd 1 1 1\nmap_Kd (texture_\d+\.png)\n", library.read_text("ascii"))
        assert texture is not None
        assert (folder / texture[1]).is_file()


@pytest.mark.parametrize(
    ("mtllib", "library"),
    [
        ("mtllib m.mtl", "newmtl m\nKd 1 1 1\nmap_Kd\t../outside/private.png\n"),
        ("mtllib m.mtl", "newmtl m\nKd 1 1 1\n  map_Kd \t ../outside/private.png\n"),
        ("mtllib m.mtl", "newmtl m\nKd 1 1 1\n# a comment \\\nmap_Kd ../outside/private.png\n"),
        ("mtllib m.mtl", "newmtl m\nKd 1 1 1\nmap_Kd -s 1 1 1 ../outside/private.png\r"),
        ("mtllib m.mtl", "newmtl m\nKd 1 1 1\n\x0bmap_Kd ../outside/private.png\n"),
        ("mtllib\t../outside/x.mtl", ""),
        ("# a comment \\\nmtllib ../outside/x.mtl", ""),
        ("mtllib m.mtl ../outside/x.mtl", "newmtl n\nKd 1 1 1\n"),
        ("mtllib {outside}/x.mtl", ""),
    ],
)
def test_no_picture_from_outside_the_folder_is_shown_or_opened(
    tmp_path: Path, client: int, mtllib: str, library: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    Image.new("RGB", (8, 8), (255, 0, 255)).save(outside / "private.png")
    (outside / "x.mtl").write_text("newmtl m\nKd 1 1 1\nmap_Kd private.png\n")
    urdf = textured_cube(tmp_path / "o", mtllib.format(outside=outside), library)
    with opened_below(outside) as opened:
        prepared = prepare(urdf, "top")
        load(prepared, client)
        rgb, _, shown = image_from_above(client)
    assert opened == []
    red, green, blue = np.median(rgb[shown], axis=0)
    assert (green > 0.8 * red) & (green > 0.8 * blue), "the object is not grey"
    only_own_files(prepared)


def test_nothing_of_the_object_is_opened_once_it_is_prepared(tmp_path: Path, client: int) -> None:
    urdf = textured_cube(tmp_path / "o", "mtllib m.mtl", "newmtl m\nKd 0 0 1\nmap_Kd t.png\n")
    Image.new("RGB", (8, 8), (250, 40, 0)).save(urdf.parent / "t.png")
    with opened_below(urdf.parent) as first:
        prepared = prepare(urdf, "top")
    assert {"o.urdf", "c.obj", "m.mtl", "t.png"} <= set(first)  # so that the watch is known to see
    with opened_below(urdf.parent) as opened:
        load(prepared, client)
        rgb, _, shown = image_from_above(client)
    assert opened == []
    red, green, blue = np.median(rgb[shown], axis=0)
    assert red > 3 * green > 3 * blue  # and still the texture is shown
    only_own_files(prepared)


def test_normals_of_the_file_are_kept_and_those_that_say_nothing_are_not(tmp_path: Path) -> None:
    urdf = textured_cube(tmp_path / "o", "", "")
    mesh = urdf.parent / "c.obj"
    text = mesh.read_text()
    (written,) = prepare(urdf).urdf.parent.glob("mesh_*.obj")
    assert written.read_text().count("\nvn ") == 6
    assert re.search(r"\nf \d+//\d+ ", written.read_text())
    for changed in (
        text.replace("vn ", "vn 1e200 "),  # lengths beyond reason
        re.sub(r"/(\d+)(?=[ \n])", r"/\g<1>99", text),  # normals that are not there, which a reader would look for
        re.sub(r"vn .*", "vn 0 0 0", text),
    ):
        mesh.write_text(changed)
        (written,) = prepare(urdf).urdf.parent.glob("mesh_*.obj")
        assert "//" not in written.read_text()


def test_a_mirrored_mesh_keeps_its_texture(tmp_path: Path, client: int) -> None:
    urdf = textured_cube(tmp_path / "o", "mtllib m.mtl", "newmtl m\nKd 0 0 1\nmap_Kd t.png\n")
    Image.new("RGB", (8, 8), (250, 40, 0)).save(urdf.parent / "t.png")
    urdf.write_text(urdf.read_text().replace('scale="1 1 1"', 'scale="-1 1 1"'))
    load(prepare(urdf, "top"), client)
    rgb, _, shown = image_from_above(client)
    red, green, blue = np.median(rgb[shown], axis=0)
    assert red > 3 * green > 3 * blue


@pytest.mark.parametrize("kind", ["folder", "pipe", "device"])
@pytest.mark.parametrize("name", ["t.png", "m.mtl", "semantics.txt", "meta.json"])
def test_what_is_no_file_is_not_read(tmp_path: Path, name: str, kind: str) -> None:
    urdf = textured_cube(tmp_path / "o", "mtllib m.mtl", "newmtl m\nKd 0 0 1\nmap_Kd t.png\n")
    Image.new("RGB", (8, 8), (250, 40, 0)).save(urdf.parent / "t.png")
    path = urdf.parent / name
    path.unlink(missing_ok=True)
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    prepared = prepare(urdf)
    assert len(prepared.parts) == 2
    assert [name in note for note in prepared.notes] == [True] * (name in ("t.png", "m.mtl"))
    only_own_files(prepared)


def test_a_pipe_below_the_further_folder_is_no_mesh(tmp_path: Path) -> None:
    root = tmp_path / "root" / "deep"
    root.mkdir(parents=True)
    os.mkfifo(root / "cube.obj")
    urdf = write(
        tmp_path / "o" / "o.urdf", link("a"), mesh_link("b", "/elsewhere/cube.obj"), joint("revolute", "a", "b")
    )
    assert any("left out" in note for note in prepare(urdf, mesh_root=tmp_path / "root").notes)


def test_a_texture_of_too_many_pixels_is_left_out(tmp_path: Path) -> None:
    urdf = textured_cube(tmp_path / "o", "mtllib m.mtl", "newmtl m\nKd 0 0 1\nmap_Kd t.png\n")
    Image.new("1", (13_000, 13_000)).save(urdf.parent / "t.png")
    prepared = prepare(urdf)
    assert any("cannot be read" in note and "t.png" in note for note in prepared.notes)
    assert not list(prepared.urdf.parent.glob("*.mtl"))
