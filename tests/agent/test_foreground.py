"""Finding the object in a depth image."""

from __future__ import annotations

import numpy as np
import pytest

from atp.ground import ground_plane
from atp.perception.foreground import MIN_HEIGHT, object_mask, snap_to_foreground
from envs.camera import Camera
from scenes import TWO_BARS, box_scene


def table(shape: tuple[int, int] = (60, 80), slope: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """Depth (H, W) of a plane: its inverse is linear in row and column."""
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    inverse = 1 / 1.5 + slope[0] * (rows / shape[0] - 0.5) + slope[1] * (cols / shape[1] - 0.5)
    return (1 / inverse).astype(np.float32)


BLOCK = np.zeros((60, 80), bool)
BLOCK[20:40, 30:55] = True


@pytest.mark.parametrize("slope", [(0.0, 0.0), (0.2, -0.1), (-0.15, 0.15)])
def test_a_block_on_a_table(slope):
    depth = table(slope=slope)
    depth[BLOCK] -= 0.03
    np.testing.assert_array_equal(object_mask(depth), BLOCK)


@pytest.mark.parametrize("slope", [(0.0, 0.0), (0.2, -0.1), (-0.15, 0.15)])
def test_the_plane_below_a_block(slope):
    depth = table(slope=slope)
    depth[BLOCK] -= 0.03
    plane = ground_plane(depth)
    assert plane == pytest.approx([*slope, 1 / 1.5 - sum(slope) / 2], abs=1e-5)
    assert ground_plane(np.zeros_like(depth)) is None


def test_an_empty_table():
    assert not object_mask(table(slope=(0.1, 0.2))).any()


def test_a_hole_in_the_table_is_no_object():
    depth = table()
    depth[BLOCK] += 0.05
    assert not object_mask(depth).any()


def test_it_counts_from_the_least_height_on():
    for height, found in ((MIN_HEIGHT - 0.002, False), (MIN_HEIGHT + 0.002, True)):
        depth = table()
        depth[BLOCK] -= height
        assert object_mask(depth).any() == found


def test_an_object_that_touches_the_border():
    depth = table(slope=(0.1, 0.0))
    touching = np.zeros_like(BLOCK)
    touching[:30, :40] = True
    depth[touching] -= 0.05
    np.testing.assert_array_equal(object_mask(depth), touching)


@pytest.mark.parametrize("noise", [0.0, 0.003])
def test_an_object_that_covers_much_of_the_border(noise):
    """Its top is a plane too, and more of the border lies on it than beside it is left on most sides."""
    depth = table(slope=(0.25, 0.05))
    large = np.zeros_like(BLOCK)
    large[:, :34] = True
    depth[large] -= 0.2
    depth += (noise * np.random.default_rng(2).standard_normal(depth.shape)).astype(np.float32)
    assert np.mean(object_mask(depth) != large) < 0.01


def test_pixels_without_a_reading_are_never_the_object():
    rng = np.random.default_rng(0)
    depth = table(slope=(0.1, 0.1))
    depth[BLOCK] -= 0.05
    holes = rng.random(depth.shape) < 0.2
    depth[holes] = 0.0
    depth[5, 5], depth[30, 40] = np.nan, np.inf
    wanted = BLOCK & ~holes
    wanted[30, 40] = False
    np.testing.assert_array_equal(object_mask(depth), wanted)


def test_noise_of_a_depth_camera():
    rng = np.random.default_rng(1)
    depth = table(slope=(0.1, 0.1))
    depth[BLOCK] -= 0.04
    depth += (0.003 * rng.standard_normal(depth.shape)).astype(np.float32)
    mask = object_mask(depth)
    assert mask[BLOCK].mean() > 0.99
    assert mask[~BLOCK].mean() < 0.01


@pytest.mark.parametrize("depth", [np.zeros((30, 40), np.float32), np.full((30, 40), np.nan, np.float32)])
def test_no_depth_no_object(depth):
    assert not object_mask(depth).any()


@pytest.mark.parametrize("tilt", [(0.0, 0.0), (0.25, -0.25)])
def test_it_finds_what_the_simulator_shows(tmp_path, tilt):
    camera = Camera.above(90, 90, tilt=tilt)
    view = box_scene(tmp_path, *TWO_BARS, pose=(0.02, 0.03, 0.4), positions={"joint_0": 0.7}, camera=camera).look()
    assert np.mean(object_mask(view.depth) != (view.labels > 0)) < 0.01


def test_pixels_move_to_the_nearest_ones_of_the_object():
    depth = np.full((40, 40), 1.0, np.float32)
    depth[10:20, 10:30] = 0.95
    outside_and_inside = np.array([2, 15, 15, 12, 5])
    assert snap_to_foreground(depth, outside_and_inside).tolist() == [10, 15, 15, 12, 5]
    assert snap_to_foreground(depth, np.array([39, 39, 12, 0, 0])).tolist() == [19, 29, 12, 10, 0]
    assert outside_and_inside.tolist() == [2, 15, 15, 12, 5]


def test_noisy_readings_attract_no_action():
    depth = table()
    depth[BLOCK] -= 0.03
    noise = np.random.default_rng(0).random(depth.shape) < 0.03
    assert object_mask(np.where(noise, depth - 0.05, depth))[~BLOCK].sum() > 50
    for row, col in np.random.default_rng(1).integers((0, 0), depth.shape, (100, 2)):
        moved = snap_to_foreground(np.where(noise, depth - 0.05, depth), np.array([row, col, row, col, 0]))
        assert BLOCK[moved[0], moved[1]]


def test_thin_objects_are_found_too():
    depth = table()
    depth[30, 20:60] -= 0.03
    assert snap_to_foreground(depth, np.array([10, 40, 50, 5, 0])).tolist() == [30, 40, 30, 20, 0]


def test_actions_stay_as_they_are_where_no_object_is_seen():
    assert snap_to_foreground(np.zeros((40, 40), np.float32), np.array([2, 15, 15, 12, 5])).tolist() == [
        2,
        15,
        15,
        12,
        5,
    ]
