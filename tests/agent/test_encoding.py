from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from atp.ground import ground_depth, ground_plane
from atp.networks.encoding import action_tensor, check_actions, image_tensor, memory_tensor


def test_colours_are_scaled_and_absent_depth_is_zero():
    rgb = np.zeros((16, 20, 3), np.uint8)
    rgb[3, 4] = (255, 51, 0)
    encoded = image_tensor(rgb)
    assert encoded.shape == (1, 5, 16, 20)
    assert encoded.dtype == torch.float32
    torch.testing.assert_close(encoded[0, :3, 3, 4], torch.tensor([0.5, -0.3, -0.5]))
    assert not encoded[:, 3:].any()
    torch.testing.assert_close(image_tensor(rgb, np.zeros((16, 20), np.float32)), encoded)


def test_nearness_is_above_the_ground_in_tenths_of_a_metre():
    depth = np.full((20, 20), 1.5, np.float32)
    depth[5, 5], depth[5, 6], depth[5, 7], depth[5, 8] = 1.4, 0.5, 1.55, 1.9
    encoded = image_tensor(np.zeros((20, 20, 3), np.uint8), depth)[0]
    torch.testing.assert_close(encoded[3, 5, 4:9], torch.tensor([0.0, 1.0, 9.0, -0.5, -3.0]), atol=1e-5, rtol=0)
    assert encoded[4].all()


def test_what_is_seen_from_the_side_keeps_its_depth():
    rows = np.mgrid[:60, :60][0]
    ground = 1 / (0.4 + 0.5 * rows / 60)  # seen obliquely: from 2.5 m at the top to 1.1 m at the bottom
    depth = ground.copy()
    depth[15:45, 20:40] = 1.0  # the front of a cabinet
    depth[20:40, 25:35] = 0.95  # a drawer that is open by 5 cm
    rgb = np.zeros((60, 60, 3), np.uint8)
    nearness = image_tensor(rgb, depth)[0, 3]
    assert nearness[30, 30] - nearness[30, 22] == pytest.approx(0.5, abs=1e-4)
    assert nearness[30, 22] == pytest.approx((1 / 0.65 - 1.0) / 0.1, abs=0.01)
    plane = ground_plane(depth)
    given = image_tensor(rgb, depth, ground_depth(depth, plane))
    assert torch.equal(given[0, 3], nearness)


@pytest.mark.parametrize("hole", [0.0, -1.0, np.nan, np.inf, -np.inf])
def test_holes_in_depth_are_no_readings_and_do_not_move_the_ground(hole):
    depth = np.full((2, 20, 20), 1.5, np.float32)
    depth[0, :12] = hole  # more than half of the first image
    depth[0, 15, 15] = 1.3
    encoded = image_tensor(np.zeros((2, 20, 20, 3), np.uint8), depth)
    assert encoded.isfinite().all()
    assert not encoded[0, 3:, :12].any()
    assert encoded[0, 4, 12:].all()
    assert encoded[0, 3, 15, 15] == pytest.approx(2.0, abs=1e-5)
    assert encoded[0, 3].count_nonzero() == 1
    assert encoded[1, 4].all()


def test_batch_is_encoded_as_its_images_are():
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (3, 17, 23, 3), dtype=np.uint8)
    depth = rng.uniform(0.5, 2, (3, 17, 23))
    depth[1] = 0
    together = image_tensor(rgb, depth)
    assert torch.equal(together, torch.cat([image_tensor(*pair) for pair in zip(rgb, depth, strict=True)]))
    assert not together[1, 3:].any()


@pytest.mark.parametrize(
    ("rgb", "depth"),
    [
        (np.zeros((16, 16, 3), np.float32), None),
        (np.zeros((16, 16), np.uint8), None),
        (np.zeros((16, 16, 4), np.uint8), None),
        (np.zeros((0, 16, 16, 3), np.uint8), None),
        (np.zeros((16, 16, 3), np.uint8), np.zeros((16, 17), np.float32)),
        (np.zeros((16, 16, 3), np.uint8), np.zeros((1, 16, 16), np.float32)),
        (np.zeros((16, 16, 3), np.uint8), np.zeros((16, 16), np.uint16)),
    ],
)
def test_wrong_images_are_refused(rgb, depth):
    with pytest.raises(ValueError, match=r"rgb must|depth must"):
        image_tensor(rgb, depth)


def test_memory_shows_parts_and_boundaries():
    labels = np.zeros((5, 6), np.uint8)
    labels[1:4, 1:3] = 1
    labels[1:4, 3:5] = 7
    encoded = memory_tensor(labels)
    assert encoded.shape == (1, 2, 5, 6)
    assert torch.equal(encoded[0, 0] > 0, torch.from_numpy(labels > 0))
    expected = np.zeros((5, 6))
    for row in range(5):
        for col in range(6):
            for r, c in ((row + 1, col), (row - 1, col), (row, col + 1), (row, col - 1)):
                if 0 <= r < 5 and 0 <= c < 6 and labels[r, c] != labels[row, col]:
                    expected[row, col] = 1
    assert np.array_equal(encoded[0, 1].numpy(), expected)


def test_memory_does_not_depend_on_the_numbers_of_parts():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, (2, 30, 30)).astype(np.uint8)
    renumbered = np.array([0, 9, 15, 2], np.uint8)[labels]
    assert torch.equal(memory_tensor(labels), memory_tensor(renumbered))


@pytest.mark.parametrize("labels", [np.zeros((4, 4)), np.zeros(4, np.uint8), np.zeros((1, 1, 4, 4), np.uint8)])
def test_wrong_memories_are_refused(labels):
    with pytest.raises(ValueError, match="labels must"):
        memory_tensor(labels)


def test_action_maps_mark_pixels_and_direction():
    maps = action_tensor([[10, 20, 60, 70, 3]], (90, 90))
    assert maps.shape == (1, 4, 90, 90)
    assert maps[0, 0, 10, 20] == maps[0, 1, 60, 70] == 1
    assert maps[0, 0, 12, 20] == pytest.approx(math.exp(-0.5))  # sigma 2 px
    assert maps[0, 2, 60, 70] == pytest.approx(math.cos(math.radians(135)))
    assert maps[0, 3, 60, 70] == pytest.approx(math.sin(math.radians(135)))  # counter-clockwise: up


def test_unknown_actions_are_zeros_row_by_row():
    actions = np.array([[1, 2, 3, 4, 5], [-1, -1, -1, -1, -1]])
    maps = action_tensor(actions, (20, 30))
    assert maps[0].any()
    assert not maps[1].any()
    assert torch.equal(action_tensor(None, (20, 30), count=3), torch.zeros(3, 4, 20, 30))


@pytest.mark.parametrize(
    "action", [(90, 0, 0, 0, 0), (0, 90, 0, 0, 0), (0, 0, 0, 0, 8), (0, 0, -1, 0, 0), (5, 5, 5, 5, -1)]
)
def test_actions_outside_the_image_are_refused(action):
    with pytest.raises(ValueError, match=r"row 1\) is outside an image of 90 x 90"):
        action_tensor([(0, 0, 0, 0, 0), action], (90, 90))


@pytest.mark.parametrize("actions", [[[1, 2, 3, 4]], [[1.0, 2, 3, 4, 5]], [], [[[1, 2, 3, 4, 5]]]])
def test_actions_of_wrong_shape_or_type_are_refused(actions):
    with pytest.raises(ValueError, match="actions must"):
        check_actions(actions, (90, 90))


def test_number_of_actions_is_checked():
    with pytest.raises(ValueError, match="2 actions expected, got 1"):
        action_tensor([1, 2, 3, 4, 5], (90, 90), count=2)
