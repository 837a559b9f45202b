"""Few visuals in place of many: the meshes of a link with the same material become one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets.importing.joints.kinematics import apply
from assets.importing.reading.urdf import Visual
from assets.importing.shapes.doubles import closed_outwards, once, welded
from assets.importing.shapes.meshes import Mesh
from assets.importing.shapes.obj import Material
from assets.importing.shapes.thinning import distinct, fewer_points

MANY = 8  # meshes of a link: more are merged
DENSE = 10_000  # faces of a link: more are thinned out, for they would cost most of an image's rendering time
DENSE_OBJECT = 50_000  # of all links together, for the same reason: a millisecond is spent on 2500
BARE = 1_000  # of a link, however many others there are


@dataclass(frozen=True)
class Surface:
    """Triangles of one material.

    Attributes:
        material: How they look.
        points: (n, 3) float64 in metres.
        faces: (m, 3) int64.
        uv: (m, 3, 2) float64, NaN for none; None where no corner has any.
        normals: Likewise (m, 3, 3).
    """

    material: Material
    points: NDArray[np.float64]
    faces: NDArray[np.int64]
    uv: NDArray[np.float64] | None
    normals: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class _Faces:
    """All faces of a link: ``points`` (n, 3), ``faces`` (m, 3), ``uv`` (m, 3, 2), number of ``look`` and mesh (m,)."""

    points: NDArray[np.float64]
    faces: NDArray[np.int64]
    uv: NDArray[np.float64]
    look: NDArray[np.int64]
    piece: NDArray[np.int64]

    def of(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> _Faces:
        """Some of the faces."""
        return _Faces(self.points, self.faces[chosen], self.uv[chosen], self.look[chosen], self.piece[chosen])


def needs_merging(visuals: Sequence[Visual], meshes: Mapping[Path, Mesh], dense: int = DENSE) -> bool:
    """Whether a link's meshes are many, or such that a renderer would show them wrongly or slowly one by one.

    A renderer takes one material for a whole OBJ and leaves out the backs of faces: of an open sheet, or one that is
    inside out, half the views would show nothing.

    Args:
        visuals: Of the link.
        meshes: By file.
        dense: Faces above which a link is to be thinned out.
    """
    own = [visual for visual in visuals if visual.geometry.mesh]
    shown = [meshes[visual.geometry.mesh] for visual in own if visual.geometry.mesh]
    if len(shown) > MANY or any(visual.texture for visual in own) or sum(len(mesh.faces) for mesh in shown) > dense:
        return True
    return any(len(m.materials) > 1 or not m.inside or not m.plain or not m.solid for m in shown)


def merge(visuals: Sequence[Visual], meshes: Mapping[Path, Mesh], dense: int = DENSE) -> list[Surface]:
    """Put a link's meshes together by material.

    Of faces that are there more than once the outermost is kept (`assets.importing.shapes.doubles`); those of open
    meshes then get a back of their own, of the same material. Where a texture is asked for at corners that have no
    place in it, the material's colour takes its place. A link of very many faces loses its finest detail.

    Args:
        visuals: Meshes with their places in the link; a visual's own texture and colour go before its mesh's.
        meshes: By file.
        dense: Faces above which a link is thinned out.

    Returns:
        One surface for each material, in the order of their first use, in the link's frame.
    """
    looks: dict[Material, int] = {}
    every = _gathered(visuals, meshes, looks)
    corners = welded(every.points, every.faces)
    kept = once(every.points, every.faces, every.look, every.piece, corners)
    every, corners = every.of(kept), corners[kept]
    if len(every.faces) > dense:
        points, faces = fewer_points(every.points, every.faces, dense)
        left = distinct(faces)
        every = replace(every, points=points, faces=faces).of(left)
        corners = welded(points, every.faces)
    open_pieces = [
        piece
        for piece in np.unique(every.piece)
        if not closed_outwards(every.points, every.faces[every.piece == piece], corners[every.piece == piece])
    ]
    every = _with_backs(every, np.isin(every.piece, open_pieces))
    surfaces = (_surface(every.of(every.look == index), material) for material, index in looks.items())
    return [surface for surface in surfaces if len(surface.faces)]


def _gathered(visuals: Sequence[Visual], meshes: Mapping[Path, Mesh], looks: dict[Material, int]) -> _Faces:
    """All faces of a link's meshes in the link's frame; their materials are added to ``looks``."""
    pieces = []
    offset = 0
    for number, visual in enumerate(visuals):
        assert visual.geometry.mesh is not None
        mesh, scale = meshes[visual.geometry.mesh], np.array(visual.geometry.scale)
        points = apply(visual.origin, mesh.points * scale)
        uv = np.full((len(mesh.faces), 3, 2), np.nan) if mesh.uv is None else mesh.uv
        placed = np.isfinite(uv).all(axis=(1, 2))
        look = np.zeros(len(mesh.faces), np.int64)
        for index, given in enumerate(mesh.materials):
            chosen = mesh.material == index
            texture = visual.texture or given.texture
            for mask, shown in ((chosen & placed, texture), (chosen & ~placed, None)):
                if mask.any():
                    own = None if visual.texture and shown else visual.rgba
                    material = Material(own or (None if shown else given.rgba), shown)
                    look[mask] = looks.setdefault(material, len(looks))
        faces = mesh.faces
        if np.prod(scale) < 0:  # a mirror turns every face over
            faces, uv = faces[:, ::-1], uv[:, ::-1]
        pieces.append(_Faces(points, faces + offset, uv, look, np.full(len(faces), number)))
        offset += len(points)
    return _Faces(
        np.concatenate([piece.points for piece in pieces]),
        np.concatenate([piece.faces for piece in pieces]),
        np.concatenate([piece.uv for piece in pieces]),
        np.concatenate([piece.look for piece in pieces]),
        np.concatenate([piece.piece for piece in pieces]),
    )


def _with_backs(every: _Faces, chosen: NDArray[np.bool_]) -> _Faces:
    """The faces, and the backs of those chosen."""
    backs = every.of(chosen)
    return _Faces(
        every.points,
        np.concatenate([every.faces, backs.faces[:, ::-1]]),
        np.concatenate([every.uv, backs.uv[:, ::-1]]),
        np.concatenate([every.look, backs.look]),
        np.concatenate([every.piece, backs.piece]),
    )


def _surface(faces: _Faces, material: Material) -> Surface:
    used, numbers = np.unique(faces.faces, return_inverse=True)
    uv = None if material.texture is None else faces.uv
    return Surface(material, faces.points[used], numbers.reshape(-1, 3), uv)
