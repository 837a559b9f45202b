"""Joints as files have them, with limits of all kinds, become plain ones."""

from __future__ import annotations

import math
from dataclasses import replace

from assets.importing.joints.kinematics import joint_motion
from assets.importing.reading.notes import listed
from assets.importing.reading.urdf import Joint, UrdfModel

TURN = 2 * math.pi
FREE_SLIDE = 0.1  # m, either way, of a slide whose file sets no limits, after fitting
_MOST_DEGREES = 720.0
_NEAR = 1e-6


def plain_joints(model: UrdfModel, slide_limit: float, notes: list[str]) -> UrdfModel:
    """The same object with fixed, revolute, continuous and prismatic joints only.

    Floating, free and planar joints and joints whose limits leave no range become fixed: they leave a link where
    it is and are no articulation. A screw rotates like a revolute joint with its limits in rad; what it advances
    along its axis, which faces the camera, is left out. A revolute joint without limits, or with a full turn
    between them, is continuous; where its limits look like degrees, it gets a full turn from 0.

    Args:
        model: The object.
        slide_limit: In metres; slides are cut to this either way, for a file may say 1e9 for "no limit" and
            the middle of such a range lie far out of sight.
        notes: What was changed is added here, one sentence each.
    """
    plain = _PlainJoints(slide_limit)
    joints = tuple(plain.joint(joint) for joint in model.joints)
    notes += plain.notes()
    return replace(model, joints=joints)


class _PlainJoints:
    """Turns one joint after the other, and remembers what was changed."""

    def __init__(self, slide_limit: float) -> None:
        self.slide_limit = slide_limit
        self.changed: dict[str, list[str]] = {}

    def note(self, sentence: str, joint: str) -> None:
        self.changed.setdefault(sentence, []).append(joint)

    def notes(self) -> list[str]:
        return [f"{sentence}: {listed(names)}" for sentence, names in self.changed.items()]

    def joint(self, joint: Joint) -> Joint:
        if joint.type == "screw":
            self.note("screw joints rotate without advancing along their axis", joint.name)
            joint = replace(joint, type="revolute")
        elif joint.type in ("floating", "free", "planar"):
            self.note(f"{joint.type} joints are treated as fixed", joint.name)
            joint = replace(joint, type="fixed")
        lower, upper = joint.lower, joint.upper
        if joint.type in ("fixed", "continuous"):
            return replace(joint, lower=None, upper=None)
        if lower is not None and lower == upper:
            return self.stuck(joint, lower)
        if joint.type == "prismatic":
            return self.slide(joint)
        return self.hinge(joint)

    def stuck(self, joint: Joint, place: float) -> Joint:
        if place == 0.0:
            self.note(
                "joints that cannot move, for their limits are 0 to 0, as exporters write them when none were set "
                '(give them a <limit lower="..." upper="..."> in rad or m, or a hinge type="continuous")',
                joint.name,
            )
        else:
            self.note("joints without a range are treated as fixed", joint.name)
        origin = joint.origin @ joint_motion(joint, place)
        return replace(joint, type="fixed", origin=origin, lower=None, upper=None)

    def hinge(self, joint: Joint) -> Joint:
        lower, upper = joint.lower, joint.upper
        free = replace(joint, type="continuous", lower=None, upper=None)
        if lower is None or upper is None or upper - lower < TURN - _NEAR:
            return free if lower is None else joint
        furthest = max(abs(lower), abs(upper))
        if furthest > _MOST_DEGREES:
            self.note("limits beyond reason count as none", f"{joint.name} ({lower:g} to {upper:g})")
            return free
        if furthest <= 2 * TURN + _NEAR and not (_degrees(lower) and _degrees(upper)):
            return free
        guess = "look like degrees, where rad are wanted, and are cut to a full turn"
        if not (_degrees(lower) and _degrees(upper)):
            guess = "are more than two turns and are cut to one"
        self.note(f"limits that {guess}", f"{joint.name} ({lower:g} to {upper:g})")
        if lower >= -_NEAR:
            return replace(joint, lower=0.0, upper=TURN)
        return replace(joint, lower=-TURN, upper=0.0) if upper <= _NEAR else free

    def slide(self, joint: Joint) -> Joint:
        lower, upper, most = joint.lower, joint.upper, self.slide_limit
        free = replace(joint, lower=None, upper=None)
        way = f"{FREE_SLIDE:g} m either way, after fitting"
        if lower is None or upper is None:
            self.note(f"slides without limits get {way}, which keeps them in view", joint.name)
            return free
        shown = f"{joint.name} ({lower:g} to {upper:g})"
        if max(abs(lower), abs(upper)) <= most or (upper - lower <= most and max(abs(lower), abs(upper)) < 100 * most):
            return joint
        if min(abs(lower), abs(upper)) < most:
            self.note("slides are cut to the size of the object", shown)
            return replace(joint, lower=max(lower, -most), upper=min(upper, most))
        self.note(f"limits beyond reason count as none, and slides get {way}", shown)
        return free


def _degrees(bound: float) -> bool:
    """Whether a limit of a hinge is a number that people write for degrees: whole, and 0 or from 10 on."""
    return bound == round(bound) and (bound == 0.0 or 10.0 <= abs(bound) <= _MOST_DEGREES)
