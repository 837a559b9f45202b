"""Joints without depth: pivots, slides in perspective and axes across the line of sight, of boxes that are known."""

import math

import numpy as np
import pytest

from atp.articulation.articulate import Articulator
from atp.articulation.mask_motion import mask_motions
from seen_boxes import ABOVE, BODY, DOOR, DRAWER, LID, OBLIQUE, record_of, shifted, turned_about

UP, LEFT, STILL = np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0]), np.eye(4)
HINGE, LID_HINGE = np.array([0.14, -0.065, 0.0]), np.array([0.0, 0.15, 0.2])


def joint_of(boxes, states, camera=OBLIQUE):
    """The only joint of boxes of which an image is all that is known."""
    record = record_of(boxes, states, camera, spoil=lambda depth: None, camera_known=False)
    for frame in record.frames:
        frame.rest[:] = False
    (joint,) = Articulator(record).articulation().image_joints
    return joint


def off_line(joint, point):
    """Pixels from where a point of the world is seen to the line of a joint."""
    row, col, _ = (float(value[0]) for value in OBLIQUE.project(np.array([point])))
    (first_row, first_col), (last_row, last_col) = joint.line
    down, right = last_row - first_row, last_col - first_col
    return abs(down * (col - first_col) - right * (row - first_row)) / math.hypot(down, right)


def test_a_door_seen_obliquely_turns_about_its_edge():
    states = [[STILL, turned_about(UP, HINGE, math.radians(-angle))] for angle in (0, 60)]
    joint = joint_of([BODY, DOOR], states)
    assert (joint.type, joint.pivot) == ("revolute", None)
    assert max(off_line(joint, HINGE), off_line(joint, HINGE + 0.18 * UP)) < 3


def test_a_lid_turns_about_its_far_edge():
    states = [[STILL, turned_about(LEFT, LID_HINGE, math.radians(angle))] for angle in (0, -60)]
    joint = joint_of([BODY, LID], states)
    assert joint.type == "revolute"
    assert max(off_line(joint, LID_HINGE + side * LEFT) for side in (-0.15, 0.15)) < 3


def test_a_flap_that_was_opened_wide_hangs_on_its_lower_edge():
    edge = np.array([0.0, -0.065, 0.01])
    joint = joint_of([BODY, DOOR], [[STILL, turned_about(LEFT, edge, math.radians(angle))] for angle in (0, 80)])
    assert joint.type == "revolute"
    assert max(off_line(joint, edge + side * LEFT) for side in (-0.14, 0.14)) < 3


def test_a_drawer_that_comes_nearer_slides():
    joint = joint_of([BODY, DRAWER], [[STILL, shifted([0.0, -by, 0.0])] for by in (0.0, 0.1)])
    assert joint.type == "prismatic"
    assert abs(joint.direction[0]) > math.cos(math.radians(10))  # down the image


def test_a_turn_in_the_plane_keeps_its_pivot():
    bars = [((-0.1, 0.0, 0.01), (0.2, 0.06, 0.02)), ((0.1, 0.0, 0.01), (0.2, 0.05, 0.02))]
    joint = joint_of(bars, [[STILL, turned_about(UP, np.zeros(3), math.radians(angle))] for angle in (0, 40)], ABOVE)
    assert math.dist(joint.pivot, (45, 45)) < 0.03 * 90
    assert joint.line is None


def test_what_stayed_has_no_motion():
    mask = np.zeros((90, 90), bool)
    mask[30:50, 20:60] = True
    for motion in mask_motions(mask, mask).values():
        assert motion.cost < 0.01 or motion.kind == "line"
        if motion.kind != "line":
            assert max(map(abs, motion.shift(40.0, 40.0))) < 0.5


@pytest.mark.parametrize(("rows", "cols"), [(7, 0), (0, -12)])
def test_a_shift_is_a_slide(rows, cols):
    before = np.zeros((90, 90), bool)
    before[30:50, 20:60] = True
    after = np.roll(before, (rows, cols), (0, 1))
    slide = mask_motions(before, after)["slide"]
    assert slide.shift(40.0, 40.0) == pytest.approx((rows, cols), abs=0.7)
