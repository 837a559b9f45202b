"""Objects made of boxes whose geometry is known exactly, for tests of the environment."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assets.importing.prepare import PartJoint, PreparedObject
from envs.camera import Camera
from envs.simulator import Friction, Grip, Light, Simulator
from envs.truth import View


@dataclass(frozen=True)
class Box:
    """One link: a box with sides ``size`` in metres, centred at ``centre`` in the link's frame."""

    size: tuple[float, float, float]
    centre: tuple[float, float, float]


@dataclass(frozen=True)
class Hinge:
    """A joint between boxes; ``kind`` is a URDF type, the axis is z for a hinge and x for a slide."""

    parent: int
    child: int
    at: tuple[float, float, float]
    kind: str = "revolute"
    lower: float = -1.5
    upper: float = 1.5


#: Two bars along x that meet at the origin, on the ground, 2 cm high.
TWO_BARS = (
    [Box((0.3, 0.08, 0.02), (-0.15, 0.0, 0.01)), Box((0.3, 0.08, 0.02), (0.15, 0.0, 0.01))],
    [Hinge(0, 1, (0.0, 0.0, 0.0))],
)
#: Three bars along x: the hinges are at x = -0.1 and x = 0.1.
THREE_BARS = (
    [Box((0.2, 0.08, 0.02), (-0.1, 0.0, 0.01)), *[Box((0.2, 0.08, 0.02), (0.1, 0.0, 0.01))] * 2],
    [Hinge(0, 1, (0.0, 0.0, 0.0)), Hinge(1, 2, (0.2, 0.0, 0.0))],
)
#: A rail with a carriage that slides along x on top of it.
SLIDE = (
    [Box((0.5, 0.06, 0.02), (0.0, 0.0, 0.01)), Box((0.08, 0.12, 0.02), (0.0, 0.0, 0.03))],
    [Hinge(0, 1, (0.0, 0.0, 0.0), "prismatic", -0.2, 0.2)],
)


def box_object(folder: Path, boxes: Sequence[Box], joints: Sequence[Hinge] = ()) -> PreparedObject:
    """Write boxes as a prepared URDF: on a planar root, not fitted, so that every length stays as given."""
    lines = ['<robot name="boxes">', '<link name="world"/>']
    for name in ("planar_x", "planar_y"):
        lines.append(
            f'<link name="{name}"><inertial><mass value="0.01"/>'
            '<inertia ixx="1e-4" iyy="1e-4" izz="1e-4" ixy="0" ixz="0" iyz="0"/></inertial></link>'
        )
    for index, box in enumerate(boxes):
        mass, (a, b, c) = 1 / len(boxes), box.size
        ixx, iyy, izz = (mass / 12 * (p * p + q * q) for p, q in ((b, c), (a, c), (a, b)))
        origin = f'<origin xyz="{box.centre[0]} {box.centre[1]} {box.centre[2]}"/>'
        lines.append(
            f'<link name="box_{index}"><inertial>{origin}<mass value="{mass}"/>'
            f'<inertia ixx="{ixx}" iyy="{iyy}" izz="{izz}" ixy="0" ixz="0" iyz="0"/></inertial>'
            f'<visual>{origin}<geometry><box size="{a} {b} {c}"/></geometry>'
            f'<material name="m{index}"><color rgba="{0.9 - 0.2 * index} 0.5 {0.2 + 0.2 * index} 1"/></material>'
            "</visual></link>"
        )
    chain = (("planar_x", "world", "prismatic", "1 0 0"), ("planar_y", "planar_x", "prismatic", "0 1 0"))
    for name, parent, kind, axis in chain:
        lines.append(
            f'<joint name="{name}" type="{kind}"><parent link="{parent}"/><child link="{name}"/>'
            f'<axis xyz="{axis}"/><limit lower="-10" upper="10" effort="1000" velocity="100"/></joint>'
        )
    lines.append(
        '<joint name="planar_yaw" type="continuous"><parent link="planar_y"/><child link="box_0"/>'
        '<axis xyz="0 0 1"/></joint>'
    )
    for index, joint in enumerate(joints):
        axis = "1 0 0" if joint.kind == "prismatic" else "0 0 1"
        lines.append(
            f'<joint name="joint_{index}" type="{joint.kind}"><parent link="box_{joint.parent}"/>'
            f'<child link="box_{joint.child}"/><origin xyz="{joint.at[0]} {joint.at[1]} {joint.at[2]}"/>'
            f'<axis xyz="{axis}"/>'
            f'<limit lower="{joint.lower}" upper="{joint.upper}" effort="1000" velocity="100"/></joint>'
        )
    folder.mkdir(parents=True, exist_ok=True)
    urdf = folder / "boxes.urdf"
    urdf.write_text("\n".join([*lines, "</robot>"]))
    names = tuple(f"box_{index}" for index in range(len(boxes)))
    part_joints = tuple(
        PartJoint(f"joint_{i}", j.kind, j.parent, j.child, j.lower, j.upper) for i, j in enumerate(joints)
    )
    return PreparedObject("boxes", "boxes", urdf, tuple((n,) for n in names), names, part_joints, 0.3, 0.02)


@dataclass
class BoxScene:
    """Boxes in a simulator under a camera."""

    simulator: Simulator
    camera: Camera

    def look(self) -> View:
        """Render an image."""
        return self.simulator.render(self.camera, Light())

    def grip(self, part: int, x: float, y: float) -> Grip:
        """A grip on a part at world (x, y), on top of a box 2 cm high."""
        return Grip(self.simulator.part_links[part][0], (x, y, 0.02))

    def part_motion(self, before: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How far every part's frame went since the poses ``before``: metres (P, 3) and radians about z (P,)."""
        after = self.simulator.part_poses()
        turn = np.einsum("pij,pkj->pik", after[:, :3, :3], before[:, :3, :3])
        return after[:, :3, 3] - before[:, :3, 3], np.arctan2(turn[:, 1, 0], turn[:, 0, 0])


def box_scene(
    folder: Path,
    boxes: Sequence[Box],
    joints: Sequence[Hinge] = (),
    *,
    pose: tuple[float, float, float] = (0.0, 0.0, 0.0),
    positions: Mapping[str, float] | None = None,
    camera: Camera | None = None,
) -> BoxScene:
    """Load and place boxes."""
    simulator = Simulator()
    simulator.load(box_object(folder, boxes, joints), Friction())
    simulator.place(pose, positions or {})
    return BoxScene(simulator, camera or Camera.above(90, 90))


def direction_vector(k: int) -> np.ndarray:
    """The world direction (2,) of push direction k."""
    return np.array([math.cos(k * math.pi / 4), math.sin(k * math.pi / 4)])
