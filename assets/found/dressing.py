"""A plain URDF as an object with surfaces: meshes in one frame, materials by what a shape is called."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import trimesh

from assets.generators import textures
from assets.generators.model import GeneratedObject, Joint, Link, Material, Visual
from assets.importing.joints.kinematics import axis_rotation, link_poses
from assets.importing.joints.parts import PartTree, part_tree
from assets.importing.reading.urdf import Geometry, Matrix, UrdfModel, transform
from assets.importing.reading.urdf_reader import load_urdf
from assets.importing.shapes.meshes import read_mesh

_INSIDE = ("basket",)
"""Words in the names of links that move behind a door."""
OPEN = math.radians(105.0)
"""What a hinge opens at most."""
OUT = 0.8
"""Share of its length that a drawer slides out at most."""
NEGLIGIBLE = 0.06
"""A part of less than this share of the object's size, such as a button, is no part of its own."""
PATTERNED = 0.7
"""Size in metres of the objects that the surfaces were made for."""
#: Shapes with their roles.
Shapes = list[tuple[str, trimesh.Trimesh]]
#: What a shape whose name has one of the words is: the first that fits.
_ROLES = (
    ("handle", ("handle", "knob", "tip")),
    ("glass", ("window", "glass")),
    ("burner", ("heater", "burner", "button")),
    ("top", ("countertop", "sink", "surface_top")),
    ("inside", ("shelf", "basket", "holder", "separator")),
)


def dressed(urdf: Path, category: str, rng: np.random.Generator, turn: float = 0.0) -> GeneratedObject:
    """Read a URDF whose shapes have no surfaces, and give it some.

    Args:
        urdf: The file. Its z is up.
        category: What the object is.
        rng: Draws the materials.
        turn: Radians that the object is turned by about z.

    Returns:
        The object in the URDF's root frame. Hinges open at most 105 degrees, drawers slide at most 0.8 of their
        length; parts too small to see, such as buttons, are fixed to what they are on, and so are baskets, which
        would slide through a closed door.

    Raises:
        assets.importing.reading.urdf.ObjectError: The file cannot be read.
    """
    model = load_urdf(urdf, urdf.parent)
    roles = _roles(urdf)
    poses = _poses(model, turn)
    meshes: dict[str, Shapes] = {
        name: [
            (role, _mesh(visual.geometry, urdf).apply_transform(poses[name] @ visual.origin))
            for role, visual in zip(roles[name], link.visuals, strict=True)
        ]
        for name, link in model.links.items()
    }
    everything = np.concatenate([mesh.bounds for some in meshes.values() for _, mesh in some])
    size = float(np.linalg.norm(np.ptp(everything, axis=0)))
    model = _with_minor_parts_fixed(model, meshes, size)
    tree = part_tree(model)
    materials = _wardrobe(rng, size)
    links = tuple(
        _link(index, [entry for name in part for entry in meshes[name]], materials, model, tree)
        for index, part in enumerate(tree.parts)
    )
    return GeneratedObject(category, links, _joints(model, tree, links, poses), {})


def _roles(urdf: Path) -> dict[str, list[str]]:
    """Roles of the shapes of each link, by their names."""
    roles: dict[str, list[str]] = {}
    for link in ET.parse(urdf).getroot().findall("link"):
        roles[link.get("name", "")] = [_role(visual.get("name", "")) for visual in link.findall("visual")]
    return roles


def _role(name: str) -> str:
    return next((role for role, words in _ROLES if any(word in name for word in words)), "board")


def _mesh(shape: Geometry, urdf: Path) -> trimesh.Trimesh:
    """A shape's mesh at the origin."""
    made: Any = trimesh.creation
    if shape.kind == "box":
        return cast(trimesh.Trimesh, made.box(shape.size))
    if shape.kind == "cylinder":
        return cast(trimesh.Trimesh, made.cylinder(shape.size[0], shape.size[1], sections=24))
    if shape.kind == "sphere":
        return cast(trimesh.Trimesh, made.icosphere(2, shape.size[0]))
    assert shape.mesh is not None
    mesh = read_mesh(shape.mesh, urdf, urdf.parent)
    return trimesh.Trimesh(mesh.points * np.array(shape.scale), mesh.faces, process=False)


def _with_minor_parts_fixed(model: UrdfModel, meshes: dict[str, Shapes], size: float) -> UrdfModel:
    """The object with parts that are too small to see, and those behind a door, fixed to what they are on."""

    def small(link: str) -> bool:
        boxes = [mesh.bounds for _, mesh in meshes[link]]
        return bool(boxes) and float(np.linalg.norm(np.ptp(np.concatenate(boxes), axis=0))) < NEGLIGIBLE * size

    joints = tuple(
        replace(joint, type="fixed") if small(joint.child) or any(word in joint.child for word in _INSIDE) else joint
        for joint in model.joints
    )
    return replace(model, joints=joints)


def _wardrobe(rng: np.random.Generator, size: float) -> dict[str, Material]:
    """Materials of one object by role: whether two look alike is drawn once for all its parts."""
    body, front = textures.alike(rng, textures.any_material, 0.3)
    inside = body if rng.random() < 0.4 else textures.any_material(rng)
    handle, burner = textures.metal(rng), textures.coloured(rng)
    glass = _dark(textures.coloured(rng))
    top = body if rng.random() < 0.3 else textures.any_material(rng)
    if rng.random() < 0.3:
        handle = textures.any_material(rng)
    materials = {"body": body, "front": front, "inside": inside, "handle": handle, "burner": burner}
    materials |= {"glass": glass, "top": top}
    return {role: replace(each, repeat=each.repeat * size / PATTERNED) for role, each in materials.items()}


def _dark(material: Material) -> Material:
    """The material as a pane of dark glass."""
    return replace(material, texture=(0.35 * material.texture).astype(np.uint8))


def _link(index: int, entries: Shapes, materials: dict[str, Material], model: UrdfModel, tree: PartTree) -> Link:
    """One part: its shapes of one role as one mesh."""
    plain = "body" if index == 0 else "front"
    together: dict[str, list[trimesh.Trimesh]] = {}
    for role, mesh in entries:
        together.setdefault(plain if role == "board" else role, []).append(mesh)
    joined: Any = trimesh.util.concatenate
    visuals = tuple(Visual(joined(meshes), materials[role]) for role, meshes in together.items())
    name = next(name for name in tree.parts[index] if model.links[name].visuals)
    return Link("body" if index == 0 else _plain_name(name), visuals)


def _plain_name(link: str) -> str:
    """The words of a link's name without its numbers: object_door_0_1 is a door."""
    words = [word for word in link.split("_") if word.isalpha() and word != "object"]
    return " ".join(words) or "part"


def _poses(model: UrdfModel, turn: float) -> dict[str, Matrix]:
    """Poses (4, 4) of the links with every joint at zero, turned about z."""
    turned = transform(rotation=axis_rotation(np.array([0.0, 0.0, 1.0]), turn))
    return {name: turned @ pose for name, pose in link_poses(model, {}).items()}


def _joints(model: UrdfModel, tree: PartTree, links: tuple[Link, ...], poses: dict[str, Matrix]) -> tuple[Joint, ...]:
    """The joints that move parts, with limits that are sensible."""
    joints = []
    for joint in model.joints:
        if joint.name not in tree.children:
            continue
        child = tree.children[joint.name]
        x, y, z = poses[joint.child][:3, :3] @ joint.axis
        slides = joint.type == "prismatic"
        points = np.concatenate([np.asarray(visual.mesh.vertices) for visual in links[child].visuals])
        most = OUT * float(np.ptp(points @ [x, y, z])) if slides else OPEN
        origin = poses[joint.child][:3, 3]
        joints.append(
            Joint(
                parent=max(tree.parents[joint.name], 0),
                child=child,
                origin=(float(origin[0]), float(origin[1]), float(origin[2])),
                lower=max(joint.lower or 0.0, -most),
                upper=min(joint.upper or 0.0, most),
                axis=(float(x), float(y), float(z)),
                type="prismatic" if slides else "revolute",
            )
        )
    return tuple(joints)
