"""Rims are told from thin things by where they lie."""

from __future__ import annotations

import numpy as np
import pytest

from atp.part_memory.rims import beyond_rim, largest_region, regions, without_rims


def scene(side=90):
    known = np.zeros((side, side), bool)
    known[20:40, 20:60] = True
    return known


@pytest.mark.parametrize(("side", "width"), [(45, 2), (90, 2), (128, 3), (180, 4)])
def test_a_rim_is_two_pixels_wide_and_wider_in_larger_images(side, width):
    known = np.zeros((side, side), bool)
    known[10:20, 10:20] = True
    rest = ~known
    beyond = beyond_rim(rest, known)
    assert not beyond[20 : 20 + width, 12].any()
    assert beyond[20 + width :, 12].all()


def test_a_line_that_leads_away_is_kept_from_the_border_on_and_a_rim_is_not():
    known = scene()
    rim, line = np.zeros_like(known), np.zeros_like(known)
    rim[40:42, 20:60] = True
    line[40:80, 30] = True
    np.testing.assert_array_equal(without_rims(rim | line, known)[:, 30], line[:, 30])
    assert not without_rims(rim, known).any()
    assert np.count_nonzero(without_rims(rim | line, known)) <= np.count_nonzero(line) + 2 * 4


def test_without_anything_known_there_is_no_rim():
    mask = scene()
    nothing = np.zeros_like(mask)
    np.testing.assert_array_equal(without_rims(mask, nothing), mask)
    assert not without_rims(nothing, mask).any()


def test_regions_reach_across_two_pixels_and_not_three():
    mask = np.zeros((30, 30), bool)
    mask[5, 2:10] = mask[5, 12:20] = True  # two pixels between
    assert largest_region(mask) == 16
    mask[5, 12] = False  # three
    numbers, areas = regions(mask)
    assert sorted(areas[1:].tolist()) == [7, 8]
    assert areas[0] == 0
    assert not numbers[~mask].any()
    assert largest_region(np.zeros((5, 5), bool)) == 0
