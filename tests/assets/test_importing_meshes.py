"""Meshes and materials of imported objects: all formats shown, mirrored ones too, broken ones named."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pybullet
import pytest
import trimesh
from PIL import Image
from shapely.geometry import Polygon

from assets.importing.prepare import prepare
from assets.importing.reading.urdf import ObjectError
from urdf_objects import CUBE, image_from_above, link, load, mesh_link, write

pytestmark = pytest.mark.usefixtures("cache")


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
    _, depth, shown = image_from_above(client)
    side = 0.72 / math.sqrt(2)  # of a square in the bounding circle
    assert depth[45, 45] == pytest.approx(1.5 - 0.2 * side, abs=2e-3)
    assert shown.sum() == pytest.approx((90 * side * 1.5 / (1.5 - 0.2 * side)) ** 2, rel=0.06)


def test_a_mirrored_mesh_shows_its_outside(tmp_path: Path, client: int) -> None:
    (tmp_path / "o").mkdir()
    wedge = trimesh.creation.extrude_polygon(_triangle(), 0.3)  # x from 0 to 2, so that mirroring shows
    wedge.export(tmp_path / "o" / "w.obj")
    images = []
    for scale in ("1 1 1", "-1 1 1"):
        prepared = prepare(write(tmp_path / "o" / f"{scale[0]}.urdf", mesh_link("a", "w.obj", scale)))
        body, _, _ = load(prepared, client)
        images.append(image_from_above(client))
        pybullet.removeBody(body, client)
    (rgb, depth, shown), (mirrored_rgb, mirrored_depth, mirrored) = images
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
        rgb, _, shown = image_from_above(client)
        red, green, blue = np.median(rgb[shown], axis=0)
        assert blue > 3 * green > 3 * red
        return
    rgb, _, shown = image_from_above(client)
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
