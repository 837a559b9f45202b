"""Read a URDF file into a plain model: links with their visuals, and a tree of joints.

The file may come from anywhere, so it is checked, not trusted: plain XML, finite numbers, one tree, and mesh
paths that stay inside the object's own folder (`assets.importing.sandbox`).
"""

from __future__ import annotations

import math
import os
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets.importing.sandbox import ObjectError, find_mesh, package_folder, package_name, parse_xml

Matrix = NDArray[np.float64]

__all__ = [
    "Geometry",
    "Joint",
    "Link",
    "Matrix",
    "ObjectError",
    "UrdfModel",
    "Visual",
    "load_urdf",
    "matrix_to_rpy",
    "parse_urdf",
    "rpy_to_matrix",
    "transform",
    "tree_order",
]

JOINT_TYPES = ("fixed", "revolute", "continuous", "prismatic", "floating", "free", "planar", "screw")


@dataclass(frozen=True)
class Geometry:
    """A shape: ``size`` is (x, y, z) of a box, (radius, length) of a cylinder, (radius,) of a sphere.

    A cylinder's axis is its z. For a mesh ``size`` is empty, ``mesh`` the resolved file, and ``scale`` its
    factors (x, y, z), any of which may be negative.
    """

    kind: str
    size: tuple[float, ...] = ()
    mesh: Path | None = None
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Visual:
    """A geometry at ``origin`` (4, 4) in its link's frame; ``rgba`` in [0, 1], None where none is given."""

    geometry: Geometry
    origin: Matrix
    rgba: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Link:
    """A rigid body."""

    name: str
    visuals: tuple[Visual, ...] = ()


@dataclass(frozen=True)
class Joint:
    """``origin`` (4, 4) is the joint frame in the parent; ``axis`` (3,) is of unit length, in that frame.

    ``lower`` <= ``upper`` in rad (revolute) or m (prismatic); None where the file sets no limits.
    """

    name: str
    type: str
    parent: str
    child: str
    origin: Matrix
    axis: Matrix
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True)
class UrdfModel:
    """A kinematic tree. ``joints`` come in tree order: a joint's parent link is placed before it is used.

    ``folder`` is the object's own folder, which holds every file that the model refers to.
    """

    name: str
    links: dict[str, Link]
    joints: tuple[Joint, ...]
    root: str
    path: Path
    folder: Path


def rpy_to_matrix(rpy: Iterable[float]) -> Matrix:
    """Rotation (3, 3) of URDF's roll, pitch, yaw in rad: about fixed x, then y, then z."""
    r, p, y = rpy
    cr, sr, cp, sp, cy, sy = math.cos(r), math.sin(r), math.cos(p), math.sin(p), math.cos(y), math.sin(y)
    return np.array(
        [
            [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
            [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
            [-sp, cp * sr, cp * cr],
        ]
    )


def matrix_to_rpy(rotation: Matrix) -> tuple[float, float, float]:
    """Roll, pitch, yaw in rad of a rotation (3, 3); roll is 0 where pitch is +-90 degrees."""
    cp = math.hypot(rotation[0, 0], rotation[1, 0])
    pitch = math.atan2(-rotation[2, 0], cp)
    if cp < 1e-9:  # roll and yaw rotate about one axis: only their sum or difference is defined
        return 0.0, pitch, math.atan2(-rotation[0, 1], rotation[1, 1])
    return (
        math.atan2(rotation[2, 1], rotation[2, 2]),
        pitch,
        math.atan2(rotation[1, 0], rotation[0, 0]),
    )


def transform(xyz: Iterable[float] = (0.0, 0.0, 0.0), rotation: Matrix | None = None) -> Matrix:
    """Homogeneous matrix (4, 4) of a rotation (3, 3) and then a shift (3,) in metres."""
    matrix = np.eye(4)
    if rotation is not None:
        matrix[:3, :3] = rotation
    matrix[:3, 3] = tuple(xyz)
    return matrix


def tree_order(joints: Iterable[Joint], root: str) -> tuple[Joint, ...]:
    """Joints that can be reached from ``root``, breadth first; a cycle elsewhere is left out."""
    below: dict[str, list[Joint]] = {}
    for joint in joints:
        below.setdefault(joint.parent, []).append(joint)
    ordered: list[Joint] = []
    queue = [root]
    for link in queue:  # grows while it is walked
        ordered += below.get(link, [])
        queue += [joint.child for joint in below.get(link, [])]
    return tuple(ordered)


def load_urdf(path: str | Path, folder: str | Path | None = None) -> UrdfModel:
    """Read and check a URDF.

    Args:
        path: The URDF file.
        folder: The object's folder, outside which no mesh is read. Default: the package that holds the URDF
            (see `assets.importing.sandbox.package_folder`).

    Returns:
        The model, with mesh paths resolved to existing files.

    Raises:
        ObjectError: The file is missing, is not a well-formed URDF, is no single tree, or refers to a mesh
            that is missing or outside the object's folder.
    """
    path = Path(os.path.abspath(path))
    if not path.is_file():
        raise ObjectError(f"{path}: no such URDF file")
    return parse_urdf(path.read_bytes(), path, folder)


def parse_urdf(text: bytes, path: Path, folder: str | Path | None = None) -> UrdfModel:
    """`load_urdf` for text already read from ``path``."""
    robot = parse_xml(text, path)
    if robot.tag != "robot":
        raise ObjectError(f"{path}: the outermost element is <{robot.tag}>, a URDF has <robot>")
    if folder is None:
        names = [package_name(mesh.get("filename", "")) for mesh in robot.iter("mesh")]
        home = package_folder(path, [name for name in names if name])
    else:
        home = Path(os.path.abspath(folder))
    return _Reader(path, home).read(robot)


class _Reader:
    """Turns the elements of one URDF into the model; every complaint names the file."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.path = path
        self.folder = folder
        self.colours: dict[str, tuple[float, float, float, float]] = {}

    def fail(self, message: str) -> ObjectError:
        return ObjectError(f"{self.path}: {message}")

    def read(self, robot: ET.Element) -> UrdfModel:
        for material in robot.iter("material"):  # a name may be used before the visual that defines it
            colour = self.inline_colour(material)
            name = material.get("name")
            if name and colour is not None:
                self.colours.setdefault(name, colour)
        links: dict[str, Link] = {}
        for element in robot.findall("link"):
            name = self.name_of(element)
            if name in links:
                raise self.fail(f'two links are called "{name}"')
            links[name] = Link(name, tuple(self.visual(v, name) for v in element.findall("visual")))
        if not links:
            raise self.fail("has no <link>")
        joints: dict[str, Joint] = {}
        for element in robot.findall("joint"):
            joint = self.joint(element, links)
            if joint.name in joints:
                raise self.fail(f'two joints are called "{joint.name}"')
            joints[joint.name] = joint
        root, ordered = self.tree(links, list(joints.values()))
        name = robot.get("name") or self.path.stem
        return UrdfModel(name, links, ordered, root, self.path, self.folder)

    def name_of(self, element: ET.Element) -> str:
        name = element.get("name")
        if not name:
            raise self.fail(f"a <{element.tag}> has no name")
        return name

    def numbers(self, text: str, count: int, what: str) -> tuple[float, ...]:
        try:
            values = tuple(float(word) for word in text.split())
        except ValueError:
            raise self.fail(f'{what} is "{text}", wanted {count} numbers') from None
        if len(values) != count:
            raise self.fail(f'{what} is "{text}", wanted {count} numbers')
        if not all(math.isfinite(value) for value in values):
            raise self.fail(f'{what} is "{text}": numbers must be finite')
        return values

    def origin(self, element: ET.Element, what: str) -> Matrix:
        origin = element.find("origin")
        if origin is None:
            return np.eye(4)
        xyz = self.numbers(origin.get("xyz", "0 0 0"), 3, f"the origin of {what}")
        rpy = self.numbers(origin.get("rpy", "0 0 0"), 3, f"the rotation of {what}")
        return transform(xyz, rpy_to_matrix(rpy))

    def inline_colour(self, material: ET.Element) -> tuple[float, float, float, float] | None:
        colour = material.find("color")
        if colour is None:
            return None
        r, g, b, a = self.numbers(colour.get("rgba", ""), 4, f'the colour "{material.get("name", "")}"')
        return r, g, b, a

    def visual(self, element: ET.Element, link: str) -> Visual:
        what = f'a visual of link "{link}"'
        rgba = None
        material = element.find("material")
        if material is not None:
            rgba = self.inline_colour(material) or self.colours.get(material.get("name", ""))
        return Visual(self.geometry(element, what), self.origin(element, what), rgba)

    def geometry(self, element: ET.Element, what: str) -> Geometry:
        shapes = list(element.findall("geometry/*"))
        if len(shapes) != 1:
            raise self.fail(f"{what} needs one shape in its <geometry>, has {len(shapes)}")
        shape = shapes[0]
        if shape.tag == "mesh":
            scale = self.numbers(shape.get("scale", "1 1 1"), 3, f"the mesh scale of {what}")
            if 0.0 in scale:
                raise self.fail(f"the mesh scale of {what} has a zero")
            mesh = find_mesh(shape.get("filename", ""), self.path, self.folder)
            return Geometry("mesh", mesh=mesh, scale=(scale[0], scale[1], scale[2]))
        if shape.tag == "box":
            size = self.numbers(shape.get("size", ""), 3, f"the box size of {what}")
        elif shape.tag == "cylinder":
            size = tuple(
                self.numbers(shape.get(key, ""), 1, f"the cylinder {key} of {what}")[0] for key in ("radius", "length")
            )
        elif shape.tag == "sphere":
            size = self.numbers(shape.get("radius", ""), 1, f"the sphere radius of {what}")
        else:
            raise self.fail(f"{what} is a <{shape.tag}>; known are mesh, box, cylinder and sphere")
        if min(size) <= 0.0:
            raise self.fail(f"{what} is a {shape.tag} of size {size}, which is not positive")
        return Geometry(shape.tag, size=size)

    def joint(self, element: ET.Element, links: dict[str, Link]) -> Joint:
        name = self.name_of(element)
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
        axis = np.array([1.0, 0.0, 0.0])  # URDF's default
        axis_element = element.find("axis")
        if axis_element is not None:
            axis = np.array(self.numbers(axis_element.get("xyz", "1 0 0"), 3, f"the axis of {what}"))
        length = float(np.linalg.norm(axis))
        if length < 1e-9:
            if kind != "fixed":
                raise self.fail(f"the axis of {what} is zero")
            axis, length = np.array([1.0, 0.0, 0.0]), 1.0
        lower, upper = self.limits(element, what)
        return Joint(name, kind, ends[0], ends[1], self.origin(element, what), axis / length, lower, upper)

    def limits(self, element: ET.Element, what: str) -> tuple[float | None, float | None]:
        limit = element.find("limit")
        if limit is None or ("lower" not in limit.attrib and "upper" not in limit.attrib):
            return None, None
        # A single bound leaves the other at URDF's default of 0.
        lower = self.numbers(limit.get("lower", "0"), 1, f"the lower limit of {what}")[0]
        upper = self.numbers(limit.get("upper", "0"), 1, f"the upper limit of {what}")[0]
        return min(lower, upper), max(lower, upper)

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
