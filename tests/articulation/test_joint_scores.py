"""Scores of joints: nothing is lost by the other sense of an axis, and everything by another type."""

import math

import numpy as np
import pytest

from atp.articulation.articulated_model import Articulation, ImageJointEntry, JointEntry, PartEntry
from atp.articulation.joint_scores import (
    TrueImageJoint,
    TrueJoint,
    joint_between,
    score_image_joint,
    score_joint,
)

POINTS = np.random.default_rng(0).uniform(0.0, 0.3, (50, 3))
TRUE = TrueJoint(
    "revolute", 1, 2, np.array([0.0, 0.0, 1.0]), np.array([0.1, 0.0, 0.0]), [0.5, 0.0, 0.2], POINTS, extent=0.7
)


def model(joint, *others):
    return Articulation(1, [PartEntry(1, 50, False), PartEntry(2, 50, True)], [joint, *others])


def hinge(axis=(0.0, 0.0, -1.0), pivot=(0.1, 0.0, 3.0), kind="revolute", parent=2, child=1):
    return JointEntry(parent, child, kind, axis, pivot, axis, pivot, -0.2, 0.3)


def test_the_same_line_in_the_other_sense_is_perfect():
    score = score_joint(model(hinge()), TRUE, {1: 1, 2: 2})
    assert (score.axis, score.pivot, score.success, score.right) == (0.0, 0.0, True, True)
    assert score.range == pytest.approx(0.0)


def test_errors_are_those_of_the_line():
    tilted = (0.0, math.sin(math.radians(4)), math.cos(math.radians(4)))
    score = score_joint(model(hinge(tilted, (0.13, 0.0, 0.0))), TRUE, {1: 1, 2: 2})
    assert score.axis == pytest.approx(4)
    assert score.pivot == pytest.approx(0.03)
    far = score_joint(model(hinge(pivot=(0.4, 0.0, 0.0))), TRUE, {1: 1, 2: 2})
    assert far.right
    assert not far.success


def test_another_type_or_a_part_not_found_fails():
    assert not score_joint(model(hinge(kind="prismatic")), TRUE, {1: 1, 2: 2}).right
    assert score_joint(model(hinge()), TRUE, {1: 1}).found == ""


def test_parts_whose_joint_is_not_known_are_one_body():
    between = JointEntry(3, 1, "unknown")
    assert joint_between(model(between, hinge(parent=3, child=2)), 1, 2).child == 2
    assert joint_between(model(hinge(parent=1, child=3), hinge(parent=3, child=2)), 1, 2) is None


def flat(**given):
    joint = ImageJointEntry(1, 2, given.pop("kind", "revolute"), **given)
    return Articulation(1, [PartEntry(1, 50, False), PartEntry(2, 50, True)], [], [joint])


def seen(tilt, kind="revolute"):
    return TrueImageJoint(kind, 1, 2, (40.0, 50.0), np.array([0.0, 1.0]), math.radians(tilt), 100)


BOTH = {1: 1, 2: 2}


def test_pivots_of_the_image_are_compared_as_shares_of_its_side():
    score = score_image_joint(flat(pivot=(43.0, 46.0)), seen(10), BOTH)
    assert (score.along, score.right, score.pivot) == (True, True, pytest.approx(0.05))
    assert score_image_joint(flat(pivot=(43.0, 46.0)), seen(10), {1: 1}).found == ""


def test_axes_across_the_line_of_sight_are_compared_by_their_direction():
    line = ((10.0, 10.0), (10.0 + math.tan(math.radians(15)) * 20, 30.0))
    score = score_image_joint(flat(line=line), seen(80), BOTH)
    assert (score.along, score.pivot) == (False, None)
    assert score.direction == pytest.approx(15)


def test_slides_of_the_image_are_compared_without_their_sense():
    score = score_image_joint(flat(kind="prismatic", direction=(0.0, -1.0)), seen(90, "prismatic"), BOTH)
    assert score.direction == pytest.approx(0)
    assert not score_image_joint(flat(kind="prismatic", direction=(0.0, -1.0)), seen(90), BOTH).right
