"""Articulated objects as the project's importer reads them, in metres, with meshes to draw."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import cv2
import fast_simplification
import numpy as np
import trimesh
from numpy.typing import NDArray

from assets.importing.joints.kinematics import link_poses
from assets.importing.joints.limits import plain_joints
from assets.importing.joints.parts import PartTree, part_tree
from assets.importing.reading.urdf import Geometry, Joint, UrdfModel
from assets.importing.reading.urdf_files import find_urdf
from assets.importing.reading.urdf_reader import load_urdf
from assets.importing.shapes.meshes import Mesh as ReadMesh
from assets.importing.shapes.meshes import read_mesh
from assets.importing.shapes.obj import Material, Picture
from envs.rendered_pairs.textured_meshes import Floats, Mesh, Surface, mesh_of, moved

#: Faces of a link beyond which it is simplified.
MOST_FACES = 6_000
_TEXTURE = 512  # pixels of the longer side that a texture keeps


@dataclass(frozen=True, eq=False)
class Articulated:
    """An object with joints.

    Attributes:
        model: Its links and joints, plain ones only.
        tree: Which links are one part, and which joints move parts.
        meshes: By link, in its frame, metres.
    """

    model: UrdfModel
    tree: PartTree
    meshes: Mapping[str, tuple[Mesh, ...]]

    @property
    def movable(self) -> list[Joint]:
        """The joints that move parts."""
        return [joint for joint in self.model.joints if joint.name in self.tree.children]

    def poses(self, positions: Mapping[str, float]) -> dict[str, Floats]:
        """Poses (4, 4) of the links in the object's frame."""
        return link_poses(self.model, positions)

    def bounds(self, positions: Mapping[str, float], links: list[str] | None = None) -> Floats:
        """(2, 3), the corners of the box about some links or all, metres, in the object's frame."""
        poses = self.poses(positions)
        points = [
            mesh.points @ poses[link][:3, :3].T + poses[link][:3, 3]
            for link, meshes in self.meshes.items()
            if links is None or link in links
            for mesh in meshes
        ]
        cloud = np.concatenate(points)
        return np.stack([cloud.min(axis=0), cloud.max(axis=0)])

    def links_moved_by(self, joint: Joint) -> list[str]:
        """The links below a joint, all of which it moves."""
        below = {joint.child}
        for each in self.model.joints:  # in tree order
            if each.parent in below:
                below.add(each.child)
        return [link for link in self.model.links if link in below]


@lru_cache(maxsize=400)
def load_articulated(path: Path) -> Articulated:
    """Read a folder with a URDF, or a URDF.

    Raises:
        assets.importing.reading.urdf.ObjectError: It cannot be read.
    """
    urdf = find_urdf(path)
    model = load_urdf(urdf)
    meshes: dict[str, tuple[Mesh, ...]] = {}
    for name, link in model.links.items():
        shown: list[Mesh] = []
        for visual in link.visuals:
            for mesh in geometry_meshes(visual.geometry, visual.rgba, visual.texture, model):
                shown.append(moved(mesh, visual.origin))
        if shown:
            meshes[name] = tuple(shown)
    cloud = np.concatenate([mesh.points for some in meshes.values() for mesh in some])
    model = plain_joints(model, max(float(np.linalg.norm(np.ptp(cloud, axis=0))), 1e-3), [])
    return Articulated(model, part_tree(model), meshes)


def geometry_meshes(shape: Geometry, rgba: Any, texture: Path | None, model: UrdfModel) -> list[Mesh]:
    """The meshes of one shape, one a material.

    Args:
        shape: The shape, metres.
        rgba: A colour for what has none of its own, None for none.
        texture: Likewise an image.
        model: The object that it belongs to, outside whose folder nothing is read.

    Raises:
        assets.importing.reading.urdf.ObjectError: A mesh cannot be read.
    """
    if shape.mesh is None:
        solid = _solid(shape)
        triangles = np.asarray(solid.vertices)[np.asarray(solid.faces)]
        return [mesh_of(triangles, _surface(Material(rgba, texture)), repeat=0.5)]
    mesh = read_mesh(shape.mesh, model.path, model.home_of(shape.mesh))
    made = []
    for number, material in enumerate(mesh.materials):
        chosen = mesh.material == number
        if rgba is not None and material.texture is None:
            material = Material(rgba, texture)
        triangles, uv = _thinned(mesh, chosen)
        if len(triangles):
            made.append(mesh_of(triangles * np.array(shape.scale), _surface(material), uv, repeat=0.5))
    return made


def _solid(shape: Geometry) -> trimesh.Trimesh:
    made: Any = trimesh.creation
    if shape.kind == "box":
        return cast(trimesh.Trimesh, made.box(shape.size))
    if shape.kind == "cylinder":
        return cast(trimesh.Trimesh, made.cylinder(shape.size[0], shape.size[1], sections=24))
    if shape.kind == "capsule":
        return cast(trimesh.Trimesh, made.capsule(shape.size[1], shape.size[0]))
    return cast(trimesh.Trimesh, made.icosphere(2, shape.size[0]))


def _thinned(mesh: ReadMesh, chosen: NDArray[np.bool_]) -> tuple[Floats, Floats | None]:
    """Triangles (m, 3, 3) of some faces and their texture coordinates; simplified where many and without texture."""
    faces = mesh.faces[chosen]
    uv = None if mesh.uv is None else mesh.uv[chosen]
    if uv is not None and np.isnan(uv).all():
        uv = None
    share = MOST_FACES / max(len(mesh.faces), 1)
    if share < 1 and len(faces) > 100 and (uv is None or len(mesh.faces) > 10 * MOST_FACES):
        used, corners = np.unique(faces, return_inverse=True)
        welded, place = np.unique(mesh.points[used].astype(np.float32), axis=0, return_inverse=True)
        points, thin = fast_simplification.simplify(
            welded, place[corners.reshape(-1, 3)].astype(np.int32), target_reduction=float(min(1 - share, 0.98))
        )
        return np.asarray(points, np.float64)[thin], None
    return mesh.points[faces], uv


def _surface(material: Material) -> Surface:
    """How a material of a file is drawn."""
    texture = None
    if isinstance(material.texture, Picture):
        texture = _decoded(material.texture.png)
    elif material.texture is not None:
        texture = picture_file(material.texture)
    rgba = material.rgba if material.rgba is not None else (0.75, 0.75, 0.75, 1.0)
    colour = (1.0, 1.0, 1.0) if texture is not None else (float(rgba[0]), float(rgba[1]), float(rgba[2]))
    return Surface(colour, texture, 0.35)


@lru_cache(maxsize=2000)
def picture_file(path: Path) -> NDArray[np.uint8] | None:
    """An image file as a texture, None where it is none."""
    try:
        return _decoded(path.read_bytes())
    except OSError:
        return None


def _decoded(data: bytes) -> NDArray[np.uint8] | None:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        return None
    shrink = _TEXTURE / max(image.shape[:2])
    if shrink < 1:
        image = cv2.resize(image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(np.asarray(image, np.uint8)[::-1, :, ::-1])  # row 0 is at v = 0


def range_of(joint: Joint) -> tuple[float, float]:
    """The limits of a joint in radians or metres; a free hinge turns by a third either way."""
    if joint.lower is None or joint.upper is None:
        return (-math.pi / 3, math.pi / 3) if joint.type != "prismatic" else (-0.1, 0.1)
    return joint.lower, joint.upper
