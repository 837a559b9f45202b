"""Where an object's links are for given joint positions, and trees of plain joints only."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from assets.importing.reading.urdf import Joint, Matrix, UrdfModel, transform, tree_order


def apply(pose: Matrix, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points (n, 3) moved by a pose (4, 4)."""
    return points @ pose[:3, :3].T + pose[:3, 3]


def inverse(pose: Matrix) -> Matrix:
    """Inverse of a rigid transform (4, 4)."""
    back = pose[:3, :3].T
    return transform(-back @ pose[:3, 3], back)


def axis_rotation(axis: Matrix, angle: float) -> Matrix:
    """Rotation (3, 3) by ``angle`` rad about a unit ``axis`` (3,) (Rodrigues' formula)."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + math.sin(angle) * cross + (1.0 - math.cos(angle)) * (cross @ cross))


def joint_motion(joint: Joint, position: float) -> Matrix:
    """What a joint at ``position`` (rad or m) adds (4, 4) to its origin; identity for a fixed joint."""
    if joint.type == "prismatic":
        return transform(joint.axis * position)
    if joint.type in ("revolute", "continuous"):
        return transform(rotation=axis_rotation(joint.axis, position))
    return np.eye(4)


def link_poses(model: UrdfModel, positions: Mapping[str, float]) -> dict[str, Matrix]:
    """Forward kinematics: the pose (4, 4) of every link in the root link's frame.

    Args:
        model: The object.
        positions: Joint positions in rad or m by joint name; 0 where not given.
    """
    poses = {model.root: np.eye(4)}
    for joint in model.joints:
        motion = joint_motion(joint, positions.get(joint.name, 0.0))
        poses[joint.child] = poses[joint.parent] @ joint.origin @ motion
    return poses


def middle_positions(model: UrdfModel) -> dict[str, float]:
    """The middle of every moving joint's range in rad or m; 0 for a joint without limits."""
    return {
        joint.name: 0.0 if joint.lower is None or joint.upper is None else (joint.lower + joint.upper) / 2
        for joint in model.joints
        if joint.type != "fixed"
    }


def renamed(model: UrdfModel, taken_links: Iterable[str], taken_joints: Iterable[str]) -> UrdfModel:
    """The same object with ``object_`` before link and joint names that are taken."""
    links = _free_names(model.links, taken_links)
    names = _free_names([joint.name for joint in model.joints], taken_joints)
    return replace(
        model,
        root=links[model.root],
        links={links[name]: replace(link, name=links[name]) for name, link in model.links.items()},
        joints=tuple(
            replace(j, name=names[j.name], parent=links[j.parent], child=links[j.child]) for j in model.joints
        ),
    )


def _free_names(names: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    names, taken = list(names), set(taken)
    result = {}
    for name in names:
        new = name
        while new in taken or (new != name and new in names):
            new = f"object_{new}"
        result[name] = new
    return result


def rooted_at(model: UrdfModel, link: str) -> UrdfModel:
    """The same object as a tree that hangs on another link; joint positions mean what they meant.

    The joints between the old and the new root are reversed. A joint's frame lies in its parent and moves
    with it, so the frame of a link that was a parent and is now a child is moved into the joint:

        pose(child) = pose(parent) O M(q)   becomes   pose(parent) O = pose(child) M(-q).

    Args:
        model: The object.
        link: Name of the new root, whose own frame stays as it is.
    """
    above = {joint.child: joint for joint in model.joints}
    moved = {link: np.eye(4)}  # new frame in the old one, of the links whose frame changes
    reversed_joints: dict[str, Joint] = {}
    end = link
    while end in above:
        joint = above[end]
        reversed_joints[joint.name] = replace(
            joint, parent=end, child=joint.parent, origin=inverse(moved[end]), axis=-joint.axis
        )
        moved[joint.parent] = joint.origin
        end = joint.parent
    back = {name: inverse(frame) for name, frame in moved.items()}
    links = {
        name: replace(old, visuals=tuple(replace(v, origin=back.get(name, np.eye(4)) @ v.origin) for v in old.visuals))
        for name, old in model.links.items()
    }
    joints = [
        reversed_joints.get(joint.name, replace(joint, origin=back.get(joint.parent, np.eye(4)) @ joint.origin))
        for joint in model.joints
    ]
    return replace(model, root=link, links=links, joints=tree_order(joints, link))
