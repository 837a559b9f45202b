"""Parts carried along in space: boxes on the ground, seen obliquely, whose depth is known exactly."""

from __future__ import annotations

import math

import numpy as np
import pytest

from atp.metrics import miou
from atp.part_memory.memory import PartMemory
from atp.part_memory.motion_in_space import Space, motions_in_space
from envs.camera import Camera

SHAPE = (90, 90)
CAMERA = Camera.above(*SHAPE, elevation=math.radians(40), target_height=0.1)
FOCAL = 1.5 * max(SHAPE)
START = (0.0, 0.0, 0.0)

# Centre and sides in metres: a body, a tower beside it, a door in front of the body, hinged at its right end.
BODY = ((-0.05, 0.05, 0.12), (0.3, 0.2, 0.24))
TOWER = ((0.16, 0.05, 0.2), (0.12, 0.2, 0.4))
DOOR = ((-0.05, -0.065, 0.12), (0.28, 0.03, 0.22))
HINGE = np.array([0.09, -0.065])


def turned(pose):
    """Rotation (2, 2) and shift (2,) along the ground of x, y, angle."""
    x, y, angle = pose
    cosine, sine = math.cos(angle), math.sin(angle)
    return np.array([[cosine, -sine], [sine, cosine]]), np.array([x, y])


def swung(pose, angle):
    """The pose of the door of a body at ``pose`` when it is open by an angle."""
    rotation, shift = turned(pose)
    about, _ = turned((0.0, 0.0, angle))
    x, y = rotation @ (HINGE - about @ HINGE) + shift
    return x, y, pose[2] + angle


def hits(box, pose, camera):
    """Depth (H, W) of a box, infinite beside it: where each ray enters all three of its slabs."""
    rotation, shift = turned(pose)
    whole = np.eye(3)
    whole[:2, :2] = rotation
    start = whole.T @ (camera.position - [*shift, 0.0]) - box[0]
    rays = camera.rays.astype(np.float64) @ whole
    rays = np.where(np.abs(rays) < 1e-9, 1e-9, rays)
    half = np.array(box[1]) / 2
    ends = np.stack([(-half - start) / rays, (half - start) / rays])
    near, far = ends.min(axis=0).max(axis=-1), ends.max(axis=0).min(axis=-1)
    return np.where(near < far, near, np.inf)


def look(boxes, poses, camera=CAMERA):
    """Depth (H, W) float32 and labels 1.. of boxes on the ground."""
    ground = -camera.position[2] / camera.rays[..., 2].astype(np.float64)
    every = np.stack([ground, *(hits(box, pose, camera) for box, pose in zip(boxes, poses, strict=True))])
    return every.min(axis=0).astype(np.float32), np.argmin(every, axis=0).astype(np.uint8)


def spoilt(depth, noise, holes, seed=0):
    """Depth with noise of so many metres, and without this share of its readings."""
    rng = np.random.default_rng(seed)
    noisy = depth + rng.normal(0, noise, depth.shape) * (noise > 0)
    return np.where(rng.random(depth.shape) < holes, 0, noisy).astype(np.float32)


def remember(labels):
    """A memory that knows parts where they are, each seen to move on its own."""
    memory = PartMemory(SHAPE)
    for part in range(1, int(labels.max()) + 1):
        memory.update(labels == part, labels == part)
    assert np.count_nonzero(memory.labels != labels) < 10  # specks are dropped
    return memory


def carried(before, after, moved, space):
    """Labels of a memory that knows all parts after some of them moved."""
    memory = remember(before[1])
    masks = [np.isin(labels, moved) for _, labels in (before, after)]
    memory.update(*masks, (masks[0].astype(np.float32), masks[1].astype(np.float32)), space)
    return memory.labels


@pytest.mark.parametrize(("noise", "holes", "least"), [(0.0, 0.0, 0.945), (0.003, 0.1, 0.91)])
@pytest.mark.parametrize("pose", [(0.08, 0.05, math.radians(35)), (-0.06, -0.04, math.radians(-30))])
def test_what_turns_on_the_ground_is_followed_in_perspective(pose, noise, holes, least):
    boxes = BODY, TOWER
    before, after = look(boxes, [START] * 2), look(boxes, [pose] * 2)
    space = Space(spoilt(before[0], noise, holes), spoilt(after[0], noise, holes, 1), FOCAL)
    in_space = miou(carried(before, after, [1, 2], space), after[1])
    assert in_space > least
    assert in_space > miou(carried(before, after, [1, 2], None), after[1]) + 0.025


def test_two_that_moved_together_are_followed_in_depth_too_noisy_to_follow_one():
    pose, boxes = (0.08, 0.05, math.radians(35)), (BODY, TOWER)
    before, after = look(boxes, [START] * 2), look(boxes, [pose] * 2)
    space = Space(spoilt(before[0], 0.02, 0.1), spoilt(after[0], 0.02, 0.1, 1), FOCAL)
    assert motions_in_space(space, [before[1] > 0], after[1] > 0) is None  # its outline is the better witness
    found = motions_in_space(space, [before[1] == 1, before[1] == 2], after[1] > 0)
    assert found is not None
    assert 0.35 < found.fit < 0.6
    in_space = miou(carried(before, after, [1, 2], space), after[1])
    assert in_space > miou(carried(before, after, [1, 2], None), after[1]) + 0.02


def test_the_motion_found_is_the_true_one():
    pose = (0.05, -0.03, math.radians(20))
    before, after = look([BODY, TOWER], [START] * 2), look([BODY, TOWER], [pose] * 2)
    found = motions_in_space(Space(before[0], after[0], FOCAL), [before[1] > 0], after[1] > 0)
    corners = np.array([[x, y, z] for x in (-0.2, 0.2) for y in (-0.05, 0.15) for z in (0.0, 0.3)])
    rotation, shift = turned(pose)
    moved = np.column_stack([corners[:, :2] @ rotation.T + shift, corners[:, 2]])
    in_camera = (corners - CAMERA.position) @ CAMERA.rotation
    (motion,) = found.motions
    there = in_camera @ motion[:, :3].T + motion[:, 3]
    np.testing.assert_allclose(there, (moved - CAMERA.position) @ CAMERA.rotation, atol=0.008)


def degrees_turned(motion):
    """By how much a motion in the camera frame turns about the world's z."""
    rotation = CAMERA.rotation @ motion[:, :3] @ CAMERA.rotation.T
    return math.degrees(math.atan2(rotation[1, 0], rotation[0, 0]))


def test_a_door_that_also_swings_moves_on_its_own():
    pose, boxes = (-0.05, 0.03, math.radians(-12)), (BODY, DOOR)
    before = look(boxes, [START, swung(START, math.radians(15))])
    after = look(boxes, [pose, swung(pose, math.radians(45))])
    labels = carried(before, after, [1, 2], Space(before[0], after[0], FOCAL))
    assert miou(labels, after[1]) > 0.95
    assert miou(carried(before, after, [1, 2], None), after[1]) < 0.85
    found = motions_in_space(Space(before[0], after[0], FOCAL), [before[1] == 1, before[1] == 2], after[1] > 0)
    body, door = (degrees_turned(motion) for motion in found.motions)
    assert body == pytest.approx(-12, abs=2)
    assert door == pytest.approx(-12 + 30, abs=2)


def test_what_comes_to_light_belongs_to_the_part_it_lies_on():
    boxes = BODY, DOOR
    before, after = look(boxes, [START] * 2), look(boxes, [START, swung(START, math.radians(70))])
    labels = carried(before, after, [2], Space(before[0], after[0], FOCAL))
    assert miou(labels, after[1]) > 0.97
    assert miou(carried(before, after, [2], None), after[1]) < 0.9


def test_what_a_door_uncovers_is_of_the_cabinet_and_not_of_the_drawer_that_is_nearer():
    drawer = (-0.05, -0.11, 0.03), (0.28, 0.12, 0.06)
    boxes = BODY, ((-0.05, -0.065, 0.15), (0.28, 0.03, 0.16)), drawer
    before, after = look(boxes, [START] * 3), look(boxes, [START, swung(START, math.radians(70)), START])
    labels = carried(before, after, [2], Space(before[0], after[0], FOCAL))
    uncovered = (before[1] == 2) & (after[1] == 1)
    assert np.count_nonzero(uncovered) > 300
    assert np.count_nonzero(labels[uncovered] == 3) < 20
    assert miou(labels, after[1]) > 0.93


def test_a_face_that_comes_into_sight_belongs_as_a_whole_to_one_of_those_that_moved():
    pose, boxes = (0.0, 0.03, math.radians(-50)), (BODY, DOOR)
    before, after = (look(boxes, [at, swung(at, math.radians(30))]) for at in (START, pose))
    labels = carried(before, after, [1, 2], Space(before[0], after[0], FOCAL))
    assert miou(labels, after[1]) > 0.98


def test_what_shows_another_depth_is_no_spill_onto_a_part_that_stayed():
    boxes = BODY, DOOR
    before, after = look(boxes, [START, swung(START, math.radians(80))]), look(boxes, [START] * 2)
    assert np.count_nonzero(before[1] == 2) < np.count_nonzero(after[1] == 2) / 2  # it was seen from the edge
    assert miou(carried(before, after, [2], Space(before[0], after[0], FOCAL)), after[1]) > 0.94
    assert miou(carried(before, after, [2], None), after[1]) < 0.9


def test_what_comes_to_light_of_a_body_that_never_moved_stays_unknown():
    boxes = BODY, DOOR, TOWER
    before, after = look(boxes, [START] * 3), look(boxes, [START, swung(START, math.radians(70)), START])
    memory = PartMemory(SHAPE)
    for part in (2, 3):
        memory.update(before[1] == part, before[1] == part)
    memory.update(before[1] == 2, after[1] == 2, None, Space(before[0], after[0], FOCAL))
    taken = (memory.labels > 0) & (after[1] == 1)
    assert np.count_nonzero(taken) < 0.06 * np.count_nonzero(after[1] == 1)
    assert np.count_nonzero(memory.labels != np.choose(after[1], (0, 0, 1, 2))) < 30


def without_readings(depth):
    return np.zeros_like(depth)


def without_most(depth):
    return np.where(np.arange(depth.size).reshape(depth.shape) % 2, depth, np.nan)


def of_something_else(depth):
    return (1.4 + 0.3 * np.random.default_rng(0).random(depth.shape)).astype(np.float32)


def as_it_is(depth):
    return depth


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (without_readings, without_readings), (as_it_is, without_readings), (without_readings, as_it_is),
        (without_most, without_most), (as_it_is, of_something_else),
    ],
)  # fmt: skip
def test_where_depth_does_not_show_the_motion_the_outlines_do(first, second):
    boxes, pose = (BODY, TOWER), (0.08, 0.05, math.radians(35))
    before, after = look(boxes, [START] * 2), look(boxes, [pose] * 2)
    space = Space(first(before[0]), second(after[0]), FOCAL)
    np.testing.assert_array_equal(carried(before, after, [1, 2], space), carried(before, after, [1, 2], None))


def test_a_turn_by_more_than_a_push_makes_is_not_believed():
    before, after = look([BODY], [START]), look([TOWER], [(-0.1, -0.1, 0.0)])
    assert motions_in_space(Space(before[0], after[0], FOCAL), [before[1] > 0], after[1] > 0) is None
