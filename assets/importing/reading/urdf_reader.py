"""Read a URDF file into a plain model (`assets.importing.reading.urdf`).

The file may come from anywhere, so it is checked, not trusted: plain XML, finite numbers, one tree, and mesh paths
that stay inside the object's own folder (`assets.importing.reading.file_finder`).
"""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np

from assets.importing.reading.file_finder import FileFinder
from assets.importing.reading.notes import listed
from assets.importing.reading.plain_xml import parse_xml
from assets.importing.reading.sandbox import ObjectError, package_folder, package_name
from assets.importing.reading.urdf import Geometry, Joint, Link, UrdfModel, Visual, tree_order
from assets.importing.reading.urdf_files import not_urdf
from assets.importing.reading.urdf_values import LONGEST_NAME, Rgba, UrdfValues

MOST_LINKS = 1000  # of a file: more than any object that people play with has
JOINT_TYPES = ("fixed", "revolute", "continuous", "prismatic", "floating", "free", "planar", "screw")
_SIZES = {"box": ("size",), "cylinder": ("radius", "length"), "capsule": ("radius", "length"), "sphere": ("radius",)}
_Limits = tuple[float | None, float | None]


def load_urdf(path: str | Path, folder: str | Path | None = None, mesh_root: str | Path | None = None) -> UrdfModel:
    """Read and check a URDF.

    Args:
        path: The URDF file.
        folder: The object's folder, outside which no mesh is read. Default: the package that holds the URDF
            (see `assets.importing.reading.sandbox.package_folder`).
        mesh_root: A further folder, below which files are looked for that are not there.

    Returns:
        The model, with mesh paths resolved to existing files.

    Raises:
        ObjectError: The file is missing, is not a well-formed URDF, is no single tree, or refers to a mesh
            outside the object's folder.
    """
    path = Path(os.path.abspath(path))
    if not path.is_file():
        raise ObjectError(f"{path}: no such URDF file")
    return parse_urdf(path.read_bytes(), path, folder, mesh_root)


def parse_urdf(
    text: bytes, path: Path, folder: str | Path | None = None, mesh_root: str | Path | None = None
) -> UrdfModel:
    """`load_urdf` for text already read from ``path``."""
    robot = parse_xml(text, path)
    reason = not_urdf(robot)
    if reason:
        raise ObjectError(f"{path}: {reason}")
    if folder is None:
        names = [package_name(mesh.get("filename", "")) for mesh in robot.iter("mesh")]
        home = package_folder(path, [name for name in names if name])
    else:
        home = Path(os.path.abspath(folder))
    root = None if mesh_root is None else Path(os.path.abspath(Path(mesh_root).expanduser()))
    if root is not None and not root.is_dir():
        raise ObjectError(f"{root}: no such folder to look for meshes in")
    return _Reader(path, home, root).read(robot)


class _Reader:
    """Turns the elements of one URDF into the model; every complaint names the file."""

    def __init__(self, path: Path, folder: Path, root: Path | None) -> None:
        self.path = path
        self.values = UrdfValues(path)
        self.fail = self.values.fail
        self.files = FileFinder(path, folder, root)
        self.colours: dict[str, Rgba] = {}
        self.textures: dict[str, str] = {}
        self.shapeless: list[str] = []
        self.by_collision: list[str] = []
        self.reversed: list[str] = []
        self.mimics: list[str] = []

    def read(self, robot: ET.Element) -> UrdfModel:
        for material in robot.iter("material"):  # a name may be used before the visual that defines it
            name = material.get("name")
            colour, texture = self.values.colour(material), material.find("texture")
            if name and colour is not None:
                self.colours.setdefault(name, colour)
            if name and texture is not None and texture.get("filename"):
                self.textures.setdefault(name, texture.get("filename", ""))
        links: dict[str, Link] = {}
        count = len(robot.findall("link"))
        if count > MOST_LINKS:
            raise self.fail(f"has {count} links; at most {MOST_LINKS} are read: keep the part of it that moves")
        for element in robot.findall("link"):
            name = self.values.name_of(element)
            if name in links:
                raise self.fail(f'two links are called "{name}"')
            links[name] = Link(name, self.visuals(element, name))
        if not links:
            raise self.fail("has no <link>")
        joints: dict[str, Joint] = {}
        for element in robot.findall("joint"):
            joint = self.joint(element, links)
            if joint.name in joints:
                raise self.fail(f'two joints are called "{joint.name}"')
            joints[joint.name] = joint
        root, ordered = self.tree(links, list(joints.values()))
        return UrdfModel(
            name=(robot.get("name") or self.path.stem)[:LONGEST_NAME],
            links=links,
            joints=ordered,
            root=root,
            path=self.path,
            folder=self.files.folder,
            mesh_root=self.files.root,
            stamps=tuple(sorted(self.files.stamps)),
            notes=tuple(self.notes()),
        )

    def notes(self) -> list[str]:
        notes = [*self.files.notes(), *self.values.notes()]
        for names, sentence in (
            (self.shapeless, "shapes that cannot be shown are left out"),
            (self.by_collision, "links without a <visual> are shown by their collision shapes"),
            (self.reversed, "limits whose lower one is the larger are swapped"),
            (self.mimics, "joints that mimic another are taken as free"),
        ):
            if names:
                notes.append(f"{sentence}: {listed(names)}")
        return notes

    def visuals(self, link: ET.Element, name: str) -> tuple[Visual, ...]:
        """What is seen of a link; its collision shapes where it has no visual, as in PyBullet."""
        found = link.findall("visual")
        by_collision = not found
        if by_collision:
            found = link.findall("collision")
        shown = tuple(v for v in (self.visual(element, name) for element in found) if v is not None)
        if by_collision and shown:
            self.by_collision.append(name)
        return shown

    def visual(self, element: ET.Element, link: str) -> Visual | None:
        what = f'a {element.tag} of link "{link}"'
        geometry = self.geometry(element, what)
        if geometry is None:
            return None
        rgba, texture = None, None
        material = element.find("material")
        if material is not None:
            name = material.get("name", "")
            inline = material.find("texture")
            picture = ("" if inline is None else inline.get("filename", "")) or self.textures.get(name, "")
            texture = self.files.find(picture, "texture") if picture else None
            rgba = self.values.colour(material) or self.colours.get(name)
        return Visual(geometry, self.values.origin(element, what), rgba, texture)

    def geometry(self, element: ET.Element, what: str) -> Geometry | None:
        """The shape, None where there is none that can be shown."""
        shapes = list(element.findall("geometry/*"))
        if len(shapes) > 1:  # PyBullet takes the first
            self.shapeless.append(f"{what} (all but the first of {len(shapes)} in one geometry)")
        if not shapes:
            self.shapeless.append(f"{what} (no geometry)")
            return None
        shape = shapes[0]
        if shape.tag == "mesh":
            scale = self.values.lengths(shape.get("scale", "").strip() or "1 1 1", 3, f"the mesh scale of {what}")
            if 0.0 in scale:
                self.shapeless.append(f"{what} (a mesh of scale {shape.get('scale')})")
                return None
            mesh = self.files.find(shape.get("filename", ""))
            return None if mesh is None else Geometry("mesh", mesh=mesh, scale=(scale[0], scale[1], scale[2]))
        if shape.tag not in _SIZES:
            self.shapeless.append(f"{what} (a <{shape.tag}>; known are mesh, {', '.join(_SIZES)})")
            return None
        size: tuple[float, ...] = ()
        for key in _SIZES[shape.tag]:
            size += self.values.lengths(
                shape.get(key, ""), 3 if key == "size" else 1, f"the {shape.tag} {key} of {what}"
            )
        if min(size) <= 0.0:
            self.shapeless.append(f"{what} (a {shape.tag} of size {' '.join(f'{side:g}' for side in size)})")
            return None
        return Geometry(shape.tag, size=size)

    def joint(self, element: ET.Element, links: dict[str, Link]) -> Joint:
        name = self.values.name_of(element)
        what = f'joint "{name}"'
        kind = element.get("type", "")
        if kind not in JOINT_TYPES:
            raise self.fail(f'{what} has the type "{kind}"; known are {", ".join(JOINT_TYPES)}')
        ends = []
        for tag in ("parent", "child"):
            end = element.find(tag)
            link = "" if end is None else end.get("link", "")
            if link not in links:
                raise self.fail(f'the {tag} of {what} is "{link}", which is no link of this file')
            ends.append(link)
        if kind != "fixed" and element.find("mimic") is not None:
            self.mimics.append(name)
        axis = np.array([1.0, 0.0, 0.0])  # URDF's default
        axis_element = element.find("axis")
        if axis_element is not None:
            axis = np.array(self.values.numbers(axis_element.get("xyz", "1 0 0"), 3, f"the axis of {what}"))
        longest = float(np.abs(axis).max())
        if longest < 1e-9:
            if kind != "fixed":
                raise self.fail(f"the axis of {what} is zero: say about or along which it moves")
            axis, longest = np.array([1.0, 0.0, 0.0]), 1.0
        axis = axis / longest  # first, so that no square is beyond what a number can be
        lower, upper = (None, None) if kind == "fixed" else self.limits(element, name)
        return Joint(
            name, kind, ends[0], ends[1], self.values.origin(element, what), axis / np.linalg.norm(axis), lower, upper
        )

    def limits(self, element: ET.Element, name: str) -> _Limits:
        limit = element.find("limit")
        if limit is None or ("lower" not in limit.attrib and "upper" not in limit.attrib):
            return None, None
        bounds = []
        for key in ("lower", "upper"):  # a single bound leaves the other at URDF's default of 0
            text = limit.get(key, "").strip() or "0"
            if text.lower().lstrip("+-") in ("inf", "infinity", ".inf"):
                text = "-1e300" if text.startswith("-") else "1e300"
            bounds.append(self.values.numbers(text, 1, f'the {key} limit of joint "{name}"')[0])
        if bounds[0] > bounds[1]:
            self.reversed.append(name)
        return min(bounds), max(bounds)

    def tree(self, links: dict[str, Link], joints: list[Joint]) -> tuple[str, tuple[Joint, ...]]:
        """The root link and the joints from the root outwards; anything but one tree is refused."""
        above: dict[str, str] = {}
        for joint in joints:
            if joint.child in above:
                raise self.fail(f'link "{joint.child}" hangs on two joints; a URDF is a tree')
            above[joint.child] = joint.parent
        roots = [name for name in links if name not in above]
        if not roots:
            raise self.fail("its joints form a cycle: no link is the root")
        if len(roots) > 1:
            raise self.fail(f"has several roots ({', '.join(roots)}); an object is one tree of links")
        ordered = tree_order(joints, roots[0])
        if len(ordered) < len(joints):
            lost = ", ".join(joint.name for joint in joints if joint.name not in {j.name for j in ordered})
            raise self.fail(f"its joints form a cycle: {lost} cannot be reached from link {roots[0]}")
        return roots[0], ordered
