"""The held part stays: masks that falsely take it along are put right, and sure ones are believed."""

from __future__ import annotations

import numpy as np
import pytest

from atp.part_memory.evidence import Evidence
from atp.part_memory.held import unchanged, without_held

SHAPE = (40, 60)


def box(top, left, height, width):
    mask = np.zeros(SHAPE, bool)
    mask[top : top + height, left : left + width] = True
    return mask


BODY, DOOR = box(10, 5, 20, 30), box(10, 35, 20, 4)
LABELS = (BODY + 2 * DOOR).astype(np.uint8)
ON_DOOR, ON_BODY, ON_GROUND = (15, 36), (15, 20), (2, 50)


def evidence(mask, door=0.7):
    """A mask that is sure but on the door."""
    return Evidence(mask, np.where(mask, np.where(DOOR, door, 1.0), 0.0).astype(np.float32))


def corrected(before, after, held, same=None, door=0.7):
    return without_held(evidence(before, door), evidence(after, door), held, LABELS, same)


def test_a_door_that_is_held_is_not_taken_along_with_its_cabinet():
    moved, there = BODY | DOOR, np.roll(BODY, 4, 0) | DOOR
    before, after = corrected(moved, there, ON_DOOR)
    np.testing.assert_array_equal(before, BODY)
    np.testing.assert_array_equal(after, np.roll(BODY, 4, 0))


def test_a_spill_onto_the_held_door_is_taken_away_and_half_of_a_motion_is_not():
    spill = BODY | box(10, 35, 10, 4)
    np.testing.assert_array_equal(corrected(spill, spill, ON_DOOR)[0], BODY)
    half = box(10, 35, 10, 4) | box(10, 31, 10, 4)
    np.testing.assert_array_equal(corrected(half, half, ON_DOOR)[0], half)


@pytest.mark.parametrize("held", [ON_BODY, ON_GROUND, (-1, 37), (15, 60)])
def test_parts_that_are_not_held_keep_the_mask(held):
    moved = DOOR | box(10, 39, 20, 3)
    before, after = corrected(moved, moved, held)
    np.testing.assert_array_equal(before, moved)
    np.testing.assert_array_equal(after, moved)


def test_a_hold_next_to_a_part_holds_it():
    moved = BODY | DOOR | box(10, 39, 20, 4)
    np.testing.assert_array_equal(corrected(moved, moved, (15, 39))[0], moved & ~DOOR)
    np.testing.assert_array_equal(corrected(moved, moved, (15, 41))[0], moved)


def test_a_held_part_that_surely_moved_was_none():
    moved = BODY | DOOR
    np.testing.assert_array_equal(corrected(moved, moved, ON_DOOR, door=1.0)[0], moved)


def test_where_the_hold_is_not_in_the_mask_the_known_part_may_have_been_two():
    piece = box(20, 35, 10, 4)
    np.testing.assert_array_equal(corrected(piece, piece, ON_DOOR)[0], piece)


def test_what_looks_as_before_on_the_held_part_is_still_it():
    door, swung = DOOR, box(10, 31, 20, 4)  # over the body, which is held
    spilt = swung | box(10, 28, 20, 3)
    same = ~swung & ~door
    unsure = Evidence(spilt, np.where(spilt, 0.7, 0.0).astype(np.float32))
    before, after = without_held(evidence(door, 1.0), unsure, ON_BODY, LABELS, same)
    np.testing.assert_array_equal(before, door)
    np.testing.assert_array_equal(after, swung)
    sure = Evidence(spilt, spilt.astype(np.float32))
    np.testing.assert_array_equal(without_held(evidence(door, 1.0), sure, ON_BODY, LABELS, same)[1], spilt)


def test_masks_that_do_not_say_how_sure_they_are_stay_as_they_are():
    moved = BODY | DOOR
    before, after = without_held(Evidence(moved), Evidence(moved), ON_DOOR, LABELS, None)
    np.testing.assert_array_equal(before, moved)
    np.testing.assert_array_equal(after, moved)


def test_unchanged_is_what_has_both_colour_and_depth_as_before():
    colour = np.full((*SHAPE, 3), 120, np.uint8)
    depth = np.full(SHAPE, 1.5, np.float32)
    recoloured, nearer, unread = colour.copy(), depth.copy(), depth.copy()
    recoloured[5:15, 5:15, 1] += 30
    nearer[20:30, 5:15] -= 0.03
    unread[20:30, 30:40] = 0
    assert unchanged((colour, depth), (colour, depth)).all()
    same = unchanged((colour, depth), (recoloured, nearer))
    assert not same[6:14, 6:14].any()
    assert not same[20:30, 5:15].any()
    assert np.count_nonzero(~same) <= 12 * 12 + 100
    assert unchanged((colour, unread), (colour, nearer))[20:30, 30:40].all()
    assert unchanged((colour, None), (colour, depth)) is None
