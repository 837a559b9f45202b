"""Joints in the plane of the image, where there is no depth or nobody knows the camera.

What is seen is taken to move in a plane that faces the camera: the frames get the depth of such a plane, and the joints
are estimated there as they are in space. On it a revolute joint is a pivot in pixels and an angle, a prismatic one a
direction and a shift in pixels.

Doors and lids that are not seen along their axis and drawers that come nearer do not move in such a plane. So of each
part the interaction that moved it farthest is looked at again (:mod:`atp.articulation.mask_motion`): where a turn about
a line, or a slide in perspective, takes one outline to the other clearly better, that is the joint. A turn about a line
has no angle: how far it goes out of the image is not seen.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from atp.articulation.articulated_model import Articulation, ImageJointEntry, JointEntry
from atp.articulation.estimation import ArticulationEstimator
from atp.articulation.joints import LEAST_TURN
from atp.articulation.mask_motion import MaskMotion, mask_motions
from atp.articulation.observations import REST, Frame, Interaction3D, Intrinsics, PlayRecord
from atp.metrics import mask_iou
from atp.types import MIN_PART_PIXELS

#: The plane's distance and the focal length in units of the longer side: any, so that lengths are like those of play.
DISTANCE, FOCAL = 1.5, 1.5
#: An axis or a slide may be this far out of the plane (rad).
MOST_TILT = math.radians(20)
#: By how much the cost of another family must be smaller (:mod:`atp.articulation.mask_motion`).
MARGIN = 0.008
#: A door that was opened wide lies beside where it was, edge on edge, and outlines hardly tell it from what was turned
#: or pushed aside by just its own length. Where it hangs on the line by most of its edge and overlaps less than this
#: (IoU), its turn may cost so much more.
DOOR_CONTACT, DOOR_OVERLAP, DOOR_MARGIN = 0.7, 0.2, 0.006
#: No family is believed from this cost on, nor a shift by less than this share of the longer side.
MOST_COST, LEAST_SHIFT = 0.06, 0.015


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
    joints = [_looked_at_again(image_joint(joint, estimator.camera), record) for joint in found.joints]
    known = {joint.child for joint in joints if joint.type != "unknown"}
    notes = [note for note in found.notes if not any(note.startswith(f"part {child} ") for child in known)]
    return replace(found, joints=[], image_joints=joints, camera=None, notes=notes)


def image_joint(joint: JointEntry, camera: Intrinsics) -> ImageJointEntry:
    """A joint of the plane in pixels.

    >>> joint = JointEntry(1, 2, "revolute", (0.0, 0.0, 1.0), (0.1, 0.0, 1.5), lower=-0.5, upper=0.0, pivot_sigma=0.01)
    >>> image_joint(joint, Intrinsics(135.0, 45.0, 45.0)).pivot
    (45.0, 54.0)
    """
    kind = "fixed" if joint.type == "fixed" else "unknown"
    unknown = ImageJointEntry(joint.parent, joint.child, kind, interactions=joint.interactions)
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


def _looked_at_again(joint: ImageJointEntry, record: PlayRecord) -> ImageJointEntry:
    """The joint, or another one that explains the outlines of its part clearly better."""
    regions = _farthest(joint, record)
    if regions is None:
        return joint
    found = mask_motions(regions.before, regions.after)
    turn, slide, line = found["turn"], found["slide"], found["line"]
    side = max(regions.before.shape)
    rows, cols = np.nonzero(regions.before)
    shift = slide.shift(float(rows.mean()) + 0.5, float(cols.mean()) + 0.5)
    moved = math.hypot(*shift) >= LEAST_SHIFT * side
    beside = mask_iou(regions.before, regions.after) < DOOR_OVERLAP
    margin = -DOOR_MARGIN if beside and line.contact >= DOOR_CONTACT else MARGIN
    if line.cost + margin < min(turn.cost, slide.cost) and line.cost < MOST_COST:
        return ImageJointEntry(joint.parent, joint.child, "revolute", interactions=joint.interactions, line=line.line)
    if joint.type != "prismatic" and slide.cost + MARGIN < turn.cost and slide.cost < MOST_COST and moved:
        return _slide(joint, shift)
    turned = math.atan2(turn.matrix[1, 0], turn.matrix[0, 0])
    if joint.type == "unknown" and turn.cost + MARGIN < slide.cost and turn.cost < MOST_COST:
        return _turn(joint, turn, turned) if abs(turned) >= LEAST_TURN else joint
    return joint


def _farthest(joint: ImageJointEntry, record: PlayRecord) -> Interaction3D | None:
    """Where its part is before and after the interaction that changed most of it while its parent stayed, for good."""
    parent = joint.parent if joint.parent in record.origins else REST
    stays, found = True, list[tuple[float, Interaction3D]]()
    for step in reversed(range(len(record.moved))):
        stays = stays and record.regions(record.identity(parent, step), step) is None
        regions = record.regions(record.identity(joint.child, step), step)
        if not stays:
            break
        if regions is not None and min(map(np.count_nonzero, (regions.before, regions.after))) >= MIN_PART_PIXELS:
            found.append((mask_iou(regions.before, regions.after), regions))
    return min(found, key=lambda pair: pair[0])[1] if found else None


def _slide(joint: ImageJointEntry, shift: tuple[float, float]) -> ImageJointEntry:
    """A slide by which the part came to where it is in the last image."""
    length = math.hypot(*shift)
    direction = round(shift[0] / length, 6), round(shift[1] / length, 6)
    return ImageJointEntry(
        joint.parent, joint.child, "prismatic", None, direction, -round(length, 3), 0.0,
        interactions=joint.interactions,
    )  # fmt: skip


def _turn(joint: ImageJointEntry, turn: MaskMotion, angle: float) -> ImageJointEntry:
    """A turn in the plane by an angle, about the point that it leaves where it is."""
    x, y = np.linalg.solve(np.eye(2) - turn.matrix[:2, :2], turn.matrix[:2, 2])
    start = -round(angle, 6)
    return ImageJointEntry(
        joint.parent, joint.child, "revolute", (round(float(y), 3), round(float(x), 3)), None, min(start, 0.0),
        max(start, 0.0),
        interactions=joint.interactions,
    )  # fmt: skip
