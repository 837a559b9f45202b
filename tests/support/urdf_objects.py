"""URDF files written by hand, and what PyBullet and this file's own kinematics make of prepared ones."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pybullet
import trimesh
from scipy.spatial.transform import Rotation

from assets.importing.prepare import PreparedObject

CUBE = trimesh.creation.box((1.0, 1.0, 1.0))


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


def image_from_above(client: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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
            pose[:3, :3] = Rotation.from_euler("xyz", floats(origin, "rpy")).as_matrix()
            pose[:3, 3] = floats(origin, "xyz")
        return pose

    poses = {"world": np.eye(4)}
    for element in robot.findall("joint"):
        motion = np.eye(4)
        q = middle.get(element.attrib["name"], 0.0)
        axis_element = element.find("axis")
        if axis_element is not None and element.attrib["type"] == "prismatic":
            motion[:3, 3] = q * floats(axis_element, "xyz")
        elif axis_element is not None:
            motion[:3, :3] = Rotation.from_rotvec(q * floats(axis_element, "xyz")).as_matrix()
        parent, child = element.find("parent"), element.find("child")
        assert parent is not None
        assert child is not None
        poses[child.attrib["link"]] = poses[parent.attrib["link"]] @ frame(element) @ motion
    corners = np.array([[x, y, z, 1] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    clouds = []
    for element in robot.findall("link"):
        for visual in element.findall("visual"):
            box, mesh = visual.find("geometry/box"), visual.find("geometry/mesh")
            sides = floats(box, "size") if box is not None else floats(mesh, "scale")  # meshes: unit cubes
            local = corners * np.append(sides, 1.0)
            clouds.append(local @ (poses[element.attrib["name"]] @ frame(visual)).T)
    return np.concatenate(clouds)[:, :3]


def floats(element: ET.Element | None, key: str) -> np.ndarray:
    assert element is not None
    return np.array([float(word) for word in element.attrib[key].split()])


def cupboard(path: Path) -> Path:
    """A tall open box with a door in its front, which is the side of -y, and a drawer below the door."""
    walls = [
        link("back", "0.6 0.02 1.0", "0 0.2 0.5"),
        link("left", "0.02 0.4 1.0", "-0.29 0 0.5"),
        link("right", "0.02 0.4 1.0", "0.29 0 0.5"),
        link("roof", "0.6 0.4 0.02", "0 0 1.0"),
    ]
    fixed = [joint("fixed", "floor", name) for name in ("back", "left", "right", "roof")]
    return write(
        path,
        link("floor", "0.6 0.4 0.02", "0 0 0.01"),
        *walls,
        *fixed,
        link("door", "0.58 0.02 0.6", "0.29 0 0.3", "0.8 0.1 0.1 1"),
        link("drawer", "0.56 0.3 0.3", "0 0.15 0.15", "0.1 0.1 0.8 1"),
        joint("revolute", "floor", "door", "0 0 -1", "0 1.6", 'xyz="-0.29 -0.2 0.38"'),
        joint("prismatic", "floor", "drawer", "0 -1 0", "0 0.25", 'xyz="0 -0.2 0.03"'),
    )
