"""How the links of a prepared object are shown: which files their shapes are, and their colours."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets.importing.joints.kinematics import apply
from assets.importing.reading.companions import pointer
from assets.importing.reading.notes import listed
from assets.importing.reading.urdf import Geometry, UrdfModel, Visual
from assets.importing.shapes.merging import (
    BARE,
    DENSE,
    DENSE_OBJECT,
    Surface,
    merge,
    needs_merging,
)
from assets.importing.shapes.meshes import Mesh, shape_points
from assets.importing.shapes.obj import PLAIN, Material, Picture
from assets.importing.shapes.textured_shapes import textured_shape
from assets.importing.shapes.written import copy_texture, mean_colour, write_surface

Points = dict[str, NDArray[np.float64]]


class ShownShapes:
    """Writes what an object's links look like in the folder ``building``, which is to become ``final``.

    Args:
        meshes: By file.
        building: Where files are written.
        final: Where they will lie.
        notes: What is left out or changed is added here, one sentence each.
    """

    def __init__(self, meshes: Mapping[Path, Mesh], building: Path, final: Path, notes: list[str]) -> None:
        self.building = building
        self.final = final
        self.meshes = dict(meshes)
        self.notes = notes
        self.said: dict[str, list[str]] = {}
        self.textures: dict[Path | Picture, str | None] = {}
        self.surfaces = 0
        self.copies: dict[tuple[Path, tuple[float, ...]], Path] = {}

    def shown_model(self, model: UrdfModel) -> UrdfModel:
        """The object with colours from its meshes, and every mesh written anew."""
        for mesh in self.meshes.values():
            for name in mesh.missing:
                self._say("materials and textures that are not there, or lie elsewhere, are left out", name)
        faces = {name: self._faces(link.visuals) for name, link in model.links.items()}
        share = min(1.0, DENSE_OBJECT / max(sum(min(count, DENSE) for count in faces.values()), 1))
        links = {
            name: replace(link, visuals=self._shown_link(name, link.visuals, max(int(share * DENSE), BARE)))
            for name, link in model.links.items()
        }
        self.notes += [f"{sentence}: {listed(names)}" for sentence, names in self.said.items()]
        self.said.clear()
        return replace(model, links=links)

    def _faces(self, visuals: tuple[Visual, ...]) -> int:
        """Of a link's meshes."""
        return sum(len(self.meshes[v.geometry.mesh].faces) for v in visuals if v.geometry.mesh)

    def _say(self, sentence: str, name: str) -> None:
        self.said.setdefault(sentence, []).append(name)

    def _shown_link(self, name: str, visuals: tuple[Visual, ...], dense: int) -> tuple[Visual, ...]:
        """The visuals of one link, its meshes merged where they are many or not to be shown one by one."""
        visuals = tuple(self._with_texture(visual) for visual in self._once(name, visuals))
        if not needs_merging(visuals, self.meshes, dense):
            return tuple(self._shown(visual) for visual in visuals)
        merged = [visual for visual in visuals if visual.geometry.mesh]
        kept = [visual for visual in visuals if not visual.geometry.mesh]
        meshes = {v.geometry.mesh: self._with_readable_textures(v.geometry.mesh) for v in merged if v.geometry.mesh}
        if any(mesh.doubled for mesh in meshes.values()):
            self._say("faces that are there twice are shown once, by their outer material, in links", name)
        if self._faces(visuals) > dense:
            self._say(f"links of more than {dense} faces are thinned out", f"{name} ({self._faces(visuals)})")
        return (*map(self._shown_surface, merge(merged, meshes, dense)), *kept)

    def _once(self, name: str, visuals: tuple[Visual, ...]) -> list[Visual]:
        """The visuals of a link without those that lie exactly where an earlier one does."""
        seen: dict[object, Visual] = {}
        for visual in visuals:
            key = (visual.geometry, (np.round(visual.origin, 9) + 0.0).tobytes())  # no -0
            if key in seen:
                self._say("shapes that are there twice are shown once, in links", name)
            seen.setdefault(key, visual)
        return list(seen.values())

    def _with_texture(self, visual: Visual) -> Visual:
        """A visual that can have the texture that the URDF gives it, or its mean colour."""
        if visual.texture is None:
            return visual
        if self._texture(visual.texture) is None:  # says so itself
            return replace(visual, texture=None)
        shape = visual.geometry
        if shape.mesh is None:
            path = Path(f"{shape.kind}_{len(self.meshes)}")  # of no file
            self.meshes[path] = textured_shape(shape, path)
            return replace(visual, geometry=Geometry("mesh", mesh=path))
        if self.meshes[shape.mesh].uv is not None:
            return visual
        self._say("meshes without texture coordinates are shown in the mean colour of their texture", shape.mesh.name)
        return replace(visual, rgba=mean_colour(visual.texture), texture=None)

    def _shown_surface(self, surface: Surface) -> Visual:
        """Write a merged surface and return it as a visual."""
        material = surface.material
        texture = None if material.texture is None else self._texture(material.texture)
        name = f"surface_{self.surfaces}.obj"
        self.surfaces += 1
        write_surface(surface, self.building / name, texture)
        path = self.final / name
        faces = np.zeros(len(surface.faces), np.int64)
        self.meshes[path] = Mesh(path, surface.points, surface.faces, None, faces, (PLAIN,))
        return Visual(Geometry("mesh", mesh=path), np.eye(4), material.rgba)

    def _with_readable_textures(self, path: Path) -> Mesh:
        """A mesh whose textures can all be shown: a colour takes the place of a damaged texture."""
        mesh = self.meshes[path]
        materials = (m if not m.texture or self._texture(m.texture) else Material(m.rgba) for m in mesh.materials)
        return replace(mesh, materials=tuple(materials))

    def _texture(self, source: Path | Picture) -> str | None:
        """Name of the copy of a texture, None where it is damaged."""
        if source not in self.textures:
            name = f"texture_{len(self.textures)}.png"
            copied = copy_texture(source, self.building / name)
            if not copied and isinstance(source, Path):
                sentence = "textures that cannot be read are left out"
                if pointer(source):
                    sentence = "textures that are Git LFS pointers are left out (run `git lfs pull` in their folder)"
                self._say(sentence, source.name)
            self.textures[source] = name if copied else None
        return self.textures[source]

    def _shown(self, visual: Visual) -> Visual:
        shape = visual.geometry
        if shape.mesh is None:
            return visual
        mesh = self._with_readable_textures(shape.mesh)
        look = mesh.materials[0] if mesh.uv is not None else Material(mesh.materials[0].rgba)
        visual = replace(visual, rgba=visual.rgba or (None if look.texture else look.rgba))
        mirrored = math.prod(shape.scale) < 0  # then every face is turned over
        x, y, z = (math.copysign(1.0, factor) for factor in shape.scale) if mirrored else (1.0, 1.0, 1.0)
        key = (mesh.path, (x, y, z))
        if key not in self.copies:
            copy = self.final / f"mesh_{len(self.copies)}.obj"
            mesh = _mirrored(mesh, np.array([x, y, z])) if mirrored else mesh
            surface = Surface(look, mesh.points, mesh.faces, mesh.uv, mesh.normals)
            texture = None if look.texture is None else self._texture(look.texture)
            write_surface(surface, self.building / copy.name, texture)
            self.copies[key] = copy
            self.meshes[copy] = replace(mesh, path=copy)
        factors = (x * shape.scale[0], y * shape.scale[1], z * shape.scale[2])
        return replace(visual, geometry=replace(shape, mesh=self.copies[key], scale=factors))

    def link_points(self, model: UrdfModel) -> Points:
        """Points (n, 3) in metres of each link that has shapes, in the link's frame."""
        return {
            link.name: np.concatenate([apply(v.origin, self._visual_points(v)) for v in link.visuals])
            for link in model.links.values()
            if link.visuals
        }

    def _visual_points(self, visual: Visual) -> NDArray[np.float64]:
        shape = visual.geometry
        if shape.mesh is None:
            return shape_points(shape)
        return np.asarray(self.meshes[shape.mesh].points * np.array(shape.scale))


def _mirrored(mesh: Mesh, signs: NDArray[np.float64]) -> Mesh:
    """A mesh whose axes are turned over where signs (3,) say so, and whose faces look outwards again."""
    uv = None if mesh.uv is None else mesh.uv[:, ::-1]
    return replace(mesh, points=mesh.points * signs, faces=mesh.faces[:, ::-1], uv=uv, normals=None)
