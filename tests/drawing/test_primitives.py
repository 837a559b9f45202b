from __future__ import annotations

import math

import numpy as np
import pytest

from atp.drawing.primitives import (
    HOLD_COLOUR,
    PUSH_COLOUR,
    draw_action,
    fit,
    outline_mask,
    overlay_labels,
    overlay_mask,
    part_colour,
)
from atp.frame_action import FrameAction

IMAGE = np.zeros((8, 8, 3), np.uint8)
MASK = np.zeros((8, 8), bool)


@pytest.fixture
def grey() -> np.ndarray:
    return np.full((90, 90, 3), 100, np.uint8)


def test_part_colours_are_fifteen_and_far_apart():
    colours = np.array([part_colour(label) for label in range(1, 16)], float)
    gaps = np.linalg.norm(colours[:, None] - colours[None], axis=-1)
    assert gaps[~np.eye(15, dtype=bool)].min() > 50
    assert part_colour(16) == part_colour(1)
    with pytest.raises(ValueError, match="start at 1"):
        part_colour(0)


def test_overlay_mask_tints_the_mask_alone(grey):
    mask = np.zeros((90, 90), bool)
    mask[3, 4] = True
    tinted = overlay_mask(grey, mask, (200, 0, 50), 0.25)
    assert tinted[3, 4].tolist() == [125, 75, 88]  # 0.75 * 100 + 0.25 * colour
    assert (tinted[~mask] == 100).all()
    assert (grey == 100).all()


def test_a_tint_does_not_depend_on_the_hue_below():
    mask = np.ones((1, 2), bool)
    # Red and green of the same brightness: 0.299 * 200 = 59.8 and 0.587 * 102 = 59.9.
    image = overlay_mask(np.array([[[200, 0, 0], [0, 102, 0]]], np.uint8), mask, (0, 0, 255), 0.5)
    assert np.abs(image[0, 0].astype(int) - image[0, 1]).max() <= 1


def test_outline_is_the_border_of_the_mask_also_at_the_edge_of_the_image(grey):
    mask = np.zeros((90, 90), bool)
    mask[0:10, 20:40] = True
    drawn = (outline_mask(grey, mask, (1, 2, 3), 1) == (1, 2, 3)).all(axis=-1)
    assert drawn.sum() == 2 * 20 + 2 * 8
    assert drawn[0, 20:40].all()
    assert not drawn[1:9, 21:39].any()


def test_overlay_labels_gives_each_part_its_colour(grey):
    labels = np.zeros((90, 90), np.uint8)
    labels[:10], labels[20:30] = 1, 7
    image = overlay_labels(grey, labels, 1.0)
    assert (image[5, 5] == part_colour(1)).all()
    assert (image[25, 5] == part_colour(7)).all()
    assert (image[15] == 100).all()


@pytest.mark.parametrize("direction", range(8))
def test_the_arrow_points_where_the_push_goes(grey, direction):
    image = draw_action(fit(grey, 360), FrameAction(push=(182, 182), direction=direction))
    assert image.shape == (360, 360, 3)
    rows, cols = np.nonzero((image == PUSH_COLOUR).all(axis=-1))
    centre = 182
    far = np.argmax(np.hypot(rows - centre, cols - centre))
    angle = math.degrees(math.atan2(-(rows[far] - centre), cols[far] - centre)) % 360
    assert (angle - 45 * direction + 180) % 360 - 180 == pytest.approx(0, abs=4)
    assert np.hypot(rows[far] - centre, cols[far] - centre) == pytest.approx(360 / 5, abs=4)


def test_the_hold_is_a_ring_about_its_pixel(grey):
    image = draw_action(fit(grey, 360), FrameAction(hold=(82, 242)))
    rows, cols = np.nonzero((image == HOLD_COLOUR).all(axis=-1))
    assert rows.mean() == pytest.approx(82, abs=0.7)
    assert cols.mean() == pytest.approx(242, abs=0.7)
    assert (image[82, 242] == 100).all()  # what is held stays to be seen


def test_an_action_at_the_edge_can_be_drawn(grey):
    image = draw_action(grey, FrameAction((0, 89), (89, 0), 4))
    assert image.shape == (90, 90, 3)
    assert (image == PUSH_COLOUR).all(axis=-1).any()


def test_fit_keeps_proportions_and_small_images_sharp(grey):
    assert fit(np.zeros((192, 108, 3), np.uint8), 96).shape == (96, 54, 3)
    checks = np.indices((6, 6)).sum(axis=0) % 2 * np.uint8(255)
    enlarged = fit(np.repeat(checks[..., None], 3, axis=2).astype(np.uint8), 18)
    assert (enlarged == np.repeat(checks.repeat(3, 0).repeat(3, 1)[..., None], 3, axis=2)).all()


def test_what_is_not_known_of_an_action_is_not_drawn(grey):
    assert (draw_action(grey, FrameAction()) == grey).all()
    assert (draw_action(grey, FrameAction(push=(45, 45))) == grey).all()  # where to is not known


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: overlay_mask(IMAGE / 2, MASK), "uint8"),
        (lambda: overlay_mask(IMAGE[..., 0], MASK), r"\(H, W, 3\)"),
        (lambda: overlay_mask(IMAGE, MASK[:4]), r"image's shape \(8, 8\)"),
        (lambda: overlay_mask(IMAGE, MASK.astype(int)), "bool"),
        (lambda: overlay_mask(IMAGE, MASK, alpha=1.5), "alpha"),
        (lambda: outline_mask(IMAGE, MASK, thickness=0), "thickness"),
        (lambda: overlay_labels(IMAGE, MASK.astype(float)), "integers"),
        (lambda: overlay_labels(IMAGE, MASK.astype(int) - 1), "start at 1"),
        (lambda: draw_action(IMAGE, FrameAction(hold=(8, 0))), "outside"),
        (lambda: draw_action(IMAGE, FrameAction(push=(1, -1), direction=0)), "outside"),
        (lambda: FrameAction(push=(1, 1), direction=8), "direction"),
        (lambda: FrameAction(hold=(1,)), r"\(row, col\)"),
        (lambda: fit(IMAGE, 0), "size"),
    ],
)
def test_wrong_inputs_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
