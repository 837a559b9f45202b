"""Textures that look like photographs of things: what procedural patterns of one kind alone do not cover."""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.generators import textures as materials

Image = NDArray[np.uint8]
Generator = np.random.Generator

#: Textures that are made once in a process.
POOL = 500


def any_surface(rng: Generator, rich: bool = True) -> Image:
    """A texture of any kind, in colours of its own.

    Args:
        rng: Source of every choice.
        rich: Off: one of the materials of the generated objects.

    Returns:
        (h, w, 3) uint8 RGB, 64 to 160 pixels a side.
    """
    pool = _pool(rich)
    texture = pool[int(rng.integers(len(pool)))].astype(np.float32)
    gain = rng.uniform(0.6, 1.3) * rng.uniform(0.85, 1.15, 3)
    texture = texture[..., rng.permutation(3)] * gain.astype(np.float32)
    grey = texture.mean(-1, keepdims=True)
    return np.asarray(np.clip(grey + rng.uniform(0.2, 1.0) * (texture - grey), 0, 255).astype(np.uint8))


@lru_cache(maxsize=2)
def _pool(rich: bool) -> list[Image]:
    """Textures to choose from, always the same ones: drawing them takes longer than all the rest."""
    rng = np.random.default_rng(20_210_503)
    if not rich:
        return [materials.any_material(rng).texture for _ in range(POOL)]
    kinds: list[tuple[float, Callable[[Generator], Image]]] = [
        (3, plain), (2, clouded), (2, tiles), (2, planks), (2, leaves), (1, prints),
        (2, lambda r: materials.any_material(r).texture),
    ]  # fmt: skip
    weights = np.array([weight for weight, _ in kinds])
    chosen = rng.choice(len(kinds), POOL, p=weights / weights.sum())
    return [kinds[index][1](rng) for index in chosen]


def plain(rng: Generator) -> Image:
    """One colour with a gradient and a little grain: painted or plastic things, steel, appliances."""
    size = 64
    colour = _appliance(rng) if rng.random() < 0.5 else 255 * materials.any_colour(rng)
    image = np.tile(np.asarray(colour, np.float32), (size, size, 1))
    return _finish(image, rng, gradient=0.25, grain=4)


def clouded(rng: Generator) -> Image:
    """Noise with a natural spectrum between two near colours: stone, plaster, cloth, dirt."""
    size = 128
    noise = _natural_noise(rng, size, rng.uniform(0.8, 2.2))
    first = 255 * materials.any_colour(rng)
    second = np.clip(first * rng.uniform(0.4, 1.5) + rng.uniform(-30, 30, 3), 0, 255)
    image = first + (second - first) * noise[..., None]
    return _finish(image.astype(np.float32), rng, gradient=0.15, grain=5)


def tiles(rng: Generator) -> Image:
    """Bricks or tiles with joints, each of a shade of its own."""
    size = 160
    rows, cols = int(rng.integers(2, 22)), int(rng.integers(1, 10))
    bond = 0.5 * (rng.random() < 0.6)
    y, x = np.mgrid[:size, :size] / size
    row = np.floor(y * rows)
    place = x * cols + bond * (row % 2)
    number = (row * 131 + np.floor(place) * 17).astype(int) % 997
    base, spread = 255 * materials.any_colour(rng), rng.uniform(5, 70)
    shades = np.clip(base + rng.normal(0, spread, (997, 1)) + rng.normal(0, spread / 4, (997, 3)), 0, 255)
    image = shades[number]
    width = rng.uniform(0.0, 0.08)
    joint = ((y * rows) % 1 < width * rows / 6) | (place % 1 < width * cols / 6)
    image[joint] = rng.uniform(20, 235)
    return _finish(image.astype(np.float32), rng, gradient=0.1, grain=4)


def planks(rng: Generator) -> Image:
    """Boards with grain: floors, tables, doors."""
    size = 128
    count = int(rng.integers(1, 9))
    tone = np.array(colorsys.hsv_to_rgb(rng.uniform(0.03, 0.13), rng.uniform(0.1, 0.65), rng.uniform(0.2, 0.95))) * 255
    y = np.mgrid[:size, :size][0] / size
    board = np.floor(y * count).astype(int)
    shade = rng.normal(1, rng.uniform(0, 0.15), count)[np.minimum(board, count - 1)]
    stretched = cv2.resize(rng.random((48, 3), np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    image = tone * (shade * (1 + rng.uniform(0.1, 0.6) * (stretched - 0.5)))[..., None]
    image[(y * count) % 1 < 0.03 * rng.uniform(0, 2) * count / 4] *= 0.5
    if rng.random() < 0.5:
        image = image.transpose(1, 0, 2)
    return _finish(np.ascontiguousarray(image, np.float32), rng, gradient=0.15, grain=4)


def leaves(rng: Generator) -> Image:
    """Overlapping shapes of all sizes, whose statistics are those of photographs (the 'dead leaves' model)."""
    size = 160
    image = np.full((size, size, 3), rng.uniform(0, 255), np.float32)
    spread = rng.uniform(20, 90)
    base = 255 * materials.any_colour(rng)
    for _ in range(int(rng.integers(30, 140))):
        radius = float(np.clip(4 / max(rng.random(), 0.02) ** 0.7, 3, 70))
        colour = np.clip(base + rng.normal(0, spread, 3), 0, 255).tolist()
        centre = tuple(rng.integers(0, size, 2).tolist())
        if rng.random() < 0.5:
            cv2.ellipse(
                image, centre, (int(radius), max(1, int(radius * rng.uniform(0.2, 1)))), rng.uniform(0, 180), 0, 360,
                colour, -1, cv2.LINE_AA,
            )  # fmt: skip
        else:
            box = cv2.boxPoints((centre, (radius * 2, radius * rng.uniform(0.2, 2)), rng.uniform(0, 90)))
            cv2.fillPoly(image, [box.astype(np.int32)], colour, cv2.LINE_AA)
    return _finish(image, rng, gradient=0.15, grain=5)


def prints(rng: Generator) -> Image:
    """Marks on a ground: labels, keys, dials, screens."""
    image = cv2.resize(plain(rng), (128, 128), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    rows, cols = int(rng.integers(1, 9)), int(rng.integers(1, 12))
    colour = rng.uniform(0, 255, 3)
    top, left = rng.uniform(0, 60, 2)
    bottom, right = rng.uniform((top + 20, left + 20), 128)
    for row in range(rows):
        for col in range(cols):
            if rng.random() < 0.8:
                y, x = top + (bottom - top) * row / rows, left + (right - left) * col / cols
                h, w = 0.7 * (bottom - top) / rows, rng.uniform(0.3, 0.9) * (right - left) / cols
                cv2.rectangle(image, (int(x), int(y)), (int(x + w), int(y + h)), colour.tolist(), -1)
    return _finish(np.asarray(image), rng, gradient=0.0, grain=3)


def screen(rng: Generator) -> Image:
    """Dark glass: an oven's window, a screen."""
    image = np.tile(np.asarray(rng.uniform(5, 60) * rng.uniform(0.8, 1.2, 3), np.float32), (64, 64, 1))
    return _finish(image, rng, gradient=0.9, grain=2)


def shade(texture: Image, factor: float) -> Image:
    """The texture, darker or brighter."""
    return np.asarray(np.clip(texture.astype(np.float32) * factor, 0, 255).astype(np.uint8))


def crop(texture: Image, rng: Generator, least: float = 0.3) -> Image:
    """A random part of a texture, at least ``least`` of each side, perhaps rotated by quarter turns."""
    h, w = texture.shape[:2]
    share = rng.uniform(least, 1.0, 2)
    rows, cols = max(2, int(h * share[0])), max(2, int(w * share[1]))
    top, left = int(rng.integers(0, h - rows + 1)), int(rng.integers(0, w - cols + 1))
    return np.ascontiguousarray(np.rot90(texture[top : top + rows, left : left + cols], int(rng.integers(4))))


def _appliance(rng: Generator) -> NDArray[np.float64]:
    """White, grey, steel, beige or black."""
    value = rng.uniform(10, 250)
    return np.clip(value * (1 + rng.normal(0, 0.04, 3)), 0, 255)


def _natural_noise(rng: Generator, size: int, slope: float) -> NDArray[np.float64]:
    """Noise in 0..1, (size, size), with amplitudes that fall with frequency to the power ``slope``."""
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None])
    frequency[0, 0] = 1
    spectrum = np.exp(2j * np.pi * rng.random(frequency.shape)) / frequency**slope
    spectrum[0, 0] = 0
    noise = np.fft.irfft2(spectrum, (size, size))
    low, high = np.percentile(noise, (2, 98))
    return np.asarray(np.clip((noise - low) / max(high - low, 1e-12), 0, 1))


def _finish(image: NDArray[np.floating], rng: Generator, gradient: float, grain: float) -> Image:
    """Add a gradient of light and grain."""
    height, width = image.shape[:2]
    if gradient:
        y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None]
        angle = rng.uniform(0, 2 * np.pi)
        slope = 1 + gradient * rng.random() * (np.cos(angle) * x + np.sin(angle) * y)
        image = image * slope[..., None]
    image = image + rng.uniform(0, grain) * rng.standard_normal((height, width, 1))
    return np.clip(image, 0, 255).astype(np.uint8)
