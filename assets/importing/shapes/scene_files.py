"""Read meshes that trimesh knows (STL, PLY, OFF, glTF, COLLADA) with their colours and textures, in metres."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.importing.reading.companions import Companions
from assets.importing.reading.sandbox import ObjectError
from assets.importing.shapes.obj import PLAIN, Material
from assets.importing.shapes.painted import painted, picture

_PACKAGES = {".dae": ("collada", "pycollada"), ".zae": ("collada", "pycollada")}  # module, and what to install


@dataclass(frozen=True)
class SceneMesh:
    """What such a file holds; see `assets.importing.shapes.meshes.Mesh`."""

    points: NDArray[np.float64]
    faces: NDArray[np.int64]
    uv: NDArray[np.float64] | None
    material: NDArray[np.int64]
    materials: tuple[Material, ...]


def read_scene(path: Path, urdf: Path, companions: Companions) -> SceneMesh:
    """Read a mesh file as one mesh.

    Args:
        path: The file. Its own unit is turned into metres; its axes stay as they are, as in RViz.
        urdf: The file that refers to it, for messages.
        companions: Finds the files that it refers to.

    Raises:
        ObjectError: Its format cannot be read, or not without a further package.
    """
    import trimesh  # slow to import, and seldom needed

    suffix = path.suffix.lower()
    module, package = _PACKAGES.get(suffix, ("", ""))
    if module and importlib.util.find_spec(module) is None:
        raise ObjectError(
            f"{urdf}: reading {path.name} needs the package {package}: run `pip install {package}`, or convert the "
            "mesh to .obj or .stl and change its name in the URDF"
        )
    if suffix.lstrip(".") not in trimesh.available_formats():
        raise ObjectError(
            f"{urdf}: cannot read meshes of the format {suffix or '(none)'} ({path.name}): "
            "convert it to .obj or .stl and change its name in the URDF"
        )
    scene: Any = trimesh.load(path, process=False, force="scene", resolver=_resolver(companions))
    unit = trimesh.units.unit_conversion(scene.units, "meters") if scene.units else 1.0
    pieces = [_piece(mesh) for mesh in _triangles(scene)]
    if not pieces:
        return SceneMesh(np.zeros((0, 3)), np.zeros((0, 3), np.int64), None, np.zeros(0, np.int64), (PLAIN,))
    return _joined([SceneMesh(p.points * unit, p.faces, p.uv, p.material, p.materials) for p in pieces])


def _triangles(scene: Any) -> Iterator[Any]:
    """The triangle meshes of a scene, where they are in it."""
    for node in scene.graph.nodes_geometry:
        pose, name = scene.graph[node]
        mesh = scene.geometry[name]
        if hasattr(mesh, "faces") and len(mesh.faces):
            mesh = mesh.copy()
            mesh.apply_transform(pose)
            yield mesh


def _piece(mesh: Any) -> SceneMesh:
    points, faces = np.asarray(mesh.vertices, np.float64), np.asarray(mesh.faces, np.int64)
    material = np.zeros(len(faces), np.int64)
    kind = mesh.visual.kind
    if kind == "texture":
        uv, look = _textured(mesh.visual, faces)
        return SceneMesh(points, faces, uv, material, (look,))
    if kind == "vertex":
        colours = np.asarray(mesh.visual.vertex_colors, np.float64)[faces][:, :, :3].mean(axis=1) / 255
    elif kind == "face":
        colours = np.asarray(mesh.visual.face_colors, np.float64)[:, :3] / 255
    else:
        return SceneMesh(points, faces, None, material, (PLAIN,))
    uv, material, materials = painted(colours)
    return SceneMesh(points, faces, uv, material, materials)


def _textured(visual: Any, faces: NDArray[np.int64]) -> tuple[NDArray[np.float64] | None, Material]:
    look = visual.material
    image = getattr(look, "baseColorTexture", None) or getattr(look, "image", None)
    if image is not None and visual.uv is not None and len(visual.uv):
        return np.asarray(visual.uv, np.float64)[:, :2][faces], Material(None, picture(image))
    colour = np.asarray(look.main_color, np.float64)[:3] / 255
    r, g, b = (float(value) for value in colour)
    return None, Material((r, g, b, 1.0))


def _joined(pieces: list[SceneMesh]) -> SceneMesh:
    """One mesh of several; its materials the commonest first."""
    looks = list(dict.fromkeys(look for piece in pieces for look in piece.materials))
    counts = np.zeros(len(looks), np.int64)
    points, faces, uvs, materials = [], [], [], []
    offset = 0
    for piece in pieces:
        of_piece = np.array([looks.index(look) for look in piece.materials])[piece.material]
        counts += np.bincount(of_piece, minlength=len(looks))
        points.append(piece.points)
        faces.append(piece.faces + offset)
        materials.append(of_piece)
        uvs.append(np.full((len(piece.faces), 3, 2), np.nan) if piece.uv is None else piece.uv)
        offset += len(piece.points)
    order = [index for index in np.argsort(-counts, kind="stable") if counts[index]]
    rank = np.zeros(len(looks), np.int64)
    rank[order] = np.arange(len(order))
    uv = np.concatenate(uvs)
    return SceneMesh(
        points=np.concatenate(points),
        faces=np.concatenate(faces),
        uv=None if np.isnan(uv).all() else uv,
        material=rank[np.concatenate(materials)],
        materials=tuple(looks[index] for index in order),
    )


def _resolver(companions: Companions) -> Any:
    """What trimesh asks for further files: those inside the object's folder, no others."""
    from trimesh.resolvers import Resolver

    class _Inside(Resolver):
        def __init__(self) -> None:
            pass

        def get(self, key: str) -> bytes:
            name = key.removeprefix("file://")
            found = companions.find(name)
            if found is None:
                raise FileNotFoundError(f"it refers to {name}, which is not there")
            return found.read_bytes()

        def keys(self) -> list[str]:
            return []

        def write(self, name: str, data: bytes) -> None:
            raise PermissionError(name)

        def namespaced(self, namespace: str) -> Any:
            return self

    return _Inside()
