"""Which links of an object form one rigid part, and which joints move parts."""

from __future__ import annotations

from dataclasses import dataclass

from assets.importing.reading.urdf import UrdfModel

Group = tuple[str, ...]


@dataclass(frozen=True)
class PartJoint:
    """A joint that moves parts (indices into the object's parts) against each other.

    ``lower`` and ``upper`` are in rad or m, after fitting; -pi and pi for a continuous joint.
    """

    name: str
    type: str
    parent: int
    child: int
    lower: float
    upper: float


@dataclass(frozen=True)
class PartTree:
    """Parts and the joints between them.

    Attributes:
        parts: Link names of each part, in tree order: links joined by fixed joints, one or more with a shape.
        parents: By joint name, the index of the part that the joint hangs on, -1 where there is none above.
        children: By joint name, the index of the part that it moves. Joints that move none are left out.
        hidden: Links that no part has: nothing with a shape is fixed to them.
    """

    parts: tuple[Group, ...]
    parents: dict[str, int]
    children: dict[str, int]
    hidden: Group


def part_tree(model: UrdfModel) -> PartTree:
    """Find an object's parts.

    A link without a shape belongs to what it is fixed to. A group without any shape, as files have them
    between a hinge and a slide of one part, is passed through: the joint above it moves the first part below
    it, the joint below it hangs on the nearest part above it.

    Args:
        model: An object of plain joints (`assets.importing.joints.kinematics.plain_joints`).
    """
    groups = rigid_groups(model)
    parts = [group for group in groups if any(model.links[name].visuals for name in group)]
    part_of = {name: index for index, part in enumerate(parts) for name in part}
    group_of = {name: group for group in groups for name in group}
    moving = [joint for joint in model.joints if joint.type != "fixed"]

    above = {groups[0]: part_of.get(model.root, -1)}  # the part that a group is, else the nearest above
    for joint in moving:
        above[group_of[joint.child]] = part_of.get(joint.child, above[group_of[joint.parent]])
    below = {group: part_of.get(group[0], -1) for group in groups}  # the part that it is, else the first below
    for joint in reversed(moving):
        first = below[group_of[joint.child]]
        if first >= 0 and joint.parent not in part_of:
            below[group_of[joint.parent]] = first
    return PartTree(
        parts=tuple(parts),
        parents={j.name: above[group_of[j.parent]] for j in moving if below[group_of[j.child]] >= 0},
        children={j.name: below[group_of[j.child]] for j in moving if below[group_of[j.child]] >= 0},
        hidden=tuple(name for name in model.links if name not in part_of),
    )


def rigid_groups(model: UrdfModel) -> list[Group]:
    """Names of links joined by fixed joints, in tree order, the root's group first."""
    groups = [[model.root]]
    member = {model.root: groups[0]}
    for joint in model.joints:
        if joint.type == "fixed":
            group = member[joint.parent]
        else:
            group = []
            groups.append(group)
        group.append(joint.child)
        member[joint.child] = group
    return [tuple(group) for group in groups]


def part_names(model: UrdfModel, parts: tuple[Group, ...], semantics: str) -> tuple[str, ...]:
    """A name for each part.

    Args:
        model: The object.
        parts: Link names of each part.
        semantics: Text of a ``semantics.txt``: lines "link joint-type name" as in SAPIEN's PartNet-Mobility.

    Returns:
        What the text calls the part's first link that it has; else the name of its first link with a shape.
    """
    words = (line.split(maxsplit=2) for line in semantics.splitlines())
    named = {line[0]: line[2].strip() for line in words if len(line) == 3}
    return tuple(
        next(
            (named[link] for link in part if link in named),
            next(link for link in part if model.links[link].visuals),
        )
        for part in parts
    )
