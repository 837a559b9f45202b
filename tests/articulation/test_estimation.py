"""Joints of boxes whose geometry is known: type, axis, pivot, range, and what cannot be told."""

import math

import numpy as np
import pytest

from atp.articulation.articulate import Articulator
from atp.articulation.articulated_model import Articulation
from atp.articulation.observations import Intrinsics
from atp.results.schema import ResultError
from seen_boxes import ABOVE, BODY, DOOR, DRAWER, LID, OBLIQUE, look, record_of, shifted, turned_about

UP, LEFT = np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0])
HINGE = np.array([0.14, -0.065, 0.0])
LID_HINGE = np.array([0.0, 0.15, 0.2])
STILL = np.eye(4)


def door(degrees, of=STILL):
    return of @ turned_about(UP, HINGE, math.radians(-degrees))  # it opens by less than 0


def model_of(record, camera=OBLIQUE):
    return Articulator(record).articulation(pose=(camera.position, camera.rotation))


def degrees_apart(first, second):
    return math.degrees(math.acos(min(1.0, abs(float(np.dot(first, second))))))


def metres_off(joint, axis, pivot):
    """From the estimated pivot to the true axis."""
    return float(np.linalg.norm(np.cross(np.array(joint.pivot_world) - pivot, axis)))


def test_a_door_is_a_hinge_with_its_axis_pivot_and_range():
    states = [[STILL, door(-10)], [STILL, door(-45)], [STILL, door(-25)]]
    model = model_of(record_of([BODY, DOOR], states))
    (joint,) = model.joints
    assert (joint.type, joint.parent, joint.child) == ("revolute", model.root, 2)
    assert degrees_apart(joint.axis_world, UP) < 3
    assert metres_off(joint, UP, HINGE) < 0.015
    assert math.degrees(joint.upper - joint.lower) == pytest.approx(35, abs=2)
    assert joint.positions[-1] == 0
    assert joint.interactions == 2


def test_a_lid_turns_about_an_axis_along_the_ground():
    states = [[STILL, turned_about(LEFT, LID_HINGE, math.radians(angle))] for angle in (-10, -40)]
    (joint,) = model_of(record_of([BODY, LID], states)).joints
    assert joint.type == "revolute"
    assert degrees_apart(joint.axis_world, LEFT) < 5
    assert metres_off(joint, LEFT, LID_HINGE) < 0.02


def test_a_drawer_slides():
    out = np.array([0.0, -1.0, 0.0])
    states = [[STILL, shifted(out * by)] for by in (0.0, 0.06, 0.03)]
    (joint,) = model_of(record_of([BODY, DRAWER], states)).joints
    assert joint.type == "prismatic"
    assert joint.pivot is None
    assert degrees_apart(joint.axis_world, out) < 3
    assert joint.upper - joint.lower == pytest.approx(0.06, abs=0.005)


def test_what_the_body_does_meanwhile_is_no_motion_of_the_joint():
    pose = turned_about(UP, np.array([0.1, 0.1, 0.0]), math.radians(15)) @ shifted([0.03, -0.02, 0.0])
    states = [[STILL, door(-10)], [STILL, door(-40)], [pose, door(-40, pose)], [pose, door(-15, pose)]]
    (joint,) = model_of(record_of([BODY, DOOR], states)).joints
    assert joint.type == "revolute"
    assert degrees_apart(joint.axis_world, UP) < 3
    assert metres_off(joint, UP, pose[:3, :3] @ HINGE + pose[:3, 3]) < 0.015
    assert math.degrees(joint.upper - joint.lower) == pytest.approx(30, abs=3)


def test_in_a_chain_each_hangs_on_its_neighbour():
    bars = [((x, 0.0, 0.01), (0.18, 0.06, 0.02)) for x in (-0.2, 0.0, 0.2)]
    ends = np.array([-0.1, 0.0, 0.0]), np.array([0.1, 0.0, 0.0])

    def bent(first, second):
        upper = turned_about(UP, ends[0], math.radians(first))
        return [STILL, upper, upper @ turned_about(UP, ends[1], math.radians(second))]

    model = model_of(record_of(bars, [bent(10, 10), bent(10, 45), bent(35, 45)], ABOVE), ABOVE)
    pairs = [{joint.parent, joint.child} for joint in model.joints]
    rest = next(part.label for part in model.parts if not part.moved)
    assert {rest, 2} in pairs
    assert {2, 3} in pairs
    assert all(joint.type == "revolute" for joint in model.joints)


@pytest.mark.parametrize("degrees", [0, 1.5])
def test_what_hardly_moved_is_not_known(degrees):
    states = [[STILL, door(-20)], [STILL, door(-20 - degrees)]]
    record = record_of([BODY, DOOR], states)
    model = model_of(record)
    assert not any(joint.known for joint in model.joints)
    assert model.notes


def test_one_image_has_no_joint():
    assert model_of(record_of([BODY, DOOR], [[STILL, STILL]])).joints == []


def test_missing_readings_are_left_out():
    holes = np.random.default_rng(0).random((90, 90)) < 0.2
    states = [[STILL, door(-10)], [STILL, door(-45)]]
    (joint,) = model_of(record_of([BODY, DOOR], states, spoil=lambda depth: np.where(holes, np.nan, depth))).joints
    assert joint.type == "revolute"
    assert metres_off(joint, UP, HINGE) < 0.015


def test_a_part_that_left_the_image_is_not_known():
    states = [[STILL, STILL], [STILL, shifted([2.0, 0.0, 0.0])]]
    model = model_of(record_of([BODY, DRAWER], states))
    assert not any(joint.known for joint in model.joints)


def test_without_depth_or_intrinsics_there_is_a_pivot_in_pixels():
    bars = [((-0.1, 0.0, 0.01), (0.2, 0.06, 0.02)), ((0.1, 0.0, 0.01), (0.2, 0.05, 0.02))]
    poses = [[STILL, turned_about(UP, np.zeros(3), math.radians(angle))] for angle in (0, 40, 20)]
    record = record_of(bars, poses, ABOVE, spoil=lambda depth: None, camera_known=False)
    model = Articulator(record).articulation()
    (joint,) = model.image_joints
    assert not model.joints
    assert joint.type == "revolute"
    assert math.dist(joint.pivot, (45, 45)) < 0.03 * 90
    assert math.degrees(joint.upper - joint.lower) == pytest.approx(40, abs=3)
    assert "intrinsics" in model.notes[0]


def test_without_depth_what_stays_is_the_surroundings():
    bar = [((0.1, 0.0, 0.01), (0.2, 0.05, 0.02))]
    poses = [[turned_about(UP, np.zeros(3), math.radians(angle))] for angle in (0, 40)]
    record = record_of(bar, poses, ABOVE, spoil=lambda depth: None)
    for frame in record.frames:
        frame.rest[:] = False
    (joint,) = Articulator(record).articulation().image_joints
    assert joint.child == 1
    assert math.dist(joint.pivot, (45, 45)) < 0.03 * 90


def test_a_file_gives_the_model_back(tmp_path):
    model = model_of(record_of([BODY, DOOR], [[STILL, door(-10)], [STILL, door(-45)]]))
    model.write(tmp_path / "articulation.json")
    assert Articulation.read(tmp_path / "articulation.json") == model
    (tmp_path / "other.json").write_text('{"schema_version": 99}')
    with pytest.raises(ResultError, match="schema_version 99"):
        Articulation.read(tmp_path / "other.json")


@pytest.mark.parametrize("focal", [0.0, -1.0, math.nan])
def test_intrinsics_that_are_none_are_refused(focal):
    with pytest.raises(ValueError, match="focal"):
        Intrinsics(focal, 45, 45)


def test_images_of_two_sizes_are_refused():
    record = record_of([BODY, DOOR], [[STILL, STILL]])
    mask = np.zeros((40, 40), bool)
    with pytest.raises(ValueError, match="one shape"):
        record.add(mask, mask, record.frames[0])


def test_boxes_are_seen_where_they_are():
    depth, labels, _ = look([BODY], [STILL], ABOVE)
    assert depth[labels == 1].min() == pytest.approx(1.3, abs=1e-3)


def test_parts_that_moved_together_again_and_again_are_fixed():
    poses = [shifted([by, 0.0, 0.0]) for by in (0.0, 0.05, 0.02, 0.06)]
    record = record_of([BODY, DOOR], [[pose, pose] for pose in poses])
    (joint,) = model_of(record).joints
    assert joint.type == "fixed"
    assert not joint.known
    assert model_of(record).notes == []


def test_once_together_is_not_known():
    poses = [shifted([by, 0.0, 0.0]) for by in (0.0, 0.05)]
    (joint,) = model_of(record_of([BODY, DOOR], [[pose, pose] for pose in poses])).joints
    assert joint.type == "unknown"


@pytest.mark.parametrize("nothing", [0.0, math.nan, -1.0, math.inf])
def test_depth_without_a_reading_is_not_known(nothing):
    states = [[STILL, door(-10)], [STILL, door(-45)]]
    record = record_of([BODY, DOOR], states, spoil=lambda depth: np.full_like(depth, nothing))
    (joint,) = model_of(record).joints
    assert joint.type == "unknown"
    assert "too little" in model_of(record).notes[0]


def test_depth_without_intrinsics_gives_joints_of_the_image_and_says_so():
    states = [[STILL, door(-10)], [STILL, door(-45)]]
    model = Articulator(record_of([BODY, DOOR], states, camera_known=False)).articulation()
    assert model.joints == []
    assert len(model.image_joints) == 1
    assert "intrinsics" in model.notes[0]


def test_a_part_that_moved_out_of_the_image_and_back_keeps_its_joint():
    states = [[STILL, door(-10)], [STILL, door(-45)], [STILL, shifted([3.0, 0.0, 0.0])], [STILL, door(-45)]]
    (joint,) = model_of(record_of([BODY, DOOR], states)).joints
    assert joint.type in ("revolute", "unknown")
    assert joint.positions.count(None) >= 2 or not joint.known


def test_two_frames_are_an_interaction_alone():
    states = [[STILL, door(-10)], [STILL, door(-45)], [STILL, door(-25)]]
    record = record_of([BODY, DOOR], states).of_step(1)
    (joint,) = model_of(record).joints
    assert joint.interactions == 1
    assert math.degrees(joint.upper - joint.lower) == pytest.approx(20, abs=2)
    assert metres_off(joint, UP, HINGE) < 0.02
