"""Between frames of any shape and the network's square images."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from atp.clips.letterbox import Letterbox, to_network
from atp.frame_action import FrameAction, scale_pixel


@pytest.mark.parametrize("shape", [(1920, 1080), (480, 640), (90, 90), (61, 97), (40, 30)])
def test_letterbox_round_trip(shape: tuple[int, int]):
    rng = np.random.default_rng(0)
    box = Letterbox(*shape, 90)
    side = max(shape)
    # What is valid has the frame's proportions to half a pixel on each side: nothing is squashed.
    rows, cols = np.nonzero(box.valid)
    assert abs(np.ptp(rows) + 1 - 90 * shape[0] / side) <= 1
    assert abs(np.ptp(cols) + 1 - 90 * shape[1] / side) <= 1
    top, left, bottom, right = rng.uniform(0.1, 0.35, 4) * np.array([*shape, *shape])
    mask = np.zeros(shape, bool)
    mask[int(top) : shape[0] - int(bottom), int(left) : shape[1] - int(right)] = True
    small = box.mask(mask)
    back = box.mask_to_frame(small)
    assert back.shape == mask.shape
    assert (box.mask(back) == small).all() or side < 90
    assert (back & mask).sum() / (back | mask).sum() > 0.9
    for row, col in [(0, 0), (shape[0] - 1, shape[1] - 1), (shape[0] // 3, shape[1] // 4)]:
        point = np.zeros((90, 90), bool)
        point[box.pixel(row, col)] = True
        assert box.mask_to_frame(point)[row, col]


def test_letterbox_averages_the_frame_and_repeats_its_edge():
    rgb = np.zeros((4, 8, 3), np.uint8)
    rgb[0], rgb[3] = 80, 200
    rgb[1, :2], rgb[2, :2] = 100, 50
    image, box = to_network(rgb, 4)
    assert image.shape == (4, 4, 3)
    # 2 x 2 frame pixels to a network pixel, two rows of border above and below, by hand:
    assert image[:, :, 0].tolist() == [[80, 80, 80, 80], [90, 40, 40, 40], [125, 100, 100, 100], [200] * 4]
    assert box.valid.tolist() == [[False] * 4, [True] * 4, [True] * 4, [False] * 4]
    assert box.pixel(0, 7) == (1, 3)


def test_letterbox_masks_are_thresholded_at_half_of_the_area():
    box = Letterbox(4, 8, 4)
    mask = np.zeros((4, 8), bool)
    mask[0, 0:2] = mask[0, 2] = mask[2:4, 4:6] = True
    small = box.mask(mask)
    assert np.argwhere(small).tolist() == [[1, 0], [2, 2]]  # 2 of 4, 1 of 4 (left out), 4 of 4
    assert box.mask(np.ones((4, 8), bool)).tolist() == box.valid.tolist()


def test_letterbox_takes_a_mask_at_a_border_that_cuts_network_pixels():
    box = Letterbox(1920, 1080, 90)  # the frame ends inside of columns 19 and 70
    everything = np.ones((1920, 1080), bool)
    assert (box.mask(everything) == box.valid).all()
    assert box.valid.any(axis=0).sum() == 50
    assert box.mask_to_frame(box.mask(everything))[:, 10:-10].all()


@pytest.mark.parametrize(
    "call",
    [
        lambda: Letterbox(0, 4, 4),
        lambda: to_network(np.zeros((4, 4, 3), np.uint8), 0),
        lambda: to_network(np.zeros((4, 4, 3), np.float32), 4),
        lambda: to_network(np.zeros((4, 4), np.uint8), 4),
        lambda: Letterbox(4, 8, 4).mask(np.zeros((8, 4), bool)),
        lambda: Letterbox(4, 8, 4).mask(np.zeros((4, 8), np.uint8)),
        lambda: Letterbox(4, 8, 4).mask_to_frame(np.zeros((4, 8), bool)),
        lambda: Letterbox(4, 8, 4).pixel(4, 0),
    ],
)
def test_letterbox_refuses_wrong_inputs(call):
    with pytest.raises(ValueError, match=r"must be|outside"):
        call()


def test_labels_come_back_to_the_frame():
    box = Letterbox(4, 8, 4)
    labels = np.zeros((4, 4), np.uint8)
    labels[1, 3], labels[2, 0], labels[0] = 2, 9, 5  # row 0 lies off the frame
    back = box.labels_to_frame(labels)
    assert back.shape == (4, 8)
    assert np.argwhere(back == 2).tolist() == [[0, 6], [0, 7], [1, 6], [1, 7]]
    assert np.argwhere(back == 9).tolist() == [[2, 0], [2, 1], [3, 0], [3, 1]]
    assert set(np.unique(back)) == {0, 2, 9}


def test_actions_go_to_the_network_and_back():
    box = Letterbox(480, 640, 90)
    action = np.array([45, 45, 12, 89, 5])
    there = box.frame_action(action)
    assert box.network_action(there).tolist() == action.tolist()
    assert there.complete
    for part in ({"hold": None}, {"push": None}, {"direction": None}):
        known = FrameAction(**({"hold": (1, 2), "push": (3, 4), "direction": 5} | part))
        assert not known.complete
        assert box.network_action(known) is None


def test_a_pixel_keeps_its_place_when_an_image_is_resized():
    whole = np.zeros((30, 40), np.uint8)
    whole[6:9, 20:24] = 1
    for shape in ((10, 10), (60, 80), (90, 40)):
        resized = cv2.resize(whole, shape[::-1], interpolation=cv2.INTER_NEAREST)
        assert resized[scale_pixel((7, 22), whole.shape, (*shape, 3))]
    assert scale_pixel((29, 39), (30, 40), (90, 120)) == (88, 118)
    assert scale_pixel((89, 119), (90, 120), (30, 40)) == (29, 39)
