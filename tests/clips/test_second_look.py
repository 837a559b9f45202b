"""A second look: the square about what moved is shown larger, and both looks are averaged there."""

from __future__ import annotations

import numpy as np
import pytest

from atp.clips.letterbox import Letterbox, Window
from atp.clips.pairing import View, ViewPair
from atp.clips.second_look import CLOSER, LEAST_SIDE, averaged, look, window_about
from atp.part_memory.evidence import Evidence

R = 40


class BrightThings:
    """Sees what is brighter than 128 and has changed moving, and remembers what it was shown."""

    def __init__(self) -> None:
        self.shown: list[np.ndarray] = []

    def perceive(self, before, after, action):
        self.shown.append(before["rgb"])
        changed = (before["rgb"] != after["rgb"]).any(-1)
        masks = [changed & (each["rgb"].mean(-1) > 128) for each in (before, after)]
        return tuple(Evidence(mask, mask.astype(np.float32), np.zeros_like(mask)) for mask in masks)


def pair_of(height=240, width=320, size=12, depth=None, col=200) -> ViewPair:
    frames = []
    for shift in (0, 16):
        frame = np.full((height, width, 3), 40, np.uint8)
        frame[100 : 100 + size, col + shift : col + shift + size] = 230
        frames.append(frame)
    return ViewPair.of(*(View.of(frame, R, depth) for frame in frames), steadies=False)


def test_a_small_thing_is_seen_larger_and_found_as_it_is():
    agent, pair = BrightThings(), pair_of()
    before, after = look(agent, pair, None)
    assert len(agent.shown) == 2
    bright = [(image > 128).all(-1).sum() for image in agent.shown]
    assert bright[1] > 4 * bright[0]
    for index, each in enumerate((before, after)):
        rows, cols = np.nonzero(each.moved)
        scale = R / 320
        assert rows.mean() + 0.5 == pytest.approx((106 + 40) * scale, abs=0.6)
        assert cols.mean() + 0.5 == pytest.approx((206 + 16 * index) * scale, abs=0.6)
        assert each.agent is not None
    assert look(BrightThings(), pair, None, again=False)[0].moved.shape == (R, R)


def test_there_is_no_second_look_where_it_shows_no_more():
    frames = [np.full((R, R, 3), 40, np.uint8) for _ in range(2)]
    frames[0][10:15, 10:15] = frames[1][10:15, 14:19] = 230
    small = ViewPair.of(*(View.of(frame, R) for frame in frames), steadies=False)
    deep = pair_of(depth=np.ones((240, 320), np.float32))
    still = pair_of(col=100, size=0)
    for pair in (small, deep, still):
        agent = BrightThings()
        look(agent, pair, None)
        assert len(agent.shown) == 1


def test_the_square_is_about_what_moved_and_within_the_image():
    moved = np.zeros((R, R), bool)
    assert window_about(moved) is None
    moved[0:3, 36:40] = True
    window = window_about(moved)
    assert window == Window(0, R - round(LEAST_SIDE * R), round(LEAST_SIDE * R))
    moved[:] = False
    moved[10:26, 12:28] = True
    window = window_about(moved)
    assert window.row + window.side / 2 == pytest.approx(18, abs=0.5)
    assert window.col + window.side / 2 == pytest.approx(20, abs=0.5)
    assert window.side > 16
    moved[:, 1:39] = True
    assert window_about(moved) == Window(0, 0, R)


def test_both_looks_are_averaged_within_the_square_alone():
    window = Window(10, 20, 10)
    whole, closer = np.full((R, R), 0.9, np.float32), np.full((2 * R, 2 * R), 0.0, np.float32)
    closer[:R] = 0.5
    found = averaged(Evidence(whole > 0.5, whole), Evidence(closer > 0.5, closer), window)
    assert found.chance[:10].min() == pytest.approx(0.9)
    assert found.chance[10:15, 20:30] == pytest.approx(0.9 - 0.4 * CLOSER)
    assert found.chance[15:20, 20:30] == pytest.approx(0.9 - 0.9 * CLOSER)
    assert not found.moved[15:20, 20:30].any()
    assert (~found.moved).sum() == 50


def test_a_square_of_a_frame_shows_what_is_there():
    frame = np.zeros((60, 120, 3), np.uint8)
    frame[20:40, 60:80] = 255
    box = Letterbox(60, 120, R)  # three frame pixels to one of the network's
    found = box.closer(frame, Window(10, 10, 20), R)
    whole = np.repeat(np.repeat(box.image(frame)[10:30, 10:30], 2, 0), 2, 1)
    assert found.shape == (R, R, 3)
    assert np.abs(found.astype(int) - whole)[2:-2, 2:-2].mean() < 8
    assert box.closer(frame, Window(0, 0, R), R).tobytes() == box.image(frame).tobytes()
