"""Robot arms from the meshes that ship with PyBullet (package `pybullet_data`), bent so that they hold a place."""

from __future__ import annotations

import importlib.util
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from assets.importing.reading.urdf import ObjectError
from envs.rendered_pairs import finishes
from envs.rendered_pairs.articulated import Articulated, load_articulated, range_of
from envs.rendered_pairs.people import UP, Draw, Hold, gripper
from envs.rendered_pairs.textured_meshes import Floats, Mesh, Surface, box, frame, moved

Generator = np.random.Generator

#: Files of `pybullet_data`: the link at the tip, whether a gripper is mounted there or it has its own, metres beyond.
_FILES: dict[str, tuple[str, str, float]] = {
    "kuka_iiwa/model.urdf": ("lbr_iiwa_link_7", "mount", 0.045),
    "franka_panda/panda.urdf": ("panda_grasptarget", "own", 0.0),
    "xarm/xarm6_with_gripper.urdf": ("xarm_gripper_base_link", "own", 0.15),
}
_STEPS = 25  # of the search for joint angles


@dataclass(frozen=True, eq=False)
class Robot:
    """A robot arm.

    Attributes:
        body: Its links and joints.
        tip: Link whose z points to what it holds.
        mounted: Whether a gripper is to be added.
        offset: Metres along the tip's z to what it holds, without a gripper.
    """

    body: Articulated
    tip: str
    mounted: bool
    offset: float


@lru_cache(maxsize=1)
def robots() -> tuple[Robot, ...]:
    """Those that are installed."""
    found = importlib.util.find_spec("pybullet_data")
    if found is None or found.origin is None:
        return ()
    made = []
    for file, (tip, kind, offset) in _FILES.items():
        path = Path(found.origin).parent / file
        try:
            body = load_articulated(path)
        except (ObjectError, OSError):
            continue
        if tip not in body.model.links:
            continue
        made.append(Robot(body, tip, kind == "mount", offset))
    return tuple(made)


def robot_agent(rng: Generator, holds: tuple[Hold, Hold], floor: float) -> Draw | None:
    """A robot beside what it holds, None where there is no robot.

    Args:
        rng: Source of every choice.
        holds: Before and after.
        floor: Height of what it stands on, metres.
    """
    if not robots():
        return None
    robot = robots()[int(rng.integers(len(robots())))]
    surface = _paint(rng)
    pads = finishes.plastic(rng)
    middle = (holds[0].point + holds[1].point) / 2
    outward = holds[0].outward
    flat = outward * [1, 1, 0]
    angle = math.atan2(flat[1], flat[0]) if np.linalg.norm(flat) > 0.3 else -math.pi / 2
    angle += rng.choice([-1.0, 1.0]) * rng.uniform(0.3, 1.5)
    away = np.array([math.cos(angle), math.sin(angle), 0.0])
    base = middle + rng.uniform(0.4, 0.62) * away
    base[2] = max(floor, middle[2] - rng.uniform(0.1, 0.55))
    turn = np.eye(4)
    turn[:2, :2] = [[-away[0], away[1]], [-away[1], -away[0]]]
    turn[:3, 3] = base
    seed = int(rng.integers(1 << 30))
    stand = box(
        (0.22, 0.22, max(base[2] - floor, 0.01)), (base[0], base[1], (base[2] + floor) / 2), finishes.metallic(rng)
    )

    def draw(hold: Hold) -> list[Mesh]:
        same = np.random.default_rng(seed)
        towards = (
            -hold.outward + 0.5 * (hold.point - base) / np.linalg.norm(hold.point - base) + same.normal(0, 0.25, 3)
        )
        towards -= [0, 0, same.uniform(0, 0.6)]
        towards /= np.linalg.norm(towards)
        back = np.linalg.inv(turn)
        offset = robot.offset + (0.14 if robot.mounted else 0.0)
        positions = _bend(robot, (back @ [*hold.point, 1])[:3], back[:3, :3] @ towards, offset, same)
        poses = robot.body.poses(positions)
        meshes = [stand]
        for link, shown in robot.body.meshes.items():
            for mesh in shown:
                worn = moved(mesh, turn @ poses[link])
                meshes.append(worn if surface is None else worn.with_surface(surface))
        if robot.mounted:
            pose = turn @ poses[robot.tip]
            pose[:3, 3] += pose[:3, 2] * (robot.offset - 0.01)
            metal = surface or finishes.metallic(same)
            meshes += [moved(mesh, pose) for mesh in gripper(same, metal, pads)]
        return meshes

    return draw


def _paint(rng: Generator) -> Surface | None:
    """A robot's colour, None for its own."""
    kind = rng.random()
    if kind < 0.35:
        return None
    if kind < 0.6:
        return Surface(finishes.hsv(0.6, 0.1, rng.uniform(0.02, 0.15)), None, rng.uniform(0.3, 0.7))
    if kind < 0.85:
        return Surface(finishes.hsv(0.6, 0.03, rng.uniform(0.5, 0.95)), None, rng.uniform(0.3, 0.8))
    return Surface(finishes.hsv(rng.choice([0.05, 0.1, 0.6]), 0.8, 0.8), None, 0.5)


def _bend(robot: Robot, point: Floats, towards: Floats, offset: float, rng: Generator) -> dict[str, float]:
    """Joint positions that bring the tip to a point, pointing somewhere: damped least squares."""
    model = robot.body.model
    chain = []
    link = robot.tip
    above = {joint.child: joint for joint in model.joints}
    while link in above:
        if above[link].type in ("revolute", "continuous"):
            chain.append(above[link])
        link = above[link].parent
    limits = np.array([range_of(joint) for joint in chain])
    start = limits.mean(axis=1) + 0.15 * rng.standard_normal(len(chain)) * np.ptp(limits, axis=1)
    positions = np.clip(start, limits[:, 0], limits[:, 1])
    fixed = {joint.name: range_of(joint)[1] * 0.5 for joint in model.joints if joint.type == "prismatic"}

    def state(values: Floats) -> tuple[Floats, dict[str, Floats]]:
        named = dict(zip((joint.name for joint in chain), values.tolist(), strict=True)) | fixed
        poses = robot.body.poses(named)
        return poses[robot.tip], poses

    for _ in range(_STEPS):
        tip, poses = state(positions)
        held = tip[:3, 3] + offset * tip[:3, 2]
        error = np.concatenate([point - held, 0.25 * np.cross(tip[:3, 2], towards)])
        if np.linalg.norm(error) < 0.01:
            break
        columns = []
        for joint in chain:
            pose = poses[joint.child]
            axis = pose[:3, :3] @ joint.axis
            columns.append(np.concatenate([np.cross(axis, held - pose[:3, 3]), 0.25 * axis]))
        jacobian = np.stack(columns, axis=1)
        step = jacobian.T @ np.linalg.solve(jacobian @ jacobian.T + 4e-3 * np.eye(6), error)
        positions = np.clip(positions + np.clip(step, -0.3, 0.3), limits[:, 0], limits[:, 1])
    return dict(zip((joint.name for joint in chain), positions.tolist(), strict=True)) | fixed


def floating_gripper(rng: Generator) -> Draw:
    """A gripper whose arm is out of view, on a rod."""
    surface = _paint(rng) or finishes.metallic(rng)
    pads = finishes.plastic(rng)
    tilt = rng.normal(0, 0.5, 3) + 0.6 * UP
    rod = rng.uniform(0.03, 0.06)
    seed = int(rng.integers(1 << 30))

    def draw(hold: Hold) -> list[Mesh]:
        same = np.random.default_rng(seed)
        towards = -hold.outward - tilt
        towards /= np.linalg.norm(towards)
        pose = frame(towards, hold.point - 0.15 * towards)
        meshes = [moved(mesh, pose) for mesh in gripper(same, surface, pads)]
        meshes.append(moved(box((2 * rod, 2 * rod, 0.12), (0, 0, -0.05), surface), pose))
        meshes.append(moved(box((1.6 * rod, 1.6 * rod, 0.9), (0, 0, -0.55), surface), pose))
        return meshes

    return draw
