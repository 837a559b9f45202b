"""Panels, strips and videos of interactions."""

from __future__ import annotations

import numpy as np
import pytest

from atp.articulation.articulated_model import Articulation, ImageJointEntry, PartEntry
from atp.drawing.film import Shot, crossfade, film
from atp.drawing.interactions import (
    Found,
    ShownInteraction,
    action_video,
    agent_strip,
    comparison_strip,
    memory_video,
    motion_video,
)
from atp.drawing.panel import Panel
from atp.drawing.primitives import HOLD_COLOUR, MOTION_COLOUR, PUSH_COLOUR, TRUTH_COLOUR, overlay_mask, part_colour
from atp.frame_action import FrameAction

SIDE = 40


def image(value: int) -> np.ndarray:
    return np.full((SIDE, SIDE, 3), value, np.uint8)


def mask(top: int) -> np.ndarray:
    moved = np.zeros((SIDE, SIDE), bool)
    moved[top : top + 10, 10:20] = True
    return moved


def interaction(methods: int = 1, **more: object) -> ShownInteraction:
    """Grey 60 before and 120 after; the agent saw a square at row 5 go to row 25, and knows it as part 1."""
    found = {
        f"method {number}": Found(mask(5 + number), mask(25 + number), mask(25).astype(np.uint8))
        for number in range(methods)
    }
    return ShownInteraction(image(60), image(120), found, FrameAction((20, 30), (10, 15), 2), **more)


def has(shown: np.ndarray, colour: tuple[int, ...]) -> bool:
    return bool((shown == np.array(colour)).all(axis=-1).any())


def tint(value: int, colour: tuple[int, int, int], alpha: float) -> tuple[int, ...]:
    pixel = np.full((1, 1, 3), value, np.uint8)
    return tuple(overlay_mask(pixel, np.ones((1, 1), bool), colour, alpha)[0, 0].tolist())


MOVED_BEFORE, MOVED_AFTER = tint(60, MOTION_COLOUR, 0.55), tint(120, MOTION_COLOUR, 0.55)
PART = tint(120, part_colour(1), 0.65)


def test_a_panel_brings_masks_and_actions_of_another_shape_to_its_image():
    small = np.zeros((4, 4), bool)
    small[1, 1] = True  # a quarter of the image's sides: rows and columns 10 to 19
    drawn = Panel(image(60), mask=small).draw()
    assert np.argwhere((drawn == MOVED_BEFORE).all(axis=-1)).min(0).tolist() == [10, 10]
    assert np.argwhere((drawn == MOVED_BEFORE).all(axis=-1)).max(0).tolist() == [19, 19]
    held = Panel(image(60), action=FrameAction(hold=(100, 300)), action_shape=(400, 400)).draw(200)
    rows, cols = np.nonzero((held == HOLD_COLOUR).all(axis=-1))
    assert (rows.mean(), cols.mean()) == pytest.approx((50, 150), abs=1)


def test_the_strip_of_an_agent_has_a_row_for_each_interaction_and_true_parts_where_they_are_known():
    one = agent_strip([interaction()], panel_size=SIDE, action_size=SIDE)
    assert all(has(one, colour) for colour in (HOLD_COLOUR, PUSH_COLOUR, MOVED_BEFORE, MOVED_AFTER, PART))
    two = agent_strip([interaction(), interaction()], panel_size=SIDE, action_size=SIDE)
    assert two.shape[0] > one.shape[0] + SIDE
    assert two.shape[1] == one.shape[1]
    true = np.full((SIDE, SIDE), 2, np.uint8)
    known = agent_strip([interaction(true_parts=true, note="optimal")], panel_size=SIDE, action_size=SIDE)
    assert known.shape[1] > one.shape[1] + SIDE
    assert known.shape[0] > one.shape[0]  # a line for the note
    assert has(known, tint(120, part_colour(2), 0.65))


def test_the_strip_that_compares_methods_has_a_column_for_each_and_a_row_for_each_frame():
    one = comparison_strip([interaction(1)], panel_size=SIDE)
    two = comparison_strip([interaction(2)], panel_size=SIDE)
    assert two.shape[1] > one.shape[1] + SIDE
    assert not has(one, TRUTH_COLOUR)
    assert has(comparison_strip([interaction(1, true_after=mask(20))], panel_size=SIDE), TRUTH_COLOUR)
    plain = {"agent": Found(mask(5), mask(25))}
    without_parts = comparison_strip([ShownInteraction(image(60), image(120), plain)], panel_size=SIDE)
    assert without_parts.shape[0] < one.shape[0] - SIDE
    assert not has(without_parts, HOLD_COLOUR)  # nor in the legend


def test_the_video_of_the_memory_shows_what_was_known_before_each_action():
    frames = list(memory_video([interaction(), interaction()], panel_size=SIDE, action_size=SIDE))
    assert len(frames) == 2 * (8 + 20 + 12 + 8 + 20)
    assert {frame.shape for frame in frames} == {(SIDE, 2 * SIDE, 3)}
    first, planned, found, second = frames[0], frames[8], frames[67], frames[68]
    assert (first == 60).all()
    assert has(planned[:, :SIDE], HOLD_COLOUR)
    assert (found[:, :SIDE] == 120).all()
    assert has(found[:, SIDE:], PART)
    assert has(second[:, SIDE:], tint(60, part_colour(1), 0.65))  # remembered, over the frame before


def test_the_video_of_actions_goes_from_the_plan_to_the_parts():
    frames = list(action_video([interaction()], panel_size=SIDE, action_size=SIDE))
    assert len(frames) == 25 + 15 + 10 + 10 + 25
    assert has(frames[0], HOLD_COLOUR)
    assert (frames[40] == 120).all()
    assert has(frames[-1], PART)


def test_the_video_of_motion_keeps_its_size_where_captions_grow():
    shown = [interaction(numbers=(9, 10)), interaction(numbers=(99_999, 123_456_789))]
    frames = list(motion_video(shown, panel_size=SIDE))
    assert len(frames) == 2 * (4 * 25 + 3 * 15)
    assert len({frame.shape for frame in frames}) == 1
    assert not has(frames[0][:60], MOVED_BEFORE)
    assert has(frames[45], MOVED_BEFORE)


def test_crossfade_goes_from_one_to_the_other():
    steps = crossfade(image(100), image(160), 2)
    assert [int(step[0, 0, 0]) for step in steps] == [120, 140]
    assert crossfade(image(100), image(160), 0) == []
    with pytest.raises(ValueError, match="fade"):
        crossfade(image(100), image(100)[:4], 2)


def test_a_cut_may_change_the_size_and_a_fade_may_not():
    small = image(0)[:4]
    assert [frame.shape[0] for frame in film([Shot(image(0), 1), Shot(small, 2)])] == [SIDE, 4, 4]
    with pytest.raises(ValueError, match="fade"):
        list(film([Shot(image(0), 1, fade=1), Shot(small, 1)]))


def test_joints_are_drawn_where_they_are_and_not_where_none_is_known() -> None:
    labels = np.zeros((SIDE, SIDE), np.uint8)
    labels[18:22, 10:25] = 1
    parts = [PartEntry(2, 10, False), PartEntry(1, 60, True)]
    hinge = ImageJointEntry(2, 1, "revolute", (8.0, 30.0), None, -0.4, 0.0)
    door = ImageJointEntry(2, 1, "revolute", line=((30.0, 5.0), (30.0, 35.0)))
    plain = Panel(image(90), labels=labels).draw(9 * SIDE)

    def changed(joint: ImageJointEntry) -> np.ndarray:
        drawn = Panel(image(90), labels=labels, joints=Articulation(2, parts, [], [joint])).draw(9 * SIDE)
        return np.asarray((drawn != plain).any(axis=-1))

    assert changed(hinge)[72 - 8 : 72 + 8, 270 - 8 : 270 + 8].any()  # the ring, in an image nine times as large
    assert not changed(hinge)[250:].any()
    assert changed(door)[270, 60:300].all()
    assert not changed(ImageJointEntry(2, 1, "unknown")).any()
