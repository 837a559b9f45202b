"""Masks corrected by the motion in space: a plain lid that tips up is found whole, and what stayed is not in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from atp.articulation.mask_refinement import View, refine_by_motion
from atp.ground import ground_plane

SHAPE = (90, 90)
LID, STAYS = np.s_[30:60, 10:44], np.s_[30:60, 56:80]


def scene(tipped: bool) -> tuple[np.ndarray, np.ndarray]:
    """Image and depth of a plain lid, hinged at its left, and of a block of the same colour that stays."""
    rgb = np.full((*SHAPE, 3), 190, np.uint8)
    depth = np.full(SHAPE, 1.6, np.float32)
    for place in (LID, STAYS):
        rgb[place], depth[place] = (60, 60, 60), 1.5
    if tipped:
        depth[LID] = 1.5 - 0.006 * np.arange(LID[1].stop - LID[1].start)[None]
    return rgb, depth


def views(tipped: bool = True) -> tuple[View, View]:
    """What the network might say: it is sure of the lid's right half alone, and half believes that the block moved."""
    made = []
    for moved in (False, tipped):
        rgb, depth = scene(moved)
        logits = np.full(SHAPE, -6.0, np.float32)
        logits[LID] = -0.8
        logits[30:60, 24:44] = 5.0
        logits[STAYS] = 0.8
        made.append(View(rgb, depth, ground_plane(depth), depth < 1.55, logits))
    return made[0], made[1]


def iou(logits: np.ndarray) -> float:
    lid = np.zeros(SHAPE, bool)
    lid[LID] = True
    return np.count_nonzero((logits > 0) & lid) / np.count_nonzero((logits > 0) | lid)


def test_the_whole_lid_is_found_and_the_block_is_not() -> None:
    before, after = views()
    for view, refined in zip((before, after), refine_by_motion(before, after, 1.5), strict=True):
        assert iou(view.logits) < 0.5
        assert iou(refined) > 0.85  # the first columns at the hinge hardly move
        assert not (refined[STAYS] > 0).any()


def test_the_motion_and_not_the_change_of_depth_decides() -> None:
    """A third thing that changed its depth otherwise fits neither motion: the network's word stands."""
    before, after = views()
    assert before.depth is not None
    assert after.depth is not None
    raised = before.depth.copy(), after.depth.copy()
    raised[0][70:85, 60:85], raised[1][70:85, 60:85] = 1.55, 1.45
    views_ = [
        replace(view, depth=depth, foreground=depth < 1.56) for view, depth in zip((before, after), raised, strict=True)
    ]
    first, _ = refine_by_motion(views_[0], views_[1], 1.5)
    assert (first[74:82, 64:82] < 0).all()


def test_pixels_off_the_object_are_never_added() -> None:
    before, after = views()
    refined, _ = refine_by_motion(before, after, 1.5)
    assert not (refined[~before.foreground] > 0).any()


def test_without_depth_and_without_motion_the_logits_stay() -> None:
    before, after = views()
    blind = replace(before, depth=None)
    assert refine_by_motion(blind, after, 1.5)[0] is before.logits
    nothing = replace(before, logits=np.full(SHAPE, -3.0, np.float32))
    assert refine_by_motion(nothing, after, 1.5)[0] is nothing.logits


@pytest.mark.parametrize("hole", [0.0, np.nan, np.inf])
def test_holes_in_the_depth_leave_the_networks_word(hole: float) -> None:
    before, after = views()
    assert before.depth is not None
    depth = before.depth.copy()
    depth[35:55, 58:78] = hole
    refined, other = refine_by_motion(replace(before, depth=depth), after, 1.5)
    assert np.isfinite(refined).all()
    assert np.isfinite(other).all()
    assert refined[45, 68] == pytest.approx(0.8)
    assert (other[LID] > 0).mean() > 0.85
    assert (refined[LID] > 0).mean() > 0.85
