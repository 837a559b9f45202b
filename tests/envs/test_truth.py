"""Truth: flow of rigid parts, which parts moved, and which steps are effective and optimal."""

from __future__ import annotations

import math

import numpy as np
import pytest

from assets.conventions import MAX_PARTS
from envs.camera import Camera
from envs.truth import MOVED_PIXELS, View, flow_between, judge
from scenes import THREE_BARS, TWO_BARS, box_scene

SHAPE = (40, 60)


def view_of(labels: np.ndarray, depth: float = 1.5) -> View:
    """A view with these labels at one depth everywhere."""
    rgb = np.zeros((*labels.shape, 3), np.uint8)
    return View(rgb, np.full(labels.shape, depth, np.float32), labels, labels.astype(np.int16) - 1)


def bars(parts: int) -> np.ndarray:
    """Labels of ``parts`` squares of 100 pixels in a row."""
    labels = np.zeros(SHAPE, np.uint8)
    for part in range(parts):
        labels[10:20, 2 + 12 * part : 12 + 12 * part] = part + 1
    return labels


def planar(x: float, y: float, angle: float) -> np.ndarray:
    """A pose (4, 4) in the plane."""
    pose = np.eye(4)
    pose[:2, :2] = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    pose[:2, 3] = x, y
    return pose


# --- Views -------------------------------------------------------------------------------------------------------


def test_a_part_is_seen_from_twenty_pixels_on():
    labels = np.zeros(SHAPE, np.uint8)
    labels[0, :19], labels[1, :20], labels[2, :1] = 1, 2, 15
    view = view_of(labels)
    assert view.seen.shape == (MAX_PARTS,)
    assert np.flatnonzero(view.seen).tolist() == [1]
    assert len(view.pixels) == 40
    assert (labels.ravel()[view.pixels] > 0).all()


# --- Flow --------------------------------------------------------------------------------------------------------


def test_flow_of_a_shift_is_the_same_everywhere():
    camera, view = Camera.above(*SHAPE), view_of(bars(1))
    before, after = planar(0.1, 0.0, 0.3)[None], planar(0.13, 0.02, 0.3)[None]
    flow = flow_between(view, camera, before, after)
    assert flow.dtype == np.float32
    scale = camera.focal / 1.5  # pixels per metre at this depth
    wanted = [0.03 * scale, -0.02 * scale]  # (d col, d row): right and up
    np.testing.assert_allclose(flow, np.tile(wanted, (len(view.pixels), 1)), atol=1e-3)


def test_flow_of_a_turn_about_a_point():
    """Worked out in the image: pixels turn about the pixel of the hinge, counter-clockwise."""
    camera, view = Camera.above(*SHAPE), view_of(bars(1))
    hinge, angle, scale = np.array([-0.2, 0.1]), 0.4, camera.focal / 1.5
    flow = flow_between(view, camera, planar(*hinge, 0.5)[None], planar(*hinge, 0.5 + angle)[None])
    rows, cols = np.divmod(view.pixels, SHAPE[1])
    right = cols + 0.5 - 30 - hinge[0] * scale  # from the hinge, in pixels
    up = -(rows + 0.5 - 20) - hinge[1] * scale
    rotated_right = math.cos(angle) * right - math.sin(angle) * up
    rotated_up = math.sin(angle) * right + math.cos(angle) * up
    np.testing.assert_allclose(flow[:, 0], rotated_right - right, atol=1e-3)
    np.testing.assert_allclose(flow[:, 1], -(rotated_up - up), atol=1e-3)


def test_only_the_parts_that_moved_have_flow():
    view, still = view_of(bars(3)), planar(0, 0, 0)
    before = np.stack([still] * 3)
    after = np.stack([still, planar(0.05, 0, 0), still])
    flow = flow_between(view, Camera.above(*SHAPE), before, after)
    moving = np.abs(flow).max(axis=1) > 0
    np.testing.assert_array_equal(moving, view.parts == 2)


@pytest.mark.parametrize(
    "camera",
    [Camera.above(90, 90), Camera.above(90, 90, tilt=(0.2, -0.2), distance=1.4, offset=(0.02, 0.03))],
    ids=["above", "tilted"],
)
@pytest.mark.parametrize("held", [True, False])
def test_flow_carries_each_label_to_the_same_label(tmp_path, camera, held):
    scene = box_scene(tmp_path, *THREE_BARS, positions={"joint_1": -0.7}, camera=camera)
    before_view, before = scene.look(), scene.simulator.part_poses()
    hold = scene.grip(0, -0.15, 0.0) if held else None
    scene.simulator.interact(hold, scene.grip(1, 0.15, 0.0), 2)
    after_view, after = scene.look(), scene.simulator.part_poses()
    flow = flow_between(before_view, camera, before, after)
    assert np.hypot(*flow.T).max() > 8
    before_rows, before_cols = np.divmod(before_view.pixels, before_view.labels.shape[1])
    cols = np.floor(before_cols + 0.5 + flow[:, 0]).astype(int)
    rows = np.floor(before_rows + 0.5 + flow[:, 1]).astype(int)
    inside = (rows >= 0) & (rows < 90) & (cols >= 0) & (cols < 90)
    assert inside.mean() > 0.95
    labels = before_view.parts
    same = after_view.labels[rows[inside], cols[inside]] == labels[inside]
    assert same.mean() > 0.85  # the rest lies on outlines, or under another part
    # independently: a point of the middle of each part's top face, carried by the simulator's own pose
    for part in range(3):
        point = np.array([[-0.1, 0.1, 0.1][part], 0.0, 0.02, 1.0])
        start, end = ((poses[part] @ point)[None, :3] for poses in (before, after))
        (r0, c0, _), (r1, c1, _) = camera.project(start), camera.project(end)
        pixel = (before_rows == int(r0[0])) & (before_cols == int(c0[0])) & (labels == part + 1)
        if pixel.any():
            np.testing.assert_allclose(flow[pixel][0], [c1[0] - c0[0], r1[0] - r0[0]], atol=0.7)


def test_a_still_scene_has_no_flow_at_all(tmp_path):
    scene = box_scene(tmp_path, *TWO_BARS)
    poses = scene.simulator.part_poses()
    scene.simulator.interact(scene.grip(0, -0.2, 0.0), None, 2)
    assert not flow_between(scene.look(), scene.camera, poses, scene.simulator.part_poses()).any()


# --- Judging -----------------------------------------------------------------------------------------------------


def outcome_of(moving: dict[int, float], held: int, pushed: int, moved_before: tuple[int, ...] = (), parts: int = 3):
    """Judge a step in which the labels ``moving`` moved right by so many pixels."""
    view = view_of(bars(parts))
    labels = view.parts
    flow = np.zeros((len(labels), 2), np.float32)
    for label, pixels in moving.items():
        flow[labels == label, 0] = pixels
    moved_ever = np.zeros(MAX_PARTS, bool)
    moved_ever[[label - 1 for label in moved_before]] = True
    return judge(view, flow, held, pushed, moved_ever)


# what moved, held, pushed, moved before; effective, optimal
STEPS = {
    "nothing moved": ({}, 1, 2, (), False, False),
    "two parts: the pushed one": ({2: 5}, 1, 2, (), True, True),
    "the held part moved": ({1: 5}, 1, 2, (), False, False),
    "the held part moved too": ({1: 5, 2: 5}, 1, 2, (), False, False),
    "nothing held": ({2: 5}, 0, 2, (), False, False),
    "nothing held, all moved": ({1: 5, 2: 5, 3: 5}, 0, 2, (), False, False),
    "a part that has moved before": ({2: 5}, 1, 2, (2,), True, False),
    "two fresh parts at once": ({2: 5, 3: 5}, 1, 2, (), True, False),
    "a fresh part drags one that has moved": ({2: 5, 3: 5}, 1, 2, (3,), True, True),
    "one that has moved drags a fresh part": ({2: 5, 3: 5}, 1, 2, (2,), True, True),
    "two that have both moved": ({2: 5, 3: 5}, 1, 2, (2, 3), True, False),
    "the fresh part is not the pushed one": ({3: 5}, 1, 2, (), True, True),
    "held part that has moved before": ({2: 5}, 1, 2, (1,), True, True),
}


@pytest.mark.parametrize("name", STEPS)
def test_effective_and_optimal(name):
    moving, held, pushed, moved_before, effective, optimal = STEPS[name]
    outcome = outcome_of(moving, held, pushed, moved_before)
    assert (np.flatnonzero(outcome.moved_parts) + 1).tolist() == sorted(moving)
    assert (outcome.effective, outcome.optimal) == (effective, optimal)
    assert (outcome.held_part, outcome.pushed_part) == (held, pushed)
    assert type(outcome.effective) is type(outcome.optimal) is bool


def test_a_part_moves_from_a_pixel_and_a_half_on():
    assert not outcome_of({2: MOVED_PIXELS}, 1, 2).moved_parts.any()
    assert outcome_of({2: MOVED_PIXELS + 0.01}, 1, 2).moved_parts.tolist() == [False, True] + [False] * 13


def test_one_visible_pixel_that_moves_is_enough():
    view = view_of(bars(2))
    flow = np.zeros((len(view.pixels), 2), np.float32)
    flow[np.flatnonzero(view.parts == 2)[0]] = (
        1.2,
        -1.2,
    )  # 1.7 pixels along the diagonal
    outcome = judge(view, flow, 1, 2, np.zeros(MAX_PARTS, bool))
    assert outcome.optimal
    assert outcome.displacement == pytest.approx(1.2 * math.sqrt(2) / 100)  # the mean over the part


def test_displacement_is_the_mean_over_the_parts_that_moved():
    assert outcome_of({}, 1, 2).displacement == 0
    assert outcome_of({2: 4, 3: 8}, 1, 2).displacement == pytest.approx(6)


def test_the_last_label_counts_too():
    labels = np.zeros(SHAPE, np.uint8)
    labels[:5, :5], labels[10:15, :5] = 1, MAX_PARTS
    view = view_of(labels)
    flow = np.zeros((50, 2), np.float32)
    flow[25:] = 3
    outcome = judge(view, flow, 1, MAX_PARTS, np.zeros(MAX_PARTS, bool))
    assert np.flatnonzero(outcome.moved_parts).tolist() == [MAX_PARTS - 1]
    assert outcome.optimal


def test_three_bars_in_the_simulator(tmp_path):
    """Held at the first, pushed at the middle one: the last is dragged along, first fresh, then known."""
    scene = box_scene(tmp_path, *THREE_BARS)
    view, before = scene.look(), scene.simulator.part_poses()
    scene.simulator.interact(scene.grip(0, -0.1, 0.0), scene.grip(1, 0.15, 0.0), 2)
    flow = flow_between(view, scene.camera, before, scene.simulator.part_poses())
    moved_ever = np.zeros(MAX_PARTS, bool)
    outcome = judge(view, flow, 1, 2, moved_ever)
    assert np.flatnonzero(outcome.moved_parts).tolist() == [1, 2]
    assert (outcome.effective, outcome.optimal) == (True, False)
    moved_ever[2] = True
    assert judge(view, flow, 1, 2, moved_ever).optimal
