"""Synthetic image pairs: the renderer, the scenes, the camera's faults, hands."""

import numpy as np
import pytest

from envs.camera import Camera
from envs.image_pairs import ImagePairConfig, disturbances, synthesize_pair
from envs.image_pairs.furniture import furniture
from envs.image_pairs.renderer import Lamp, Quad, box, render
from envs.image_pairs.scene import UP, rotating, sliding
from envs.image_pairs.synthesis import _shaken
from envs.image_pairs.tabletop import tabletop

SIDE = 60
FRONT = Camera.looking_at(SIDE, SIDE, SIDE, np.array([0.0, 0, 3]), np.zeros(3), UP)
FLAT = Lamp(np.array([0.0, 0, 1]), ambient=1.0, diffuse=0.0, shadow=0.0)


def square(side: float, z: float, colour=(200, 100, 50), body: int = 0, **more) -> Quad:
    texture = np.full((8, 8, 3), colour, np.uint8)
    return Quad(
        0.5 * side * np.array([[-1, 1, 0], [1, 1, 0], [1, -1, 0], [-1, -1, 0.0]]) + [0, 0, z],
        texture,
        body,
        **more,
    )


def test_a_camera_anywhere_projects_by_hand():
    rows, cols, depth = FRONT.project(np.array([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]))
    assert rows == pytest.approx([30 - 10, 30])  # 60 px * 0.5 m / 3 m
    assert cols == pytest.approx([30 + 10, 30])
    assert depth == pytest.approx([3, 2])
    rolled = Camera.looking_at(SIDE, SIDE, SIDE, np.array([0.0, 0, 3]), np.zeros(3), UP, roll=np.pi / 2)
    rows, cols, _ = rolled.project(np.array([[0.5, 0.0, 0.0]]))  # clockwise: what was right is at the top
    assert (rows[0], cols[0]) == pytest.approx((20, 30))
    with pytest.raises(ValueError, match="up direction"):
        Camera.looking_at(SIDE, SIDE, SIDE, np.array([0.0, 3, 0]), np.zeros(3), UP)


def test_a_square_covers_its_pixels_with_its_colour_and_depth():
    view = render([square(1.0, 0.0)], FRONT, FLAT)
    shown = view.bodies == 0
    expected = np.zeros((SIDE, SIDE), bool)
    expected[20:40, 20:40] = True
    assert (shown != expected).sum() <= 80  # its rim
    assert shown[21:39, 21:39].all()
    np.testing.assert_allclose(view.rgb[30, 30], (200, 100, 50), atol=1)
    np.testing.assert_allclose(view.depth[shown], 3.0, rtol=1e-4)


def test_textures_stand_upright_and_are_not_mirrored():
    texture = np.zeros((8, 8, 3), np.uint8)
    texture[:4, :4], texture[:4, 4:], texture[4:, :4] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    for quads in ([Quad(square(2.0, 0.0).corners, texture)], box(np.zeros(3), np.full(3, 2.0), [texture])):
        view = render(quads, FRONT, FLAT)
        for (row, col), colour in {(18, 18): 0, (18, 42): 1, (42, 18): 2}.items():
            assert view.rgb[row, col].argmax() == colour


def test_the_nearer_one_is_seen_whatever_the_order():
    far, near = square(2.0, 0.0, body=0), square(0.5, 0.5, (10, 200, 10), body=1)
    for quads in ([far, near], [near, far]):
        view = render(quads, FRONT, FLAT)
        assert view.bodies[30, 30] == 1
        assert view.bodies[12, 30] == 0
        assert view.depth[30, 30] == pytest.approx(2.5, rel=1e-3)


def test_planes_that_cross_are_told_apart_in_every_pixel():
    wall = square(2.0, 0.0, body=0)
    tilted = square(2.0, 0.0, (0, 0, 255), body=1).moved(rotating(UP, np.zeros(3))(0.5))
    view = render([wall, tilted], FRONT, FLAT)
    assert (view.bodies[30, 16:28] == 1).mean() in (0.0, 1.0)  # one half before the wall, one behind it
    assert (view.bodies[30, 32:44] == 1).mean() == 1.0 - (view.bodies[30, 16:28] == 1).mean()


def test_faces_of_closed_bodies_that_face_away_are_left_out_and_boxes_can_be_looked_into():
    away = Camera.looking_at(SIDE, SIDE, SIDE, np.array([0.0, 0, -3]), np.zeros(3), UP)
    assert (render([square(1.0, 0.0, closed=True)], away, FLAT).bodies < 0).all()
    assert (render([square(1.0, 0.0)], away, FLAT).bodies == 0).any()
    inside = box(np.array([0, 0, -0.5]), np.ones(3), [np.full((4, 4, 3), 90, np.uint8)], faces="-z+x", closed=False)
    view = render(inside, FRONT, FLAT)
    assert view.depth[30, 30] == pytest.approx(4.0, rel=1e-3)  # its back wall


def test_a_shadow_falls_where_the_light_says():
    lamp = Lamp(np.array([1.0, 0, 1]) / np.sqrt(2), ambient=0.2, diffuse=1.0, shadow=1.0, softness=0.0)
    wall, sheet = square(2.6, 0.0), square(0.6, 0.6, body=1, shadow=True)
    view = render([wall, sheet], FRONT, lamp)
    dark = (view.bodies == 0) & (view.rgb[..., 0] < 110)
    rows, cols = np.nonzero(dark)
    assert 90 < len(rows) < 170  # 12 x 12 pixels, of which the sheet hides none
    assert rows.mean() == pytest.approx(29.5, abs=1.0)
    assert cols.mean() == pytest.approx(30 - 60 * 0.6 / 3, abs=1.5)  # 0.6 m to the left on the wall


def test_motions_by_hand():
    open_door = rotating(UP, np.array([-1.0, 0, 0]))(-np.pi / 2)  # hinged at its left
    np.testing.assert_allclose(open_door @ [1, 0, 0, 1], [-1, 0, 2, 1], atol=1e-12)
    np.testing.assert_allclose(sliding(np.array([0, 0, 2.0]))(0.3) @ [0, 0, 0, 1], [0, 0, 0.3, 1])


@pytest.mark.parametrize("draw", [furniture, tabletop])
def test_what_opens_comes_out_and_nothing_else_moves(draw):
    for seed in range(12):
        scene = draw(np.random.default_rng(seed), ImagePairConfig())
        low, high = scene.limits
        shut, wide = scene.quads(low), scene.quads(high)
        assert len(shut) == len(wide)
        for before, after in zip(shut, wide, strict=True):
            moved = np.abs(before.corners - after.corners).max() > 1e-9
            assert moved == (before.body == 1)
        if draw is furniture:
            front = max(quad.corners[:, 2].max() for quad in wide if quad.body == 1)
            assert front > max(quad.corners[:, 2].max() for quad in shut if quad.body == 1) or high > 0.1
        else:
            assert min(quad.corners[:, 1].min() for quad in wide if quad.body == 1) > -0.06  # on the table


def test_without_switches_only_what_moves_and_what_it_uncovers_changes():
    config = ImagePairConfig.off()
    for seed in range(10):
        pair = synthesize_pair(np.random.default_rng(seed), config, still=0.0)
        assert pair.rgb.shape == (2, 90, 90, 3)
        near = np.zeros((90, 90), bool)
        rows, cols = np.nonzero(pair.moved.any(0))
        for row in (-1, 0, 1):
            for col in (-1, 0, 1):
                near[np.clip(rows + row, 0, 89), np.clip(cols + col, 0, 89)] = True
        change = np.abs(pair.rgb[0].astype(int) - pair.rgb[1]).max(-1)
        assert change[~near].max(initial=0) <= 2
        assert (change[pair.moved.any(0)] > 10).mean() > 0.05


def test_pairs_in_which_nothing_moves_have_empty_masks_and_equal_images():
    pair = synthesize_pair(np.random.default_rng(3), ImagePairConfig.off(), still=1.0)
    assert not pair.moved.any()
    assert np.array_equal(pair.rgb[0], pair.rgb[1])
    pair = synthesize_pair(np.random.default_rng(3), ImagePairConfig(), still=1.0)
    assert not pair.moved.any()
    assert (pair.rgb[0] != pair.rgb[1]).mean() > 0.3  # light and noise


def test_same_seed_same_pair():
    first, again, other = (synthesize_pair(np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert np.array_equal(first.rgb, again.rgb)
    assert np.array_equal(first.moved, again.moved)
    assert not np.array_equal(first.rgb, other.rgb)


def test_the_mask_follows_a_shaken_camera():
    rng = np.random.default_rng(0)
    for _ in range(5):
        frame = np.zeros((120, 120, 3), np.float32)
        frame[30:70, 50:90] = 255
        shaken, (mask,) = _shaken(frame, [frame[..., 0] > 0], rng)
        assert (mask != (shaken[..., 0] >= 127.5)).sum() <= 8


def test_muted_images_keep_their_brightness():
    frame = np.random.default_rng(0).uniform(0, 255, (6, 8, 3)).astype(np.float32)
    (half,), (none,) = disturbances.mute([frame], 0.5), disturbances.mute([frame], 0.0)
    assert np.ptp(none, axis=2).max() < 1e-3
    assert np.ptp(half, axis=2) == pytest.approx(np.ptp(frame, axis=2) / 2, abs=1e-3)
    weights = np.array([0.299, 0.587, 0.114])
    assert half @ weights == pytest.approx(frame @ weights, abs=0.01)


def test_hands_enter_from_the_border():
    rng = np.random.default_rng(1)
    drawn = 0
    for _ in range(20):
        frames = [np.full((80, 80, 3), 128.0, np.float32) for _ in range(2)]
        masks = disturbances.draw_hands(frames, ImagePairConfig(), rng)
        for frame, mask in zip(frames, masks, strict=True):
            changed = (frame != 128).any(-1)
            assert (mask & ~changed).sum() <= 0.02 * mask.sum()  # by chance of the background's colour
            assert (changed & ~mask).sum() <= 0.35 * changed.sum()  # soft edges alone
            if changed.any():
                drawn += 1
                rim = np.concatenate([changed[0], changed[-1], changed[:, 0], changed[:, -1]])
                assert rim.any()
    assert drawn > 5
    untouched = [np.full((80, 80, 3), 128.0, np.float32) for _ in range(2)]
    masks = disturbances.draw_hands(untouched, ImagePairConfig(hands=False), rng)
    assert all((frame == 128).all() for frame in untouched)
    assert not np.any(masks)


def test_hands_and_what_they_hide_did_not_move():
    hidden = 0
    for seed in range(20):
        pair = synthesize_pair(np.random.default_rng(seed), still=0.0)
        assert not (pair.moved & pair.agent).any()
        hidden += bool(pair.agent.any())
    assert hidden > 3
