"""Write the prepared form of an object: a URDF on a planar root that holds all that a simulator needs."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from assets.importing.joints.inertia import BARE_INERTIA, BARE_MASS, box_inertia, share_mass
from assets.importing.reading.urdf import Matrix, UrdfModel, Visual, matrix_to_rpy

PLANAR = ("planar_x", "planar_y", "planar_yaw")  # joints that let an object slide and rotate on the table
ROOT_LINKS = ("world", "planar_x", "planar_y")  # the links that they move, before the object's own root
TABLE = 10.0  # m, how far an object may slide either way


def prepared_xml(model: UrdfModel, points: Mapping[str, NDArray[np.float64]]) -> ET.Element:
    """The URDF of a fitted object lying on a table.

    The root stands for the plane: world -> x -> y -> yaw -> the object's root link. There is no collision
    geometry, for grippers hold by constraints.

    Args:
        model: A fitted object of plain joints, moving ones with limits (continuous ones without).
        points: Points (n, 3) in metres of each link that has shapes, in the link's frame.
    """
    robot = ET.Element("robot", name=model.name)
    ET.SubElement(robot, "link", name=ROOT_LINKS[0])
    for name in ROOT_LINKS[1:]:
        _add_bare_inertia(ET.SubElement(robot, "link", name=name))
    corners = {name: (some.min(axis=0), some.max(axis=0)) for name, some in points.items()}
    masses = share_mass({name: high - low for name, (low, high) in corners.items()})
    for link in model.links.values():
        element = ET.SubElement(robot, "link", name=link.name)
        if link.name in corners:
            low, high = corners[link.name]
            mass = masses[link.name]
            _add_inertia(element, mass, (low + high) / 2, box_inertia(mass, high - low))
        else:
            _add_bare_inertia(element)
        for number, visual in enumerate(link.visuals):
            _add_visual(element, visual, f"{link.name}_colour_{number}")

    chain = [*ROOT_LINKS, model.root]
    for i, (name, axis) in enumerate(zip(PLANAR, ("1 0 0", "0 1 0", "0 0 1"), strict=True)):
        kind = "continuous" if name == "planar_yaw" else "prismatic"
        element = _add_joint(robot, name, kind, chain[i], chain[i + 1])
        ET.SubElement(element, "axis", xyz=axis)
        if kind == "prismatic":
            _add_limit(element, -TABLE, TABLE)
    for joint in model.joints:
        element = _add_joint(robot, joint.name, joint.type, joint.parent, joint.child)
        _add_origin(element, joint.origin)
        if joint.type != "fixed":
            ET.SubElement(element, "axis", xyz=_text(joint.axis))
            if joint.lower is not None and joint.upper is not None:
                _add_limit(element, joint.lower, joint.upper)
    ET.indent(robot)
    return robot


def _text(numbers: Iterable[float]) -> str:
    return " ".join(f"{float(number):.9g}" for number in numbers)


def _add_origin(element: ET.Element, pose: Matrix) -> None:
    ET.SubElement(element, "origin", xyz=_text(pose[:3, 3]), rpy=_text(matrix_to_rpy(pose[:3, :3])))


def _add_bare_inertia(link: ET.Element) -> None:
    _add_inertia(link, BARE_MASS, (0.0, 0.0, 0.0), (BARE_INERTIA,) * 3)


def _add_inertia(link: ET.Element, mass: float, centre: Iterable[float], moments: Iterable[float]) -> None:
    inertial = ET.SubElement(link, "inertial")
    ET.SubElement(inertial, "origin", xyz=_text(centre), rpy="0 0 0")
    ET.SubElement(inertial, "mass", value=_text([mass]))
    ixx, iyy, izz = (_text([moment]) for moment in moments)
    ET.SubElement(inertial, "inertia", ixx=ixx, iyy=iyy, izz=izz, ixy="0", ixz="0", iyz="0")


def _add_joint(robot: ET.Element, name: str, kind: str, parent: str, child: str) -> ET.Element:
    element = ET.SubElement(robot, "joint", name=name, type=kind)
    ET.SubElement(element, "parent", link=parent)
    ET.SubElement(element, "child", link=child)
    return element


def _add_limit(joint: ET.Element, lower: float, upper: float) -> None:
    ET.SubElement(joint, "limit", lower=_text([lower]), upper=_text([upper]), effort="1000", velocity="100")


def _add_visual(link: ET.Element, visual: Visual, colour_name: str) -> None:
    element = ET.SubElement(link, "visual")
    _add_origin(element, visual.origin)
    shape = visual.geometry
    geometry = ET.SubElement(element, "geometry")
    if shape.mesh is not None:
        ET.SubElement(geometry, "mesh", filename=str(shape.mesh), scale=_text(shape.scale))
    elif shape.kind == "box":
        ET.SubElement(geometry, "box", size=_text(shape.size))
    elif shape.kind in ("cylinder", "capsule"):
        radius, length = shape.size
        ET.SubElement(geometry, shape.kind, radius=_text([radius]), length=_text([length]))
    else:
        ET.SubElement(geometry, "sphere", radius=_text(shape.size))
    if visual.rgba is not None:
        material = ET.SubElement(element, "material", name=colour_name)
        ET.SubElement(material, "color", rgba=_text(visual.rgba))
