"""Textures as a modeller bakes them: the whole side of a part in one image, with its shades, outlines and labels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from assets.generators import textures
from assets.generators.decals import glyph_rows, logo
from assets.generators.model import Material

FloatArray = npt.NDArray[np.float64]
Generator = np.random.Generator
SIDE = 96
"""Side of the images in pixels."""


def edge_shade(rng: Generator, size: int) -> FloatArray:
    """Return 1 in the middle and less towards the edges, as in corners that light hardly reaches, (size, size)."""
    near = np.minimum(np.arange(size) + 0.5, size - 0.5 - np.arange(size)) / size
    reach, depth = rng.uniform(0.03, 0.2), rng.uniform(0.1, 0.6)
    fall = 1.0 - depth * np.exp(-near / reach)
    return np.asarray(fall[:, None] * fall[None, :])


def grooves(rng: Generator, size: int) -> FloatArray:
    """Return -1 on lines that divide the image into boards or fields, 1 on the lit edge beside them, else 0."""
    pattern = np.zeros((size, size))
    kind = rng.integers(3)
    if kind == 0:  # boards
        for place in np.linspace(0, size, int(rng.integers(3, 8)))[1:-1].astype(int):
            pattern[:, place], pattern[:, place + 1] = -1.0, 1.0
    else:  # one field within another, or two above each other
        inset = int(rng.uniform(0.06, 0.2) * size)
        ends = (
            [inset, size - inset]
            if kind == 1
            else [inset, size // 2 - inset // 2, size // 2 + inset // 2, size - inset]
        )
        for low, high in zip(ends[::2], ends[1::2], strict=True):
            for line, value in ((0, -1.0), (1, 1.0)):
                a, b, c, d = low + line, high - 1 - line, inset + line, size - inset - 1 - line
                pattern[[a, b], c : d + 1] = value
                pattern[a : b + 1, [c, d]] = value
    return pattern if rng.random() < 0.6 else pattern.T


def slots(rng: Generator, size: int) -> FloatArray:
    """Return -1 in a block of ventilation slots or holes, else 0, (size, size)."""
    pattern = np.zeros((size, size))
    top, left = (rng.uniform(0.1, 0.4, 2) * size).astype(int)
    bottom, right = (rng.uniform(0.6, 0.9, 2) * size).astype(int)
    pitch = int(rng.integers(4, 9))
    rows, cols = np.arange(size)[:, None], np.arange(size)[None, :]
    inside = (rows >= top) & (rows < bottom) & (cols >= left) & (cols < right)
    dark = rows % pitch < pitch // 2
    if rng.random() < 0.4:
        dark = dark & (cols % pitch < pitch // 2)
    pattern[inside & dark] = -1.0
    return pattern


def panel(rng: Generator, base: FloatArray | None = None) -> Material:
    """Return a painted, wooden or metal panel with what is printed and worn on it.

    Args:
        rng: Source of every choice.
        base: RGB colour in 0..1, None for any.
    """
    colour = textures.any_colour(rng) if base is None else base
    draw: Callable[[Generator, int], FloatArray] = (
        textures.plastic,
        textures.plastic,
        textures.brushed,
        textures.wood,
        textures.rust,
    )[rng.integers(5)]
    image = textures.paint(draw(rng, SIDE), colour, colour * rng.uniform(0.6, 0.95)).astype(np.float64)
    if rng.random() < 0.75:
        image *= edge_shade(rng, SIDE)[..., None]
    if rng.random() < 0.5:
        image *= 1.0 + rng.uniform(0.2, 0.5) * grooves(rng, SIDE)[..., None]
    if rng.random() < 0.2:
        image *= 1.0 + 0.7 * slots(rng, SIDE)[..., None]
    if rng.random() < 0.4:
        image = _labelled(rng, image)
    return Material(f"baked, {draw.__name__}", _bytes(image), 0.3)


def console(rng: Generator, base: FloatArray | None = None) -> Material:
    """Return a strip of controls: a display, rows of keys, signs.

    Args:
        rng: Source of every choice.
        base: RGB colour in 0..1, None for any.
    """
    colour = textures.any_colour(rng) if base is None else base
    image = textures.paint(textures.plastic(rng, SIDE), colour, 0.85 * colour).astype(np.float64)
    left = int(rng.uniform(0.3, 0.6) * SIDE)
    image[SIDE // 4 : 3 * SIDE // 4, left : left + SIDE // 5] = rng.uniform(0.0, 60.0, 3)
    for x in range(4, left - 6, int(rng.integers(7, 14))):
        image[2 * SIDE // 5 : 3 * SIDE // 5, x : x + 4] = rng.uniform(0.0, 255.0) * np.ones(3)
    image = _labelled(rng, image)
    return Material("baked, console", _bytes(image), 0.3)


def globe(rng: Generator) -> Material:
    """Return land and sea, or other large blotches, with lines across."""
    noise = sum(0.6**i * (textures.smooth_noise(rng, SIDE, n, n) - 0.5) for i, n in enumerate((3, 6, 12, 24)))
    land = np.asarray(noise) > rng.uniform(-0.1, 0.1)
    image = np.where(land[..., None], textures.any_colour(rng), textures.any_colour(rng)) * 255.0
    image[:: SIDE // 6] *= 0.8
    image[:, :: SIDE // 8] *= 0.8
    return Material("baked, globe", _bytes(image), 0.3)


def _labelled(rng: Generator, image: FloatArray) -> FloatArray:
    """Return the image with a label in some place, light with dark letters or the other way."""
    high, wide = (rng.uniform(0.15, 0.5, 2) * SIDE).astype(int)
    row, col = int(rng.integers(2, SIDE - high - 2)), int(rng.integers(2, SIDE - wide - 2))
    paper, ink = rng.uniform(180.0, 255.0, 3), rng.uniform(0.0, 90.0, 3)
    if rng.random() < 0.4:
        paper, ink = ink, paper
    marks = (glyph_rows if rng.random() < 0.7 else logo)(rng, 64)
    small = marks[np.ix_(np.arange(high) * 64 // high, np.arange(wide) * 64 // wide)]
    image = image.copy()
    image[row : row + high, col : col + wide] = np.where(small[..., None], ink, paper)
    return image


def _bytes(image: FloatArray) -> npt.NDArray[np.uint8]:
    return np.round(np.clip(image, 0.0, 255.0)).astype(np.uint8)
