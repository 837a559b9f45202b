"""What is seen of imported objects: shapes of all kinds, colours, textures, units, doubled faces, dense meshes."""

from __future__ import annotations

import importlib.util
import math
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pybullet
import pytest
import trimesh
from PIL import Image

import envs
from assets.importing.prepare import prepare
from assets.importing.reading.urdf import Geometry, ObjectError
from assets.importing.shapes import scene_files
from assets.importing.shapes.merging import DENSE, DENSE_OBJECT
from assets.importing.shapes.meshes import shape_points
from assets.importing.shapes.textured_shapes import textured_shape
from urdf_objects import CUBE, image_from_above, joint, link, load, mesh_link, write

pytestmark = pytest.mark.usefixtures("cache")

RED, GREEN, BLUE = (0.8, 0.1, 0.1), (0.1, 0.8, 0.1), (0.1, 0.1, 0.8)
BAR = trimesh.creation.box((0.4, 0.1, 0.05))


def hinge(folder: Path, arm: str, base: str = "") -> Path:
    """A red bar and an arm beside it, which a hinge joins."""
    return write(
        folder / "o.urdf",
        base or link("base", "0.4 0.1 0.05", "-0.2 0 0", "0.8 0.1 0.1 1"),
        arm,
        joint("revolute", "base", "arm"),
    )


def seen(path: Path, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """The image, and the labels."""
    env: Any = gym.make(envs.ENV_ID, object=path, resolution=120, disable_env_checker=True)
    try:
        observation, info = env.reset(seed=seed)
    finally:
        env.close()
    return observation["rgb"].astype(float), info["privileged"]["labels"]


def shade(rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Colour of a part without its brightness: the median of its pixels, the largest channel 1."""
    colour = np.median(rgb[mask], axis=0)
    return np.asarray(colour / max(colour.max(), 1.0))


def of(colour: tuple[float, float, float]) -> Any:
    return pytest.approx(np.array(colour) / max(colour), abs=0.12)


def test_a_capsule_is_shown_with_its_caps(tmp_path: Path, client: int) -> None:
    shape = '<geometry><capsule radius="0.1" length="0.6"/></geometry>'
    lying = f'<link name="a"><visual><origin rpy="0 1.5707963 0"/>{shape}</visual></link>'
    prepared = prepare(write(tmp_path / "o.urdf", lying))
    assert prepared.height == pytest.approx(0.36 / 0.4 * 0.2, abs=1e-3)  # radius of the circle: 0.3 + 0.1
    load(prepared, client)
    _, depth, shown = image_from_above(client)
    rows, columns = np.nonzero(shown)
    assert depth[shown].min() == pytest.approx(1.5 - prepared.height, abs=5e-3)
    assert max(np.ptp(rows), np.ptp(columns)) == pytest.approx(0.72 * 90 * 1.5 / (1.5 - prepared.height / 2), abs=4)


@pytest.mark.parametrize(
    "visual",
    [
        '<visual><geometry><box size="0.4 0.1 0"/></geometry></visual>',
        '<visual><geometry><cylinder radius="0" length="1"/></geometry></visual>',
        '<visual><geometry><sphere radius="-1"/></geometry></visual>',
        '<visual><geometry><mesh filename="cube.obj" scale="1 0 1"/></geometry></visual>',
        '<visual><geometry><plane normal="0 0 1"/></geometry></visual>',
        "<visual><geometry/></visual>",
        '<visual><material name="x"/></visual>',
    ],
)
def test_shapes_that_cannot_be_shown_are_left_out(tmp_path: Path, visual: str) -> None:
    CUBE.export(tmp_path / "cube.obj")
    arm = link("arm", "0.4 0.1 0.05", "0.2 0 0").replace("</link>", f"{visual}</link>")
    prepared = prepare(hinge(tmp_path, arm))
    assert len(prepared.parts) == 2
    assert len(ET.parse(prepared.urdf).getroot().findall(".//visual")) == 2
    (note,) = prepared.notes
    assert 'left out: a visual of link "arm"' in note


def test_links_without_a_visual_show_their_collision_shapes(tmp_path: Path) -> None:
    arm = link("arm", "0.4 0.1 0.05", "0.2 0 0", "0.1 0.1 0.8 1")
    both = link("base", "0.4 0.1 0.05", "-0.2 0 0", "0.8 0.1 0.1 1")
    hidden = '<collision><geometry><box size="9 9 9"/></geometry></collision></link>'
    path = hinge(tmp_path, arm.replace("visual>", "collision>"), both.replace("</link>", hidden))
    prepared = prepare(path)
    assert prepared.notes == ("links without a <visual> are shown by their collision shapes: arm",)
    rgb, labels = seen(path)
    assert shade(rgb, labels == 1) == of(RED)
    assert shade(rgb, labels == 2) == of(BLUE)


@pytest.mark.parametrize("kind", ["box", "cylinder", "sphere", "capsule", "textured mesh", "bare mesh"])
def test_the_texture_of_a_material_is_shown(tmp_path: Path, kind: str) -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:, :32], picture[:, 32:] = (20, 200, 20), (20, 20, 200)
    Image.fromarray(picture).save(tmp_path / "halves.png")
    shapes = {
        "box": '<box size="0.4 0.1 0.05"/>',
        "cylinder": '<cylinder radius="0.1" length="0.05"/>',
        "sphere": '<sphere radius="0.1"/>',
        "capsule": '<capsule radius="0.1" length="0.1"/>',
    }
    shape = shapes.get(kind, '<mesh filename="bar.obj"/>')
    bar = BAR.copy()
    if kind == "textured mesh":
        uv = bar.vertices[:, :2] / [0.4, 0.1] + 0.5
        bar.visual = trimesh.visual.TextureVisuals(uv=uv, material=trimesh.visual.material.SimpleMaterial())
    bar.export(tmp_path / "bar.obj")
    visual = f'<visual><origin xyz="0.2 0 0"/><geometry>{shape}</geometry><material name="t"/></visual>'
    arm = f'<link name="arm">{visual}</link>'
    named = '<material name="t"><color rgba="1 1 1 1"/><texture filename="halves.PNG"/></material>'
    path = hinge(tmp_path, arm)
    path.write_text(path.read_text().replace('<robot name="thing">', f'<robot name="thing">{named}'))
    assert "halves.PNG" in prepare(path).notes[0]  # called otherwise than written
    rgb, labels = seen(path)
    pixels = rgb[labels == 2]
    green = np.mean((pixels[:, 1] > 2 * pixels[:, 0]) & (pixels[:, 1] > 2 * pixels[:, 2]))
    blue = np.mean((pixels[:, 2] > 2 * pixels[:, 0]) & (pixels[:, 2] > 2 * pixels[:, 1]))
    if kind == "bare mesh":
        assert any("mean colour" in note for note in prepare(path).notes)
        red, *rest = np.median(pixels, axis=0)
        assert min(rest) > 2 * red  # green and blue together
    else:
        assert green == pytest.approx(0.5, abs=0.2)
        assert blue == pytest.approx(0.5, abs=0.2)


@pytest.mark.parametrize(
    "shape",
    [
        Geometry("box", (3.0, 2.0, 1.0)),
        Geometry("cylinder", (0.5, 2.0)),
        Geometry("sphere", (0.5,)),
        Geometry("capsule", (0.5, 2.0)),
    ],
)
def test_textured_shapes_are_closed_and_as_large_as_plain_ones(shape: Geometry) -> None:
    mesh = textured_shape(shape, Path("shape"))
    assert mesh.solid  # so that their backs need not be shown too
    np.testing.assert_allclose(np.ptp(mesh.points, axis=0), np.ptp(shape_points(shape), axis=0))
    assert mesh.uv is not None
    assert (mesh.uv.min(), mesh.uv.max()) == (0, 1)


@pytest.mark.parametrize(
    ("rgba", "noted"),
    [("26 204 26 255", True), ("26 204 26 1", True), ("0.1, 0.8, 0.1, 1", True), ("0.1 0.8 0.1", False)],
)
def test_colours_are_read_as_people_write_them(tmp_path: Path, rgba: str, noted: bool) -> None:
    path = hinge(tmp_path, link("arm", "0.4 0.1 0.05", "0.2 0 0", rgba))
    colour = ET.parse(prepare(path).urdf).getroot().findall(".//color")[1].attrib["rgba"]
    np.testing.assert_allclose([float(value) for value in colour.split()], [*GREEN, 1], atol=3e-3)
    assert len(prepare(path).notes) == noted


def test_a_texture_that_is_not_there_is_said(tmp_path: Path) -> None:
    arm = link("arm", "0.4 0.1 0.05", "0.2 0 0", "0.1 0.1 0.8 1")
    path = hinge(tmp_path, arm.replace("</material>", '<texture filename="gone.png"/></material>'))
    assert "gone.png" in prepare(path).notes[0]
    (tmp_path / "gone.png").write_text("version https://git-lfs.github.com/spec/v1\n")
    assert "git lfs pull" in prepare(path).notes[0]
    rgb, labels = seen(path)
    assert shade(rgb, labels == 2) == of(BLUE)


def coloured_bar(colours: list[tuple[float, float, float]]) -> trimesh.Trimesh:
    """A bar whose vertices have these colours, those of the two ends apart."""
    bar = BAR.copy()
    low, high = (np.array([*colour, 1.0]) * 255 for colour in (colours[0], colours[-1]))
    bar.visual.vertex_colors = np.where(bar.vertices[:, :1] < 0, low, high).astype(np.uint8)
    return bar


@pytest.mark.parametrize("name", ["arm.ply", "arm.obj", "arm.glb"])
def test_colours_of_points_are_shown(tmp_path: Path, name: str) -> None:
    coloured_bar([GREEN, GREEN]).export(tmp_path / name)
    rgb, labels = seen(hinge(tmp_path, mesh_link("arm", name, at="0.2 0 0")))
    assert shade(rgb, labels == 2) == of(GREEN)


def test_many_colours_become_a_texture(tmp_path: Path) -> None:
    bar = trimesh.creation.box((0.4, 0.1, 0.05)).subdivide().subdivide().subdivide()
    share = (bar.vertices[:, :1] / 0.4 + 0.5) * np.ones(3)
    bar.visual.vertex_colors = np.column_stack([255 * (1 - share[:, 0]), 0 * share[:, 0], 255 * share[:, 0]]).astype(
        np.uint8
    )
    bar.export(tmp_path / "arm.ply")
    prepared = prepare(hinge(tmp_path, mesh_link("arm", "arm.ply", at="0.2 0 0")))
    (texture,) = prepared.urdf.parent.glob("texture_*.png")
    assert len(np.unique(np.asarray(Image.open(texture)).reshape(-1, 3), axis=0)) > 8
    rgb, labels = seen(tmp_path / "o.urdf")
    pixels = rgb[labels == 2]
    assert np.mean(pixels[:, 0] > 2 * pixels[:, 2]) > 0.2  # from red
    assert np.mean(pixels[:, 2] > 2 * pixels[:, 0]) > 0.2  # to blue


def test_the_texture_of_a_glb_is_shown(tmp_path: Path) -> None:
    picture = np.zeros((32, 32, 3), np.uint8)
    picture[:16], picture[16:] = (20, 200, 20), (20, 20, 200)  # rows from the top
    bar = BAR.copy()
    uv = np.column_stack([np.zeros(8), bar.vertices[:, 0] / 0.4 + 0.5])  # v grows along the bar
    look = trimesh.visual.material.PBRMaterial(baseColorTexture=Image.fromarray(picture))
    bar.visual = trimesh.visual.TextureVisuals(uv=uv, material=look)
    bar.export(tmp_path / "arm.glb")
    path = hinge(tmp_path, mesh_link("arm", "arm.glb", at="0.2 0 0"))
    rgb, labels = seen(path)
    rows, columns = np.nonzero(labels == 2)
    base = np.argwhere(labels == 1).mean(axis=0)
    far = np.hypot(rows - base[0], columns - base[1])
    pixels = rgb[rows, columns]
    end, start = pixels[far > np.median(far) + 4], pixels[far < np.median(far) - 4]
    assert np.median(end, axis=0).argmax() == 1  # the top of the picture, v = 1, at the far end
    assert np.median(start, axis=0).argmax() == 2


def collada(unit: str, scale: float) -> str:
    points = " ".join(f"{value * scale:g}" for value in BAR.vertices.ravel())
    corners = " ".join(str(number) for number in BAR.faces.ravel())
    axes = "".join(f'<param name="{axis}" type="float"/>' for axis in "XYZ")
    return (
        '<COLLADA xmlns="http://www.collada.org/2005/11/COLLADASchema" version="1.4.1"><asset>'
        f"<created>2024-01-01T00:00:00</created><modified>2024-01-01T00:00:00</modified>{unit}</asset>"
        '<library_effects><effect id="e"><profile_COMMON><technique sid="common"><phong><diffuse>'
        "<color>0.1 0.8 0.1 1</color></diffuse></phong></technique></profile_COMMON></effect></library_effects>"
        '<library_materials><material id="m"><instance_effect url="#e"/></material></library_materials>'
        '<library_geometries><geometry id="g"><mesh><source id="p">'
        f'<float_array id="pa" count="24">{points}</float_array><technique_common>'
        f'<accessor source="#pa" count="8" stride="3">{axes}</accessor></technique_common></source>'
        '<vertices id="v"><input semantic="POSITION" source="#p"/></vertices><triangles count="12" material="mm">'
        f'<input semantic="VERTEX" source="#v" offset="0"/><p>{corners}</p></triangles></mesh></geometry>'
        '</library_geometries><library_visual_scenes><visual_scene id="s"><node id="n"><instance_geometry url="#g">'
        '<bind_material><technique_common><instance_material symbol="mm" target="#m"/></technique_common>'
        "</bind_material></instance_geometry></node></visual_scene></library_visual_scenes>"
        '<scene><instance_visual_scene url="#s"/></scene></COLLADA>'
    )


@pytest.mark.skipif(importlib.util.find_spec("collada") is None, reason="pycollada is not there")
@pytest.mark.parametrize(
    ("unit", "scale"),
    [("", 1), ('<unit meter="0.001" name="millimeter"/>', 1000), ('<unit meter="0.0254" name="inch"/>', 1 / 0.0254)],
)
def test_collada_is_shown_in_its_unit_and_colour(tmp_path: Path, unit: str, scale: float) -> None:
    (tmp_path / "arm.dae").write_text(collada(unit, scale))
    path = hinge(tmp_path, mesh_link("arm", "arm.dae", at="0.2 0 0"))
    rgb, labels = seen(path)
    assert (labels == 2).sum() == pytest.approx((labels == 1).sum(), rel=0.15)
    assert shade(rgb, labels == 2) == of(GREEN)


def test_collada_without_pycollada_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "arm.dae").write_text(collada("", 1))
    path = hinge(tmp_path, mesh_link("arm", "arm.dae"))
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        scene_files.importlib.util, "find_spec", lambda name: None if name == "collada" else find_spec(name)
    )
    with pytest.raises(ObjectError, match="pip install pycollada"):
        prepare(path)


def twice(mesh: trimesh.Trimesh, path: Path, seed: int = 0, first: float = 0.5) -> None:
    """Write a mesh each of whose faces is followed (or in other cases preceded) by its back, in black."""
    rng = np.random.default_rng(seed)
    (path.parent / "skin.mtl").write_text("newmtl outside\nKd 0.45 0.05 0.05\nnewmtl inside\nKd 0 0 0\n")
    lines = ["mtllib skin.mtl"]
    count = 0
    for face in mesh.faces:
        a, b, c = (mesh.vertices[index] for index in face)
        pair = [("outside", (a, b, c)), ("inside", (c, b, a))]
        for look, corners in pair if rng.random() < first else pair[::-1]:
            lines += [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in corners]
            lines += [f"usemtl {look}", f"f {count + 1} {count + 2} {count + 3}"]
            count += 3
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("open_above", [False, True])
def test_faces_that_are_there_twice_are_shown_once(tmp_path: Path, open_above: bool) -> None:
    bar = BAR.subdivide().subdivide()
    twice(bar, tmp_path / "base.obj", seed=1)
    if open_above:  # a tray: closed nowhere, and still its outside is the outside
        bar.update_faces(bar.triangles_center[:, 1] < 0.049)
    twice(bar, tmp_path / "arm.obj", seed=2)
    base = mesh_link("base", "base.obj", at="-0.2 0 0")
    path = hinge(tmp_path, mesh_link("arm", "arm.obj", at="0.2 0 0"), base)
    prepared = prepare(path)
    assert any("twice" in note and "base, arm" in note for note in prepared.notes)
    rgb, labels = seen(path)
    pixels = rgb[labels > 0]
    assert np.ptp(pixels[:, 0]) < 60  # no black ones among the dark red ones
    assert np.median(pixels[:, 0]) > 3 * np.median(pixels[:, 1])
    for label in (1, 2):  # each label is one piece without holes
        mask = (labels == label).astype(np.uint8)
        assert mask.sum() > 300
        corners = np.pad(mask, 1)
        around = sum(np.roll(corners, shift, axis) for shift in (-1, 1) for axis in (0, 1))
        assert not ((corners == 0) & (around == 4)).any()
    faces = sum(text.count("\nf ") for text in (p.read_text() for p in prepared.urdf.parent.glob("surface_*.obj")))
    assert faces == len(BAR.subdivide().subdivide().faces) + len(bar.faces) * (2 if open_above else 1)


@pytest.mark.parametrize("other", ["above", "below"])
def test_the_front_of_a_flat_sheet_is_what_comes_first_more_often(tmp_path: Path, other: str) -> None:
    sheet = BAR.subdivide().subdivide()
    sheet.update_faces(sheet.triangles_center[:, 2] > 0.0249)
    sheet.remove_unreferenced_vertices()
    twice(sheet, tmp_path / "shelf.obj", first=0.8)
    BAR.export(tmp_path / "bar.obj")  # whichever side of the shelf the rest of the link is on
    far = mesh_link("x", "bar.obj", "0.1 0.1 0.1", f"0.2 0 {0.2 if other == 'above' else -0.2}")
    arm = mesh_link("arm", "shelf.obj", at="0.2 0 0").replace("</link>", far.removeprefix('<link name="x">'))
    rgb, labels = seen(hinge(tmp_path, arm))
    red, green, _ = rgb[labels == 2].T
    assert np.mean(red > 3 * green) > 0.8  # the rest is white
    assert red.min() > 50


def test_of_two_sheets_in_one_place_the_first_is_shown(tmp_path: Path) -> None:
    sheet = trimesh.Trimesh(
        [[-0.2, -0.05, 0], [0.2, -0.05, 0], [0.2, 0.05, 0], [-0.2, 0.05, 0]], [[0, 1, 2], [0, 2, 3]]
    )
    for name in ("one.obj", "two.obj"):
        sheet.export(tmp_path / name)
    red, blue = (
        mesh_link("x", name, at="0.2 0 0")
        .removeprefix('<link name="x">')
        .replace("</visual></link>", f'<material name="{name}"><color rgba="{colour} 1"/></material></visual>')
        for name, colour in (("one.obj", "0.8 0.1 0.1"), ("two.obj", "0.1 0.1 0.8"))
    )
    for first, second, colour in ((red, blue, RED), (blue, red, BLUE)):
        path = hinge(tmp_path, f'<link name="arm">{first}{second}</link>')
        rgb, labels = seen(path)
        assert shade(rgb, labels == 2) == of(colour)
        assert np.ptp(rgb[labels == 2][:, 0]) < 60


def test_shapes_that_are_there_twice_are_shown_once(tmp_path: Path) -> None:
    arm = link("arm", "0.4 0.1 0.05", "0.2 0 0", "0.1 0.8 0.1 1")
    again = link("arm", "0.4 0.1 0.05", "0.2 0 0", "0.1 0.1 0.8 1").removeprefix('<link name="arm">')
    path = hinge(tmp_path, arm.replace("</link>", again))
    rgb, labels = seen(path)
    assert shade(rgb, labels == 2) == of(GREEN)
    assert any("twice" in note and "arm" in note for note in prepare(path).notes)


@pytest.mark.parametrize("materials", [1, 2])
def test_dense_meshes_are_thinned_closed_ones_too(tmp_path: Path, client: int, materials: int) -> None:
    ball = trimesh.creation.icosphere(subdivisions=6, radius=0.3)  # 81,920 faces, all far larger than a fine detail
    text = trimesh.exchange.obj.export_obj(ball, include_normals=False)
    if materials == 2:
        (tmp_path / "m.mtl").write_text("newmtl green\nKd 0.1 0.8 0.1\nnewmtl blue\nKd 0.1 0.1 0.8\n")
        points = [line for line in text.splitlines() if line.startswith("v ")]
        left = ball.triangles_center[:, 0] < 0
        faces = ["f " + " ".join(str(number + 1) for number in face) for face in ball.faces]
        sides = [
            ["usemtl " + name, *(f for f, side in zip(faces, left, strict=True) if side == is_left)]
            for name, is_left in (("green", True), ("blue", False))
        ]
        text = "\n".join(["mtllib m.mtl", *points, *sides[0], *sides[1]]) + "\n"
    (tmp_path / "ball.obj").write_text(text)
    prepared = prepare(write(tmp_path / "o.urdf", mesh_link("a", "ball.obj")))
    (note,) = prepared.notes
    assert "thinned" in note
    assert "81920" in note
    written = [p.read_text() for p in prepared.urdf.parent.glob("surface_*.obj")]
    assert len(written) == materials
    assert 0.5 * DENSE < sum(text.count("\nf ") for text in written) <= DENSE
    load(prepared, client)
    rgb, depth, shown = image_from_above(client)
    scale = prepared.height / 0.6
    assert depth[45, 45] == pytest.approx(1.5 - prepared.height, abs=2e-3)
    side = 0.3 * scale * 90 / math.sqrt((1.5 - prepared.height / 2) ** 2 - (0.3 * scale) ** 2) * 1.5
    assert shown.sum() == pytest.approx(math.pi * side**2, rel=0.05)
    if materials == 2:
        rows, columns = np.nonzero(shown)
        left, right = rgb[rows[columns < 40], columns[columns < 40]], rgb[rows[columns > 50], columns[columns > 50]]
        assert np.mean(left[:, 1] > left[:, 2]) > 0.95
        assert np.mean(right[:, 2] > right[:, 1]) > 0.95
        body = pybullet.getVisualShapeData(0, physicsClientId=client)
        assert len(body) == 2


def test_links_share_what_an_object_may_have(tmp_path: Path) -> None:
    trimesh.creation.icosphere(subdivisions=5).export(tmp_path / "ball.obj")  # 20,480 faces
    CUBE.export(tmp_path / "cube.obj")
    links = [mesh_link(f"l{number}", "ball.obj", at=f"{number} 0 0") for number in range(6)]
    joints = [joint("revolute", "l0", f"l{number}") for number in range(1, 6)]
    path = write(tmp_path / "o.urdf", *links, *joints, mesh_link("box", "cube.obj"), joint("fixed", "l0", "box"))
    prepared = prepare(path)
    faces = [text.read_text().count("\nf ") for text in prepared.urdf.parent.glob("surface_*.obj")]
    assert len(faces) == 6
    assert 0.7 * DENSE_OBJECT < sum(faces) <= DENSE_OBJECT
    assert max(faces) < 1.2 * min(faces)


def test_coarse_meshes_stay_as_they_are(tmp_path: Path) -> None:
    ball = trimesh.creation.icosphere(subdivisions=4)
    ball.export(tmp_path / "ball.obj")
    prepared = prepare(write(tmp_path / "o.urdf", mesh_link("a", "ball.obj")))
    assert not prepared.notes
    (written,) = prepared.urdf.parent.glob("*.obj")
    assert written.read_text().count("\nf ") == len(ball.faces)


@pytest.mark.parametrize("pointer", ["skin.mtl", "green.png"])
def test_companions_that_git_lfs_has_not_fetched_are_said(tmp_path: Path, pointer: str) -> None:
    (tmp_path / "skin.mtl").write_text("newmtl m\nKd 1 1 1\nmap_Kd green.png\n")
    (tmp_path / pointer).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    text = trimesh.exchange.obj.export_obj(BAR, include_normals=False)
    (tmp_path / "arm.obj").write_text("mtllib skin.mtl\nusemtl m\n" + text)
    (note,) = prepare(hinge(tmp_path, mesh_link("arm", "arm.obj", at="0.2 0 0"))).notes
    assert f"{pointer} (a Git LFS pointer: run `git lfs pull`)" in note


@pytest.mark.skipif(importlib.util.find_spec("collada") is None, reason="pycollada is not there")
@pytest.mark.parametrize("there", [True, False])
def test_the_texture_of_a_collada_mesh_is_shown_or_said_to_be_missing(tmp_path: Path, there: bool) -> None:
    parameters = (
        '<newparam sid="surface"><surface type="2D"><init_from>i</init_from></surface></newparam>'
        '<newparam sid="sampler"><sampler2D><source>surface</source></sampler2D></newparam>'
    )
    places = (
        '<source id="t"><float_array id="ta" count="2">0.5 0.5</float_array><technique_common><accessor source="#ta" '
        'count="1" stride="2"><param name="S" type="float"/><param name="T" type="float"/></accessor>'
        "</technique_common></source>"
    )
    corners = " ".join(f"{number} 0" for number in BAR.faces.ravel())
    text = collada("", 1)
    for old, new in (
        ("<library_effects>", '<library_images><image id="i"><init_from>my%20green.png</init_from></image>'
         "</library_images><library_effects>"),
        ("<profile_COMMON>", f"<profile_COMMON>{parameters}"),
        ("<color>0.1 0.8 0.1 1</color>", '<texture texture="sampler" texcoord="UV"/>'),
        ("<vertices", f"{places}<vertices"),
        ("<p>", '<input semantic="TEXCOORD" source="#t" offset="1" set="0"/><p>'),
        (text[text.index("<p>") : text.index("</p>")], f"<p>{corners}"),
    ):  # fmt: skip
        assert old in text
        text = text.replace(old, new, 1)
    (tmp_path / "arm.dae").write_text(text)
    if there:
        Image.new("RGB", (8, 8), (20, 200, 20)).save(tmp_path / "my green.png")
    path = hinge(tmp_path, mesh_link("arm", "arm.dae", at="0.2 0 0"))
    assert any("green.png" in note for note in prepare(path).notes) != there
    if there:
        rgb, labels = seen(path)
        assert shade(rgb, labels == 2) == of(GREEN)


def test_companions_are_found_in_another_case(tmp_path: Path) -> None:
    (tmp_path / "skin.mtl").write_text("newmtl m\nKd 1 1 1\nmap_Kd C:\\somebody\\gone.png\n")
    text = trimesh.exchange.obj.export_obj(BAR, include_normals=False)
    (tmp_path / "arm.obj").write_text("mtllib Skin.MTL\nusemtl m\n" + text)
    path = hinge(tmp_path, mesh_link("arm", "arm.obj", at="0.2 0 0"))
    assert any("gone.png" in note for note in prepare(path).notes)
    bar = BAR.copy()
    bar.visual = trimesh.visual.TextureVisuals(uv=np.full((8, 2), 0.5))
    text = trimesh.exchange.obj.export_obj(bar, include_normals=False, mtl_name="x", write_texture=False)
    text = "\n".join(line for line in text.splitlines() if line[:6] not in ("mtllib", "usemtl"))
    (tmp_path / "arm.obj").write_text("mtllib Skin.MTL\nusemtl m\n" + text)
    (tmp_path / "skin.mtl").write_text("newmtl m\nKd 1 1 1\nmap_Kd Green.PNG\n")
    Image.new("RGB", (8, 8), (20, 200, 20)).save(tmp_path / "green.png")
    assert not prepare(path).notes
    rgb, labels = seen(path)
    assert shade(rgb, labels == 2) == of(GREEN)
