"""PartNet-Mobility in the layout of the download: splits, joints, meshes, broken folders."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import trimesh
from PIL import Image

import envs
from assets import partnet
from assets.catalog import instances, split_categories
from assets.importing.prepare import ObjectError, prepare

UPRIGHT = '<origin rpy="1.570796326794897 0 -1.570796326794897" xyz="0 0 0"/>'


def write_box(folder: Path, name: str, size: tuple[float, float, float], centre: tuple[float, float, float]):
    """One small mesh with a material and a texture, as the download has them."""
    objects = folder / "textured_objs"
    objects.mkdir(parents=True, exist_ok=True)
    box = trimesh.creation.box(size, trimesh.transformations.translation_matrix(centre))
    lines = [f"mtllib {name}.mtl", "usemtl m", *(f"v {x} {y} {z}" for x, y, z in box.vertices), "vt 0.5 0.5"]
    lines += ["f " + " ".join(f"{i + 1}/1" for i in face) for face in box.faces]
    (objects / f"{name}.obj").write_text("\n".join(lines) + "\n")
    (objects / f"{name}.mtl").write_text("newmtl m\nKd 0.8 0.3 0.2\nmap_Kd ../images/wood.png\n")
    (folder / "images").mkdir(exist_ok=True)
    Image.fromarray(np.full((4, 4, 3), (200, 60, 40), np.uint8)).save(folder / "images" / "wood.png")


def link(name: str, meshes: list[str], at: tuple[float, float, float]) -> str:
    origin = f'<origin xyz="{-at[0]} {-at[1]} {-at[2]}"/>'
    geometry = [f'<geometry><mesh filename="textured_objs/{mesh}.obj"/></geometry>' for mesh in meshes]
    visuals = "".join(f'<visual name="handle-{i}">{origin}{g}</visual>' for i, g in enumerate(geometry))
    return f'<link name="{name}">{visuals}{"".join(f"<collision>{origin}{g}</collision>" for g in geometry)}</link>'


def write_instance(
    root: Path,
    number: int,
    category: str = "Microwave",
    kind: str = "revolute",
    axis: str = "0 1 0",
    pieces: int = 1,
) -> Path:
    """A body on the floor and a door beside it, hinged at its edge; y is up, as in the download."""
    folder = root / str(number)
    folder.mkdir(parents=True)
    write_box(folder, "original-1", (1.0, 0.3, 0.5), (0, 0, 0))
    names = [f"original-{2 + i}" for i in range(pieces)]
    width = 0.9 / pieces
    for i, name in enumerate(names):
        write_box(folder, name, (width, 0.3, 0.15), (-0.45 + (i + 0.5) * width, 0, 0.4))
    hinge = (-0.45, 0.0, 0.32)
    limits = '<limit lower="0" upper="1.2"/>' if kind in ("revolute", "prismatic", "screw") else ""
    (folder / "mobility.urdf").write_text(
        f"""<?xml version="1.0" ?><robot name="partnet_{number}"><link name="base"/>
{link("link_1", ["original-1"], (0, 0, 0))}{link("link_0", names, hinge)}
<joint name="joint_1" type="fixed">{UPRIGHT}<parent link="base"/><child link="link_1"/></joint>
<joint name="joint_0" type="{kind}"><origin xyz="{hinge[0]} {hinge[1]} {hinge[2]}"/><axis xyz="{axis}"/>
<parent link="link_1"/><child link="link_0"/>{limits}</joint></robot>"""
    )
    (folder / "semantics.txt").write_text("link_0 hinge door\nlink_1 heavy microwave_body\n")
    (folder / "meta.json").write_text(json.dumps({"model_cat": category, "anno_id": str(number)}))
    (folder / "mobility_v2.json").write_text("[]")
    return folder


@pytest.fixture
def download(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv(partnet.VARIABLE, str(tmp_path / "download"))
    monkeypatch.setenv("ATP_CACHE", str(tmp_path / "cache"))
    (tmp_path / "download").mkdir()
    partnet.check.cache_clear()
    return tmp_path / "download"


@pytest.mark.parametrize(
    ("kind", "parts", "joint"),
    [
        ("revolute", 2, "revolute"),
        ("continuous", 2, None),
        ("prismatic", 2, "prismatic"),
        ("screw", 2, None),
        ("fixed", 1, "none"),
        ("free", 1, "none"),
        ("floating", 1, "none"),
        ("planar", 1, "none"),
    ],
)
def test_joint_types(download, kind, parts, joint):
    model = prepare(write_instance(download, 7, kind=kind))
    assert len(model.parts) == parts
    assert len(model.joints) == parts - 1
    if joint in ("revolute", "prismatic"):
        assert model.joints[0].type == joint
    elif joint is None:
        assert model.joints[0].type in ("revolute", "continuous")  # turns


def test_a_link_too_small_to_see_is_not_asked_for(download):
    folder = write_instance(download, 7103)
    write_box(folder, "original-9", (0.012, 0.012, 0.012), (0.2, 0.156, 0))
    urdf = (folder / "mobility.urdf").read_text()
    knob = f"""{link("link_2", ["original-9"], (0.2, 0.15, 0))}<joint name="joint_2" type="continuous">
<origin xyz="0.2 0.15 0"/><axis xyz="0 1 0"/><parent link="link_1"/><child link="link_2"/></joint></robot>"""
    (folder / "mobility.urdf").write_text(urdf.replace("</robot>", knob))
    assert len(prepare(folder).parts) == 3
    env = gym.make(envs.ENV_ID, split="partnet-test", category="microwave", disable_env_checker=True)
    try:
        _, info = env.reset(seed=0)
    finally:
        env.close()
    assert info["privileged"]["num_parts"] == 2
    assert info["privileged"]["seen_parts"].sum() == 2


def test_textures_are_shown(download):
    folder = write_instance(download, 7103)
    painted = (25, 190, 60)
    Image.fromarray(np.full((4, 4, 3), painted, np.uint8)).save(folder / "images" / "wood.png")
    (folder / "textured_objs" / "original-1.mtl").write_text("newmtl m\nKd 1 1 1\nmap_Kd ../images/wood.png\n")
    env = gym.make(
        envs.ENV_ID,
        split="partnet-test",
        category="microwave",
        randomization=False,
        disable_env_checker=True,
    )
    try:
        observation, info = env.reset(seed=0)
    finally:
        env.close()
    labels = info["privileged"]["labels"]
    colours = [observation["rgb"][labels == label].mean(0) for label in (1, 2)]
    assert any(green > 1.5 * max(red, blue) for red, green, blue in colours)


def test_many_meshes_become_few_and_make_the_same_part(download):
    single = prepare(write_instance(download, 7))
    many = prepare(write_instance(download, 8, pieces=220))
    assert len(many.parts) == len(single.parts) == 2
    assert many.urdf.read_text().count("<visual") < 20


@pytest.mark.parametrize("axis", ["1 0 0", "0 1 0", "0 0 -1"])
def test_hinge_faces_the_camera_so_that_a_push_in_the_image_opens_the_door(download, axis):
    write_instance(download, 7103, axis=axis)
    env = gym.make(envs.ENV_ID, split="partnet-test", category="microwave", disable_env_checker=True)
    try:
        optimal = []
        for seed in range(3):
            env.reset(seed=seed)
            *_, info = env.step(env.unwrapped.oracle_action(seed))
            optimal.append(info["privileged"]["optimal"])
        assert all(optimal)
    finally:
        env.close()


def test_splits_follow_the_rule_whatever_else_is_there(download):
    for number in range(100, 112):
        write_instance(download, number, "Safe")
    write_instance(download, 300, "Pliers")
    write_instance(download, 301, "Teapot")
    train, val = ({one.index for one in instances(split)} for split in ("partnet-train", "partnet-val"))
    assert train | val == set(range(100, 112))
    assert val == {number for number in range(100, 112) if partnet.share(number) < 0.2}
    assert partnet.share(100) == partnet.share(100) != partnet.share(101)
    assert split_categories("partnet-test") == ("pliers",)
    assert [one.index for one in instances("partnet-test", "pliers")] == [300]


BREAK = {
    "no URDF": lambda folder: (folder / "mobility.urdf").unlink(),
    "broken XML": lambda folder: (folder / "mobility.urdf").write_text("<robot"),
    "missing mesh": lambda folder: (folder / "textured_objs/original-2.obj").unlink(),
    "empty mesh": lambda folder: (folder / "textured_objs/original-2.obj").write_text("# nothing\n"),
    "not a number": lambda folder: (folder / "mobility.urdf").write_text(
        (folder / "mobility.urdf").read_text().replace('upper="1.2"', 'upper="nan"')
    ),
    "outside": lambda folder: (folder / "mobility.urdf").write_text(
        (folder / "mobility.urdf").read_text().replace("textured_objs/original-2", "../../secret")
    ),
    "loop": lambda folder: (folder / "mobility.urdf").write_text(
        (folder / "mobility.urdf").read_text().replace('<parent link="base"/>', '<parent link="link_0"/>')
    ),
}


@pytest.mark.parametrize("damage", BREAK)
def test_broken_folders_are_named_and_left_out(download, damage):
    write_instance(download, 1)
    BREAK[damage](write_instance(download, 2))
    with pytest.raises(ObjectError, match=str(download / "2")):
        partnet.instance_folder("microwave", 2, "partnet-test")
    with pytest.warns(UserWarning, match="1 folders of PartNet-Mobility cannot be used"):
        assert partnet.usable_ids("partnet-test") == [("microwave", 1)]


def test_an_object_without_a_moving_part_is_left_out(download):
    write_instance(download, 1, kind="fixed")
    with pytest.raises(ObjectError, match="no joint moves a part"):
        partnet.check(download / "1")
    with pytest.raises(ObjectError, match=partnet.VARIABLE):
        partnet.usable_ids("partnet-test")


def test_without_the_download_the_error_says_where_to_get_it(monkeypatch, tmp_path):
    monkeypatch.delenv(partnet.VARIABLE, raising=False)
    with pytest.raises(ValueError, match=r"ATP_PARTNET_MOBILITY") as error:
        split_categories("partnet-test")
    assert partnet.SOURCE in str(error.value)
    monkeypatch.setenv(partnet.VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match="nowhere: no such folder"):
        partnet.root()


def test_good_downloads_give_no_warning(download):
    write_instance(download, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert partnet.usable_ids("partnet-test", "microwave") == [("microwave", 1)]
