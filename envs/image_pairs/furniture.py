"""Doors, flaps and drawers in a front of furniture, seen by somebody who stands before it."""

from __future__ import annotations

import math

import numpy as np

from envs.image_pairs import surfaces
from envs.image_pairs.renderer import Image, Points, Quad, box
from envs.image_pairs.scene import Scene, rotating, sliding
from envs.image_pairs.variation import ImagePairConfig

Generator = np.random.Generator

#: Half the side in metres of the front around what opens.
EXTENT = 1.6


def furniture(rng: Generator, config: ImagePairConfig) -> Scene:
    """Make a front with something in it that opens: hinged at any side, pulled out, or slid aside.

    Args:
        rng: Source of every choice.
        config: What to vary.

    Returns:
        The scene; the front is the plane z = 0, what opens has its middle at the origin.
    """
    width, height = rng.uniform(0.3, 1.0, 2)
    thick = rng.uniform(0.015, 0.06)
    kind = rng.choice(["left", "right", "bottom", "top", "drawer", "aside"], p=[0.2, 0.2, 0.3, 0.1, 0.12, 0.08])
    if kind == "drawer":
        height *= 0.6
    front = surfaces.any_surface(rng, config.surfaces)
    common = front if rng.random() < 0.35 else surfaces.any_surface(rng, config.surfaces)
    still = _surroundings(rng, config, width, height, common)
    still += _cavity(rng, config, width, height)
    moving = _panel(rng, config, width, height, thick, front, str(kind))
    sx, sy = 0.5 * width, 0.5 * height
    most = math.radians(rng.uniform(70, 115) if config.large_motions else rng.uniform(20, 45))
    reach = 0.35 + max(width, height)
    if kind in ("left", "right"):
        side = -sx if kind == "left" else sx
        motion = rotating(np.array([0, -1.0 if kind == "left" else 1.0, 0]), np.array([side, 0, thick]))
        most *= 1.25
    elif kind in ("bottom", "top"):
        side = -sy if kind == "bottom" else sy
        motion = rotating(np.array([1.0 if kind == "bottom" else -1.0, 0, 0]), np.array([0, side, thick]))
    elif kind == "drawer":
        motion, most = sliding(np.array([0, 0, 1.0])), rng.uniform(0.12, 0.45)
        moving += _tray(rng, config, width, height, most)
    else:
        motion, most = sliding(np.array([rng.choice([-1.0, 1.0]), 0, 0])), width * rng.uniform(0.4, 0.95)
        moving = [quad.moved(sliding(np.array([0, 0, 1.0]))(0.08)) for quad in moving]
    wide = 0.75 if config.oblique else 0.2
    return Scene(
        still, moving, motion, (0.0, float(most)), np.zeros(3), math.hypot(width, height), reach,
        azimuth=(-wide, wide), elevation=(-0.2, 0.7) if config.oblique else (-0.1, 0.2),
    )  # fmt: skip


def _surroundings(rng: Generator, config: ImagePairConfig, width: float, height: float, common: Image) -> list[Quad]:
    """The front around the opening, much of it of one material, the floor before it and perhaps a worktop."""
    gap = rng.uniform(0.0, 0.015)
    x, y = 0.5 * width + gap, 0.5 * height + gap
    bands = [
        (-EXTENT, y, EXTENT, EXTENT), (-EXTENT, -EXTENT, EXTENT, -y),
        (-EXTENT, -y, -x, y), (x, -y, EXTENT, y),
    ]  # fmt: skip
    quads: list[Quad] = []
    depth = 3 if config.clutter else 0
    for band in bands:
        for left, bottom, right, top in _split(rng, band, depth):
            texture = common if rng.random() < 0.4 else surfaces.any_surface(rng, config.surfaces)
            out = rng.choice([0.0, rng.uniform(0, 0.03), rng.uniform(0, 0.12)], p=[0.6, 0.3, 0.1])
            if config.clutter and rng.random() < 0.15:
                out = 0.0
            centre = np.array([(left + right) / 2, (bottom + top) / 2, out / 2 - 0.01])
            size = np.array([right - left - 0.004, top - bottom - 0.004, out + 0.02])
            quads += box(centre, size, [surfaces.crop(texture, rng)], gloss=_gloss(rng, config), faces="+x-x+y-y+z")
            if config.clutter and rng.random() < 0.35:
                quads.append(_mark(rng, config, centre + np.array([0, 0, size[2] / 2 + 0.003]), size))
    floor = -0.5 * height - rng.uniform(0.04, 0.7)
    if floor > -EXTENT:
        texture = surfaces.any_surface(rng, config.surfaces)
        quads.append(_level(texture, floor, (-EXTENT, EXTENT), (0.0, 1.4)))
    if rng.random() < 0.4:
        level, out = 0.5 * height + rng.uniform(0.03, 0.15), rng.uniform(0.02, 0.1)
        texture = surfaces.any_surface(rng, config.surfaces)
        quads += box(np.array([0, level, out / 2]), np.array([2 * EXTENT, 0.04, out]), [texture], shadow=True)
    return quads


def _split(
    rng: Generator, area: tuple[float, float, float, float], depth: int
) -> list[tuple[float, float, float, float]]:
    """Cut a rectangle (left, bottom, right, top) into pieces."""
    left, bottom, right, top = area
    if depth == 0 or rng.random() < 0.15:
        return [area]
    share = rng.uniform(0.25, 0.75)
    if (right - left) > (top - bottom) * rng.uniform(0.6, 1.6):
        middle = left + share * (right - left)
        halves = [(left, bottom, middle, top), (middle, bottom, right, top)]
    else:
        middle = bottom + share * (top - bottom)
        halves = [(left, bottom, right, middle), (left, middle, right, top)]
    return [piece for half in halves for piece in _split(rng, half, depth - 1)]


def _mark(rng: Generator, config: ImagePairConfig, centre: Points, size: Points) -> Quad:
    """Something flat on a surface: a handle's shadow, a label, a dial, an image."""
    extent = np.array([*(size[:2] * rng.uniform(0.05, 0.6, 2)), 0.0])
    place = centre + np.array([*(rng.uniform(-0.5, 0.5, 2) * (size[:2] - extent[:2])), 0.0])
    texture = surfaces.crop(surfaces.any_surface(rng, config.surfaces), rng)
    return box(place, extent, [texture], faces="+z")[0]


def _cavity(rng: Generator, config: ImagePairConfig, width: float, height: float) -> list[Quad]:
    """What is behind: walls, shelves or racks, and things."""
    deep = rng.uniform(0.15, 0.55)
    dark = rng.uniform(0.15, 0.9)
    wall = surfaces.shade(surfaces.any_surface(rng, config.surfaces), dark)
    inner = np.array([width, height, deep])
    quads = box(np.array([0, 0, -deep / 2 - 0.012]), inner, [wall], faces="+x-x+y-y-z", closed=False)
    if not config.interiors:
        return quads
    texture = surfaces.shade(surfaces.any_surface(rng, config.surfaces), rng.uniform(0.4, 1.0))
    for _ in range(int(rng.integers(0, 4))):
        level = rng.uniform(-0.4, 0.4) * height
        if rng.random() < 0.5:
            quads.append(_level(texture, level, (-width / 2, width / 2), (-deep, -0.05)))
        else:  # a rack: bars
            for place in np.linspace(-0.47, 0.47, int(rng.integers(4, 14))) * width:
                bar = np.array([place, level, -deep / 2 - 0.03])
                quads += box(bar, np.array([0.006, 0.006, deep - 0.06]), [texture], faces="+y+x")
            quads += box(np.array([0, level, -0.04]), np.array([width, 0.008, 0.008]), [texture], faces="+y+z")
    for _ in range(int(rng.integers(0, 7))):
        size = rng.uniform(0.04, 0.25, 3) * [width, height, deep]
        place = rng.uniform(-0.5, 0.5, 3) * (inner - size) - [0, 0, deep / 2 + 0.012]
        item = surfaces.shade(surfaces.any_surface(rng, config.surfaces), rng.uniform(0.4, 1.1))
        quads += box(place, size, [surfaces.crop(item, rng)], faces="+x-x+y+z")
    return quads


def _panel(
    rng: Generator, config: ImagePairConfig, width: float, height: float, thick: float, front: Image, kind: str
) -> list[Quad]:
    """What opens, closed: a slab with a handle and perhaps a window, a panel of keys, another side within."""
    inside = front if rng.random() < 0.35 else surfaces.any_surface(rng, config.surfaces)
    textures = [front, front, front, front, front, inside]
    gloss = _gloss(rng, config)
    quads = box(np.array([0, 0, thick / 2]), np.array([width, height, thick]), textures, 1, gloss, shadow=True)

    def flat(texture: Image, x: float, y: float, wide: float, high: float, z: float) -> None:
        quads.extend(box(np.array([x, y, z]), np.array([wide, high, 0]), [texture], 1, gloss, faces="+z"))

    if rng.random() < 0.4:  # a window, on both sides
        wide, high = rng.uniform(0.3, 0.85, 2) * (width, height)
        x, y = rng.uniform(-0.5, 0.5, 2) * (width - wide, height - high) * 0.6
        glass = surfaces.screen(rng)
        flat(glass, x, y, wide, high, thick + 0.003)
        flat(glass, x, y, wide, high, -0.003)
    for z in (thick + 0.004, -0.004):
        for _ in range(int(rng.choice([0, 1, 2], p=[0.5, 0.3, 0.2]))):  # badges, strips, inner frames
            wide, high = rng.uniform(0.05, 0.9) * width, rng.uniform(0.03, 0.25) * height
            x, y = rng.uniform(-0.5, 0.5, 2) * (width - wide, height - high)
            flat(surfaces.crop(surfaces.any_surface(rng, config.surfaces), rng), x, y, wide, high, z)
    if rng.random() < 0.75:
        quads += _handle(rng, config, width, height, thick, kind)
    return quads


def _handle(
    rng: Generator, config: ImagePairConfig, width: float, height: float, thick: float, kind: str
) -> list[Quad]:
    """A bar or a knob near the edge that opens."""
    long, wide, out = rng.uniform(0.03, 0.9), rng.uniform(0.012, 0.05), rng.uniform(0.015, 0.06)
    far = rng.uniform(0.36, 0.46)
    upright = kind in ("left", "right", "aside")
    size = np.array([wide, long * height, out] if upright else [long * width, wide, out])
    place = {
        "left": (far * width, 0), "right": (-far * width, 0), "bottom": (0, far * height),
        "top": (0, -far * height), "drawer": (0, rng.uniform(-0.3, 0.3) * height), "aside": (far * width, 0),
    }[kind]  # fmt: skip
    texture = surfaces.any_surface(rng, config.surfaces)
    return box(np.array([*place, thick + out / 2 + 0.004]), size, [texture], 1, _gloss(rng, config), shadow=True)


def _tray(rng: Generator, config: ImagePairConfig, width: float, height: float, deep: float) -> list[Quad]:
    """The box behind a drawer's front, open at its top, with things in it."""
    texture = surfaces.any_surface(rng, config.surfaces)
    wide, high, deep = 0.94 * width, 0.75 * height, deep + 0.1
    quads = box(
        np.array([0, -0.05 * height, -deep / 2]),
        np.array([wide, high, deep]),
        [texture],
        1,
        faces="+x-x-y-z",
        closed=False,
    )
    for _ in range(int(rng.integers(0, 4)) if config.interiors else 0):
        size = rng.uniform(0.1, 0.4, 3) * [wide, high, deep]
        place = rng.uniform(-0.5, 0.5, 3) * (np.array([wide, high, deep]) - size) - [
            0,
            0.05 * height,
            deep / 2,
        ]
        quads += box(place, size, [surfaces.any_surface(rng, config.surfaces)], 1, faces="+x-x+y+z")
    return quads


def _level(texture: Image, y: float, x: tuple[float, float], z: tuple[float, float]) -> Quad:
    """A level rectangle."""
    corners = [[x[0], y, z[0]], [x[1], y, z[0]], [x[1], y, z[1]], [x[0], y, z[1]]]
    return Quad(np.array(corners, np.float64), texture)


def _gloss(rng: Generator, config: ImagePairConfig) -> float:
    return float(rng.uniform(0.1, 1.0)) if config.highlights and rng.random() < 0.4 else 0.0
