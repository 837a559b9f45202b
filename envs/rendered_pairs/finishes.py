"""Surfaces of rooms and furniture: paints, woods, metals, stone, tiles, cloth, prints, in colours that homes have."""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from envs.image_pairs import surfaces
from envs.rendered_pairs.textured_meshes import Surface

Image = NDArray[np.uint8]
Generator = np.random.Generator
Colour = tuple[float, float, float]

#: Textures of a kind that a process makes.
POOL = 12
_SIZE = 256


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """An sRGB colour in 0..1."""
    return colorsys.hsv_to_rgb(hue % 1.0, min(max(saturation, 0.0), 1.0), min(max(value, 0.0), 1.0))


def paint_colour(rng: Generator) -> Colour:
    """White, grey, beige or black most often; else a muted or a strong colour."""
    kind = rng.random()
    if kind < 0.48:
        return hsv(rng.uniform(0.05, 0.17), rng.uniform(0, 0.12), rng.uniform(0.78, 0.97))
    if kind < 0.66:
        return hsv(rng.random(), rng.uniform(0, 0.08), rng.uniform(0.3, 0.8))
    if kind < 0.77:
        return hsv(rng.random(), rng.uniform(0, 0.2), rng.uniform(0.04, 0.2))
    if kind < 0.92:
        return hsv(rng.random(), rng.uniform(0.08, 0.35), rng.uniform(0.4, 0.85))
    return hsv(rng.random(), rng.uniform(0.5, 0.95), rng.uniform(0.35, 0.95))


def wood_colour(rng: Generator) -> Colour:
    """From pale birch to wenge."""
    return hsv(rng.uniform(0.05, 0.11), rng.uniform(0.25, 0.65), rng.uniform(0.25, 0.9))


def painted(rng: Generator) -> Surface:
    """Paint, lacquer or laminate."""
    return Surface(paint_colour(rng), _of("grain", rng) if rng.random() < 0.5 else None, rng.uniform(0.05, 0.75))


def wooden(rng: Generator) -> Surface:
    """Wood with its grain."""
    return Surface(wood_colour(rng), _of("wood", rng), rng.uniform(0.05, 0.6))


def metallic(rng: Generator) -> Surface:
    """Steel, chrome, brass or black metal."""
    kind = rng.random()
    if kind < 0.6:
        colour = hsv(0.6, rng.uniform(0, 0.05), rng.uniform(0.55, 0.9))
    elif kind < 0.8:
        return Surface(hsv(0.6, 0.05, rng.uniform(0.03, 0.2)), None, rng.uniform(0.3, 0.7))
    else:
        colour = hsv(rng.uniform(0.08, 0.13), rng.uniform(0.3, 0.6), rng.uniform(0.5, 0.85))
    return Surface(colour, _of("brushed", rng) if rng.random() < 0.6 else None, rng.uniform(0.45, 0.85), 1.0)


def plastic(rng: Generator) -> Surface:
    """Plastic, often in a strong colour."""
    if rng.random() < 0.4:
        return Surface(paint_colour(rng), None, rng.uniform(0.2, 0.8))
    return Surface(hsv(rng.random(), rng.uniform(0.3, 1.0), rng.uniform(0.25, 0.95)), None, rng.uniform(0.2, 0.8))


def stone(rng: Generator) -> Surface:
    """Granite, marble, concrete."""
    return Surface(
        hsv(rng.random(), rng.uniform(0, 0.2), rng.uniform(0.3, 0.95)), _of("stone", rng), rng.uniform(0.1, 0.7)
    )


def cloth(rng: Generator) -> Surface:
    """Woven or knitted, of any colour."""
    return Surface(hsv(rng.random(), rng.uniform(0, 0.8), rng.uniform(0.08, 0.9)), _of("cloth", rng), 0.0)


def printed(rng: Generator) -> Surface:
    """Packages, labels, posters, books."""
    texture = _of("photo" if rng.random() < 0.3 else "print", rng)
    return Surface((1.0, 1.0, 1.0), texture, rng.uniform(0.05, 0.6))


def furniture(rng: Generator) -> Surface:
    """What fronts and bodies of furniture and appliances are made of."""
    kind = rng.random()
    if kind < 0.52:
        return painted(rng)
    if kind < 0.87:
        return wooden(rng)
    if kind < 0.97:
        return metallic(rng)
    return printed(rng)


def thing(rng: Generator) -> Surface:
    """What small things are made of."""
    return _choose(rng, [(3, plastic), (3, printed), (1, metallic), (1, wooden), (1, cloth), (1, stone)])


def wall(rng: Generator) -> Surface:
    """Plaster and paint, wallpaper, tiles, bricks, boards."""
    kind = rng.random()
    if kind < 0.75:
        value = rng.uniform(0.55, 0.98)
        colour = hsv(rng.random(), rng.uniform(0, 0.09) if rng.random() < 0.8 else rng.uniform(0.1, 0.4), value)
        return Surface(colour, _of("plaster", rng), rng.uniform(0.0, 0.25))
    if kind < 0.9:
        return Surface(paint_colour(rng), _of("tiles", rng), rng.uniform(0.2, 0.7))
    if kind < 0.94:
        return Surface((1.0, 1.0, 1.0), _of("photo", rng), 0.05)
    return wooden(rng)


def floor(rng: Generator) -> Surface:
    """Boards, tiles, carpet, stone."""
    kind = rng.random()
    if kind < 0.42:
        return Surface(wood_colour(rng), _of("planks", rng), rng.uniform(0.1, 0.65))
    if kind < 0.62:
        return Surface(paint_colour(rng), _of("tiles", rng), rng.uniform(0.2, 0.75))
    if kind < 0.85:
        return Surface(hsv(rng.random(), rng.uniform(0, 0.25), rng.uniform(0.15, 0.7)), _of("carpet", rng), 0.0)
    return stone(rng)


def table(rng: Generator) -> Surface:
    """Wood most often, else laminate, stone, a cloth."""
    return _choose(rng, [(5, wooden), (3, painted), (1.5, stone), (1, cloth), (0.7, printed)])


def _choose(rng: Generator, kinds: list[tuple[float, Callable[[Generator], Surface]]]) -> Surface:
    weights = np.array([weight for weight, _ in kinds])
    return kinds[int(rng.choice(len(kinds), p=weights / weights.sum()))][1](rng)


def _of(kind: str, rng: Generator) -> Image:
    pool = _pool(kind)
    return pool[int(rng.integers(len(pool)))]


@lru_cache(maxsize=32)
def _pool(kind: str) -> list[Image]:
    """Textures of a kind, the same ones in every process: whitish, for colours are given by surfaces."""
    rng = np.random.default_rng([sum(map(ord, kind)), 20_210_503])
    return [_DRAWN[kind](rng) for _ in range(POOL)]


def _noise(rng: Generator, slope: float, stretch: float = 1.0) -> NDArray[np.float64]:
    """Seamless noise of mean 0 and deviation 1; amplitudes fall with frequency to the power ``slope``."""
    rows, cols = np.fft.fftfreq(_SIZE)[:, None], np.fft.rfftfreq(_SIZE)[None] * stretch
    frequency = np.hypot(rows, cols)
    frequency[0, 0] = 1
    spectrum = np.exp(2j * np.pi * rng.random(frequency.shape)) / frequency**slope
    spectrum[0, 0] = 0
    noise = np.fft.irfft2(spectrum, (_SIZE, _SIZE))
    return np.asarray(noise / max(float(noise.std()), 1e-12))


def _grey(values: NDArray[np.float64], tint: NDArray[np.float64] | None = None) -> Image:
    """Values about 1 as an image; its mean is bright, so that it keeps the surface's colour."""
    image = np.clip(values, 0.05, 1.25)[..., None] * np.ones(3)
    if tint is not None:
        image = image * tint
    return np.clip(image / 1.25 * 255 * 1.1, 0, 255).astype(np.uint8)


def _wood(rng: Generator) -> Image:
    grain = _noise(rng, rng.uniform(0.7, 1.1), rng.uniform(12, 40))
    rings = np.sin(rng.uniform(1.5, 5) * _noise(rng, 1.8, rng.uniform(5, 14)))
    turned = 1 + rng.uniform(0.03, 0.09) * grain + rng.uniform(0.02, 0.1) * rings
    return _grey(turned if rng.random() < 0.5 else turned.T)


def _planks(rng: Generator) -> Image:
    image = np.ones((_SIZE, _SIZE))
    count = int(rng.integers(3, 9))
    edges = np.linspace(0, _SIZE, count + 1).astype(int)
    spread, gap = rng.uniform(0.02, 0.14), rng.uniform(0.55, 0.95)
    for top, bottom in pairwise(edges.tolist()):
        grain = 1 + rng.uniform(0.04, 0.1) * _noise(rng, 1.0, rng.uniform(10, 30))
        joint = int(rng.integers(_SIZE))
        shades = 1 + spread * rng.standard_normal(2)
        image[top:bottom] = grain[top:bottom] * np.where(np.arange(_SIZE) < joint, *shades)
        image[top] *= gap
        image[top:bottom, joint] *= gap
    return _grey(image if rng.random() < 0.5 else image.T)


def _tiles(rng: Generator) -> Image:
    rows = int(rng.integers(1, 9))
    cols = max(1, round(rows * rng.choice([1.0, 1.0, 0.5, 0.33])))
    y, x = np.mgrid[:_SIZE, :_SIZE] / _SIZE
    row = np.floor(y * rows)
    place = x * cols + 0.5 * (row % 2) * float(rows % 2 == 0 and cols != rows)
    shades = 1 + rng.uniform(0, 0.12) * rng.standard_normal((rows, cols))
    if rows % 2 == 0 and cols % 2 == 0 and rng.random() < 0.2:
        shades = np.where((np.add.outer(np.arange(rows), np.arange(cols)) % 2) == 0, 1.0, rng.uniform(0.2, 0.8))
    image = shades[row.astype(int), np.floor(place).astype(int) % cols] * (1 + 0.03 * _noise(rng, 1.2))
    width = rng.uniform(0.004, 0.016)
    joint = ((y * rows) % 1 < width * rows) | (place % 1 < width * cols)
    image[joint] = rng.uniform(0.35, 1.15)
    return _grey(image)


def _stone(rng: Generator) -> Image:
    if rng.random() < 0.5:
        veins = np.exp(-rng.uniform(4, 12) * np.abs(_noise(rng, 1.5)))
        return _grey(1.05 - rng.uniform(0.1, 0.5) * veins + 0.04 * _noise(rng, 1.5))
    return _grey(1 + rng.uniform(0.05, 0.25) * _noise(rng, rng.uniform(0.2, 0.9)) + 0.05 * _noise(rng, 1.5))


def _cloth(rng: Generator) -> Image:
    y, x = np.mgrid[:_SIZE, :_SIZE] * (2 * np.pi / _SIZE)
    count = int(rng.integers(16, 60))
    image = 1 + rng.uniform(0.02, 0.12) * (np.sin(count * x) + np.sin(count * y)) + 0.05 * _noise(rng, 0.8)
    if rng.random() < 0.35:
        bands = int(rng.integers(1, 10))
        image *= np.where(
            np.sin(bands * (x if rng.random() < 0.5 else y)) > rng.uniform(-0.7, 0.7), 1, rng.uniform(0.4, 0.9)
        )
    return _grey(image)


def _plaster(rng: Generator) -> Image:
    return _grey(1 + rng.uniform(0.005, 0.03) * _noise(rng, rng.uniform(0.3, 1.0)) + 0.015 * _noise(rng, 1.8))


def _grain(rng: Generator) -> Image:
    return _grey(1 + 0.02 * _noise(rng, 1.7) + rng.uniform(0, 0.015) * _noise(rng, 0.2))


def _brushed(rng: Generator) -> Image:
    image = 1 + rng.uniform(0.02, 0.07) * _noise(rng, 0.6, 60) + 0.03 * _noise(rng, 1.8)
    return _grey(image if rng.random() < 0.5 else image.T)


def _carpet(rng: Generator) -> Image:
    return _grey(1 + rng.uniform(0.08, 0.25) * _noise(rng, rng.uniform(0.1, 0.7)) + 0.06 * _noise(rng, 1.6))


def _print(rng: Generator) -> Image:
    """Blocks of colour, lines of text and figures, as on packages and posters."""
    ground = 255 * np.array(hsv(rng.random(), rng.uniform(0, 0.9), rng.uniform(0.2, 1.0)))
    image = np.tile(ground.astype(np.uint8), (_SIZE, _SIZE, 1))
    for _ in range(int(rng.integers(2, 9))):
        colour = (255 * np.array(hsv(rng.random(), rng.uniform(0, 1), rng.uniform(0.1, 1)))).tolist()
        a, b = rng.integers(-20, _SIZE + 20, (2, 2))
        kind = rng.integers(3)
        if kind == 0:
            cv2.rectangle(image, a.tolist(), b.tolist(), colour, -1)
        elif kind == 1:
            axes = (int(rng.integers(8, 90)), int(rng.integers(8, 90)))
            cv2.ellipse(image, a.tolist(), axes, rng.uniform(0, 180), 0, 360, colour, -1, cv2.LINE_AA)
        else:
            step, size = int(rng.integers(7, 24)), rng.uniform(0.3, 1.2)
            for line in range(int(rng.integers(1, 9))):
                word = "".join(chr(int(rng.integers(97, 123))) for _ in range(int(rng.integers(3, 24))))
                spot = (int(a[0]), int(a[1] + line * step))
                cv2.putText(image, word, spot, cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1 + int(size > 0.8), cv2.LINE_AA)
    return image


_DRAWN: dict[str, Callable[[Generator], Image]] = {
    "wood": _wood, "planks": _planks, "tiles": _tiles, "stone": _stone, "cloth": _cloth, "plaster": _plaster,
    "grain": _grain, "brushed": _brushed, "carpet": _carpet, "print": _print,
    "photo": surfaces.any_surface,
}  # fmt: skip
