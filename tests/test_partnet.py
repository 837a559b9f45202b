"""PartNet-Mobility as downloaded: its layout, every joint type, many meshes, broken folders, splits."""

from __future__ import annotations

import itertools
import json
import math
import os
import time
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from PIL import Image
from scipy.spatial.transform import Rotation

import envs
from assets import (
    ObjectError,
    PreparedObject,
    instance_folder,
    instances,
    merging,
    partnet,
    prepare,
    split_categories,
)
from atp.cli import main

SIDES = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
UP = "1.570796326794897 0 -1.570796326794897"  # how the download stands its y-up meshes on z

Vector = tuple[float, float, float]


@dataclass
class Box:
    """A mesh of its own: an axis-aligned box in the object's frame."""

    centre: Vector
    size: Vector
    colour: Vector = (0.5, 0.5, 0.5)
    texture: str = ""
    open: bool = False  # its top side (+y) alone, looking down


@dataclass
class Part:
    """A link; ``origin`` is where its joint lies in the object's frame."""

    boxes: Sequence[Box]
    parent: int = -1  # -1: base
    joint: str = "fixed"
    axis: Vector = (0.0, 1.0, 0.0)
    origin: Vector = (0.0, 0.0, 0.0)
    limits: tuple[float, float] | None = None
    name: str = "part"
    helpers: list[tuple[str, Vector]] = field(
        default_factory=list
    )  # joints before it, with bare links between


def write_download(root: Path, number: int, category: str, parts: Sequence[Part], rpy: str = UP) -> Path:
    """Write an instance as SAPIEN's download has it: meshes in the object's frame, offset back by the joints."""
    folder = root / str(number)
    (folder / "textured_objs").mkdir(parents=True)
    (folder / "images").mkdir()
    robot = ET.Element("robot", name=f"partnet_{number}")
    ET.SubElement(robot, "link", name="base")
    count = 0
    semantics, nodes = [], []
    for index, part in enumerate(parts):
        parent = "base" if part.parent < 0 else f"link_{part.parent}"
        start: Vector = (0.0, 0.0, 0.0) if part.parent < 0 else parts[part.parent].origin
        offset = [a - b for a, b in zip(part.origin, start, strict=True)]
        steps = [*part.helpers, (part.joint, part.axis)]
        for step, (kind, axis) in enumerate(steps):
            last = step == len(steps) - 1
            child = f"link_{index}" if last else f"link_{index}_helper{step}"
            if not last:
                ET.SubElement(robot, "link", name=child)
            joint = ET.SubElement(robot, "joint", name=f"joint_{index}_{step}", type=kind)
            origin = {"xyz": text(offset if step == 0 else (0, 0, 0))}
            if part.parent < 0:
                origin["rpy"] = rpy
            ET.SubElement(joint, "origin", origin)
            ET.SubElement(joint, "axis", xyz=text(axis))
            ET.SubElement(joint, "child", link=child)
            ET.SubElement(joint, "parent", link=parent)
            if part.limits and kind not in ("fixed", "continuous"):
                ET.SubElement(joint, "limit", lower=str(part.limits[0]), upper=str(part.limits[1]))
            parent = child
        link = ET.SubElement(robot, "link", name=f"link_{index}")
        files = []
        for box in part.boxes:
            write_box(folder, count, box)
            files.append(f"textured_objs/original-{count}.obj")
            count += 1
        for tag in ("visual", "collision"):
            for file in files:
                shape = ET.SubElement(link, tag, name=f"piece-{index}")
                ET.SubElement(shape, "origin", xyz=text([-x for x in part.origin]))
                ET.SubElement(ET.SubElement(shape, "geometry"), "mesh", filename=file)
        kind = {"revolute": "hinge", "continuous": "hinge", "prismatic": "slider", "fixed": "free"}
        semantics.append(f"link_{index} {kind.get(part.joint, part.joint)} {part.name}\n")
        nodes.append({"id": index, "parent": part.parent, "name": part.name, "joint": part.joint})
    (folder / "mobility.urdf").write_bytes(ET.tostring(robot, xml_declaration=True))
    (folder / "semantics.txt").write_text("".join(semantics))
    (folder / "mobility_v2.json").write_text(json.dumps(nodes))
    (folder / "meta.json").write_text(json.dumps({"model_cat": category, "anno_id": str(number)}))
    return folder


def write_box(folder: Path, number: int, box: Box) -> None:
    lines = [f"mtllib original-{number}.mtl", "g piece"]
    corners = [[sign * side / 2 for sign, side in zip(signs, box.size, strict=True)] for signs in CORNERS]
    lines += [f"v {text(np.add(corner, box.centre))}" for corner in corners]
    lines += ["vt 0 0", "vt 1 0", "vt 1 1", "vt 0 1", f"usemtl material_{number}"]
    sides = [SIDES[3][::-1]] if box.open else SIDES
    lines += ["f " + " ".join(f"{corner + 1}/{i}" for i, corner in enumerate(side, 1)) for side in sides]
    (folder / f"textured_objs/original-{number}.obj").write_text("\n".join(lines) + "\n")
    material = f"newmtl material_{number}\nKa 0 0 0\nKd {text(box.colour)}\nKs 0.4 0.4 0.4\nd 0.5\n"
    if box.texture:
        material += f"map_Kd {box.texture}\n"
    (folder / f"textured_objs/original-{number}.mtl").write_text(material)


CORNERS = [(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]


def text(numbers: Sequence[float] | np.ndarray) -> str:
    return " ".join(f"{number:.8g}" for number in numbers)


def cabinet(pieces: int = 1, door: str = "revolute", axis: Vector = (0.0, 1.0, 0.0)) -> list[Part]:
    """A body and a door half open on a vertical hinge (+y is up in the meshes), the body in many pieces."""
    edges = np.linspace(-0.5, 0.5, pieces + 1)
    body = [
        Box(((a + b) / 2, 0, 0), (b - a, 0.4, 0.5), (0.1 + 0.8 * (i % 3 == 0), 0.1, 0.1))
        for i, (a, b) in enumerate(itertools.pairwise(edges))
    ]
    hinge = (-0.5, 0.0, 0.25)
    return [
        Part(
            [Box((0.0, 0.0, 0.5), (0.9, 0.38, 0.1), (0.1, 0.2, 0.9))], 1, door, axis, hinge, (0, 1.5), "door"
        ),
        Part(body, name="body"),
    ]


@pytest.fixture(autouse=True)
def download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty download that the variable names, and an empty cache."""
    monkeypatch.setenv("ATP_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "partnet-mobility"
    root.mkdir()
    monkeypatch.setenv(partnet.VARIABLE, str(root))
    return root


def moving_axes(prepared: PreparedObject) -> dict[str, np.ndarray]:
    """World axes of the part joints with every joint at 0, by this file's own kinematics."""
    robot = ET.parse(prepared.urdf).getroot()
    turns = {"world": Rotation.identity()}
    axes = {}
    for joint in robot.findall("joint"):
        ends = [joint.find(tag).attrib["link"] for tag in ("parent", "child")]  # type: ignore[union-attr]
        origin, axis = joint.find("origin"), joint.find("axis")
        rpy = [0.0] * 3 if origin is None else [float(x) for x in origin.attrib["rpy"].split()]
        turns[ends[1]] = turns[ends[0]] * Rotation.from_euler("xyz", rpy)
        if axis is not None:
            axes[joint.attrib["name"]] = turns[ends[1]].apply([float(x) for x in axis.attrib["xyz"].split()])
    return {joint.name: axes[joint.name] for joint in prepared.joints}


def link_bounds(prepared: PreparedObject) -> dict[str, np.ndarray]:
    """Sides (3,) in metres of every link's meshes in the link's frame, read from the prepared files."""
    sides = {}
    for link in ET.parse(prepared.urdf).getroot().findall("link"):
        points = []
        for mesh in link.iterfind("visual/geometry/mesh"):
            lines = Path(mesh.attrib["filename"]).read_text().splitlines()
            rows = [line.split()[1:] for line in lines if line.startswith("v ")]
            scale = [float(x) for x in mesh.attrib["scale"].split()]
            points.append(np.array(rows, float) * scale)
        if points:
            sides[link.attrib["name"]] = np.ptp(np.concatenate(points), axis=0)
    return sides


def colours(prepared: PreparedObject, link: str) -> list[str | None]:
    element = ET.parse(prepared.urdf).getroot().find(f"link[@name='{link}']")
    assert element is not None
    found = [visual.find("material/color") for visual in element.findall("visual")]
    return [None if colour is None else colour.attrib["rgba"] for colour in found]


def play(folder: Path, **options: Any) -> Any:
    return gym.make(envs.ENV_ID, object=folder, disable_env_checker=True, **options).unwrapped


def look(folder: Path) -> np.ndarray:
    """The image from above, the object unturned with its joints at 0, background black."""
    env = play(folder)
    env.reset(seed=0)
    env.simulator.place((0.0, 0.0, 0.0), {})
    view = env.simulator.render(env._scene.camera, env._scene.light)
    env.close()
    return np.where(view.labels[..., None] > 0, view.rgb, 0)


def test_parts_names_limits_and_meshes(download: Path) -> None:
    prepared = prepare(write_download(download, 7120, "Microwave", cabinet()))
    assert (prepared.name, prepared.category) == ("7120", "microwave")
    assert prepared.parts == (("base", "link_1"), ("link_0",))
    assert prepared.part_names == ("body", "door")
    (door,) = prepared.joints
    assert (door.type, door.parent, door.child) == ("revolute", 0, 1)
    assert (door.lower, door.upper) == pytest.approx((0, 1.5))
    meshes = {
        link.attrib["name"]: [Path(m.attrib["filename"]).name for m in link.iterfind("visual/geometry/mesh")]
        for link in ET.parse(prepared.urdf).getroot().findall("link")
    }
    assert meshes["link_0"] == ["original-0.obj"]
    assert meshes["link_1"] == ["original-1.obj"]  # a closed mesh of one material stays as it is
    assert meshes["base"] == []


@pytest.mark.parametrize("axis", [(0.0, 1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, -1.0, 0.0)])
@pytest.mark.parametrize("rpy", [UP, "0 0 0"])
def test_a_hinge_faces_the_camera(download: Path, axis: Vector, rpy: str) -> None:
    prepared = prepare(write_download(download, 1, "Microwave", cabinet(axis=axis), rpy))
    (turned,) = moving_axes(prepared).values()
    np.testing.assert_allclose(np.abs(turned), [0, 0, 1], atol=1e-6)
    bounds = link_bounds(prepared)["link_1"]  # its frame is the world's, for it is fixed to the root
    assert prepared.radius == pytest.approx(0.36) or prepared.height == pytest.approx(0.30)
    assert bounds.max() > 0.25


def test_doors_win_over_knobs_and_buttons(download: Path) -> None:
    parts = cabinet()
    for i in range(5):
        place = (0.4, 0.1 - 0.05 * i, 0.25)
        knob = Box(place, (0.03, 0.03, 0.04))
        parts.append(
            Part([knob], 1, "continuous" if i % 2 else "prismatic", (0, 0, 1), place, (0, 0.01), "knob")
        )
    prepared = prepare(write_download(download, 2, "Microwave", parts))
    assert len(prepared.parts) == 7
    door = next(joint for joint in prepared.joints if prepared.part_names[joint.child] == "door")
    np.testing.assert_allclose(np.abs(moving_axes(prepared)[door.name]), [0, 0, 1], atol=1e-6)


def test_an_oblique_hinge_faces_the_camera_but_a_skewed_one_lets_the_object_stand(download: Path) -> None:
    oblique = prepare(write_download(download, 3, "Lighter", cabinet(axis=(0.6, 0.6, 0.5))))
    (axis,) = moving_axes(oblique).values()
    assert abs(axis[2]) == pytest.approx(1, abs=1e-6)
    skewed = prepare(write_download(download, 4, "Lighter", cabinet(axis=(0.1, 1, 0.1))))
    (axis,) = moving_axes(skewed).values()
    assert abs(axis[2]) == pytest.approx(1 / math.sqrt(1.02), abs=1e-6)


def test_every_joint_type(download: Path) -> None:
    def piece(index: int, kind: str, limits: tuple[float, float] | None = None, **more: Any) -> Part:
        place = (0.3 * index - 0.9, 0.0, 0.6)
        return Part([Box(place, (0.2, 0.2, 0.3))], 0, kind, (0, 1, 0), place, limits, kind, **more)

    parts = [
        Part([Box((0, 0, 0), (2.4, 0.3, 0.6))], name="body"),
        piece(0, "revolute", (-0.5, 1.0)),
        piece(1, "continuous"),
        piece(2, "prismatic", (0.0, 0.2)),
        piece(3, "screw", (0.0, 2.0)),
        piece(4, "screw"),
        piece(5, "prismatic", (0.0, 0.1), helpers=[("continuous", (0.0, 1.0, 0.0))]),
        *(piece(index, kind) for index, kind in enumerate(("fixed", "free", "floating", "planar"), start=6)),
    ]
    prepared = prepare(write_download(download, 5, "USB", parts))
    still = {"base", "link_0", "link_7", "link_8", "link_9", "link_10"}
    assert set(prepared.parts[0]) == still
    assert list(prepared.parts[1:]) == [(f"link_{i}",) for i in range(1, 7)]
    kinds = [(joint.type, joint.child) for joint in prepared.joints]
    assert sorted(kinds, key=lambda kind: kind[1]) == [
        ("revolute", 1),
        ("continuous", 2),
        ("prismatic", 3),
        ("revolute", 4),  # a screw turns within its limits
        ("continuous", 5),
        ("continuous", 6),  # it turns and slides: two joints with a helper between them
        ("prismatic", 6),
    ]
    limits = {
        joint.child: (joint.lower, joint.upper) for joint in prepared.joints if joint.type == "revolute"
    }
    assert limits == {1: pytest.approx((-0.5, 1.0)), 4: pytest.approx((0.0, 2.0))}
    said = " ".join(prepared.notes)
    for word in ("screw joint joint_4_0", "free joint joint_8_0", "floating joint", "planar joint"):
        assert word in said
    env = play(download / "5")
    env.reset(seed=0)
    env.close()


def test_a_door_that_is_pushed_moves_and_the_held_body_stays(download: Path) -> None:
    env = play(write_download(download, 6, "Microwave", cabinet(pieces=40)))
    for seed in range(5):
        _, info = env.reset(seed=seed)
        labels = info["privileged"]["labels"]
        assert set(np.unique(labels)) == {0, 1, 2}
        held = np.argwhere(labels == 1)
        held = held[len(held) // 2]
        door = np.argwhere(labels == 2)
        far = door[np.argmax(np.linalg.norm(door - held, axis=1))]
        outcomes = [env.try_action(np.array([*held, *far, k])) for k in range(8)]
        assert any(outcome.optimal and outcome.displacement > 3 for outcome in outcomes)
        assert not any(outcome.moved_parts[0] for outcome in outcomes)
    env.close()


def test_hundreds_of_meshes_become_a_visual_for_each_material(download: Path) -> None:
    many = write_download(download, 8, "Safe", cabinet(pieces=300))
    one = write_download(download, 9, "Safe", cabinet())
    start = time.perf_counter()
    prepared = prepare(many)
    assert time.perf_counter() - start < 5
    start = time.perf_counter()
    assert prepare(many) == prepared
    assert time.perf_counter() - start < 0.2
    assert colours(prepared, "link_1") == ["0.9 0.1 0.1 1", "0.1 0.1 0.1 1"]
    whole = prepare(one)
    assert prepared.parts == whole.parts
    np.testing.assert_allclose(link_bounds(prepared)["link_1"], link_bounds(whole)["link_1"], rtol=1e-5)
    image = look(many)
    dark, red = np.array([30, 30, 30]), np.array([230, 30, 30])
    on_body = image[(image[..., 2] < 100) & (image.sum(axis=2) > 0)].astype(int)
    assert np.abs(on_body - red).sum(axis=1).min() < 120  # both materials are in the picture
    assert np.abs(on_body - dark).sum(axis=1).min() < 60
    (many / "textured_objs/original-77.mtl").write_text("newmtl material_77\nKd 0 1 0\n")
    assert "0 1 0 1" in colours(prepare(many), "link_1")  # a change of one of them is noticed


def test_textures_are_shown_where_they_can_be(download: Path) -> None:
    parts = cabinet(pieces=3)
    for box, texture in zip(
        parts[1].boxes, ("../images/t.jpg", "../images/none.jpg", "../images/bad.png"), strict=True
    ):
        box.texture = texture
    parts[0].boxes[0].open = False
    folder = write_download(download, 10, "Microwave", parts)
    Image.new("RGB", (2000, 600), (20, 200, 20)).save(folder / "images/t.jpg")
    (folder / "images/bad.png").write_bytes(b"no picture")
    # Two materials in one file, which a renderer would show as one.
    obj = folder / "textured_objs/original-1.obj"
    obj.write_text(obj.read_text() + "usemtl second\nf 1/1 2/2 3/3\n")
    prepared = prepare(folder)
    assert colours(prepared, "link_1") == [None, None, "0.1 0.1 0.1 1"]
    assert any("bad.png" in note for note in prepared.notes)
    pictures = list(prepared.urdf.parent.glob("*.png"))
    assert [max(Image.open(picture).size) for picture in pictures] == [512]
    image = look(folder).reshape(-1, 3).astype(int)
    green = (image[:, 1] > 100) & (image[:, 0] < 90) & (image[:, 2] < 90)
    assert green.sum() > 150


def test_merging_leaves_the_picture_as_it_is(download: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shade = np.linspace(0, 250, 64).astype(np.uint8)
    texture = np.stack([*np.meshgrid(shade, shade), np.full((64, 64), 20, np.uint8)], axis=-1)
    images = []
    for number, shift in ((14, 0), (15, 0), (16, -3)):
        parts = cabinet(door="fixed") + cabinet()[:1]
        parts[1].boxes[0].texture = "../images/t.png"
        parts[2].origin, parts[2].boxes = (0.0, 0.0, 0.0), [Box((0.2, 0.3, 0.0), (0.2, 0.1, 0.2))]
        folder = write_download(download, number, "Safe", parts)
        Image.fromarray(texture).save(folder / "images/t.png")
        obj = folder / "textured_objs/original-1.obj"
        moved = {f"vt {u} {v}\n": f"vt {u + shift} {v + shift}\n" for u in (0, 1) for v in (0, 1)}
        lines = obj.read_text().splitlines(keepends=True)
        obj.write_text("".join(moved.get(line, line) for line in lines))
        monkeypatch.setattr(merging, "MANY", 8 if number == 14 else 0)
        images.append(look(folder).astype(int))
        prepared = prepare(folder)
        assert any(prepared.urdf.parent.glob("surface_*.obj")) == (number != 14)
    assert np.ptp(images[0][images[0].sum(axis=2) > 0], axis=0)[:2].min() > 100  # the gradient is seen
    for image in images[1:]:
        assert np.abs(image - images[0]).max(axis=2).mean() < 0.5


def test_no_texture_or_library_is_read_from_outside(download: Path, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), (20, 200, 20)).save(tmp_path / "secret.png")
    (tmp_path / "secret.mtl").write_text("newmtl material_1\nKd 0 1 0\n")
    parts = cabinet(pieces=2)
    parts[1].boxes[0].texture = "../../../secret.png"
    folder = write_download(download, 11, "Microwave", parts)
    os.symlink(tmp_path / "secret.png", folder / "images/link.png")
    obj = folder / "textured_objs/original-2.obj"
    obj.write_text(obj.read_text().replace("original-2.mtl", "../../../secret.mtl"))
    prepared = prepare(folder)
    assert set(colours(prepared, "link_1")) == {"0.9 0.1 0.1 1", None}
    written = [path.read_text() for path in prepared.urdf.parent.glob("*.[om][bt][jl]")]
    assert written
    assert not any("secret" in text for text in written)
    mtl = folder / "textured_objs/original-1.mtl"
    mtl.write_text(mtl.read_text().replace("../../../secret.png", "../images/link.png"))
    prepared = prepare(folder)
    assert not list(prepared.urdf.parent.glob("*.png"))


def test_an_open_sheet_is_seen_from_its_back(download: Path) -> None:
    parts = cabinet()
    parts[1].boxes[0].open = True
    assert parts[1].boxes[0].size[1] > 0
    image = look(write_download(download, 12, "Microwave", parts))
    red = (image[..., 0] > 100) & (image[..., 1] < 90)
    assert red.sum() > 800


def test_a_link_too_small_to_see_is_not_asked_for(download: Path) -> None:
    parts = cabinet()
    speck = (0.2, 0.21, 0.0)
    parts.append(Part([Box(speck, (0.02, 0.02, 0.02))], 1, "continuous", (0, 1, 0), speck, name="screw"))
    env = play(write_download(download, 13, "Safe", parts))
    _, info = env.reset(seed=0)
    truth = info["privileged"]
    assert 0 < (truth["labels"] == 3).sum() < 20
    assert truth["seen_parts"].tolist()[:3] == [True, True, False]
    assert truth["num_parts"] == 2
    env.close()


def break_urdf(folder: Path, old: str, new: str) -> None:
    path = folder / "mobility.urdf"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def loop(folder: Path) -> None:
    extra = (
        '<joint name="again" type="revolute"><parent link="link_0"/><child link="link_1"/></joint></robot>'
    )
    break_urdf(folder, "</robot>", extra)


BROKEN: dict[str, tuple[Any, str]] = {
    "no URDF": (lambda f: (f / "mobility.urdf").unlink(), "mobility.urdf: no such file"),
    "cut off": (lambda f: break_urdf(f, "</robot>", ""), "mobility.urdf: not well-formed XML"),
    "no mesh": (lambda f: (f / "textured_objs/original-1.obj").unlink(), "original-1.obj"),
    "NaN in the URDF": (lambda f: break_urdf(f, text((-0.5, 0, 0.25)), "nan 0 0"), "must be finite"),
    "NaN in a mesh": (
        lambda f: (f / "textured_objs/original-1.obj").write_text("v 0 0 nan\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"),
        "original-1.obj is damaged",
    ),
    "empty mesh": (lambda f: (f / "textured_objs/original-0.obj").write_text(""), "original-0.obj"),
    "binary mesh": (
        lambda f: (f / "textured_objs/original-0.obj").write_bytes(b"\xff\0f 1"),
        "original-0.obj",
    ),
    "loop": (loop, 'link "link_1" hangs on two joints'),
    "outside": (lambda f: break_urdf(f, "textured_objs/original-1", "../../original-1"), "lies outside"),
    "nothing moves": (lambda f: break_urdf(f, "revolute", "fixed"), "no joint moves a part"),
    "unknown joint": (lambda f: break_urdf(f, "revolute", "rubber"), 'the type "rubber"'),
    "no category": (lambda f: (f / "meta.json").write_text("{"), "meta.json: gives no category"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_folder_is_named_and_left_out_of_its_split(download: Path, kind: str) -> None:
    write_download(download, 100, "Microwave", cabinet())
    folder = write_download(download, 101, "Microwave", cabinet())
    damage, says = BROKEN[kind]
    damage(folder)
    with pytest.raises(ObjectError) as error:
        instance_folder("microwave", 101, "partnet-test")
    assert says in str(error.value)
    assert str(folder) in str(error.value)
    with pytest.warns(UserWarning, match="1 folders of PartNet-Mobility cannot be used") as caught:
        env = gym.make(envs.ENV_ID, split="partnet-test", disable_env_checker=True)
    assert len(caught) == 1
    assert says in str(caught[0].message)
    for seed in range(3):
        assert env.reset(seed=seed)[1]["instance"] == "100"
    with pytest.raises(ObjectError, match="101") as error:
        env.reset(options={"index": 101})
    assert says in str(error.value)
    env.close()


def test_nothing_but_broken_folders_is_an_error_with_the_first_reason(download: Path) -> None:
    for number in (100, 101):
        (write_download(download, number, "Pliers", cabinet()) / "mobility.urdf").unlink()
    with pytest.raises(ObjectError, match=r"no usable instance of Pliers .* 2 folders are broken") as error:
        instances("partnet-test", "pliers")
    for word in (partnet.VARIABLE, partnet.SOURCE, "100/mobility.urdf"):
        assert word in str(error.value)


@pytest.mark.parametrize("value", [None, "", "/nowhere/at/all", "empty"])
def test_without_a_download_one_error_says_what_to_do(
    value: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if value is None:
        monkeypatch.delenv(partnet.VARIABLE)
    else:
        (tmp_path / "empty").mkdir()
        monkeypatch.setenv(partnet.VARIABLE, str(tmp_path / "empty") if value == "empty" else value)
    with pytest.raises(ValueError, match=partnet.VARIABLE) as error:
        gym.make("envs:ArticulatedPlay-v0", split="partnet-test", category="pliers")
    assert partnet.SOURCE in str(error.value)
    with pytest.raises(SystemExit):
        main(["eval", "--split", "partnet-test", "--out", str(tmp_path / "out")])
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert partnet.VARIABLE in said
    with pytest.raises(ValueError, match=r"unknown split 'partnet'.* partnet-test"):
        split_categories("partnet")


def test_splits_are_fixed_by_category_and_id(download: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The shares of these ids, worked out once: they must never change.
    shares = [partnet.share(number) for number in (10449, 10450, 11100, 101085)]
    assert shares == pytest.approx([0.105294, 0.161166, 0.148206, 0.341549], abs=1e-6)
    assert abs(np.mean([partnet.share(number) < 0.2 for number in range(100000, 102000)]) - 0.2) < 0.03
    for number in range(10440, 10460):
        write_download(download, number, "Scissors", cabinet())
    write_download(download, 5, "Pliers", cabinet())
    write_download(download, 6, "Table", cabinet())
    (download / "readme").mkdir()
    (download / "notes.txt").write_text("mine")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train, val = instances("partnet-train", "scissors"), instances("partnet-val")
        assert [(i.category, i.index) for i in instances("partnet-test")] == [("pliers", 5)]
    assert {i.index for i in train} | {i.index for i in val} == set(range(10440, 10460))
    assert not {i.index for i in train} & {i.index for i in val}
    assert all(partnet.share(i.index) < 0.2 for i in val)
    assert train[0].folder() == download / str(train[0].index)
    assert split_categories("partnet-test") == ("pliers",)
    with pytest.raises(ObjectError, match="not in partnet-train by the rule"):
        instance_folder("scissors", val[0].index, "partnet-train")
    with pytest.raises(ObjectError, match="category is Table"):
        instance_folder("pliers", 6, "partnet-test")
    with pytest.raises(ObjectError, match="no such folder"):
        instance_folder("pliers", 7, "partnet-test")
    with pytest.raises(
        ValueError, match="has the categories pliers, microwave, lighter, eyeglasses, not 'knife'"
    ):
        instances("partnet-test", "knife")

    gone = train[0].index  # further instances leave the others where they are
    os.rename(download / str(gone), download / "away")
    assert instances("partnet-train", "scissors") == train[1:]
    rule = partnet.Rule(
        partnet.rule().categories, 0.2, {"scissors": frozenset({gone, 10441})}, {"pliers": frozenset({5})}
    )
    monkeypatch.setattr(partnet, "rule", lambda: rule)
    assert all(rule.holds(split, "scissors", 10442) is False for split in ("partnet-train", "partnet-val"))
    assert rule.holds("partnet-train", "scissors", gone)
    with pytest.raises(ObjectError, match="no usable instance"):
        instances("partnet-test")


def test_the_committed_rule_names_the_categories() -> None:
    rule = partnet.rule()
    assert set(rule.categories) == set(partnet.PARTNET_SPLITS)
    trained = set(rule.categories["partnet-train"])
    assert trained == set(rule.categories["partnet-val"]) == {"scissors", "knife", "usb", "safe"}
    assert set(rule.categories["partnet-test"]) == {"pliers", "microwave", "lighter", "eyeglasses"}


def test_the_archive_folder_inside_the_download_is_found(download: Path) -> None:
    write_download(download / "dataset", 100, "Eyeglasses", cabinet())
    assert [i.index for i in instances("partnet-test", "eyeglasses")] == [100]


def test_commands_take_the_splits(download: Path, tmp_path: Path) -> None:
    for number in (100, 101):
        write_download(download, number, "Pliers", cabinet(pieces=12))
    out = tmp_path / "out"
    main(["play", "--split", "partnet-test", "--index", "101", "--policy", "act-random", "--interactions", "1",
          "--device", "cpu", "--out", str(out)])  # fmt: skip
    assert json.loads((out / "result.json").read_text())["instance"] == "101"
    main(["eval", "--split", "partnet-test", "--policies", "act-random", "--episodes", "2", "--workers", "1",
          "--out", str(out)])  # fmt: skip
    (row,) = json.loads((out / "eval.json").read_text())["rows"]
    assert (row["category"], row["split"]) == ("pliers", "partnet-test")
    main(["object", str(download / "100"), "--out", str(out)])
    assert len(json.loads((out / "object.json").read_text())["parts"]) == 2
