"""Every row of the reward table, for each variant."""

from __future__ import annotations

import numpy as np
import pytest

from train.signals.reward import VARIANTS, interaction_reward

N = float("nan")

# A 30 x 30 scene: a left part (columns 4-12) and a right part (columns 14-22), both in rows 10-19.
LEFT = np.zeros((30, 30), bool)
LEFT[10:20, 4:13] = True
RIGHT = np.zeros((30, 30), bool)
RIGHT[10:20, 14:23] = True
STILL = np.zeros((30, 30), bool)
EMPTY = np.zeros((30, 30), np.uint8)
KNOWS_RIGHT = RIGHT.astype(np.uint8)
KNOWS_LEFT = LEFT.astype(np.uint8) * 3
ON_LEFT = (15, 8)


def same(got, want):
    np.testing.assert_array_equal(np.array(got), np.array(want))


# hold touched, push touched, moved, memory, wanted (touch, no-touch, no-hold, touch-apart)
TABLE = {
    "hold missed": (0, 1, RIGHT, EMPTY, (0, N), (1, 1), (N, 1), (0, N)),
    "hold missed, still": (0, 1, STILL, EMPTY, (0, N), (N, 0), (N, 0), (0, N)),
    "push missed": (1, 0, STILL, EMPTY, (N, 0), (N, 0), (N, 0), (N, 0)),
    "push missed, flow seen": (1, 0, RIGHT, EMPTY, (N, 0), (1, 1), (N, 0), (N, 0)),
    "both missed": (0, 0, STILL, EMPTY, (0, 0), (N, 0), (N, 0), (0, 0)),
    "nothing moved": (1, 1, STILL, EMPTY, (N, 0), (N, 0), (N, 0), (N, 0)),
    "held place moved": (1, 1, LEFT, EMPTY, (0, 0), (0, 0), (N, 1), (0, 0)),
    "all moved": (1, 1, LEFT | RIGHT, EMPTY, (0, 0), (0, 0), (N, 0), (0, 0)),
    "known part moved": (1, 1, RIGHT, KNOWS_RIGHT, (0, 0), (0, 0), (N, 0), (0, 0)),
    "new part moved": (1, 1, RIGHT, EMPTY, (1, 1), (1, 1), (N, 1), (1, 1)),
    "new part, another known": (1, 1, RIGHT, KNOWS_LEFT, (1, 1), (1, 1), (N, 1), (1, 1)),
}


@pytest.mark.parametrize("row", TABLE)
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_row(row, variant):
    hold, push, moved, memory, *wanted = TABLE[row]
    got = interaction_reward(hold, push, moved, ON_LEFT, memory, variant, foreground=LEFT | RIGHT)
    same(got, wanted[VARIANTS.index(variant)])


def apart(moved, memory, foreground=LEFT | RIGHT, hold=ON_LEFT):
    return interaction_reward(1, 1, moved, hold, memory, "touch-apart", foreground=foreground)


def test_a_known_part_that_comes_apart_is_new():
    both = (LEFT | RIGHT).astype(np.uint8)
    same(apart(RIGHT, both), (1, 1))
    same(interaction_reward(1, 1, RIGHT, ON_LEFT, both), (0, 0))
    same(apart(RIGHT, KNOWS_RIGHT), (0, 0))  # all of it moved
    sliver = RIGHT & (np.arange(30) < 16)  # 20 of 90 pixels more than the part that moved
    same(apart(RIGHT & ~sliver, KNOWS_RIGHT), (1, 1))
    narrow = RIGHT & (np.arange(30) < 15)  # 10 of them: an inexact mask
    same(apart(RIGHT & ~narrow, KNOWS_RIGHT), (0, 0))


def test_a_motion_of_most_of_the_object_is_worth_less():
    small = LEFT & (np.arange(30)[:, None] < 14)
    same(apart(RIGHT, EMPTY, RIGHT | small, (11, 8)), (0.3, 0.3))
    same(apart(small, EMPTY, RIGHT | small, (15, 18)), (1, 1))
    same(apart(RIGHT, EMPTY), (1, 1))  # half of it
    same(apart(RIGHT, EMPTY, None), (1, 1))  # nobody knows
    same(apart(RIGHT, KNOWS_RIGHT, RIGHT | small, (11, 8)), (0, 0))
    with pytest.raises(ValueError, match="foreground must be"):
        apart(RIGHT, EMPTY, RIGHT[:5])


def test_no_touch_ignores_the_bits():
    for moved in (STILL, RIGHT, LEFT):
        results = [interaction_reward(h, p, moved, ON_LEFT, EMPTY, "no-touch") for h in (0, 1) for p in (0, 1)]
        for other in results[1:]:
            same(other, results[0])


def test_no_hold_ignores_the_held_place():
    for moved in (STILL, RIGHT, LEFT):
        a = interaction_reward(1, 1, moved, ON_LEFT, EMPTY, "no-hold")
        b = interaction_reward(0, 1, moved, (0, 0), EMPTY, "no-hold")
        same(a, b)


def test_no_hold_without_the_object_cannot_tell_that_all_moved():
    same(interaction_reward(1, 1, LEFT | RIGHT, ON_LEFT, EMPTY, "no-hold"), (N, 1))


def test_half_is_not_known_more_than_half_is():
    half = KNOWS_RIGHT.copy()
    half[10:15] = 0
    assert np.count_nonzero(half) * 2 == np.count_nonzero(RIGHT)
    same(interaction_reward(1, 1, RIGHT, ON_LEFT, half), (1, 1))
    half[14, 14] = 1
    same(interaction_reward(1, 1, RIGHT, ON_LEFT, half), (0, 0))


def test_flow_noise_is_no_motion():
    speck = STILL.copy()
    speck[0, :19] = True
    same(interaction_reward(1, 1, speck, ON_LEFT, EMPTY), (N, 0))
    speck[0, 19] = True
    same(interaction_reward(1, 1, speck, ON_LEFT, EMPTY), (1, 1))


def test_takes_numpy_touch_and_hold():
    touch = np.array([1, 1], np.int8)
    hold = np.array([15, 8], np.int64)
    rewards = interaction_reward(touch[0], touch[1], RIGHT, hold, EMPTY)
    assert (rewards.hold, rewards.push) == (1.0, 1.0)
    assert isinstance(rewards.hold, float)


@pytest.mark.parametrize(
    ("moved", "hold", "memory", "variant", "message"),
    [
        (RIGHT, (0, 0), EMPTY, "gripper", "variant"),
        (RIGHT.astype(np.uint8), (0, 0), EMPTY, "touch", "bool"),
        (RIGHT[:20], (0, 0), EMPTY, "touch", "shape"),
        (RIGHT, (30, 0), EMPTY, "touch", "outside"),
        (RIGHT, (0, -1), EMPTY, "touch", "outside"),
    ],
)
def test_wrong_arguments(moved, hold, memory, variant, message):
    with pytest.raises(ValueError, match=message):
        interaction_reward(1, 1, moved, hold, memory, variant)
