"""Chests of drawers, cupboards, desks and kitchen blocks, drawn from boards, with things in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assets.importing.reading.urdf import Joint, transform
from envs.rendered_pairs import finishes
from envs.rendered_pairs.articulated import Articulated
from envs.rendered_pairs.textured_meshes import Floats, Mesh, Surface, box, moved
from envs.rendered_pairs.things import assembled, handle, joint_of, small_thing, tray, turned

Generator = np.random.Generator


@dataclass(frozen=True, eq=False)
class _Make:
    """How a chest is made: surfaces, depth and thickness in metres, whether fronts lie on the body or in it."""

    front: Surface
    inside: Surface
    grip: Surface
    depth: float
    thick: float
    gap: float
    overlay: bool
    grip_seed: int

    def panel(self, rng: Generator, width: float, tall: float) -> tuple[tuple[float, float, float], float, Surface]:
        """Size of a front, where its middle is along y, and its surface."""
        t = self.thick
        size = (width - self.gap + t * self.overlay, t, tall - self.gap + (t if self.overlay else -0.6 * t))
        surface = self.front if rng.random() < 0.93 else finishes.furniture(rng)
        return size, -t / 2 if self.overlay else t / 2, surface

    def handle(self, length: float) -> list[Mesh]:
        """The same handle on all fronts."""
        return handle(np.random.default_rng(self.grip_seed), length, self.grip)


def chest(rng: Generator) -> Articulated:
    """A chest with drawers or doors: a desk's, a kitchen's, an office's; its front is towards -y."""
    cols, rows = int(rng.choice([1, 1, 1, 2, 3])), int(rng.integers(1, 6))
    big = rng.random() < 0.6
    w = cols * (rng.uniform(0.3, 0.9) if big else rng.uniform(0.1, 0.3))
    h = rng.uniform(0.5, 1.6) if big else rng.uniform(0.15, 0.45)
    d = rng.uniform(0.3, 0.6) if big else rng.uniform(0.12, 0.3)
    t = 0.018 if big else 0.008
    shell = finishes.furniture(rng)
    front = shell if rng.random() < 0.5 else finishes.furniture(rng)
    inside = shell if rng.random() < 0.5 else finishes.painted(rng)
    grip = finishes.metallic(rng) if rng.random() < 0.8 else finishes.plastic(rng)
    make = _Make(front, inside, grip, d, t, 0.22 * t, rng.random() < 0.7, int(rng.integers(1 << 30)))
    body = [moved(mesh, _standing(d, h)) for mesh in tray(w, h, d, t, shell, inside, 0.8)]
    edges = np.cumsum(rng.uniform(0.5, 1.0, rows) if rng.random() < 0.6 else np.ones(rows))
    levels = np.concatenate([[0], edges / edges[-1]]) * (h - 2 * t) + t
    width = (w - 2 * t) / cols
    drawers = rng.random() < 0.6
    meshes: dict[str, list[Mesh]] = {"body": body}
    joints = []
    for row in range(rows):
        tall = float(levels[row + 1] - levels[row])
        body.append(box((w - 2 * t, d - 0.01, 0.6 * t), (0, d / 2 + 0.005, levels[row] + 0.3 * t), inside, 0.8))
        for col in range(cols):
            centre = np.array([(col + 0.5) * width - w / 2 + t, 0.0, levels[row] + tall / 2])
            if col:
                middle = (centre[0] - width / 2, d / 2 + 0.005, h / 2)
                body.append(box((0.6 * t, d - 0.01, h - 2 * t), middle, inside, 0.8))
            name = f"part-{row}-{col}"
            if drawers == (rng.random() < 0.9):
                meshes[name], joint = _drawer(rng, make, name, centre, width, tall)
            else:
                side = 1.0 if (col % 2 == 0) == (rng.random() < 0.85) else -1.0
                meshes[name], joint = _door(rng, make, name, centre, width, tall, side)
                body += _stored(rng, centre + np.array([0, 0, 0.6 * t - tall / 2]), width, d, 0.7 * tall / 0.25)
            joints.append(joint)
    return assembled("chest", meshes, joints)


def _drawer(
    rng: Generator, make: _Make, name: str, centre: Floats, width: float, tall: float
) -> tuple[list[Mesh], Joint]:
    """A front with a tray behind it and things in that, in the frame of its joint, which is at its middle."""
    size, depth, surface = make.panel(rng, width, tall)
    t, d = make.thick, make.depth
    meshes = [box(size, (0, depth, 0), surface, 0.8)]
    inner = tray(width - 3 * t, 0.9 * d, 0.7 * tall, 0.6 * t, make.inside, make.inside, 0.5)
    meshes += [moved(mesh, transform((0, 0.45 * d + t, -0.42 * tall))) for mesh in inner]
    lift = 0.25 * tall if tall > 0.25 else 0.0
    meshes += [moved(mesh, transform((0, depth - t / 2, lift))) for mesh in make.handle(0.35 * width)]
    meshes += _stored(rng, np.array([0, 0, t - 0.42 * tall]), 0.85 * width, 0.9 * d, 0.5 * tall / 0.2)
    return meshes, joint_of("prismatic", "body", name, centre, np.array([0, -1.0, 0]), 0.0, 0.8 * d)


def _door(
    rng: Generator, make: _Make, name: str, centre: Floats, width: float, tall: float, side: float
) -> tuple[list[Mesh], Joint]:
    """A front with its hinge at the left (side 1) or the right (-1), in the frame of its joint, which is there."""
    size, depth, surface = make.panel(rng, width, tall)
    meshes = [box(size, (side * width / 2, depth, 0), surface, 0.8)]
    upright = np.eye(4)
    upright[:3, :3] = [[0, 0, -1], [0, 1, 0], [1, 0, 0]]
    upright[:3, 3] = [side * 0.9 * width, depth - make.thick / 2, 0]
    meshes += [moved(mesh, upright) for mesh in make.handle(0.3 * tall)]
    hinge = centre - np.array([side * width / 2, 0, 0])
    return meshes, joint_of("revolute", "body", name, hinge, np.array([0, 0, -side]), 0.0, rng.uniform(1.4, 2.4))


def _stored(rng: Generator, floor: Floats, width: float, depth: float, scale: float) -> list[Mesh]:
    """Some things that stand on a floor whose front edge has its middle at ``floor`` (3,)."""
    meshes: list[Mesh] = []
    for _ in range(int(rng.integers(0, 4))):
        spot = floor + np.array([rng.uniform(-0.35, 0.35) * width, rng.uniform(0.15, 0.8) * depth, 0])
        size = np.diag([*[min(scale, 1.0)] * 3, 1.0])
        meshes += [moved(mesh, turned(rng.uniform(0, 6), spot) @ size) for mesh in small_thing(rng)]
    return meshes


def _standing(depth: float, height: float) -> Floats:
    """A tray that lies with its open side up then stands with it to -y, its bottom at y = ``depth``."""
    pose = np.eye(4)
    pose[:3, :3] = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]
    pose[:3, 3] = [0, depth, height / 2]
    return pose
