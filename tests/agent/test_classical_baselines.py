"""Classical baselines on a textured square that moves over a textured ground."""

import numpy as np
import pytest

from atp.metrics import mask_iou
from atp.perception.baselines import dis_flow, frame_difference


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    import cv2

    coarse = rng.integers(0, 256, (shape[0] // 3, shape[1] // 3, 3)).astype(np.uint8)
    return cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC)


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    ground, square = smooth_noise(rng, (90, 90)), smooth_noise(rng, (30, 30))
    frames, masks = [], []
    for left in (25, 29):
        frame, mask = ground.copy(), np.zeros((90, 90), bool)
        frame[30:60, left : left + 30] = square
        mask[30:60, left : left + 30] = True
        frames.append(frame)
        masks.append(mask)
    return frames, masks


def test_flow_finds_the_square_in_both_images(pair):
    frames, masks = pair
    found = dis_flow(*frames)
    assert mask_iou(found[0], masks[0]) > 0.8
    assert mask_iou(found[1], masks[1]) > 0.8
    assert mask_iou(found[0], masks[0]) > mask_iou(found[0], masks[1])


def test_difference_covers_where_the_square_was_and_is(pair):
    frames, masks = pair
    found, again = frame_difference(*frames)
    assert (found == again).all()
    assert (found & ~(masks[0] | masks[1])).sum() < 10
    assert found.sum() > 0.5 * (masks[0] | masks[1]).sum()


@pytest.mark.parametrize("method", [frame_difference, dis_flow])
def test_nothing_moves_between_equal_images_and_little_under_noise(method, pair):
    image = pair[0][0]
    noise = np.random.default_rng(1).integers(-6, 7, image.shape)
    noisy = np.clip(image.astype(int) + noise, 0, 255).astype(np.uint8)
    assert not method(image, image)[0].any()
    assert method(image, noisy)[0].sum() < 20


@pytest.mark.parametrize("method", [frame_difference, dis_flow])
def test_wrong_images_are_refused(method):
    image = np.zeros((90, 90, 3), np.uint8)
    for other in (image[..., 0], image.astype(float), image[:80]):
        with pytest.raises(ValueError, match="uint8"):
            method(image, other)
