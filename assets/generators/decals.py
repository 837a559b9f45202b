"""Printed marks for textures: rows of glyphs, a logo, warning stripes, a number pad."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Generator = np.random.Generator


def glyph_rows(rng: Generator, size: int) -> Mask:
    """Return rows of letter-like marks on a 3 x 5 grid each, (size, size)."""
    mask = np.zeros((size, size), dtype=bool)
    cell = int(rng.integers(2, 4))  # pixels of a glyph's cell
    row = int(rng.integers(4, 12))
    for _ in range(int(rng.integers(1, 5))):
        column = left = int(rng.integers(3, size // 4))
        right = int(rng.integers(size // 2, size - 3))
        while column + 3 * cell <= right and row + 5 * cell <= size - 3:
            glyph = rng.random((5, 3)) < 0.6
            glyph[:, rng.integers(3)] = True
            mask[row : row + 5 * cell, column : column + 3 * cell] = np.kron(glyph, np.ones((cell, cell), bool))
            column += (4 if rng.random() < 0.8 else 7) * cell
        row += 7 * cell
        if rng.random() < 0.3 and row < size - 3:  # a rule under the row
            mask[row - cell : row - cell // 2, left:right] = True
    return mask


def logo(rng: Generator, size: int) -> Mask:
    """Return a star, flower or ring with a random number of lobes, (size, size)."""
    y, x = np.mgrid[:size, :size] - rng.uniform(0.35, 0.65, (2, 1, 1)) * size
    angle, radius = np.arctan2(y, x), np.hypot(x, y)
    border = size * rng.uniform(0.16, 0.28) * (1.0 + rng.uniform(0.0, 0.4) * np.cos(rng.integers(2, 8) * angle))
    inner = border * rng.uniform(0.0, 0.7)
    return np.asarray((radius < border) & (radius >= inner))


def warning(rng: Generator, size: int) -> Mask:
    """Return a band of slanted stripes, (size, size)."""
    y, x = np.mgrid[:size, :size]
    slant = 1 if rng.random() < 0.5 else -1
    stripes = (x + slant * y) * int(rng.integers(3, 7)) / size % 1.0 < 0.5
    start, height = rng.uniform(0.1, 0.5) * size, rng.uniform(0.15, 0.35) * size
    return np.asarray(stripes & (y > start) & (y < start + height))


def pad(rng: Generator, size: int) -> Mask:
    """Return a block of 3 x 4 keys with a hole in each for its number, (size, size)."""
    mask = np.zeros((size, size), dtype=bool)
    pitch = int(size * rng.uniform(0.13, 0.2))
    key = max(4, int(pitch * rng.uniform(0.6, 0.8)))
    top, left = (int(rng.integers(2, size - n * pitch - 1)) for n in (4, 3))
    for i in range(4):
        for j in range(3):
            y, x = top + i * pitch, left + j * pitch
            mask[y : y + key, x : x + key] = True
            mask[y + key // 3 : y + 2 * key // 3, x + key // 3 : x + 2 * key // 3] = rng.random() < 0.3
    return mask


def printed(rng: Generator, image: Image) -> Image:
    """Print one mark or two on a texture.

    Args:
        rng: Source of the choices.
        image: Texture, (N, N, 3) uint8.

    Returns:
        A new texture of the same size, the marks in a colour that stands out from its mean.
    """
    image = image.copy()
    mean = float(image.mean())
    for _ in range(1 if rng.random() < 0.7 else 2):
        draw = (glyph_rows, glyph_rows, logo, warning, pad)[rng.integers(5)]
        ink = rng.uniform(0.0, 60.0, 3) if mean > 120.0 else rng.uniform(190.0, 255.0, 3)
        if rng.random() < 0.25:  # red, yellow or blue ink
            ink = np.array(((200.0, 30.0, 30.0), (235.0, 200.0, 30.0), (30.0, 60.0, 190.0))[rng.integers(3)])
        image[draw(rng, image.shape[0])] = np.round(ink).astype(np.uint8)
    return image
