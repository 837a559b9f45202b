"""The part memory on hand-drawn motions and on a small 2-D simulator."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from atp.metrics import miou
from atp.part_memory.memory import PartMemory
from atp.types import MAX_PARTS

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


@pytest.mark.parametrize(("width", "parts"), [(18, 2), (10, 1)])  # 6 % of the cabinet, and 3.5 %
def test_a_door_is_split_off_a_cabinet_that_moved_as_one(width, parts):
    memory = PartMemory(SHAPE)
    cabinet = box(6, 10, 45, 50)
    memory.update(box(4, 10, 45, 50), cabinet)
    memory.update(box(40, 30, 8, width), box(48, 30, 8, width))
    assert memory.num_parts == parts


def test_parts_moving_together_are_not_merged():
    memory = PartMemory(SHAPE)
    memory.update(box(10, 10, 8, 20), box(14, 10, 8, 20))
    memory.update(box(14, 30, 20, 8), box(16, 30, 20, 8))
    before = memory.labels > 0
    after = np.roll(before, (6, 9), (0, 1))
    memory.update(before, after)
    np.testing.assert_array_equal(memory.labels, np.roll(box(14, 10, 8, 20) + 2 * box(16, 30, 20, 8), (6, 9), (0, 1)))


def test_known_part_and_an_unknown_one_moving_together_become_two():
    memory = PartMemory(SHAPE)
    first, second = box(14, 10, 8, 20), box(16, 30, 20, 8)
    memory.update(box(10, 10, 8, 20), first)
    moved = np.roll(first | second, (6, 9), (0, 1))
    memory.update(first | second, moved)
    np.testing.assert_array_equal(memory.labels, np.roll(first + 2 * second, (6, 9), (0, 1)))


def test_a_rim_of_unknown_pixels_corrects_the_mask_instead():
    memory = PartMemory(SHAPE)
    memory.update(box(8, 10, 8, 30), box(11, 11, 6, 28))  # seen too small
    memory.update(box(10, 10, 8, 30), box(20, 10, 8, 30))
    np.testing.assert_array_equal(memory.labels, box(20, 10, 8, 30))


def test_piece_of_a_merged_part_moving_with_an_unknown_one():
    """Links 1 and 2 were seen as one; then 2 and 3 move: three parts."""
    memory = PartMemory(SHAPE)
    one, two, three = box(10, 2, 8, 20), box(10, 22, 20, 8), box(22, 30, 8, 20)
    memory.update(box(8, 2, 8, 20) | box(8, 22, 20, 8), one | two)
    assert memory.num_parts == 1
    memory.update(two | three, np.roll(two | three, (8, 5), (0, 1)))
    labels = memory.labels
    assert memory.num_parts == 3
    assert np.array_equal(labels == labels[12, 5], one)
    assert np.array_equal(labels == labels[20, 30], np.roll(two, (8, 5), (0, 1)))
    assert np.array_equal(labels == labels[34, 50], np.roll(three, (8, 5), (0, 1)))


def test_part_sliding_under_a_known_one_comes_out_whole():
    memory = PartMemory(SHAPE)
    cover, slider = box(20, 30, 20, 10), box(26, 5, 8, 20)
    memory.update(box(18, 30, 20, 10), cover)
    memory.update(box(26, 2, 8, 20), slider)
    under = np.roll(slider, 12, 1)  # columns 17 to 36, the last seven of them under the cover
    memory.update(slider, under & ~cover)
    away = np.roll(cover, 22, 1)
    memory.update(cover, away)
    assert miou(memory.labels, 2 * under.astype(np.uint8) + away) > 0.98


def test_blob_on_a_known_part_is_noise():
    memory = PartMemory(SHAPE)
    memory.update(box(10, 10, 12, 40), box(12, 10, 12, 40))
    before = memory.labels
    blob = box(15, 20, 5, 5)
    memory.update(blob, blob)
    np.testing.assert_array_equal(memory.labels, before)
    memory.update(blob, np.roll(blob, 3, 1))
    np.testing.assert_array_equal(memory.labels, before)


def test_spill_onto_a_known_part_does_not_move_it():
    memory = PartMemory(SHAPE)
    known = box(12, 10, 10, 40)
    memory.update(box(10, 10, 10, 40), known)
    other = box(30, 10, 10, 30)
    spilt = other | box(18, 10, 4, 20)  # 20 % of the known part, 21 % of the motion
    memory.update(spilt, np.roll(other, 10, 0))
    np.testing.assert_array_equal(memory.labels, known + 2 * np.roll(other, 10, 0))


def test_two_distant_specks_are_no_part():
    memory = PartMemory(SHAPE)
    specks = box(5, 5, 4, 4) | box(40, 60, 4, 4)
    memory.update(specks, specks)
    assert memory.num_parts == 0


@pytest.mark.parametrize("known", [False, True])
def test_only_one_of_the_two_masks(known):
    memory = PartMemory(SHAPE)
    part = box(20, 30, 10, 20)
    if known:
        memory.update(box(15, 30, 10, 20), part)
    before = memory.labels
    memory.update(part, NONE)  # the mask after is missing
    np.testing.assert_array_equal(memory.labels, before)
    memory.update(NONE, part)  # a part that comes into sight, or one that is there already
    np.testing.assert_array_equal(memory.labels, part)


def test_part_pushed_out_of_the_image_and_back():
    memory = PartMemory(SHAPE)
    part, edge = box(20, 40, 10, 20), box(20, 70, 10, 10)
    memory.update(box(20, 35, 10, 20), part)
    memory.update(part, edge)
    np.testing.assert_array_equal(memory.labels, edge)
    memory.update(edge, NONE)
    assert not memory.labels.any()
    memory.update(NONE, part)
    assert np.array_equal(memory.labels > 0, part)
    assert memory.num_parts == 1


def test_no_more_than_fifteen_parts():
    memory = PartMemory(SHAPE)
    spots = [box(row, col, 5, 6) for row in range(2, 50, 10) for col in range(2, 70, 14)]
    for spot in spots[:18]:
        memory.update(spot, np.roll(spot, 2, 1))
    assert memory.num_parts == MAX_PARTS
    assert set(np.unique(memory.labels)) == set(range(MAX_PARTS + 1))


def exact(*masks):
    return tuple(mask.astype(np.float32) for mask in masks)


def unsure(mask, where, chance):
    found = mask.astype(np.float32)
    found[where] = chance
    return found


@pytest.mark.parametrize("sure", [False, True])
@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_a_thin_part_that_moves_with_a_known_thin_one_is_a_part(width, sure):
    memory = PartMemory(SHAPE)
    leg, frame = box(16, 10, width, 40), box(16 + width, 10, 40, width)
    memory.update(box(10, 10, width, 40), leg)
    both = np.roll(leg | frame, 9, 1)
    memory.update(leg | frame, both, exact(leg | frame, both) if sure else None)
    np.testing.assert_array_equal(memory.labels, np.roll(leg + 2 * frame, 9, 1))


@pytest.mark.parametrize("width", [2, 3])  # of one pixel's width it would be too few pixels for a piece
def test_half_of_a_thin_part_is_split_off(width):
    memory = PartMemory(SHAPE)
    memory.update(box(10, 10, width, 60), box(16, 10, width, 60))
    memory.update(box(16, 42, width, 28), box(26, 42, width, 28))
    np.testing.assert_array_equal(memory.labels, box(16, 10, width, 32) + 2 * box(26, 42, width, 28))


def test_a_thin_part_broken_up_by_the_pixels_is_one_part():
    memory = PartMemory(SHAPE)
    dashes = box(20, 10, 1, 60)
    dashes[:, 15::8] = False
    dashes[:, 16::8] = False
    memory.update(dashes, np.roll(dashes, 9, 0))
    assert memory.num_parts == 1
    np.testing.assert_array_equal(memory.labels > 0, np.roll(dashes, 9, 0))


@pytest.mark.parametrize("width", [2, 3])
def test_a_thin_part_under_a_wide_one_comes_out_whole(width):
    memory = PartMemory(SHAPE)
    cover, wire = box(20, 30, 20, 20), box(28, 2, width, 30)
    memory.update(box(18, 30, 20, 20), cover)
    under = np.roll(wire, 15, 1)  # columns 17 to 46, 17 of them under the cover
    memory.update(box(28, 2, width, 28), box(28, 17, width, 13))  # what is seen of it
    memory.update(cover, np.roll(cover, 22, 1))
    assert np.count_nonzero((memory.labels == 2) & under) >= 0.85 * np.count_nonzero(under)


@pytest.mark.parametrize("side", [60, 128, 180])
def test_rims_of_noisy_masks_are_no_parts(side):
    """A mask seen too small, and later too large by a rim's width: 2 pixels, and more in larger images."""
    memory, rim = PartMemory((side, side)), max(2, round(2 * side / 90))
    part, small, large = (np.zeros((side, side), np.uint8) for _ in range(3))
    part[20 : side - 20, 24 : side - 24] = 1
    kernel = np.ones((2 * rim + 1, 2 * rim + 1), np.uint8)
    small, large = cv2.erode(part, np.ones((3, 3), np.uint8)) > 0, cv2.dilate(part, kernel) > 0
    for before, after in [(part > 0, small), (large & (part | small).astype(bool), np.roll(small, 3, 1))]:
        memory.update(before, after, exact(before, after))
    moved = np.roll(cv2.dilate(small.astype(np.uint8), kernel) > 0, 3, 1)
    memory.update(moved, np.roll(moved, 3, 0), exact(moved, moved))
    assert memory.num_parts == 1
    np.testing.assert_array_equal(memory.labels > 0, np.roll(moved, 3, 0))


def test_a_mask_that_spills_onto_a_part_that_stayed_leaves_it_its_pixels():
    memory = PartMemory(SHAPE)
    still, mover = box(20, 10, 12, 30), box(20, 44, 12, 20)
    memory.update(box(16, 10, 12, 30), still)
    memory.update(box(16, 44, 12, 20), mover)
    moved = np.roll(mover, 10, 0)
    spilt = moved | box(22, 28, 10, 12)  # a third of the part that stayed
    memory.update(mover, spilt)
    np.testing.assert_array_equal(memory.labels, still + 2 * moved)


@pytest.mark.parametrize(("chance", "parts"), [(1.0, 2), (0.8, 1)])
def test_a_piece_is_split_off_only_where_it_surely_moved(chance, parts):
    memory = PartMemory(SHAPE)
    memory.update(box(10, 10, 8, 40), box(12, 10, 8, 40))
    piece, moved = box(12, 30, 8, 20), box(20, 30, 8, 20)
    memory.update(piece, moved, (unsure(piece, piece, chance), unsure(moved, moved, chance)))
    assert memory.num_parts == parts


@pytest.mark.parametrize(("chance", "parts"), [(0.0, 2), (0.3, 1)])
def test_a_part_is_split_only_where_the_rest_surely_stayed(chance, parts):
    memory = PartMemory(SHAPE)
    memory.update(box(10, 10, 8, 40), box(12, 10, 8, 40))
    before, after, rest = box(12, 24, 8, 26), box(20, 24, 8, 26), box(12, 10, 8, 14)
    memory.update(before, after, (unsure(before, rest, chance), unsure(after, np.roll(rest, 8, 0), chance)))
    assert memory.num_parts == parts


def test_the_border_of_a_part_along_one_that_stayed_is_no_part():
    memory = PartMemory(SHAPE)
    cabinet, door, border = box(14, 10, 20, 30), box(6, 40, 8, 8), box(14, 40, 20, 2)
    memory.update(np.roll(cabinet, 4, 0), cabinet)
    memory.update(np.roll(door | border, 4, 1), door | border)  # the border is the cabinet's, falsely seen to move
    after = np.roll(door, 6, 1)
    memory.update(door, after, exact(door, after))
    assert memory.num_parts == 2


@pytest.mark.parametrize(("chance", "parts"), [(1.0, 2), (0.8, 1)])
def test_an_unknown_part_that_moved_along_is_one_only_where_it_surely_moved(chance, parts):
    memory = PartMemory(SHAPE)
    known, other = box(14, 10, 8, 20), box(14, 30, 20, 8)
    memory.update(box(10, 10, 8, 20), known)
    before, after = known | other, np.roll(known | other, 9, 0)
    memory.update(before, after, (unsure(before, other, chance), unsure(after, np.roll(other, 9, 0), chance)))
    assert memory.num_parts == parts


def test_a_small_share_of_a_motion_is_a_piece_where_masks_are_sure():
    """Links 1 and 2 moved together, then 1 with the longer 3; the last masks are sure everywhere but at a part of 1."""
    one, two, three = box(20, 20, 8, 12), box(20, 32, 8, 20), box(28, 20, 28, 9)
    first, second = np.roll(one | two, -4, 0), one | two
    found = []
    for sure in (False, True, "spill"):
        memory = PartMemory(SHAPE)
        memory.update(first, second, exact(first, second) if sure else None)
        before, after = one | three, np.roll(one | three, -14, 1)
        chances = [chance.copy() for chance in exact(before, after)]
        if sure == "spill":
            chances[0][box(20, 20, 8, 6)] = 0.6
        memory.update(before, after, tuple(chances) if sure else None)
        found.append(memory.num_parts)
    assert found == [2, 3, 2]


def test_doubts_remember_the_part_that_may_have_taken_a_pixel_along():
    memory = PartMemory(SHAPE)
    part, pivot = box(20, 10, 8, 30), box(20, 40, 8, 8)
    moved = np.roll(part, 9, 0)
    memory.update(part, moved, (unsure(part, pivot, 0.3), unsure(moved, pivot, 0.4)))
    twin = memory.copy()
    np.testing.assert_allclose(memory.doubts.chance, np.where(pivot, 0.4, 0.0), atol=1e-6)
    np.testing.assert_array_equal(memory.doubts.suspects, pivot)
    memory.update(moved, part, (unsure(moved, pivot, 0.1), unsure(part, pivot, 0.2)))  # surer: nothing is forgotten
    np.testing.assert_array_equal(memory.doubts.chance, twin.doubts.chance)
    memory.update(part, moved, (unsure(part, box(2, 2, 5, 5), 0.4), exact(moved)[0]))
    assert memory.doubts.chance[3, 3] > 0
    assert twin.doubts.chance[3, 3] == 0
    memory.reset()
    assert not memory.doubts.chance.any()
    assert twin.doubts.chance.any()


@pytest.mark.parametrize("width", [3, 8])
def test_what_is_sure_but_for_its_outline_is_sure(width):
    memory = PartMemory(SHAPE)
    known = box(12, 10, width, 60)
    memory.update(np.roll(known, -2, 0), known)
    piece, moved = box(12, 40, width, 30), box(32, 40, width, 30)
    inside = box(13, 41, width - 2, 28), box(33, 41, width - 2, 28)
    memory.update(piece, moved, (unsure(piece, piece & ~inside[0], 0.8), unsure(moved, moved & ~inside[1], 0.8)))
    assert memory.num_parts == 2


def test_chances_of_another_shape_are_refused():
    mask = box(5, 5, 9, 9)
    with pytest.raises(ValueError, match="chances must be arrays of shape"):
        PartMemory(SHAPE).update(mask, mask, (np.zeros((9, 9), np.float32), mask.astype(np.float32)))


def test_reset_forgets():
    memory = PartMemory(SHAPE)
    memory.update(box(10, 10, 8, 20), box(14, 10, 8, 20))
    memory.reset()
    assert memory.num_parts == 0
    assert not memory.labels.any()


def test_labels_do_not_share_memory():
    memory = PartMemory(SHAPE)
    memory.update(box(10, 10, 8, 20), box(14, 10, 8, 20))
    memory.labels[:] = 9
    np.testing.assert_array_equal(memory.labels, box(14, 10, 8, 20))


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


# A small world of bars: each is a polygon, joined to the next by a hinge, drawn in a fixed order.


class Bars:
    """Two or three bars in a chain, or two that cross at a pivot like pliers."""

    def __init__(self, rng, count, crossing=False):
        self.rng = rng
        self.length = rng.uniform(28, 40, count) * (1.0 if count == 2 else 0.8)
        self.width = rng.uniform(6, 9, count) if crossing else rng.uniform(8, 14, count)
        self.pivot = (0.1, -0.1) if crossing else (0.45, -0.45)  # on one bar and the next, in bar lengths
        self.limits = (0.4, 1.4) if crossing else (-2.0, 2.0)
        self.bend = rng.uniform(*self.limits, count - 1)
        self.order = rng.permutation(count)
        self.pose = pose_matrix(rng.uniform(-math.pi, math.pi), 0, 0)
        corners = np.concatenate(self.polygons())
        self.pose = pose_matrix(0, *(45 - (corners.min(0) + corners.max(0)) / 2)) @ self.pose

    def polygons(self):
        pose, polygons = self.pose, []
        for k, (length, width) in enumerate(zip(self.length, self.width, strict=True)):
            if k:
                pose = pose @ pose_matrix(0, self.pivot[0] * self.length[k - 1], 0)
                pose = pose @ pose_matrix(self.bend[k - 1], 0, 0) @ pose_matrix(0, -self.pivot[1] * length, 0)
            half, low, high = length / 2, width / 2, width * 0.4
            corners = np.array([[-half, -low, 1], [half, -high, 1], [half, high, 1], [-half, low, 1]])
            polygons.append((pose @ corners.T).T[:, :2])
        return polygons

    def labels(self):
        image, polygons = np.zeros((90, 90), np.uint8), self.polygons()
        for k in self.order:
            points = np.round(polygons[k] * 16).astype(np.int32)
            cv2.fillPoly(image, [points], int(k) + 1, shift=4)
        return image

    def turn_hinge(self, hinge):
        """Turn one side of a hinge; the other stays. Returns the moved parts."""
        angle = self.rng.choice([-1, 1]) * self.rng.uniform(0.3, 0.9)
        count = len(self.length)
        self.bend[hinge] += angle
        if self.rng.random() < 0.5:
            return range(hinge + 2, count + 1)
        # The near side: undo what the far side did by turning the world about the hinge.
        pose = self.pose
        for k in range(hinge):
            pose = pose @ pose_matrix(0, self.pivot[0] * self.length[k], 0) @ pose_matrix(self.bend[k], 0, 0)
            pose = pose @ pose_matrix(0, -self.pivot[1] * self.length[k + 1], 0)
        x, y, _ = pose @ (self.pivot[0] * self.length[hinge], 0, 1)
        self.pose = pose_matrix(0, x, y) @ pose_matrix(-angle, 0, 0) @ pose_matrix(0, -x, -y) @ self.pose
        return range(1, hinge + 2)

    def slide(self):
        """Move the whole object, and its hinges a little too."""
        shift = self.rng.uniform(-8, 8, 2)
        turn = pose_matrix(self.rng.uniform(-0.5, 0.5), 0, 0)
        self.pose = pose_matrix(0, *(45 + shift)) @ turn @ pose_matrix(0, -45, -45) @ self.pose
        self.bend = self.bend + self.rng.uniform(-0.3, 0.3, len(self.bend))
        return range(1, len(self.length) + 1)

    def interact(self, hinge=None):
        """One motion that stays in the image; ``hinge`` None: all of it.

        Returns what moved before and after, the labels after and the parts that moved.
        """
        before, old = self.labels(), (self.pose, self.bend.copy())
        while True:
            moved = list(self.slide() if hinge is None else self.turn_hinge(hinge))
            corners = np.concatenate(self.polygons())
            inside = corners.min() > 1 and corners.max() < 88
            if inside and ((self.bend >= self.limits[0]) & (self.bend <= self.limits[1])).all():
                break
            self.pose, self.bend = old[0], old[1].copy()
        labels = self.labels()
        return np.isin(before, moved), np.isin(labels, moved), labels, moved


def pose_matrix(angle, x, y):
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, x], [s, c, y], [0, 0, 1]])


def with_noise(mask, rng):
    """A mask that is thinner or thicker by up to a pixel, its outline wavy, at times with a false blob.

    IoU with the true mask: 0.74 for thin bars to 0.87 for wide ones.
    """
    inside = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
    outside = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    waves = cv2.GaussianBlur(rng.normal(size=mask.shape), (0, 0), 3)
    noisy = inside - outside + rng.uniform(-0.9, 0.9) + 1.1 * waves / waves.std() > 0
    if rng.random() < 0.2:
        blob = np.zeros(mask.shape, np.uint8)
        cv2.circle(blob, rng.integers(5, 85, 2).tolist(), int(rng.integers(1, 4)), 1, -1)
        noisy |= blob > 0
    return noisy


def play(seed, count, *, crossing=False, slides=False, noise=False, sure=False, thin=1.0):
    """Five random interactions; with ``slides`` the third one moves the whole object.

    Returns the mIoU after the last one, the number of parts found, and whether the motions tell all parts
    apart: each moved without all the others at least once, and no two of them always together.
    """
    rng = np.random.default_rng(seed)
    bars, memory = Bars(rng, count, crossing), PartMemory((90, 90))
    bars.width = bars.width * thin
    motions = []
    for step in range(5):
        hinge = None if slides and step == 2 else int(rng.integers(count - 1))
        before, after, labels, moved = bars.interact(hinge)
        if hinge is not None:
            motions.append(moved)
        if noise:
            before, after = with_noise(before, rng), with_noise(after, rng)
        memory.update(before, after, exact(before, after) if sure else None)
    moves = [tuple(part in moved for moved in motions) for part in range(1, count + 1)]
    told_apart = len(set(moves)) == count and all(any(m) for m in moves)
    return miou(memory.labels, labels), memory.num_parts, told_apart


def play_many(count, episodes=30, **kind):
    results = [play(seed, count, **kind) for seed in range(episodes)]
    scores = [score for score, _, told_apart in results if told_apart]
    found = [parts for _, parts, told_apart in results if told_apart]
    assert len(scores) >= 6
    return float(np.mean(scores)), float(np.mean(found))


@pytest.mark.parametrize(
    ("count", "kind", "least"),
    [
        (2, {}, 0.98),
        (2, {"crossing": True}, 0.97),
        (2, {"slides": True}, 0.98),
        (2, {"crossing": True, "slides": True}, 0.97),
        (3, {}, 0.93),
        (3, {"slides": True}, 0.90),
        (3, {"sure": True}, 0.97),
        (3, {"slides": True, "sure": True}, 0.95),
        (2, {"crossing": True, "thin": 0.25}, 0.97),
        (3, {"thin": 0.2, "sure": True}, 0.93),
    ],
)
def test_true_masks_give_nearly_true_parts(count, kind, least):
    score, found = play_many(count, **kind)
    assert score >= least
    assert found == pytest.approx(count, abs=0.15)


@pytest.mark.parametrize(("count", "kind", "least"), [(2, {}, 0.82), (2, {"crossing": True}, 0.77), (3, {}, 0.75)])
def test_noisy_masks_give_parts_as_good_as_the_masks(count, kind, least):
    score, found = play_many(count, noise=True, **kind)
    assert score >= least
    assert found == pytest.approx(count, abs=0.4)


def test_same_motions_give_the_same_memory():
    assert play(3, 3, slides=True, noise=True) == play(3, 3, slides=True, noise=True)
