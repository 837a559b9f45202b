"""Joints in the plane of the image, where there is no depth or nobody knows the camera.

What is seen is taken to move in a plane that faces the camera: the frames get the depth of such a plane, and the joints
are estimated there as they are in space. On it a revolute joint is a pivot in pixels and an angle, a prismatic one a
direction and a shift in pixels. What turns about an axis in the plane, such as a lid seen from above, has no such joint
and is not known. There is no perspective in it: a part that comes nearer grows, which is not told from anything.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from atp.articulation.articulated_model import Articulation, ImageJointEntry, JointEntry
from atp.articulation.estimation import ArticulationEstimator
from atp.articulation.observations import Frame, Intrinsics, PlayRecord

#: The plane's distance and the focal length in units of the longer side: any, so that lengths are like those of play.
DISTANCE, FOCAL = 1.5, 1.5
#: An axis or a slide may be this far out of the plane (rad).
MOST_TILT = math.radians(20)


def flat_record(record: PlayRecord) -> PlayRecord:
    """The same play as if all of it happened on a plane that faces the camera."""
    shape = record.frames[0].labels.shape
    plane = np.full(shape, DISTANCE, np.float32)
    frames = [Frame(frame.rgb, plane, frame.labels, frame.rest) for frame in record.frames]
    camera = Intrinsics.centred((shape[0], shape[1]), FOCAL * max(shape))
    return PlayRecord(camera, frames, record.moved, record.origins)


def image_articulation(record: PlayRecord, residual_label: int | None = None) -> Articulation:
    """The articulated model in the plane of the image.

    Args:
        record: What was seen, with or without depth and intrinsics.
        residual_label: As in :meth:`~atp.articulation.estimation.ArticulationEstimator.articulation`.

    Returns:
        A model with ``image_joints`` and no ``joints``.
    """
    estimator = ArticulationEstimator(flat_record(record))
    found = estimator.articulation(residual_label)
    joints = [image_joint(joint, estimator.camera) for joint in found.joints]
    return replace(found, joints=[], image_joints=joints, camera=None)


def image_joint(joint: JointEntry, camera: Intrinsics) -> ImageJointEntry:
    """A joint of the plane in pixels.

    >>> joint = JointEntry(1, 2, "revolute", (0.0, 0.0, 1.0), (0.1, 0.0, 1.5), lower=-0.5, upper=0.0, pivot_sigma=0.01)
    >>> image_joint(joint, Intrinsics(135.0, 45.0, 45.0)).pivot
    (45.0, 54.0)
    """
    unknown = ImageJointEntry(joint.parent, joint.child, "unknown", interactions=joint.interactions)
    if joint.axis is None or joint.lower is None or joint.upper is None:
        return unknown
    x, y, z = joint.axis
    pixels = camera.focal / DISTANCE
    if joint.type == "prismatic":
        across = math.hypot(x, y)
        if across < math.cos(MOST_TILT):
            return unknown
        limits = joint.lower * pixels, joint.upper * pixels
        return ImageJointEntry(
            joint.parent, joint.child, joint.type, None, (y / across, x / across), *limits,
            interactions=joint.interactions,
        )  # fmt: skip
    if joint.pivot is None or abs(z) < math.cos(MOST_TILT):
        return unknown
    rows, cols = camera.project(np.array(joint.pivot)[:, None])
    lower, upper = (joint.lower, joint.upper) if z > 0 else (-joint.upper, -joint.lower)
    return ImageJointEntry(
        joint.parent, joint.child, joint.type, (round(float(rows[0]), 3), round(float(cols[0]), 3)), None, lower,
        upper, None if joint.pivot_sigma is None else joint.pivot_sigma * pixels, joint.interactions,
    )  # fmt: skip
