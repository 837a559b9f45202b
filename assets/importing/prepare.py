"""Turn any articulated object into one that can be played with: fitted to the view, lying on the table.

The result lies in the cache and is made again only when the source has changed.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.cache import cache_root
from assets.conventions import MAX_PARTS, ViewChoice
from assets.files import atomic_folder, write_json
from assets.importing.joints.few_links import with_few_links
from assets.importing.joints.kinematics import apply, link_poses, middle_positions, renamed, rooted_at
from assets.importing.joints.limits import FREE_SLIDE, plain_joints
from assets.importing.joints.most_parts import with_most_parts
from assets.importing.joints.parts import PartJoint, PartTree, part_names, part_tree
from assets.importing.joints.prepared_urdf import PLANAR, ROOT_LINKS, prepared_xml
from assets.importing.reading.notes import listed
from assets.importing.reading.sandbox import package_folder
from assets.importing.reading.urdf import ObjectError, UrdfModel
from assets.importing.reading.urdf_files import absolute, find_urdf
from assets.importing.reading.urdf_reader import parse_urdf
from assets.importing.shapes.meshes import Mesh, read_mesh
from assets.importing.shapes.shown_shapes import Points, ShownShapes
from assets.importing.shapes.surface_points import hull_corners, surface_samples
from assets.importing.views.fitting import placed, up_direction, upright
from assets.importing.views.viewing import ObjectView, Placement, Shape, parse_view, place_for_view

__all__ = ["ObjectError", "ObjectView", "PartJoint", "PreparedObject", "find_urdf", "prepare"]

VERSION = 8  # of the prepared form: raise it when the same source should give another result
SAMPLES = 6_000  # points on an object's surface by which its view is chosen
_DAMAGED = (OSError, ValueError, KeyError, TypeError)  # what reading a missing or broken cache entry raises


@dataclass(frozen=True)
class PreparedObject:
    """An object ready to be loaded.

    Attributes:
        name: The object's own name: its folder's, or the URDF's where that has a name of its own.
        category: From ``meta.json`` where there, else "unknown".
        urdf: The prepared URDF: fitted, absolute mesh paths, planar root.
        parts: Link names of each part (links joined by fixed joints are one part); part p has label p + 1.
        part_names: From ``semantics.txt`` where there, else the part's first link with a shape.
        joints: The joints that move parts.
        radius: Of the bounding circle about the origin with all joints in the middle of their range, in m.
        height: Of the object in that state, in m.
        view: How the camera looks at it.
        notes: What was left out or changed of the file, one sentence each.
    """

    name: str
    category: str
    urdf: Path
    parts: tuple[tuple[str, ...], ...]
    part_names: tuple[str, ...]
    joints: tuple[PartJoint, ...]
    radius: float
    height: float
    view: ObjectView = field(default_factory=ObjectView)
    notes: tuple[str, ...] = ()


def prepare(path: str | Path, view: ViewChoice = "auto", mesh_root: str | Path | None = None) -> PreparedObject:
    """Make an object ready to be loaded, or find it ready in the cache.

    Floating, free and planar joints become fixed, screws rotate only (`assets.importing.joints.limits.plain_joints`);
    ``<mimic>`` and the file's masses are ignored, and so are collision shapes, but for links that have no others.
    Where the root link has no shape and parts move on it, the largest of them becomes the root; of more than 15 parts
    the largest are kept apart. The meshes of a link are merged by material where they are many, open, of many faces or
    of several materials (`assets.importing.shapes.merging`). The result names no file of the object: meshes, material
    libraries and textures are written anew (`assets.importing.shapes.written`).

    Args:
        path: A folder (see `find_urdf`) or a URDF file.
        view: From where to look at it, see `assets.importing.views.viewing`.
        mesh_root: A further folder, below which files are looked for that are not where the URDF says.

    Returns:
        The prepared object; its URDF and all that this refers to lie in one folder of the cache.

    Raises:
        ObjectError: The object cannot be used; the message names the file and the reason.
        ValueError: There is no such view.
    """
    view = parse_view(view)
    urdf = find_urdf(path)
    given = absolute(path)
    folder = None if given == urdf else given
    if folder is not None and not package_folder(urdf).is_relative_to(folder):
        folder = package_folder(urdf)  # the folder given is only a piece of a package
    text = urdf.read_bytes()
    semantics, meta = _read_beside(urdf, "semantics.txt"), _read_beside(urdf, "meta.json")
    root = None if mesh_root is None else absolute(mesh_root)
    given_by = [str(VERSION).encode(), repr(view).encode(), bytes(urdf), bytes(folder or b""), bytes(root or b"")]
    source = _digest([*given_by, text, semantics, meta])
    store = cache_root() / "prepared"
    index = store / "index" / f"{source}.json"
    try:
        files = [Path(name) for name in json.loads(index.read_text("utf-8"))]
        return _load(store / _digest([source.encode(), *_stamps(files)]))
    except _DAMAGED:
        pass  # never prepared, a mesh changed or gone, or the cache was damaged: prepare it now

    model = parse_urdf(text, urdf, folder, root)
    visuals = [visual for link in model.links.values() for visual in link.visuals]
    paths = {visual.geometry.mesh for visual in visuals if visual.geometry.mesh}
    meshes = {path: read_mesh(path, urdf, model.home_of(path)) for path in sorted(paths)}
    named = {file for path, mesh in meshes.items() for file in (path, *mesh.files)}
    files = sorted({*named, *model.stamps, *(visual.texture for visual in visuals if visual.texture)})
    final = store / _digest([source.encode(), *_stamps(files)])
    with atomic_folder(final, _loads) as building:
        _Builder(model, meshes, building, final).build(semantics.decode("utf-8", "replace"), meta, view)
    write_json(index, [str(path) for path in files])  # so that the next time the text need not be parsed
    return _load(final)


class _Builder:
    """Makes the prepared form of one object in the folder ``building``, which is to become ``final``."""

    def __init__(self, model: UrdfModel, meshes: dict[Path, Mesh], building: Path, final: Path) -> None:
        self.model = renamed(model, ROOT_LINKS, PLANAR)
        self.building = building
        self.final = final
        self.notes = list(model.notes)
        self.shapes = ShownShapes(meshes, building, final, self.notes)

    def build(self, semantics: str, meta: bytes, view: ViewChoice) -> None:
        """Write ``object.urdf`` and ``prepared.json``."""
        self.model = self.shapes.shown_model(self.model)
        points = self.link_points()
        if not points:
            reason = f" ({'; '.join(self.notes)})" if self.notes else ""
            raise ObjectError(f"{self.model.path}: no link has a shape, so there is nothing to see{reason}")
        cloud = self.cloud(points, {})
        self.model = plain_joints(self.model, float(np.linalg.norm(np.ptp(cloud, axis=0))), self.notes)
        self.visible_root(points)
        self.model = with_most_parts(self.model, self.link_points(), MAX_PARTS, self.notes)
        self.model = with_few_links(self.model)
        tree = part_tree(self.model)
        if tree.hidden:
            self.notes.append(f"links without a shape, in no part: {listed(tree.hidden)}")

        points = self.link_points()
        place = self.placement(tree, points, view)
        self.model = self.with_limits(placed(self.model, place.scale, place.pose))
        points = {name: place.scale * some for name, some in points.items()}
        if self.model.root in points:  # the pose went into the root link's shapes
            points[self.model.root] = apply(place.pose, points[self.model.root])

        xml = prepared_xml(self.model, points)
        ET.ElementTree(xml).write(self.building / "object.urdf", encoding="utf-8", xml_declaration=True)
        path = self.model.path
        prepared = PreparedObject(
            name=path.parent.name if path.name == "mobility.urdf" else path.stem,
            category=_category(meta),
            urdf=self.final / "object.urdf",
            parts=tree.parts,
            part_names=part_names(self.model, tree.parts, semantics),
            joints=self.part_joints(tree),
            radius=place.radius,
            height=place.height,
            view=place.view,
            notes=tuple(self.notes),
        )
        data = {key: value for key, value in asdict(prepared).items() if key != "urdf"}
        (self.building / "prepared.json").write_text(json.dumps(data, indent=2), encoding="utf-8")

    def placement(self, tree: PartTree, points: Points, view: ViewChoice) -> Placement:
        """How to scale and place the object for a view."""
        middle = link_poses(self.model, middle_positions(self.model))
        if float(np.ptp(np.concatenate([apply(middle[n], some) for n, some in points.items()]), axis=0).max()) < 1e-9:
            raise ObjectError(f"{self.model.path}: the object is a single point")
        direction = up_direction(self.model, middle, self.joint_weights(tree, points))
        samples = surface_samples(self.model, self.shapes.meshes, SAMPLES, SAMPLES // 20, np.random.default_rng(0))
        shape = Shape(
            samples=samples,
            corners={name: hull_corners(some) for name, some in points.items()},
            parts={name: index for index, part in enumerate(tree.parts) for name in part},
            movers=tree.children,
        )
        return place_for_view(self.model, shape, upright(direction), view)

    def link_points(self) -> Points:
        """Points (n, 3) in metres of each link that has shapes, in the link's frame."""
        return self.shapes.link_points(self.model)

    def cloud(self, points: Points, positions: dict[str, float]) -> NDArray[np.float64]:
        """All points (n, 3) in the root link's frame."""
        poses = link_poses(self.model, positions)
        return np.concatenate([apply(poses[name], some) for name, some in points.items()])

    def visible_root(self, points: Points) -> None:
        """Hang the object on one of its parts: what slides on the table is a real body."""
        tree = part_tree(self.model)
        loose = [tree.children[name] for name, parent in tree.parents.items() if parent < 0]
        if not loose:
            return
        volume = {name: float(np.prod(np.ptp(some, axis=0))) for name, some in points.items()}
        largest = max(loose, key=lambda part: sum(volume.get(link, 0.0) for link in tree.parts[part]))
        link = next(name for name in tree.parts[largest] if name in volume)
        pose = link_poses(self.model, middle_positions(self.model))[link]
        # Placed so, the new root link's frame has the axes of the file's root, whose z is the object's up.
        self.model = placed(rooted_at(self.model, link), 1.0, pose)

    @staticmethod
    def joint_weights(tree: PartTree, points: Points) -> dict[str, float]:
        """How much each joint counts for the view: the square of the size in metres of the part that it moves.

        A door must not face away from the camera for the sake of a few knobs and buttons.
        """
        size = {name: float(np.square(np.ptp(some, axis=0)).sum()) for name, some in points.items()}
        return {name: max(size.get(link, 0.0) for link in tree.parts[child]) for name, child in tree.children.items()}

    @staticmethod
    def with_limits(model: UrdfModel) -> UrdfModel:
        """A fitted object whose slides all have limits."""
        joints = tuple(
            replace(joint, lower=-FREE_SLIDE, upper=FREE_SLIDE)
            if joint.type == "prismatic" and joint.lower is None
            else joint
            for joint in model.joints
        )
        return replace(model, joints=joints)

    def part_joints(self, tree: PartTree) -> tuple[PartJoint, ...]:
        return tuple(
            PartJoint(
                name=joint.name,
                type=joint.type,
                parent=tree.parents[joint.name],
                child=tree.children[joint.name],
                lower=-math.pi if joint.lower is None else joint.lower,
                upper=math.pi if joint.upper is None else joint.upper,
            )
            for joint in self.model.joints
            if joint.name in tree.children
        )


def _digest(pieces: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(len(piece).to_bytes(8, "little") + piece)
    return digest.hexdigest()[:32]


def _stamps(files: Iterable[Path]) -> list[bytes]:
    """What shows that files are unchanged, without reading them: path, size and time of change."""
    stats = [(file, os.stat(file)) for file in files]
    return [bytes(file) + f" {stat.st_size} {stat.st_mtime_ns}".encode() for file, stat in stats]


def _read_beside(urdf: Path, name: str) -> bytes:
    path = urdf.parent / name
    try:
        return path.read_bytes() if path.is_file() else b""  # a pipe's reader would wait for ever
    except OSError:
        return b""


def _category(meta: bytes) -> str:
    """The category in a ``meta.json``: SAPIEN's key first, then the plain one."""
    try:
        entries = json.loads(meta or b"{}")
        value = entries.get("model_cat") or entries.get("category")
    except (ValueError, AttributeError):
        value = None
    return value.lower() if isinstance(value, str) and value else "unknown"


def _loads(folder: Path) -> bool:
    """Whether a prepared object is whole: another process may have been faster, with the same."""
    try:
        _load(folder)
    except _DAMAGED:
        return False
    return True


def _load(folder: Path) -> PreparedObject:
    data: dict[str, Any] = json.loads((folder / "prepared.json").read_text("utf-8"))
    urdf = folder / "object.urdf"
    if not urdf.is_file():
        raise FileNotFoundError(urdf)
    return PreparedObject(
        name=data["name"],
        category=data["category"],
        urdf=urdf,
        parts=tuple(tuple(part) for part in data["parts"]),
        part_names=tuple(data["part_names"]),
        joints=tuple(PartJoint(**joint) for joint in data["joints"]),
        radius=data["radius"],
        height=data["height"],
        view=ObjectView(**data["view"]),
        notes=tuple(data["notes"]),
    )
