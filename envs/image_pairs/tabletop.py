"""Things on a table that fold, open or are moved: laptops, cases, bins, books, tools."""

from __future__ import annotations

import math

import numpy as np

from envs.image_pairs import surfaces
from envs.image_pairs.renderer import Points, Quad, box
from envs.image_pairs.scene import UP, Scene, rotating, sliding
from envs.image_pairs.variation import ImagePairConfig

Generator = np.random.Generator


def tabletop(rng: Generator, config: ImagePairConfig) -> Scene:
    """Make a table with a hinged thing, a tool of two bars, or a thing that is moved as a whole.

    Args:
        rng: Source of every choice.
        config: What to vary.

    Returns:
        The scene; the table is the plane y = 0 with the thing at the origin.
    """
    still = _room(rng, config)
    kind = rng.choice(["lid", "tool", "thing"], p=[0.6, 0.2, 0.2])
    make = {"lid": _lid, "tool": _tool, "thing": _thing}[str(kind)]
    base, moving, axis, point, limits = make(rng, config)
    yaw = rotating(UP, np.zeros(3))(rng.uniform(-math.pi, math.pi) if config.oblique else rng.uniform(-0.3, 0.3))
    rotation = yaw[:3, :3]
    motion = sliding(rotation @ axis) if point is None else rotating(rotation @ axis, rotation @ point)
    moving = [quad.moved(yaw) for quad in moving]
    corners = np.concatenate([quad.corners for quad in moving])
    size = float(np.linalg.norm(np.ptp(corners, axis=0)))
    return Scene(
        still + [quad.moved(yaw) for quad in base], moving, motion, limits, corners.mean(0), size, 0.4 + 1.2 * size,
        azimuth=(-0.5, 0.5), elevation=(0.12, 1.45) if config.oblique else (0.6, 1.0),
    )  # fmt: skip


def _room(rng: Generator, config: ImagePairConfig) -> list[Quad]:
    """The table, what is behind it, and other things on it."""
    table = surfaces.any_surface(rng, config.surfaces)
    wide = rng.uniform(0.8, 2.0)
    near, far = rng.uniform(0.5, 1.5), -rng.uniform(0.5, 1.5)
    corners = [[-wide, 0, far], [wide, 0, far], [wide, 0, near], [-wide, 0, near]]
    quads = [Quad(np.array(corners), table, gloss=0.5 * float(config.highlights and rng.random() < 0.3))]
    back = surfaces.any_surface(rng, config.surfaces)
    wall = [[-3, 2.5, far - 0.3], [3, 2.5, far - 0.3], [3, -1.5, far - 0.3], [-3, -1.5, far - 0.3]]
    quads.append(Quad(np.array(wall, np.float64), back))
    ground = surfaces.any_surface(rng, config.surfaces)
    floor = [[-3, -0.7, far - 0.3], [3, -0.7, far - 0.3], [3, -0.7, 1.5], [-3, -0.7, 1.5]]
    quads.append(Quad(np.array(floor, np.float64), ground))
    if not config.clutter:
        return quads
    for _ in range(int(rng.integers(0, 8))):
        size = rng.uniform(0.03, 0.35, 3)
        angle, away = rng.uniform(0, 2 * math.pi), rng.uniform(0.35, 1.0)
        place = np.array([away * math.cos(angle) * wide, size[1] / 2, away * math.sin(angle) * 0.8])
        texture = surfaces.crop(surfaces.any_surface(rng, config.surfaces), rng)
        pose = rotating(UP, place)(rng.uniform(0, math.pi))
        quads += [quad.moved(pose) for quad in box(place, size, [texture], shadow=True, faces="+x-x+y+z-z")]
    for _ in range(int(rng.integers(0, 6))):  # on the wall
        x, y = rng.uniform(-1.5, 1.5), rng.uniform(0, 1.5)
        size = np.array([*rng.uniform(0.05, 0.8, 2), 0.02])
        texture = surfaces.crop(surfaces.any_surface(rng, config.surfaces), rng)
        quads += box(np.array([x, y, far - 0.28]), size, [texture], faces="+z")
    return quads


Assembly = tuple[list[Quad], list[Quad], Points, Points | None, tuple[float, float]]


def _lid(rng: Generator, config: ImagePairConfig) -> Assembly:
    """A base with a lid hinged at its far edge."""
    width, deep = rng.uniform(0.2, 0.6, 2)
    high = rng.uniform(0.01, 0.05) if rng.random() < 0.55 else rng.uniform(0.05, 0.35)
    thick = rng.uniform(0.008, 0.05)
    shell = surfaces.any_surface(rng, config.surfaces)
    top = surfaces.any_surface(rng, config.surfaces)
    if high < 0.05 or rng.random() < 0.3:
        base = box(np.array([0, high / 2, 0]), np.array([width, high, deep]), [shell, shell, top, shell, shell, shell],
                   shadow=True)  # fmt: skip
        if config.clutter and rng.random() < 0.6:  # keys, a label
            keys = surfaces.prints(rng)
            extent = np.array([width, 0, deep]) * [rng.uniform(0.5, 0.95), 0, rng.uniform(0.3, 0.7)]
            base += box(np.array([0, high + 0.002, -0.1 * deep]), extent, [keys], faces="+y")
    else:  # hollow
        base = box(np.array([0, high / 2, 0]), np.array([width, high, deep]), [shell], shadow=True, faces="+x-x+z-z")
        dark = surfaces.shade(top, rng.uniform(0.3, 0.9))
        inner = np.array([0.94 * width, high, 0.94 * deep])
        base += box(np.array([0, high / 2 + 0.004, 0]), inner, [dark], faces="+x-x+z-z-y", closed=False)
        for _ in range(int(rng.integers(0, 5)) if config.interiors else 0):
            size = rng.uniform(0.1, 0.5, 3) * inner
            place = rng.uniform(-0.5, 0.5, 3) * (inner - size) + [0, high / 2, 0]
            base += box(place, size, [surfaces.any_surface(rng, config.surfaces)], faces="+x-x+y+z-z")
    outer = shell if rng.random() < 0.6 else surfaces.any_surface(rng, config.surfaces)
    within = surfaces.screen(rng) if rng.random() < 0.4 else surfaces.any_surface(rng, config.surfaces)
    gloss = 0.7 * float(config.highlights and rng.random() < 0.4)
    place = np.array([0, high + thick / 2 + 0.003, 0])
    lid = box(
        place,
        np.array([width, thick, deep]),
        [outer, outer, outer, shell, outer, outer],
        1,
        gloss,
        shadow=True,
    )
    inset = np.array([width, 0, deep]) * rng.uniform(0.7, 1.0)
    lid += box(place - [0, thick / 2 + 0.002, 0], inset, [within], 1, gloss, faces="-y")
    if rng.random() < 0.4:
        mark = np.array([width, 0, deep]) * [rng.uniform(0.1, 0.6), 0, rng.uniform(0.1, 0.6)]
        logo = surfaces.crop(surfaces.any_surface(rng, config.surfaces), rng)
        lid += box(place + np.array([0, thick / 2 + 0.002, 0]), mark, [logo], 1, faces="+y")
    most = math.radians(rng.uniform(80, 150) if config.large_motions else rng.uniform(20, 45))
    return base, lid, np.array([-1.0, 0, 0]), np.array([0, high, -deep / 2]), (0.0, most)


def _tool(rng: Generator, config: ImagePairConfig) -> Assembly:
    """Two flat bars that rotate about a pin."""
    long = rng.uniform(0.15, 0.4, 2)
    wide = rng.uniform(0.03, 0.12, 2)
    thick = rng.uniform(0.01, 0.05)
    texture = surfaces.any_surface(rng, config.surfaces)
    other = texture if rng.random() < 0.4 else surfaces.any_surface(rng, config.surfaces)
    shift = rng.uniform(0.0, 0.5) * long
    base = box(
        np.array([long[0] / 2 - shift[0], thick / 2, 0]),
        np.array([long[0], thick, wide[0]]),
        [texture],
        shadow=True,
    )
    level = thick * 1.5 + 0.002 if rng.random() < 0.5 else thick / 2 + 0.001
    bar = box(
        np.array([long[1] / 2 - shift[1], level, 0]),
        np.array([long[1], thick, wide[1]]),
        [other],
        1,
        shadow=True,
    )
    most = rng.uniform(1.5, 3.0) if config.large_motions else rng.uniform(0.4, 0.8)
    return base, bar, UP, np.zeros(3), (rng.uniform(-0.3, 0.3), most)


def _thing(rng: Generator, config: ImagePairConfig) -> Assembly:
    """A box that is pushed over the table or rotated on it."""
    size = rng.uniform(0.05, 0.35, 3)
    textures = [surfaces.crop(surfaces.any_surface(rng, config.surfaces), rng) for _ in range(6)]
    if rng.random() < 0.5:
        textures = textures[:1]
    moving = box(np.array([0, size[1] / 2 + 0.001, 0]), size, textures, 1, shadow=True)
    if rng.random() < 0.5:
        far = rng.uniform(0.15, 0.4) if config.large_motions else rng.uniform(0.05, 0.15)
        return [], moving, np.array([1.0, 0, 0]), None, (0.0, far)
    most = rng.uniform(0.8, 2.5) if config.large_motions else rng.uniform(0.3, 0.7)
    return [], moving, UP, np.array([*rng.uniform(-0.15, 0.15, 2), 0])[[0, 2, 1]], (0.0, most)
