"""The part memory on hand-drawn motions and on a small 2-D simulator."""

from __future__ import annotations

import numpy as np
import pytest

from atp.memory import PartMemory

SHAPE = (60, 80)


def box(top, left, height, width):
    mask = np.zeros(SHAPE, bool)
    mask[top : top + height, left : left + width] = True
    return mask


NONE = np.zeros(SHAPE, bool)


def test_starts_empty_and_ignores_small_motions():
    memory = PartMemory(SHAPE)
    assert memory.labels.shape == SHAPE
    assert memory.labels.dtype == np.uint8
    memory.update(NONE, NONE)
    memory.update(box(5, 5, 4, 4), box(6, 5, 4, 4))
    assert memory.num_parts == 0
    assert not memory.labels.any()


def test_new_part_lies_where_it_moved_to():
    memory = PartMemory(SHAPE)
    memory.update(box(10, 10, 8, 20), box(14, 10, 8, 20))
    np.testing.assert_array_equal(memory.labels, box(14, 10, 8, 20))


def test_known_part_moves_along_and_is_corrected():
    memory = PartMemory(SHAPE)
    memory.update(box(10, 10, 8, 20), box(14, 10, 8, 20))
    memory.update(box(14, 10, 8, 22), box(20, 10, 8, 22))
    np.testing.assert_array_equal(memory.labels, box(20, 10, 8, 22))


def test_two_parts_get_two_labels_and_the_still_one_stays():
    memory = PartMemory(SHAPE)
    memory.update(box(10, 10, 8, 20), box(14, 10, 8, 20))
    memory.update(box(40, 10, 8, 20), box(36, 10, 8, 20))
    np.testing.assert_array_equal(memory.labels, box(14, 10, 8, 20) + 2 * box(36, 10, 8, 20))


def test_covered_part_is_whole_again_when_uncovered():
    memory = PartMemory(SHAPE)
    still, mover = box(20, 10, 8, 30), box(40, 20, 10, 8)
    memory.update(box(10, 10, 8, 30), still)
    memory.update(mover, box(18, 20, 10, 8))
    assert np.count_nonzero(memory.labels == 1) == 8 * 22
    memory.update(box(18, 20, 10, 8), mover)
    np.testing.assert_array_equal(memory.labels, still + 2 * mover)


def test_piece_of_a_part_is_split_off():
    memory = PartMemory(SHAPE)
    memory.update(box(10, 10, 8, 40), box(12, 10, 8, 40))
    memory.update(box(12, 30, 8, 20), box(20, 30, 8, 20))
    np.testing.assert_array_equal(memory.labels, box(12, 10, 8, 20) + 2 * box(20, 30, 8, 20))


def test_parts_moving_together_are_not_merged():
    memory = PartMemory(SHAPE)
    memory.update(box(10, 10, 8, 20), box(14, 10, 8, 20))
    memory.update(box(14, 30, 20, 8), box(16, 30, 20, 8))
    before = memory.labels > 0
    after = np.roll(before, (6, 9), (0, 1))
    memory.update(before, after)
    np.testing.assert_array_equal(
        memory.labels, np.roll(box(14, 10, 8, 20) + 2 * box(16, 30, 20, 8), (6, 9), (0, 1))
    )


@pytest.mark.parametrize("bad", [np.zeros(SHAPE, np.uint8), np.zeros((60, 81), bool), [[True]]])
def test_wrong_masks_are_refused(bad):
    memory = PartMemory(SHAPE)
    with pytest.raises(ValueError, match="moved_after"):
        memory.update(NONE, bad)


def test_copy_is_independent():
    memory = PartMemory(SHAPE)
    memory.update(box(10, 10, 8, 20), box(14, 10, 8, 20))
    twin = memory.copy()
    twin.update(box(14, 10, 8, 20), box(30, 10, 8, 20))
    np.testing.assert_array_equal(memory.labels, box(14, 10, 8, 20))
    np.testing.assert_array_equal(twin.labels, box(30, 10, 8, 20))
