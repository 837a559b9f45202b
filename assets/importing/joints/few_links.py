"""Objects of more links than a simulator holds: those that joints fix to each other become one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from assets.importing.joints.parts import rigid_groups
from assets.importing.reading.sandbox import ObjectError
from assets.importing.reading.urdf import Joint, Link, UrdfModel, Visual

MOST_LINKS = 100  # that a simulator is given; PyBullet gives no state of those beyond some 125


def with_few_links(model: UrdfModel) -> UrdfModel:
    """The same object; where it has too many links, each group that joints fix to each other is its first link alone.

    Args:
        model: An object of plain joints.

    Raises:
        ObjectError: It has too many even so.
    """
    if len(model.links) <= MOST_LINKS:
        return model
    groups = rigid_groups(model)
    if len(groups) > MOST_LINKS:
        raise ObjectError(
            f"{model.path}: has {len(groups)} links that move on each other; at most {MOST_LINKS} are simulated: take "
            "links without shapes out of it, and their joints"
        )
    first = {name: group[0] for group in groups for name in group}
    poses = {group[0]: np.eye(4) for group in groups}
    shown: dict[str, list[Visual]] = {group[0]: list(model.links[group[0]].visuals) for group in groups}
    joints: list[Joint] = []
    for joint in model.joints:  # parents first
        origin = poses[joint.parent] @ joint.origin
        if joint.type != "fixed":
            joints.append(replace(joint, parent=first[joint.parent], origin=origin))
            continue
        poses[joint.child] = origin
        moved = (replace(visual, origin=origin @ visual.origin) for visual in model.links[joint.child].visuals)
        shown[first[joint.child]] += moved
    links = {name: Link(name, tuple(visuals)) for name, visuals in shown.items()}
    return replace(model, links=links, joints=tuple(joints))
