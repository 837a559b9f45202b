"""A Wavefront OBJ whose groups of faces say what moves, as a folder in the layout of PartNet-Mobility.

Sweet Home 3D's convention, by the names of groups:

- ``sweethome3d_hinge_1`` is a hinge. What begins with ``sweethome3d_opening_on_hinge_1``,
  ``sweethome3d_window_pane_on_hinge_1`` or ``sweethome3d_window_mirror_on_hinge_1`` rotates about it.
- With ``rail`` in place of ``hinge`` it slides; ``sweethome3d_unique_rail`` is for all that have no rail of their own.
- A hinge or a rail lies along the longest side of its group. What has no such name is the body.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from assets.generators.textures import any_colour
from assets.importing.joints.kinematics import axis_rotation

Read = Callable[[str], bytes | None]
Limits = Mapping[str, Any]

OPEN = 100.0
"""Degrees that a hinge opens where nothing else is said."""
MESHES = "textured_objs"
_AXIS = re.compile(r"sweethome3d_(?:(hinge|rail)_(\d+)|(unique_rail))")
_MOVED = re.compile(r"sweethome3d_(?:opening|window_pane|window_mirror)_on_(hinge|rail)_(\d+)")


def is_articulated(text: bytes) -> bool:
    """Whether an OBJ has a group that moves about a hinge or along a rail."""
    return bool(re.search(rb"^[go]\s+" + _MOVED.pattern.encode(), text, re.MULTILINE))


@dataclass
class Groups:
    """An OBJ by its groups.

    Attributes:
        points: (n, 3) float64.
        places: (k, 2) float64, texture coordinates.
        faces: By group and material, polygons: corners (point, texture coordinate or -1).
        libraries: Names of material libraries.
    """

    points: NDArray[np.float64]
    places: NDArray[np.float64]
    faces: dict[str, dict[str, list[list[tuple[int, int]]]]] = field(default_factory=dict)
    libraries: list[str] = field(default_factory=list)

    def used(self, names: list[str]) -> NDArray[np.float64]:
        """Points (m, 3) of some groups."""
        chosen = {v for name in names for faces in self.faces[name].values() for face in faces for v, _ in face}
        return self.points[sorted(chosen)]


def read_groups(text: str) -> Groups:
    """Read an OBJ's groups.

    Args:
        text: Of the file.

    Raises:
        ValueError: A number or a face is broken.
    """
    points: list[list[float]] = []
    places: list[list[float]] = []
    groups = Groups(np.zeros((0, 3)), np.zeros((0, 2)))
    name = material = ""
    for line in text.replace("\\\n", " ").splitlines():
        key, _, rest = line.strip().partition(" ")
        if key == "v":
            points.append([float(word) for word in rest.split()[:3]])
        elif key == "vt":
            places.append([float(word) for word in rest.split()[:2]])
        elif key in ("g", "o"):
            name = rest.strip()
        elif key == "usemtl":
            material = rest.strip()
        elif key == "mtllib":
            groups.libraries.append(rest.strip())
        elif key == "f":
            face = [_corner(word, len(points), len(places)) for word in rest.split()]
            groups.faces.setdefault(name, {}).setdefault(material, []).append(face)
    groups.points = np.array(points, np.float64).reshape(-1, 3)
    groups.places = np.array(places, np.float64).reshape(-1, 2)
    return groups


def _corner(word: str, points: int, places: int) -> tuple[int, int]:
    """Indices of a corner such as ``3/1/2`` or ``-1``: point, and texture coordinate or -1."""
    first, second, *_ = [*word.split("/"), ""]
    v = int(first)
    t = int(second or 0)
    point = v - 1 if v > 0 else points + v
    place = t - 1 if t > 0 else places + t if t < 0 else -1
    if not 0 <= point < points or place >= places:
        raise ValueError(f"a face has the corner {word}, which is not there")
    return point, place


@dataclass(frozen=True)
class Motion:
    """How a part of a model moves.

    Attributes:
        kind: hinge or rail.
        number: Which one.
        groups: Names of the groups that it moves.
        origin: (3,) a point on its axis, metres.
        axis: (3,) of unit length.
        lower: Radians or metres.
        upper: Likewise.
    """

    kind: str
    number: str
    groups: tuple[str, ...]
    origin: NDArray[np.float64]
    axis: NDArray[np.float64]
    lower: float
    upper: float


def find_motions(groups: Groups, limits: Limits) -> list[Motion]:
    """Hinges and rails of a model, with what moves on them.

    Args:
        groups: In metres, z up.
        limits: By "hinge" or "rail", or by these with a number ("hinge_2"), [lower, upper] in degrees or metres, in
            place of the usual ones: 100 degrees to the side where the part leaves the body, and to the rail's ends.
    """
    moved: dict[tuple[str, str], list[str]] = {}
    axes: dict[tuple[str, str], list[str]] = {}
    for name in groups.faces:
        if match := _MOVED.match(name):
            moved.setdefault((match[1], match[2]), []).append(name)
        elif match := _AXIS.match(name):
            axes.setdefault(("rail", "") if match[3] else (match[1], match[2]), []).append(name)
    body = [name for name in groups.faces if not any(name in some for some in moved.values())]
    motions = []
    for (kind, number), names in moved.items():
        axis_groups = axes.get((kind, number)) or axes.get((kind, ""))
        if not axis_groups or not body:
            continue
        place = groups.used(axis_groups)
        low, high = place.min(axis=0), place.max(axis=0)
        axis = np.eye(3)[int(np.argmax(high - low))]
        origin = (low + high) / 2
        part = groups.used(names)
        given = limits.get(f"{kind}_{number}", limits.get(kind))
        if kind == "hinge":
            lower, upper = map(math.radians, given or _opening(part, groups.used(body), origin, axis))
        else:
            lower, upper = given or _sliding(part, place, axis)
        motions.append(Motion(kind, number, tuple(names), origin, axis, lower, upper))
    return motions


def _opening(
    part: NDArray[np.float64], body: NDArray[np.float64], origin: NDArray[np.float64], axis: NDArray[np.float64]
) -> tuple[float, float]:
    """Limits in degrees of a hinge: to the side where less of the part comes into the body, else to the front (-y)."""
    low, high = body.min(axis=0), body.max(axis=0)

    def score(angle: float) -> tuple[float, float]:
        turned = (part - origin) @ axis_rotation(axis, math.radians(angle)).T + origin
        inside = ((turned > low + 1e-3) & (turned < high - 1e-3)).all(axis=1)
        return round(float(inside.mean()), 1), float(turned[:, 1].mean())

    return (0.0, OPEN) if score(50.0) < score(-50.0) else (-OPEN, 0.0)


def _sliding(part: NDArray[np.float64], rail: NDArray[np.float64], axis: NDArray[np.float64]) -> tuple[float, float]:
    """Limits in metres of a slide: as far as the rail reaches, else half the part's length."""
    along, track = part @ axis, rail @ axis
    lower, upper = min(track.min() - along.min(), 0.0), max(track.max() - along.max(), 0.0)
    if upper - lower < 0.1 * np.ptp(along):
        upper = 0.5 * float(np.ptp(along))
    return float(lower), float(upper)


def write_model(
    path: str,
    read: Read,
    folder: Path,
    category: str,
    *,
    size: tuple[float, float, float],
    rotation: tuple[float, ...] | None = None,
    limits: Limits | None = None,
    paint: np.random.Generator | None = None,
) -> None:
    """Write a model as ``mobility.urdf``, meshes, ``semantics.txt`` and ``meta.json`` in a folder.

    Args:
        path: Of the OBJ in its archive.
        read: Reads a file beside the OBJ by its name, None where there is none.
        folder: Empty.
        category: What it is.
        size: Width, depth and height in metres that the model is stretched to.
        rotation: As in the catalogue, row by row.
        limits: As for `find_motions`.
        paint: Draws other colours for the materials that have no texture; None leaves them.

    Raises:
        ValueError: The model is broken, or nothing in it moves.
    """
    text = read(PurePosixPath(path).name)
    try:
        groups = read_groups((text or b"").decode("utf-8", "replace"))
        _place(groups, size, rotation)
    except (ValueError, IndexError) as error:
        raise ValueError(f"{path}: {error}") from error
    motions = find_motions(groups, limits or {})
    if not motions:
        raise ValueError(f"{path}: no group of faces moves on a hinge or a rail that is there")
    taken = {name for motion in motions for name in motion.groups}
    parts = [[name for name in groups.faces if name not in taken], *([*motion.groups] for motion in motions)]
    meshes = folder / MESHES
    meshes.mkdir()
    _write_materials(groups.libraries, read, meshes, paint)
    for index, names in enumerate(parts):
        (meshes / f"link_{index}.obj").write_text(_obj(groups, names), encoding="utf-8")
    (folder / "mobility.urdf").write_text(_urdf(category, motions), encoding="utf-8")
    words = {"hinge": "hinge", "rail": "slider"}
    lines = ["link_0 free body", *(f"link_{i} {words[m.kind]} opening_{i}" for i, m in enumerate(motions, 1))]
    (folder / "semantics.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _place(groups: Groups, size: tuple[float, float, float], rotation: tuple[float, ...] | None) -> None:
    """Turn a model so that z is up and -y its front, stretch it to its size, and put it on the ground."""
    if not groups.faces:
        raise ValueError("has no faces")
    points = groups.points
    if rotation is not None:
        points = points @ np.array(rotation).reshape(3, 3).T
    groups.points = points = np.stack([points[:, 0], -points[:, 2], points[:, 1]], axis=1)
    used = groups.used(list(groups.faces))
    low, high = used.min(axis=0), used.max(axis=0)
    scale = np.array(size) / np.maximum(high - low, 1e-9)
    scale = np.where(high - low < 1e-9, 1.0, scale)
    middle = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    groups.points = (points - middle) * scale


def _obj(groups: Groups, names: list[str]) -> str:
    """The OBJ of some groups, with the points they use."""
    v_of: dict[int, int] = {}
    t_of: dict[int, int] = {}
    lines = []
    for name in names:
        for material, faces in groups.faces[name].items():
            lines.append(f"usemtl {_word(material)}")
            for face in faces:
                corners = []
                for v, t in face:
                    point = v_of.setdefault(v, len(v_of) + 1)
                    corners.append(f"{point}/{t_of.setdefault(t, len(t_of) + 1)}" if t >= 0 else f"{point}")
                lines.append("f " + " ".join(corners))
    head = ["mtllib materials.mtl"]
    head += ["v {:.6g} {:.6g} {:.6g}".format(*groups.points[v]) for v in v_of]
    head += ["vt {:.6g} {:.6g}".format(*groups.places[t]) for t in t_of]
    return "\n".join(head + lines) + "\n"


def _word(name: str) -> str:
    return re.sub(r"\s+", "_", name) or "none"


def _write_materials(libraries: list[str], read: Read, folder: Path, paint: np.random.Generator | None) -> None:
    """Write the colours and textures of a model's materials as ``materials.mtl``, and the textures beside it."""
    lines: list[str] = []
    for library in libraries:
        for line in (read(library) or b"").decode("utf-8", "replace").splitlines():
            key, _, rest = line.strip().partition(" ")
            rest = rest.strip()
            if key == "newmtl":
                lines.append(f"newmtl {_word(rest)}")
            elif key == "Kd":
                colour = rest if paint is None else "{:.3f} {:.3f} {:.3f}".format(*any_colour(paint))
                lines.append(f"Kd {colour}")
            elif key == "map_Kd" and rest and (image := read(rest.split()[-1]) or read(rest)):
                name = _word(PurePosixPath(rest.replace("\\", "/")).name)
                (folder / name).write_bytes(image)
                lines.append(f"map_Kd {name}")
    (folder / "materials.mtl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _urdf(category: str, motions: list[Motion]) -> str:
    """The URDF: a body and what moves on it; meshes lie in the object's frame."""
    robot = ElementTree.Element("robot", name=category)
    for index, origin in enumerate([np.zeros(3), *(motion.origin for motion in motions)]):
        link = ElementTree.SubElement(robot, "link", name=f"link_{index}")
        for tag in ("visual", "collision"):
            shape = ElementTree.SubElement(link, tag)
            ElementTree.SubElement(shape, "origin", xyz=_numbers(-origin))
            geometry = ElementTree.SubElement(shape, "geometry")
            ElementTree.SubElement(geometry, "mesh", filename=f"{MESHES}/link_{index}.obj")
    for index, motion in enumerate(motions, 1):
        kind = "revolute" if motion.kind == "hinge" else "prismatic"
        joint = ElementTree.SubElement(robot, "joint", name=f"joint_{index}", type=kind)
        ElementTree.SubElement(joint, "origin", xyz=_numbers(motion.origin))
        ElementTree.SubElement(joint, "axis", xyz=_numbers(motion.axis))
        ElementTree.SubElement(joint, "parent", link="link_0")
        ElementTree.SubElement(joint, "child", link=f"link_{index}")
        ElementTree.SubElement(joint, "limit", lower=f"{motion.lower:.6f}", upper=f"{motion.upper:.6f}")
    ElementTree.indent(robot)
    return '<?xml version="1.0"?>\n' + ElementTree.tostring(robot, encoding="unicode") + "\n"


def _numbers(values: NDArray[np.float64]) -> str:
    return " ".join(f"{value:.6f}" for value in np.round(values, 6) + 0.0)
