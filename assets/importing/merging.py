"""Few visuals in place of many: the meshes of a link with the same material become one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from assets.importing.kinematics import apply
from assets.importing.meshes import Mesh
from assets.importing.obj import Material
from assets.importing.urdf import Visual

MANY = 8  # meshes of a link: more are merged
DENSE = 10_000  # faces of a link: more are thinned out, for they would cost most of an image's rendering time
FINE = 1 / 500  # of a link's length: details below it, a fifth of a pixel, go when a link is thinned out
TEXTURE_SIDE = 512  # pixels at most of a copied texture: an object is seldom that many pixels wide


@dataclass(frozen=True)
class Surface:
    """Triangles of one material: ``points`` (n, 3) in metres, ``faces`` (m, 3), ``uv`` (m, 3, 2) or None."""

    material: Material
    points: NDArray[np.float64]
    faces: NDArray[np.int64]
    uv: NDArray[np.float64] | None


def needs_merging(visuals: Sequence[Visual], meshes: Mapping[Path, Mesh]) -> bool:
    """Whether a link's meshes are many, or such that a renderer would show them wrongly one by one.

    A renderer takes one material for a whole OBJ, reads what the OBJ names wherever it lies, and leaves out the
    backs of faces: of an open sheet, or one that is inside out, half the views would show nothing.

    Args:
        visuals: Of the link.
        meshes: By file.
    """
    shown = [meshes[visual.geometry.mesh] for visual in visuals if visual.geometry.mesh]
    odd = (len(mesh.materials) > 1 or not mesh.inside or not mesh.solid for mesh in shown)
    return len(shown) > MANY or any(odd)


def merge(visuals: Sequence[Visual], meshes: Mapping[Path, Mesh]) -> list[Surface]:
    """Put a link's meshes together by material.

    Faces of open meshes get a back of their own. Where a texture is asked for at corners that have no place in
    it, the material's colour takes its place. A link of very many faces loses its finest detail.

    Args:
        visuals: Meshes with their places in the link; a visual's own colour goes before its mesh's.
        meshes: By file.

    Returns:
        One surface for each material, in the order of their first use, in the link's frame.
    """
    pieces: dict[Material, list[Surface]] = {}
    for visual in visuals:
        assert visual.geometry.mesh is not None
        mesh = meshes[visual.geometry.mesh]
        points = apply(visual.origin, mesh.points * np.array(visual.geometry.scale))
        for index, given in enumerate(mesh.materials):
            chosen = mesh.material == index
            mapped = np.zeros(len(chosen), bool)
            if given.texture is not None and mesh.uv is not None:
                mapped = chosen & np.isfinite(mesh.uv).all(axis=(1, 2))
            for mask, texture in ((mapped, given.texture), (chosen & ~mapped, None)):
                if not mask.any():
                    continue
                material = Material(visual.rgba or (None if texture else given.rgba), texture)
                uv = None if texture is None or mesh.uv is None else mesh.uv[mask]
                faces = _oriented(mesh, mesh.faces[mask], uv, mirrored=bool(np.prod(visual.geometry.scale) < 0))
                pieces.setdefault(material, []).append(Surface(material, points, *faces))
    surfaces = [_joined(material, some) for material, some in pieces.items()]
    if sum(len(surface.faces) for surface in surfaces) <= DENSE:
        return surfaces
    points = np.concatenate([surface.points for surface in surfaces])
    thin = [_thinned(surface, FINE * float(np.ptp(points, axis=0).max())) for surface in surfaces]
    return [surface for surface in thin if len(surface.faces)]


def _oriented(
    mesh: Mesh, faces: NDArray[np.int64], uv: NDArray[np.float64] | None, mirrored: bool
) -> tuple[NDArray[np.int64], NDArray[np.float64] | None]:
    """Faces that look outwards, or both ways where it is not known which way that is."""
    flipped, flipped_uv = faces[:, ::-1], None if uv is None else uv[:, ::-1]
    if not mesh.solid:
        return np.concatenate([faces, flipped]), None if uv is None else np.concatenate([uv, flipped_uv])
    return (flipped, flipped_uv) if mirrored else (faces, uv)


def _joined(material: Material, pieces: list[Surface]) -> Surface:
    offsets = np.cumsum([0, *(len(piece.points) for piece in pieces)])
    faces = np.concatenate([piece.faces + offset for piece, offset in zip(pieces, offsets, strict=False)])
    uv = None if material.texture is None else np.concatenate([p.uv for p in pieces if p.uv is not None])
    used, faces = np.unique(faces, return_inverse=True)
    points = np.concatenate([piece.points for piece in pieces])[used]
    return Surface(material, points, faces.reshape(-1, 3), uv)


def _thinned(surface: Surface, cell: float) -> Surface:
    """The surface with all points of a cube of ``cell`` metres a side moved to one of them, without what collapses."""
    place = np.round(surface.points / max(cell, 1e-12)).astype(np.int64)
    _, first, member = np.unique(place, axis=0, return_index=True, return_inverse=True)
    faces = member.reshape(-1)[surface.faces]
    start = np.argmin(faces, axis=1)[:, None]
    aligned = np.take_along_axis(faces, (start + np.arange(3)) % 3, axis=1)  # equal faces start alike
    _, once = np.unique(aligned, axis=0, return_index=True)
    flat = (faces == np.roll(faces, 1, axis=1)).any(axis=1)
    kept = np.sort(once[~flat[once]])
    uv = None if surface.uv is None else surface.uv[kept]
    used, faces = np.unique(faces[kept], return_inverse=True)
    return Surface(surface.material, surface.points[first[used]], faces.reshape(-1, 3), uv)


def write_surface(surface: Surface, path: Path, texture: str | None) -> None:
    """Write a surface as an OBJ, and where it has a texture a material library beside it.

    Args:
        surface: What to write.
        path: The OBJ.
        texture: Name of the texture in the same folder, None to leave it out.
    """
    lines = [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in surface.points.tolist()]
    if texture is None or surface.uv is None:
        lines += [f"f {a} {b} {c}" for a, b, c in (surface.faces + 1).tolist()]
    else:
        library = path.with_suffix(".mtl")
        library.write_text(f"newmtl surface\nKd 1 1 1\nmap_Kd {texture}\n", encoding="ascii")
        places, place = np.unique(np.round(surface.uv, 5).reshape(-1, 2), axis=0, return_inverse=True)
        lines = [f"mtllib {library.name}", *lines, *(f"vt {u:.5f} {v:.5f}" for u, v in places.tolist())]
        lines.append("usemtl surface")
        for (a, b, c), (i, j, k) in zip((surface.faces + 1).tolist(), (place.reshape(-1, 3) + 1).tolist(), strict=True):
            lines.append(f"f {a}/{i} {b}/{j} {c}/{k}")
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


def copy_texture(source: Path, target: Path) -> bool:
    """Copy an image file of any kind as a PNG of at most 512 pixels a side; False where it cannot be read."""
    try:
        with Image.open(source) as image:
            small = image.convert("RGBA" if "transparency" in image.info else "RGB").convert("RGB")
            small.thumbnail((TEXTURE_SIDE, TEXTURE_SIDE))
            small.save(target)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False
    return True
