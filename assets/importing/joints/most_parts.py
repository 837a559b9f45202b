"""Objects of more parts than there are labels: the largest are played with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from assets.importing.joints.kinematics import joint_motion, middle_positions
from assets.importing.joints.parts import PartTree, part_tree
from assets.importing.reading.notes import listed
from assets.importing.reading.urdf import UrdfModel


def with_most_parts(
    model: UrdfModel, points: Mapping[str, NDArray[np.float64]], most: int, notes: list[str]
) -> UrdfModel:
    """The same object with no more than so many parts.

    The smallest parts become part of what they hang on, in the middle of their joints' range. Small is what has a
    short diagonal: a button, not a door.

    Args:
        model: An object of plain joints, whose root is in a part where parts move on it.
        points: Points (n, 3) in metres of each link that has shapes, in the link's frame.
        most: Parts to keep.
        notes: What was fixed is added here, as a sentence.
    """
    tree = part_tree(model)
    if len(tree.parts) <= most:
        return model
    size = [
        max(float(np.linalg.norm(np.ptp(points[link], axis=0))) for link in part if link in points)
        for part in tree.parts
    ]
    moved = set(tree.children.values())
    smallest = sorted((part for part in range(len(tree.parts)) if part in moved), key=lambda part: size[part])
    stuck = set(smallest[: len(tree.parts) - most])
    first = [next(link for link in tree.parts[part] if link in points) for part in sorted(stuck)]
    notes.append(
        f"of {len(tree.parts)} parts the {most} largest are played with; fixed to what they hang on, in the middle of "
        f"their range: {listed(first)}"
    )
    return _fixed(model, tree, stuck)


def _fixed(model: UrdfModel, tree: PartTree, stuck: set[int]) -> UrdfModel:
    """The object with the joints fixed that move these parts."""
    middle = middle_positions(model)
    joints = tuple(
        replace(
            joint,
            type="fixed",
            origin=joint.origin @ joint_motion(joint, middle[joint.name]),
            lower=None,
            upper=None,
        )
        if tree.children.get(joint.name) in stuck
        else joint
        for joint in model.joints
    )
    return replace(model, joints=joints)
