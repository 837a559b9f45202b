"""Planar registration against motions that are known."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from atp.metrics import mask_iou
from atp.part_memory.registration import register, rotation_about, warp


def polygon(points, shape=(90, 90)):
    image = np.zeros(shape, np.uint8)
    cv2.fillPoly(image, [np.round(np.array(points) * 16).astype(np.int32)], 1, shift=4)
    return image > 0


def moved_polygon(points, motion, shape=(90, 90)):
    points = np.array(points, float)
    return polygon(points @ motion[:2, :2].T + motion[:2, 2], shape)


HOOK = [(20, 40), (60, 40), (60, 62), (50, 62), (50, 50), (20, 50)]  # (col, row)
BAR = [(25, 40), (65, 40), (65, 52), (25, 52)]


def test_rotation_turns_from_columns_towards_rows():
    x, y, _ = rotation_about(math.pi / 2, 10, 20, 3, 0) @ (15, 20, 1)
    assert (x, y) == pytest.approx((13, 25))


@pytest.mark.parametrize("angle", [0, 20, -50, 100, 170])
def test_finds_turn_and_shift(angle):
    motion = rotation_about(math.radians(angle), 45, 45, 4, -3)
    (found,) = register([polygon(HOOK)], moved_polygon(HOOK, motion))
    for point in HOOK:
        assert np.hypot(*((found - motion) @ (*point, 1))[:2]) < 1.5


def test_of_two_placings_of_a_bar_the_smaller_turn_is_meant():
    motion = rotation_about(math.radians(30), 45, 45)
    (found,) = register([polygon(BAR)], moved_polygon(BAR, motion))
    assert math.degrees(math.atan2(found[1, 0], found[0, 0])) == pytest.approx(30, abs=2)


def test_larger_images_are_placed_as_well():
    hook = np.array(HOOK) * 5
    motion = rotation_about(math.radians(35), 225, 225, 20, -10)
    after = moved_polygon(hook, motion, (450, 450))
    (found,) = register([polygon(hook, (450, 450))], after)
    assert mask_iou(warp(polygon(hook, (450, 450)), found), after) > 0.95


def test_a_part_hidden_behind_a_cover_is_placed_by_what_is_seen():
    motion = rotation_about(0, 0, 0, 12, 0)
    cover = polygon([(55, 20), (85, 20), (85, 60), (55, 60)])
    moved = moved_polygon(BAR, motion)
    (found,) = register([polygon(BAR)], moved & ~cover, cover)
    assert found[:2, 2] == pytest.approx((12, 0), abs=1)
    assert mask_iou(warp(polygon(BAR), found), moved) > 0.92


def test_two_pieces_bend_at_their_joint():
    left, right = [(15, 40), (45, 40), (45, 50), (15, 50)], [(45, 41), (75, 41), (75, 49), (45, 49)]
    slide = rotation_about(math.radians(10), 45, 45, 2, 3)
    bend = slide @ rotation_about(math.radians(40), 45, 45)
    goals = [moved_polygon(left, slide), moved_polygon(right, bend)]
    pieces = [polygon(left), polygon(right)]
    found = register(pieces, goals[0] | goals[1])
    for piece, motion, goal in zip(pieces, found, goals, strict=True):
        assert mask_iou(warp(piece, motion), goal) > 0.85


def test_a_hair_does_not_break_it():
    hair = np.zeros((400, 400), bool)
    hair[10:390, 200] = True
    (found,) = register([hair], np.roll(hair, 5, 1))
    assert np.isfinite(found).all()
