"""Triangle meshes with surfaces, in memory and on the GPU.

Everything is in metres, z up; triangles are seen from both sides, so that their winding does not matter.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Vertices = NDArray[np.float32]

#: Faces that meet at less than this angle are shaded as one round surface.
CREASE = math.radians(38.0)
#: Meshes and textures kept on the GPU.
KEPT = 3000


@dataclass(frozen=True, eq=False)
class Surface:
    """How a mesh looks.

    Attributes:
        colour: sRGB in 0..1; it multiplies the texture.
        texture: (h, w, 3) uint8 sRGB that repeats, None for none.
        gloss: 0 is matt, 1 a mirror's sharpness.
        metal: 0 for paint, plastic and wood, 1 for bare metal, whose reflections have its colour.
    """

    colour: tuple[float, float, float] = (0.7, 0.7, 0.7)
    texture: NDArray[np.uint8] | None = None
    gloss: float = 0.2
    metal: float = 0.0


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles of one surface.

    Attributes:
        vertices: (3 m, 8) float32: position in metres, unit normal, texture coordinates, three rows a triangle.
        surface: How it looks.
    """

    vertices: Vertices
    surface: Surface

    @property
    def points(self) -> Vertices:
        """(3 m, 3) positions in metres."""
        return self.vertices[:, :3]

    def with_surface(self, surface: Surface) -> Mesh:
        """The same triangles with another surface."""
        return replace(self, surface=surface)


def mesh_of(triangles: Floats, surface: Surface, uv: Floats | None = None, repeat: float = 1.0) -> Mesh:
    """A mesh of loose triangles, smooth where they meet at small angles.

    Args:
        triangles: (m, 3, 3) positions in metres.
        surface: How it looks.
        uv: (m, 3, 2) texture coordinates, NaN for none; None projects the texture along the axis that each triangle
            faces most.
        repeat: Metres that the texture takes where it is projected.
    """
    triangles = np.asarray(triangles, np.float64).reshape(-1, 3, 3)
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    projected = _projected(triangles, normals, repeat)
    if uv is not None:
        given = np.asarray(uv, np.float64).reshape(-1, 3, 2)
        projected = np.where(np.isnan(given).any((1, 2), keepdims=True), projected, given)
    vertices = np.concatenate([triangles, _smooth(triangles, normals), projected], axis=-1)
    return Mesh(np.ascontiguousarray(vertices.reshape(-1, 8), np.float32), surface)


def _projected(triangles: Floats, normals: Floats, repeat: float) -> Floats:
    """Texture coordinates (m, 3, 2) along the axis that a triangle faces most."""
    others = np.array([[1, 2], [0, 2], [0, 1]])[np.abs(normals).argmax(axis=1)]
    return np.asarray(np.take_along_axis(triangles, others[:, None, :].repeat(3, axis=1), axis=2) / repeat)


def _smooth(triangles: Floats, normals: Floats) -> Floats:
    """Unit normals (m, 3, 3) of corners: means over the faces that meet there at less than the crease angle."""
    flat = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    corners = triangles.reshape(-1, 3)
    extent = max(float(np.ptp(corners, axis=0).max()), 1e-9)
    keys = np.round((corners - corners.min(axis=0)) / extent * 20_000).astype(np.int64) @ np.array(
        [1 << 42, 1 << 21, 1]
    )
    _, place = np.unique(keys, return_inverse=True)
    sums = np.zeros((place.max() + 1, 3))
    np.add.at(sums, place, (flat[:, None] * _angles(triangles)[..., None]).reshape(-1, 3))
    mean = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    round_ones = mean[place].reshape(-1, 3, 3)
    alike = (round_ones * flat[:, None]).sum(-1, keepdims=True) > math.cos(CREASE)
    return np.asarray(np.where(alike, round_ones, flat[:, None]))


def _angles(triangles: Floats) -> Floats:
    """Angles (m, 3) of triangles at their corners, radians: by them a face counts once, into however many it is cut."""
    first, second = (np.roll(triangles, -step, axis=1) - triangles for step in (1, 2))
    lengths = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
    cosines = (first * second).sum(axis=-1) / np.maximum(lengths, 1e-12)
    return np.asarray(np.arccos(np.clip(cosines, -1.0, 1.0)))


def joined(meshes: Sequence[Mesh]) -> list[Mesh]:
    """Meshes as few: those of one surface as one, for what costs is their number."""
    groups: dict[int, list[Mesh]] = {}
    for mesh in meshes:
        groups.setdefault(id(mesh.surface), []).append(mesh)
    return [
        some[0] if len(some) == 1 else Mesh(np.concatenate([mesh.vertices for mesh in some]), some[0].surface)
        for some in groups.values()
    ]


def moved(mesh: Mesh, pose: Floats) -> Mesh:
    """A mesh moved by a pose (4, 4), which may scale."""
    vertices = mesh.vertices.copy()
    vertices[:, :3] = mesh.vertices[:, :3] @ pose[:3, :3].T + pose[:3, 3]
    normals = mesh.vertices[:, 3:6] @ np.linalg.inv(pose[:3, :3])
    vertices[:, 3:6] = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return Mesh(vertices, mesh.surface)


def box(
    size: Sequence[float] | Floats, centre: Sequence[float] | Floats, surface: Surface, repeat: float = 1.0
) -> Mesh:
    """A box: its size and centre in metres."""
    half = np.asarray(size, np.float64) / 2
    faces = []
    for axis in range(3):
        u, v = [k for k in range(3) if k != axis]
        for side in (-1.0, 1.0):
            corners = np.zeros((4, 3))
            corners[:, axis] = side
            corners[:, u], corners[:, v] = [-1, 1, 1, -1], [-1, -1, 1, 1]
            if side * (1 if axis != 1 else -1) < 0:
                corners = corners[::-1]
            faces += [corners[[0, 1, 2]], corners[[0, 2, 3]]]
    return mesh_of(np.array(faces) * half + np.asarray(centre, np.float64), surface, repeat=repeat)


def quad(corners: Sequence[Sequence[float]], surface: Surface, repeat: float | None = None) -> Mesh:
    """A flat surface of four corners, in order; its texture is stretched over it once unless ``repeat`` is given."""
    c = np.asarray(corners, np.float64)
    uv = np.array([[0, 1], [1, 1], [1, 0], [0, 0.0]])
    order = np.array([[0, 1, 2], [0, 2, 3]])
    return mesh_of(c[order], surface, uv[order] if repeat is None else None, repeat or 1.0)


def revolved(profile: Floats, surface: Surface, steps: int = 28, squash: float = 1.0) -> Mesh:
    """A surface of revolution about z: ``profile`` is (n, 2), radius and height in metres; ``squash`` scales y."""
    angles = np.linspace(0, 2 * math.pi, steps + 1)
    rings = np.stack(
        [
            profile[:, :1] * np.cos(angles),
            profile[:, :1] * np.sin(angles) * squash,
            np.repeat(profile[:, 1:], steps + 1, axis=1),
        ],
        axis=-1,
    )
    a, b, c, d = rings[:-1, :-1], rings[:-1, 1:], rings[1:, 1:], rings[1:, :-1]
    triangles = np.stack([np.stack([a, b, c], axis=-2), np.stack([a, c, d], axis=-2)]).reshape(-1, 3, 3)
    return mesh_of(triangles, surface, repeat=0.3)


def capsule(start: Floats, end: Floats, first: float, last: float, surface: Surface, steps: int = 12) -> Mesh:
    """A rounded limb from ``start`` to ``end`` (3,), with radii that go from ``first`` to ``last``, metres."""
    axis = np.asarray(end, np.float64) - start
    length = float(np.linalg.norm(axis))
    tilts = np.array([-1.0, -0.75, -0.5, -0.25, 0.0, 0.0, 0.25, 0.5, 0.75, 1.0]) * (math.pi / 2)
    top = np.arange(10) >= 5
    radius = np.where(top, last, first)
    angles = np.linspace(0, 2 * math.pi, steps + 1)
    across = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    normals = np.concatenate([
        np.cos(tilts)[:, None, None] * across[None], np.tile(np.sin(tilts)[:, None, None], (1, steps + 1, 1))
    ], axis=-1)  # fmt: skip
    points = radius[:, None, None] * normals
    points[top, :, 2] += length
    pose = frame(axis, np.asarray(start, np.float64))
    grid = np.concatenate([
        points @ pose[:3, :3].T + pose[:3, 3], normals @ pose[:3, :3].T,
        np.tile(angles[None, :, None] * (first / 0.3), (10, 1, 1)), points[..., 2:] / 0.3,
    ], axis=-1)  # fmt: skip
    a, b, c, d = grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]
    return Mesh(np.stack([a, b, c, a, c, d], axis=2).reshape(-1, 8).astype(np.float32), surface)


def frame(axis: Floats, origin: Floats, hint: Floats | None = None) -> Floats:
    """A pose (4, 4) whose z is along ``axis`` and whose x is as near to ``hint`` as can be."""
    z = np.asarray(axis, np.float64) / max(float(np.linalg.norm(axis)), 1e-12)
    if hint is None or np.linalg.norm(np.cross(hint, z)) < 1e-6:
        hint = np.eye(3)[int(np.abs(z).argmin())]
    y = np.cross(z, hint)
    y /= np.linalg.norm(y)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([np.cross(y, z), y, z], axis=1)
    pose[:3, 3] = origin
    return pose


class GpuStore:
    """Meshes and textures on the GPU, the least used ones let go.

    Args:
        context: Where they are kept.
        make: From a vertex buffer to what is drawn with.
    """

    def __init__(self, context: Any, make: Callable[[Any], Any]) -> None:
        self._context, self._make = context, make
        self._held: OrderedDict[int, tuple[Any, Any, list[Any]]] = OrderedDict()

    def mesh(self, mesh: Mesh) -> Any:
        """What draws a mesh."""

        def upload() -> tuple[Any, list[Any]]:
            buffer = self._context.buffer(mesh.vertices.tobytes())
            arrays = self._make(buffer)
            return arrays, [*arrays, buffer]

        return self._get(mesh.vertices, upload)

    def texture(self, pixels: NDArray[Any], repeat: bool = True) -> Any:
        """A texture of (h, w, 3) uint8 or (h, w, 3) float16 pixels."""

        def upload() -> tuple[Any, list[Any]]:
            kind = "f2" if pixels.dtype == np.float16 else "f1"
            size = (pixels.shape[1], pixels.shape[0])
            texture = self._context.texture(size, 3, np.ascontiguousarray(pixels).tobytes(), alignment=1, dtype=kind)
            texture.build_mipmaps()
            texture.filter = (0x2703, 0x2601)  # trilinear
            texture.repeat_x = texture.repeat_y = repeat
            return texture, [texture]

        return self._get(pixels, upload)

    def _get(self, key: NDArray[Any], upload: Callable[[], tuple[Any, list[Any]]]) -> Any:
        if id(key) in self._held:
            self._held.move_to_end(id(key))
        else:
            made, released = upload()
            self._held[id(key)] = (key, made, released)  # the key is held too, so that its id stays its own
            if len(self._held) > KEPT:
                self._let_go(next(iter(self._held)))
        return self._held[id(key)][1]

    def forget(self, meshes: Sequence[Mesh]) -> None:
        """Let go of meshes that will not be drawn again."""
        for mesh in meshes:
            if id(mesh.vertices) in self._held:
                self._let_go(id(mesh.vertices))

    def _let_go(self, key: int) -> None:
        for thing in self._held.pop(key)[2]:
            thing.release()
