"""Upright cabinets of thin boards: doors, flaps and drawers in the front, shelves and things inside."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import shapely

from assets.generators import casework, textures
from assets.generators.casework import GAP, Finish, Rect
from assets.generators.category import register_category
from assets.generators.forms import Body, block, lifted
from assets.generators.model import GeneratedObject, Joint

CATEGORY = "cabinet"
MOST = 4
"""Doors and drawers at most."""


@dataclass
class _Case:
    """A cabinet in the making."""

    rng: np.random.Generator
    look: Finish
    body: Body
    depth: float
    wall: float
    thick: float  # of doors
    leaves: list[tuple[Body, Joint]]

    def fill(self, rect: Rect, kind: str) -> None:
        """Close an opening with what its kind says, or leave it open."""
        rng = self.rng
        inside = self.depth - self.wall
        x0, z0, x1, z1 = rect
        if kind == "drawer" and len(self.leaves) < MOST:
            self._drawers(rect)
            return
        if rng.random() < 0.6:
            self._shelves(rect)
        elif rng.random() < 0.6:
            casework.contents(rng, self.body, rect, inside)
        if kind == "open" or len(self.leaves) >= MOST:
            return
        if kind == "sliding" and len(self.leaves) + 2 <= MOST:
            self._sliding(rect)
        elif kind == "pair" and len(self.leaves) + 2 <= MOST:
            middle = 0.5 * (x0 + x1)
            self._door((x0, z0, middle - 0.5 * GAP, z1), "left")
            self._door((middle + 0.5 * GAP, z0, x1, z1), "right")
        else:
            side = kind if kind in ("left", "right", "bottom", "top") else "left"
            self._door(rect, side)

    def _door(self, rect: Rect, side: str) -> None:
        rng = self.rng
        body = Body("door")
        casework.leaf(rng, body, rect, self.thick, self.look)
        x0, z0, x1, z1 = rect
        wide, high = x1 - x0, z1 - z0
        inset = rng.uniform(0.05, 0.12)
        upright = side in ("left", "right")
        x = {"left": x1 - inset * wide, "right": x0 + inset * wide}.get(side, 0.5 * (x0 + x1))
        z = {"bottom": z1 - inset * high, "top": z0 + inset * high}.get(side, z0 + rng.uniform(0.35, 0.65) * high)
        casework.handle(rng, body, (x, z), -self.thick, 0.8 * (high if upright else wide), upright, self.look)
        most = np.radians(rng.uniform(80.0, 165.0 if upright else 110.0))
        joint = casework.swing(side, rect, self.thick, 0.0, float(most), len(self.leaves) + 1)
        self.leaves.append((body, joint))

    def _sliding(self, rect: Rect) -> None:
        """Two doors in tracks, the second before the first."""
        rng = self.rng
        x0, z0, x1, z1 = rect
        middle, lap = 0.5 * (x0 + x1), rng.uniform(0.02, 0.08) * (x1 - x0)
        for out, a, b, sign in ((0.0, x0, middle + lap, 1.0), (self.thick + 0.006, middle - lap, x1, -1.0)):
            body = Body("sliding door")
            style = ("plain", "inset", "glass")[rng.integers(3)]
            casework.leaf(rng, body, (a, z0, b, z1), self.thick, self.look, style)
            if out > 0.0:
                grip = a + rng.uniform(0.08, 0.9) * (b - a)
                casework.handle(rng, body, (grip, 0.5 * (z0 + z1)), -self.thick, 0.5 * (z1 - z0), True, self.look)
            for mesh, _, _ in body.meshes:
                mesh.apply_translation((0.0, -out, 0.0))
            most = rng.uniform(0.45, 0.9) * ((x1 - x0) - (b - a))
            joint = Joint(0, len(self.leaves) + 1, (a, -out, z0), 0.0, float(most), (sign, 0.0, 0.0), "prismatic")
            self.leaves.append((body, joint))

    def _drawers(self, rect: Rect) -> None:
        rng = self.rng
        x0, z0, x1, z1 = rect
        room = MOST - len(self.leaves)
        count = min(room, int(np.clip(round((z1 - z0) / rng.uniform(0.1, 0.2)), 1, 3)))
        edges = np.linspace(z0, z1, count + 1)
        for low, high in pairwise(edges):
            long = rng.uniform(0.75, 0.95) * (self.depth - self.wall)
            body = casework.drawer(rng, (x0, low + 0.5 * GAP, x1, high - 0.5 * GAP), long, self.thick, self.look)
            most = rng.uniform(0.55, 0.9) * long
            origin = (0.5 * (x0 + x1), 0.0, float(low))
            joint = Joint(0, len(self.leaves) + 1, origin, 0.0, float(most), (0.0, -1.0, 0.0), "prismatic")
            self.leaves.append((body, joint))

    def _shelves(self, rect: Rect) -> None:
        x0, z0, x1, z1 = rect
        count = int(self.rng.integers(1, 4))
        board = self.rng.uniform(0.3, 1.0) * self.wall
        edges = np.linspace(z0, z1, count + 2)
        for z in edges[1:-1]:
            self.body.add(self.look.shell, block((x0, 0.02, z), (x1, self.depth - self.wall, z + board)))
        if self.rng.random() < 0.4:
            i = int(self.rng.integers(count + 1))
            part = (x0, float(edges[i]) + board, x1, float(edges[i + 1]))
            casework.contents(self.rng, self.body, part, self.depth - self.wall)


def _cells(rng: np.random.Generator, rect: Rect, wall: float, count: int) -> tuple[list[Rect], list[Rect]]:
    """Divide an opening by boards into ``count`` cells; return the cells and the boards."""
    cells, boards = [rect], []
    while len(cells) < count:
        i = int(np.argmax([(c[2] - c[0]) * (c[3] - c[1]) for c in cells]))
        x0, z0, x1, z1 = cells.pop(i)
        share = rng.uniform(0.3, 0.7)
        if (x1 - x0) * rng.uniform(0.6, 1.6) > z1 - z0:
            at = x0 + share * (x1 - x0)
            cells += [(x0, z0, at - 0.5 * wall, z1), (at + 0.5 * wall, z0, x1, z1)]
            boards.append((at - 0.5 * wall, z0, at + 0.5 * wall, z1))
        else:
            at = z0 + share * (z1 - z0)
            cells += [(x0, z0, x1, at - 0.5 * wall), (x0, at + 0.5 * wall, x1, z1)]
            boards.append((x0, at - 0.5 * wall, x1, at + 0.5 * wall))
    return cells, boards


def _kinds(rng: np.random.Generator, cells: list[Rect]) -> list[str]:
    """Return what closes each cell; at least one is closed."""
    kinds = []
    for x0, z0, x1, z1 in cells:
        wide = (x1 - x0) / (z1 - z0)
        choices = ["left", "right", "drawer", "open"]
        choices += ["pair", "pair", "drawer", "bottom", "top", "sliding"] if wide > 0.9 else ["left", "right"]
        kinds.append(choices[rng.integers(len(choices))])
    if all(kind == "open" for kind in kinds):
        kinds[0] = "left" if rng.random() < 0.5 else "drawer"
    return kinds


@register_category(CATEGORY, split="mix")
def cabinet(rng: np.random.Generator) -> GeneratedObject:
    """Draw a cabinet.

    Args:
        rng: Source of every choice.

    Returns:
        The object, its longest side about 0.6 m: link 0 the case, every further link a door or drawer, all of them
        closed. It stands upright, its front towards -y.
    """
    size = _size(rng)
    width, depth, height = size
    wall = rng.uniform(0.006, 0.02)
    look = casework.finish(rng)
    body = Body("cabinet")
    lining = look.shell if rng.random() < 0.5 else casework.plain(rng)
    casework.shell(body, size, wall, look.shell, lining)
    half = 0.5 * width
    opening = (wall - half, wall, half - wall, height - wall)
    cells, boards = _cells(rng, opening, wall, int(rng.choice([1, 1, 2, 2, 3])))
    for x0, z0, x1, z1 in boards:
        body.add(look.shell, block((x0, 0.0, z0), (x1, depth - wall, z1)))
    case = _Case(rng, look, body, depth, wall, rng.uniform(0.006, 0.02), [])
    alike = rng.random() < 0.7
    overlap = rng.uniform(0.0, 0.9) * 0.5 * wall
    for cell, kind in zip(cells, _kinds(rng, cells), strict=True):
        if not alike:
            case.look = replace(look, front=textures.any_material(rng), baked=False)
        covered = shapely.box(*cell).buffer(overlap - 0.5 * GAP, join_style="mitre").bounds
        case.fill(covered, kind)
    if not case.leaves:
        case.fill(cells[0], "left")
    if rng.random() < 0.4:  # a top that stands out
        out = rng.uniform(0.0, 0.03)
        top = look.trim if rng.random() < 0.4 else look.shell
        body.add(
            top, block((-half - out, -out, height - 0.001), (half + out, depth, height + rng.uniform(0.004, 0.02)))
        )
    casework.fittings(rng, body, size)
    up = casework.feet(rng, body, size, look)
    bodies = [body, *(leaf for leaf, _ in case.leaves)]
    links = tuple(one.link(lifted(up)) for one in bodies)
    joints = tuple(casework.raised(joint, up) for _, joint in case.leaves)
    notes: dict[str, str | float] = {
        "parts": f"{len(case.leaves)}",
        "materials": f"{look.shell.name}; {look.front.name}",
    }
    return GeneratedObject(CATEGORY, links, joints, notes)


def _size(rng: np.random.Generator) -> tuple[float, float, float]:
    """Return width, depth and height of a wardrobe, a cupboard, a sideboard or a wall cabinet."""
    kind = rng.integers(4)
    if kind == 0:
        return rng.uniform(0.2, 0.4), rng.uniform(0.15, 0.25), 0.6
    if kind == 1:
        return rng.uniform(0.35, 0.55), rng.uniform(0.2, 0.35), rng.uniform(0.4, 0.6)
    if kind == 2:
        return 0.6, rng.uniform(0.15, 0.3), rng.uniform(0.2, 0.35)
    return rng.uniform(0.3, 0.6), rng.uniform(0.1, 0.2), rng.uniform(0.25, 0.45)
