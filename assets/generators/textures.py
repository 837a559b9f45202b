"""Small seamless textures made with numpy, and the materials that use them."""

from __future__ import annotations

import colorsys
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from assets.generators.decals import printed
from assets.generators.model import Material

FloatArray = npt.NDArray[np.float64]
Generator = np.random.Generator

METALS = ((0.72, 0.73, 0.75), (0.55, 0.57, 0.60), (0.83, 0.84, 0.85), (0.30, 0.31, 0.34), (0.76, 0.63, 0.36))
PRINTED = 0.15
"""Share of materials that carry printed marks."""

WOODS = ((0.55, 0.36, 0.20), (0.40, 0.24, 0.13), (0.72, 0.54, 0.33), (0.30, 0.20, 0.15))


def smooth_noise(rng: Generator, size: int, rows: int, cols: int) -> FloatArray:
    """Return periodic value noise in 0..1, (size, size), from a grid of ``rows`` x ``cols`` random values."""
    grid = rng.random((rows, cols))

    def weights(count: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], FloatArray]:
        place = np.arange(size) * count / size
        low = np.floor(place).astype(np.intp)
        t = place - low
        return low % count, (low + 1) % count, t * t * (3.0 - 2.0 * t)

    r0, r1, tr = weights(rows)
    c0, c1, tc = weights(cols)
    top = grid[r0][:, c0] * (1 - tc) + grid[r0][:, c1] * tc
    bottom = grid[r1][:, c0] * (1 - tc) + grid[r1][:, c1] * tc
    return top * (1 - tr[:, None]) + bottom * tr[:, None]


def brushed(rng: Generator, size: int) -> FloatArray:
    """Return fine streaks along the first texture axis, (size, size) in about -1..1."""
    streaks = smooth_noise(rng, size, size // 4, 2) + 0.5 * smooth_noise(rng, size, size // 8, 3)
    return np.asarray(1.2 * (streaks - streaks.mean()))


def plastic(rng: Generator, size: int) -> FloatArray:
    """Return soft blotches with a little grain, (size, size) in about -1..1."""
    return 0.8 * (smooth_noise(rng, size, 4, 4) - 0.5) + 0.4 * (smooth_noise(rng, size, 16, 16) - 0.5)


def stripes(rng: Generator, size: int) -> FloatArray:
    """Return hard stripes across or along the first texture axis, (size, size), -1 or 1."""
    count = int(rng.integers(2, 6))
    duty = rng.uniform(0.3, 0.7)
    row = np.where((np.arange(size) * count / size) % 1.0 < duty, 1.0, -1.0)
    pattern = np.tile(row, (size, 1))
    return pattern if rng.random() < 0.6 else pattern.T


def wood(rng: Generator, size: int) -> FloatArray:
    """Return wavy rings along the first texture axis, (size, size) in about -1..1."""
    rows = np.arange(size)[:, None] / size
    bend = smooth_noise(rng, size, 3, 2)
    rings = np.sin(2.0 * np.pi * (int(rng.integers(3, 7)) * rows + 1.4 * bend))
    return 0.7 * rings + 0.6 * (smooth_noise(rng, size, 32, 3) - 0.5)


def checks(rng: Generator, size: int) -> FloatArray:
    """Return a chequerboard, (size, size), -1 or 1."""
    count = 2 * int(rng.integers(1, 4))
    cell = np.arange(size) * count // size
    return np.where((cell[:, None] + cell[None, :]) % 2 == 0, 1.0, -1.0)


def speckle(rng: Generator, size: int) -> FloatArray:
    """Return bright and dark flecks on an even ground, (size, size), -1, 0 or 1."""
    noise = smooth_noise(rng, size, 12, 12)
    return np.where(noise > 0.72, 1.0, np.where(noise < 0.24, -1.0, 0.0))


def leather(rng: Generator, size: int) -> FloatArray:
    """Return bulging cells with dark creases between them, (size, size) in about -1..1."""
    count = int(rng.integers(30, 90))
    y, x = np.mgrid[:size, :size] / size
    gaps = np.abs(rng.random((count, 2))[:, :, None, None] - np.stack([y, x]))
    gaps = np.minimum(gaps, 1.0 - gaps)  # the texture repeats
    nearest, next_nearest = np.partition(np.hypot(gaps[:, 0], gaps[:, 1]), 1, axis=0)[:2]
    return np.asarray(np.clip(4.0 * np.sqrt(count) * (next_nearest - nearest) - 1.0, -1.0, 0.6))


def weave(rng: Generator, size: int) -> FloatArray:
    """Return a twill of two crossing yarns, like carbon fibre, (size, size) in -1..1."""
    count = 4 * int(rng.integers(1, 4))
    place = np.arange(size) * count / size
    row, column = place[:, None], place[None, :]
    over = (np.floor(row) + np.floor(column)) % 4 < 2
    return np.where(over, np.sin(np.pi * (row % 1.0)), -np.sin(np.pi * (column % 1.0)))


def rust(rng: Generator, size: int) -> FloatArray:
    """Return ragged blotches, (size, size) in about -1..1."""
    noise = sum(0.6**i * (smooth_noise(rng, size, n, n) - 0.5) for i, n in enumerate((3, 6, 12, 24)))
    return np.asarray(np.tanh(5.0 * noise))


def marble(rng: Generator, size: int) -> FloatArray:
    """Return thin dark veins on a clouded ground, (size, size) in -1..1."""
    noise = sum(0.5**i * (smooth_noise(rng, size, n, n) - 0.5) for i, n in enumerate((2, 4, 8, 16)))
    return np.asarray(1.0 - 2.0 * np.exp(-14.0 * np.abs(noise)) - 0.4 * smooth_noise(rng, size, 3, 3))


def paint(pattern: FloatArray, colour: FloatArray, second: FloatArray) -> npt.NDArray[np.uint8]:
    """Blend two RGB colours (0..1) by a pattern (-1 the second, 1 the first, 0 half way) to uint8."""
    t = np.clip(0.5 + 0.5 * pattern, 0.0, 1.0)[..., None]
    return np.round(255.0 * np.clip(second + t * (colour - second), 0.0, 1.0)).astype(np.uint8)


def any_colour(rng: Generator) -> FloatArray:
    """Return a random RGB colour in 0..1, from vivid to near grey and black."""
    saturation = rng.uniform(0.0, 0.25) if rng.random() < 0.25 else rng.uniform(0.45, 1.0)
    return np.array(colorsys.hsv_to_rgb(rng.random(), saturation, rng.uniform(0.2, 1.0)))


def metal(rng: Generator) -> Material:
    """Return a brushed, mottled or speckled metal."""
    colour = np.array(METALS[rng.integers(len(METALS))]) * rng.uniform(0.85, 1.1)
    depth = rng.uniform(0.08, 0.35)
    draw = (brushed, brushed, plastic, speckle)[rng.integers(4)]
    return _material(rng, f"metal, {draw.__name__}", draw, colour, colour * (1.0 - depth))


def coloured(rng: Generator) -> Material:
    """Return plastic, painted or patterned material in a random colour."""
    draw = (plastic, plastic, plastic, speckle, stripes, checks, brushed)[rng.integers(7)]
    colour = any_colour(rng)
    if draw in (stripes, checks, speckle) and rng.random() < 0.6:
        second = any_colour(rng)
    else:
        second = colour * rng.uniform(0.55, 0.85)
    return _material(rng, f"plastic, {draw.__name__}", draw, colour, second)


def wooden(rng: Generator) -> Material:
    """Return a wood."""
    colour = np.array(WOODS[rng.integers(len(WOODS))]) * rng.uniform(0.85, 1.15)
    return _material(rng, "wood", wood, colour, colour * rng.uniform(0.5, 0.8))


def natural(rng: Generator) -> Material:
    """Return leather, carbon weave, rusted metal or marble."""
    kind = int(rng.integers(4))
    if kind == 0:
        colour = any_colour(rng) if rng.random() < 0.4 else np.array(WOODS[rng.integers(len(WOODS))])
        return _material(rng, "leather", leather, colour, colour * rng.uniform(0.3, 0.6))
    if kind == 1:
        colour = np.full(3, rng.uniform(0.22, 0.4)) if rng.random() < 0.7 else any_colour(rng)
        return _material(rng, "carbon weave", weave, colour, colour * rng.uniform(0.3, 0.6))
    if kind == 2:
        colour = np.array((0.58, 0.30, 0.14)) * rng.uniform(0.7, 1.2)
        ground = np.array(METALS[rng.integers(len(METALS))]) if rng.random() < 0.5 else any_colour(rng)
        return _material(rng, "rust", rust, colour, ground * rng.uniform(0.6, 1.0))
    colour = rng.uniform(0.75, 0.95) * np.array((1.0, 0.98, 0.95)) if rng.random() < 0.6 else any_colour(rng)
    return _material(rng, "marble", marble, colour, colour * rng.uniform(0.3, 0.6))


def any_material(rng: Generator) -> Material:
    """Return metal, wood, leather, stone or a coloured material."""
    return (metal, coloured, coloured, coloured, coloured, wooden, natural)[rng.integers(7)](rng)


def _material(
    rng: Generator,
    name: str,
    draw: Callable[[Generator, int], FloatArray],
    colour: FloatArray,
    second: FloatArray,
) -> Material:
    size = int((64, 96, 128)[rng.integers(3)])
    texture = paint(draw(rng, size), colour, second)
    if rng.random() < PRINTED:  # repeats seldom, so that the marks can be recognized
        return Material(f"{name}, printed", printed(rng, texture), float(rng.uniform(0.2, 0.4)))
    return Material(name, texture, float(rng.uniform(0.1, 0.28)))


def alike(rng: Generator, pick: Callable[[Generator], Material], chance: float) -> tuple[Material, Material]:
    """Return two materials, the same one twice with probability ``chance``."""
    first = pick(rng)
    return (first, first) if rng.random() < chance else (first, pick(rng))
