"""Write the files that a simulator reads: meshes, material libraries and textures of our own.

A simulator's reader takes lines apart in its own way and opens whatever they name. So it is given no file of others:
what is written here holds numbers, and names of files beside it.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from assets.importing.shapes.merging import Surface
from assets.importing.shapes.obj import Colour, Picture

TEXTURE_SIDE = 512  # pixels at most of a copied texture: an object is seldom that many pixels wide
MOST_PIXELS = 64_000_000  # of a texture, in all: decoding more takes seconds and gigabytes


def write_surface(surface: Surface, path: Path, texture: str | None) -> None:
    """Write a surface as an OBJ, and where it has a texture a material library beside it.

    Args:
        surface: What to write.
        path: The OBJ.
        texture: Name of the texture in the same folder, None to leave it out.
    """
    lines = [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in surface.points.tolist()]
    uv, normals = None if texture is None else surface.uv, surface.normals
    if uv is not None:
        library = path.with_suffix(".mtl")
        library.write_text(f"newmtl surface\nKd 1 1 1\nmap_Kd {texture}\n", encoding="ascii")
        lines.insert(0, f"mtllib {library.name}")
    place = normal = np.zeros((len(surface.faces), 3), np.int64)
    if uv is not None:
        rows, place = _numbered(np.round(uv, 5))
        lines += [f"vt {u:.5f} {v:.5f}" for u, v in rows]
    if normals is not None:
        rows, normal = _numbered(normals)
        lines += [f"vn {x:.9g} {y:.9g} {z:.9g}" for x, y, z in rows]
    if uv is not None:
        lines.append("usemtl surface")
    for corners in np.stack([surface.faces + 1, place, normal], axis=2).tolist():
        lines.append("f " + " ".join(_corner(*corner) for corner in corners))
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


def _numbered(values: NDArray[np.float64]) -> tuple[list[list[float]], NDArray[np.int64]]:
    """The distinct rows of values (m, 3, k), and their numbers (m, 3) from 1; 0 for all of a face that lacks one."""
    whole = np.isfinite(values).all(axis=(1, 2))
    numbers = np.zeros(values.shape[:2], np.int64)
    rows, found = np.unique(values[whole].reshape(-1, values.shape[2]), axis=0, return_inverse=True)
    numbers[whole] = found.reshape(-1, 3) + 1
    return rows.tolist(), numbers


def _corner(point: int, place: int, normal: int) -> str:
    if normal:
        return f"{point}/{place or ''}/{normal}"
    return f"{point}/{place}" if place else str(point)


def copy_texture(source: Path | Picture, target: Path) -> bool:
    """Copy an image of any kind as a PNG of at most 512 pixels a side; False where it cannot be read, or is huge."""
    small = _small_image(source, TEXTURE_SIDE)
    if small is None:
        return False
    small.save(target)
    return True


def mean_colour(source: Path | Picture) -> Colour | None:
    """The mean colour of an image, for what it cannot be laid on; None where it cannot be read, or is huge."""
    small = _small_image(source, TEXTURE_SIDE)
    if small is None:
        return None
    r, g, b = np.asarray(small.resize((16, 16)), np.float64).reshape(-1, 3).mean(axis=0) / 255
    return float(r), float(g), float(b), 1.0


def _small_image(source: Path | Picture, side: int) -> Image.Image | None:
    """An image in red, green and blue of at most so many pixels a side; None where it cannot be read."""
    try:
        with Image.open(io.BytesIO(source.png) if isinstance(source, Picture) else source) as image:
            if image.width * image.height > MOST_PIXELS:
                return None
            small = image.convert("RGBA" if "transparency" in image.info else "RGB").convert("RGB")
            small.thumbnail((side, side))
            return small
    except Exception:  # a broken image fails in as many ways as there are formats
        return None
