"""What pairs are drawn of: objects others made (split found-train), generated ones, containers, furniture, pictures.

| what | where from | licence |
| --- | --- | --- |
| cabinets, fridges, ranges, switches | scene-synthesizer, by `assets.found` | Apache-2.0 |
| doors, windows, furniture, their textures | Sweet Home 3D, Debian's `sweethome3d-furniture` | CC0, CC BY 3.0 |
| robot arms | `pybullet_data`: KUKA iiwa and xArm (zlib, BSD), Franka Panda | zlib, BSD, Apache-2.0 |
| light of rooms | npm package `@pmndrs/assets` (HDRIs of Poly Haven) | CC0 |
| all else | drawn by this package | MIT |

Nothing of these is part of the repository. Held-out categories are never among the objects.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from assets import catalog
from assets.found import collection
from assets.found.found_object import TRAINING, UNTRAINED
from assets.importing.reading.urdf import ObjectError
from envs.rendered_pairs import chests, finishes, things
from envs.rendered_pairs.articulated import Articulated, load_articulated
from envs.rendered_pairs.room_stock import Stock, installed_stock
from envs.rendered_pairs.textured_meshes import Mesh, Surface

Generator = np.random.Generator

#: Where objects of a category are, if not on the floor against a wall.
_PLACES = {
    "house_door": "opening", "window": "opening", "sash_window": "opening", "garage_door": "opening",
    "wall_cabinet": "hung", "safety_switch": "switch", "lever_switch": "switch", "wall_lamp": "switch",
    "rice_cooker": "table",
}  # fmt: skip
_LEFT_OUT = frozenset({"garden_hut", "shipping_container", "clothes_rack"})
#: Categories of generated objects that lie on a table, and the share of their instances that are kept ready.
_GENERATED = ("scissors", "knife", "usb", "safe", "lid_box", "tool")
_READY = 12


@dataclass(frozen=True, eq=False)
class Subject:
    """An object to draw.

    Attributes:
        body: The object.
        place: "wall" (on the floor against a wall), "hung", "switch" (small, on a wall), "opening" or "table".
        furnished: Whether it has an inside to put things in.
    """

    body: Articulated
    place: str
    furnished: bool = False


@dataclass(frozen=True, eq=False)
class Library:
    """Where objects come from.

    Attributes:
        found: Category and folder of objects that others made.
        generated: Folders of generated objects that lie on a table.
        drawn: Whether containers and chests are drawn anew.
        stock: What rooms are furnished with.
    """

    found: tuple[tuple[str, Path], ...] = ()
    generated: tuple[Path, ...] = ()
    drawn: bool = True
    stock: Stock = field(default_factory=Stock)

    def sample(self, rng: Generator) -> Subject:
        """An object, its surfaces perhaps changed.

        Raises:
            ValueError: The library is empty.
        """
        sources: list[tuple[float, Callable[[Generator], Subject]]] = []
        if self.found:
            sources.append((0.5, self._found))
        if self.generated:
            sources.append((0.1, self._generated))
        if self.drawn:
            sources.append((0.4, _drawn))
        if not sources:
            raise ValueError("the library has no objects")
        weights = np.array([weight for weight, _ in sources])
        return sources[int(rng.choice(len(sources), p=weights / weights.sum()))][1](rng)

    def _found(self, rng: Generator) -> Subject:
        categories = sorted({category for category, _ in self.found})
        held = [sum(name == category for category, _ in self.found) for name in categories]
        weights = np.sqrt(held) * [0.35 if _PLACES.get(name) == "switch" else 1.0 for name in categories]
        category = categories[int(rng.choice(len(categories), p=weights / weights.sum()))]
        folders = [folder for name, folder in self.found if name == category]
        body = load_articulated(folders[int(rng.integers(len(folders)))])
        place = _PLACES.get(category, "wall")
        furnished = place in ("wall", "hung")
        if furnished and rng.random() < 0.7:
            body = repainted(rng, body)
        return Subject(body, place, furnished)

    def _generated(self, rng: Generator) -> Subject:
        return Subject(load_articulated(self.generated[int(rng.integers(len(self.generated)))]), "table")


def _drawn(rng: Generator) -> Subject:
    kind = int(rng.choice(5, p=[0.4, 0.1, 0.22, 0.16, 0.12]))
    if kind == 0:
        body = chests.chest(rng)
        return Subject(body, "wall" if np.ptp(body.bounds({})[:, 2]) > 0.46 else "table")
    return Subject((things.pot, things.lidded_box, things.tool, things.screen)[kind - 1](rng), "table")


def repainted(rng: Generator, body: Articulated) -> Articulated:
    """An object in surfaces of homes: one for most of it, others for small pieces, metal for the smallest."""
    areas: dict[int, float] = {}
    for meshes in body.meshes.values():
        for mesh in meshes:
            t = mesh.points.reshape(-1, 3, 3).astype(np.float64)
            area = 0.5 * float(np.linalg.norm(np.cross(t[:, 1] - t[:, 0], t[:, 2] - t[:, 0]), axis=1).sum())
            areas[_look(mesh)] = areas.get(_look(mesh), 0.0) + area
    main = finishes.furniture(rng)
    second = main if rng.random() < 0.5 else finishes.furniture(rng)
    whole = sum(areas.values())
    worn: dict[int, Surface] = {}
    for rank, (look, area) in enumerate(sorted(areas.items(), key=lambda entry: -entry[1])):
        if area < 0.05 * whole:
            worn[look] = finishes.metallic(rng) if rng.random() < 0.8 else finishes.plastic(rng)
        else:
            worn[look] = main if rank == 0 else second if rank == 1 else finishes.painted(rng)
    meshes_by_link = {
        link: tuple(mesh.with_surface(worn[_look(mesh)]) for mesh in meshes) for link, meshes in body.meshes.items()
    }
    return replace(body, meshes=meshes_by_link)


def _look(mesh: Mesh) -> int:
    """A number that meshes of one material share."""
    texture = mesh.surface.texture
    return hash(mesh.surface.colour) if texture is None else hash((texture.shape, texture[::9, ::9].tobytes()))


def training_library(stock: Stock | None = None) -> Library:
    """All that may be trained on and is installed here."""
    found: list[tuple[str, Path]] = []
    if collection.is_built():
        try:
            held = collection.members(TRAINING)
        except ObjectError:
            held = {}
        for category, numbered in held.items():
            if category not in _LEFT_OUT | UNTRAINED:
                found += [(category, folder) for _, folder in sorted(numbered.items())]
    generated = [
        catalog.instance_folder(category, index, "train" if category in catalog.TRAIN_CATEGORIES else "mix")
        for category in _GENERATED
        for index in range(_READY)
    ]
    return Library(tuple(found), tuple(generated), True, installed_stock() if stock is None else stock)
