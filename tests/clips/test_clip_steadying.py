"""Correcting a camera's motion and light between two frames."""

import cv2
import numpy as np
import pytest

from atp.clips.steadying import camera_motion, match_light, steady, unsteady_mask

HEIGHT, WIDTH = 360, 480


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    rng = np.random.default_rng(0)
    coarse = rng.integers(30, 200, (60, 80, 3)).astype(np.uint8)
    return cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def with_object(scene: np.ndarray, left: int) -> tuple[np.ndarray, np.ndarray]:
    texture = np.random.default_rng(1).integers(0, 255, (20, 24, 3)).astype(np.uint8)
    rgb, mask = scene.copy(), np.zeros((HEIGHT, WIDTH), bool)
    mask[120:240, left : left + 144] = True
    rgb[mask] = cv2.resize(texture, (144, 120), interpolation=cv2.INTER_LINEAR).reshape(-1, 3)
    return rgb, mask


def shaken(image: np.ndarray, angle: float, shift: tuple[float, float]) -> np.ndarray:
    matrix = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), angle, 1.01)
    matrix[:, 2] += shift
    border = cv2.BORDER_REPLICATE if image.ndim == 3 else cv2.BORDER_CONSTANT
    return cv2.warpAffine(image, matrix, (WIDTH, HEIGHT), borderMode=border)


def test_the_camera_is_followed_and_the_object_is_not(scene: np.ndarray):
    first, _ = with_object(scene, 100)
    second, mask = with_object(scene, 220)
    moved = shaken(second, 1.0, (7, -4))
    motion = camera_motion(first, moved)
    inner = np.s_[30:-30, 30:-30]
    error = np.abs(steady(moved, motion)[inner].astype(int) - second[inner])
    assert error.mean() < 3 < np.abs(moved[inner].astype(int) - second[inner]).mean()
    there = shaken(mask.astype(np.uint8) * 255, 1.0, (7, -4)) >= 128
    back = unsteady_mask(mask, motion)
    assert (back & there).sum() / (back | there).sum() > 0.98


def test_a_camera_that_stands_still_is_left_alone(scene: np.ndarray):
    noise = np.random.default_rng(2).normal(0, 4, scene.shape)
    first = np.clip(with_object(scene, 100)[0] + noise, 0, 255).astype(np.uint8)
    assert camera_motion(first, with_object(scene, 220)[0]) is None


def test_an_object_that_slides_over_a_plain_ground_is_not_taken_for_the_camera():
    plain = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    assert camera_motion(with_object(plain, 150)[0], with_object(plain, 165)[0]) is None


def test_another_place_is_not_corrected_to_this_one(scene: np.ndarray):
    other = np.random.default_rng(3).integers(0, 255, (36, 48, 3)).astype(np.uint8)
    assert camera_motion(scene, cv2.resize(other, (WIDTH, HEIGHT))) is None
    assert camera_motion(scene, np.zeros_like(scene)) is None
    assert camera_motion(scene, shaken(scene, 20.0, (0, 0))) is None  # not a hand that shakes


def test_light_is_matched_by_what_stayed(scene: np.ndarray):
    first, _ = with_object(scene, 100)
    second, _ = with_object(scene, 220)
    dim = np.clip(second * np.array([0.6, 0.75, 0.9]), 0, 255).astype(np.uint8)
    matched = match_light(first, dim)
    unclipped = second.max(axis=2) < 235
    assert np.abs(matched.astype(int) - second)[unclipped].mean() < 2.5
    assert np.abs(dim.astype(int) - second)[unclipped].mean() > 20


def test_light_that_did_not_change_and_frames_without_any_are_left_alone(scene: np.ndarray):
    first, second = with_object(scene, 100)[0], with_object(scene, 220)[0]
    assert np.abs(match_light(first, second).astype(int) - second).mean() < 1
    black = np.zeros_like(first)
    assert (match_light(first, black) == 0).all()
    assert (match_light(black, first) == first).all()
