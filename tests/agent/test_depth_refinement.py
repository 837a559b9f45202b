"""The residual part and trimming by depth, on hand-made masks."""

from __future__ import annotations

import numpy as np
import pytest

from atp.agent import Agent
from atp.perception.depth_refinement import REACH, complete_parts, fit_motion
from atp.types import MIN_PART_PIXELS

SHAPE = (60, 60)


def rectangle(top: int, bottom: int, left: int, right: int) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[top:bottom, left:right] = True
    return mask


OBJECT = rectangle(20, 40, 10, 50)
LEFT = rectangle(20, 40, 10, 30)
NO_DEPTH = np.zeros(SHAPE, bool)


def test_motion_is_fitted_to_the_object() -> None:
    spilled = rectangle(15, 45, 10, 30)
    np.testing.assert_array_equal(fit_motion(spilled, OBJECT), LEFT)
    np.testing.assert_array_equal(fit_motion(spilled, NO_DEPTH), spilled)
    assert not fit_motion(rectangle(0, 10, 0, 60), OBJECT).any()
    assert not fit_motion(NO_DEPTH, OBJECT).any()


def test_motion_mask_gets_the_rims_it_left_out_and_no_other_part() -> None:
    ragged = rectangle(21, 39, 11, 30)
    np.testing.assert_array_equal(fit_motion(ragged, OBJECT), LEFT)


def test_what_never_moved_is_a_part() -> None:
    completed = complete_parts(LEFT.astype(np.uint8), OBJECT)
    np.testing.assert_array_equal(completed == 1, LEFT)
    np.testing.assert_array_equal(completed == 2, OBJECT & ~LEFT)


def test_residual_part_takes_the_lowest_free_label() -> None:
    labels = np.where(rectangle(20, 40, 10, 20), 1, 0) + np.where(rectangle(20, 40, 20, 30), 3, 0)
    completed = complete_parts(labels.astype(np.uint8), OBJECT)
    assert set(np.unique(completed)) == {0, 1, 2, 3}
    np.testing.assert_array_equal(completed == 2, OBJECT & ~LEFT)


def test_rims_go_to_the_nearest_part() -> None:
    ragged = rectangle(20, 38, 12, 30)  # two pixels of the object left over on two sides
    completed = complete_parts(ragged.astype(np.uint8), LEFT)
    np.testing.assert_array_equal(completed == 1, LEFT)


def test_leftovers_between_two_parts_are_shared_by_distance() -> None:
    left, right = rectangle(20, 40, 10, 29), rectangle(20, 40, 31, 50)  # a gap of two columns
    completed = complete_parts((left + 2 * right).astype(np.uint8), OBJECT)
    np.testing.assert_array_equal(completed == 1, LEFT)
    np.testing.assert_array_equal(completed == 2, OBJECT & ~LEFT)


def test_small_leftovers_far_from_every_part_stay_background() -> None:
    side = int(MIN_PART_PIXELS**0.5)  # too few pixels for a part
    speck = rectangle(2, 2 + side, 2, 2 + side)
    assert 20 - (2 + side) > REACH
    completed = complete_parts(OBJECT.astype(np.uint8), OBJECT | speck)
    np.testing.assert_array_equal(completed > 0, OBJECT)


@pytest.mark.parametrize("thickness", [1, 2, 3])
def test_a_thin_thing_that_never_moved_is_a_part(thickness: int) -> None:
    known, wire = rectangle(20, 28, 10, 30), rectangle(22, 22 + thickness, 30, 58)
    completed = complete_parts(known.astype(np.uint8), known | wire)
    assert np.count_nonzero((completed == 2) & wire) >= np.count_nonzero(wire) - 4 * thickness
    assert set(np.unique(completed)) == {0, 1, 2}


def pivot_scene() -> tuple[np.ndarray, np.ndarray]:
    """Labels of two halves and what lies between them."""
    left, right, pivot = rectangle(20, 40, 10, 24), rectangle(20, 40, 36, 50), rectangle(20, 40, 24, 36)
    return (left + 2 * right).astype(np.uint8), pivot


def test_what_may_have_moved_goes_to_the_part_it_is_suspected_to_have_moved_with() -> None:
    labels, pivot = pivot_scene()
    assert complete_parts(labels, OBJECT).max() == 3
    doubt, suspects = np.where(pivot, 0.3, 0.0).astype(np.float32), np.where(pivot, 2, 0).astype(np.uint8)
    np.testing.assert_array_equal(complete_parts(labels, OBJECT, doubt, suspects) == 2, OBJECT & (labels != 1))
    shared = complete_parts(labels, OBJECT, doubt)  # by distance
    assert shared.max() == 2
    assert np.count_nonzero(shared == 1) == np.count_nonzero(shared == 2)
    gone = complete_parts(labels, OBJECT, doubt, np.where(pivot, 7, 0).astype(np.uint8))  # a part that is no more
    np.testing.assert_array_equal(gone, shared)


def test_what_surely_stayed_is_a_part_beside_doubts_elsewhere() -> None:
    labels, pivot = pivot_scene()
    slight = np.where(pivot, 0.05, 0.9).astype(np.float32)
    np.testing.assert_array_equal(complete_parts(labels, OBJECT, slight) == 3, pivot)


def test_depth_that_misses_most_of_the_known_parts_is_not_believed() -> None:
    outline = OBJECT & ~rectangle(22, 38, 12, 48)  # the top of the object was taken for the ground
    np.testing.assert_array_equal(complete_parts(LEFT.astype(np.uint8), outline), LEFT)


def test_parts_off_the_object_are_cut() -> None:
    completed = complete_parts(rectangle(10, 40, 10, 50).astype(np.uint8), OBJECT)
    np.testing.assert_array_equal(completed == 1, OBJECT)


@pytest.mark.parametrize("foreground", [NO_DEPTH, OBJECT], ids=["no depth", "depth"])
def test_nothing_is_added_without_depth_or_without_a_known_part(foreground: np.ndarray) -> None:
    labels = np.zeros(SHAPE, np.uint8) if foreground.any() else LEFT.astype(np.uint8)
    completed = complete_parts(labels, foreground)
    np.testing.assert_array_equal(completed, labels)
    assert completed is not labels


@pytest.mark.parametrize("residual", [True, False])
def test_agent_reports_the_residual_part_where_there_is_depth(agent: Agent, residual: bool) -> None:
    agent = agent.replace(residual=residual)
    observation = {
        "rgb": np.zeros((*SHAPE, 3), np.uint8),
        "depth": np.where(OBJECT, 1.4, 1.5).astype(np.float32),
        "touch": np.ones(2, np.int8),
    }
    agent.reset(observation)
    parts = agent.remember(np.zeros(5, np.int64), LEFT, LEFT, observation)
    np.testing.assert_array_equal(parts == 1, LEFT)
    assert (parts == 2).sum() == (np.count_nonzero(OBJECT & ~LEFT) if residual else 0)
    np.testing.assert_array_equal(parts, agent.parts)
    np.testing.assert_array_equal(agent.memory.labels > 0, LEFT)  # the memory knows what moved, no more
    without = agent.remember(np.zeros(5, np.int64), NO_DEPTH, NO_DEPTH, {**observation, "depth": None})
    np.testing.assert_array_equal(without > 0, LEFT)
