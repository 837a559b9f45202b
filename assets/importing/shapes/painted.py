"""Colours of single faces, as scanners and PLY files have them, become materials that renderers know."""

from __future__ import annotations

import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from assets.importing.shapes.obj import Material, Picture

_FEW = 8  # colours that become materials; more become one texture
_LEVELS = 31  # of each of red, green and blue
_BLOCK = 2  # pixels a side that a colour takes in the texture, so that its neighbours do not shine through


def painted(colours: NDArray[np.float64]) -> tuple[NDArray[np.float64] | None, NDArray[np.int64], tuple[Material, ...]]:
    """Materials for faces that have a colour each.

    Args:
        colours: (m, 3) in [0, 1].

    Returns:
        Places in the texture of the corners (m, 3, 2), None where there is no texture; the number of the material of
        each face (m,); the materials.
    """
    steps = np.round(np.clip(colours, 0.0, 1.0) * _LEVELS).astype(np.int64)
    distinct, which = np.unique(steps, axis=0, return_inverse=True)
    which = which.reshape(-1)
    if len(distinct) <= _FEW:
        means = [tuple(float(value) for value in colours[which == i].mean(axis=0)) for i in range(len(distinct))]
        return None, which, tuple(Material((r, g, b, 1.0)) for r, g, b in means)
    side = math.ceil(math.sqrt(len(distinct)))
    pixels = np.zeros((side * side, 3), np.uint8)
    pixels[: len(distinct)] = np.round(distinct * (255 / _LEVELS))
    image = pixels.reshape(side, side, 3).repeat(_BLOCK, axis=0).repeat(_BLOCK, axis=1)
    row, column = np.divmod(which, side)
    centre = np.stack([(column + 0.5) / side, 1.0 - (row + 0.5) / side], axis=1)  # v counts from below
    places = np.repeat(centre[:, None], 3, axis=1)
    return places, np.zeros(len(colours), np.int64), (Material(None, Picture(_png(Image.fromarray(image)))),)


def picture(image: Image.Image) -> Picture:
    """An image that lies in another file, as a texture."""
    return Picture(_png(image.convert("RGBA" if "A" in image.getbands() else "RGB")))


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "png")
    return buffer.getvalue()
