"""What the collector tells the log of a training run."""

import numpy as np
import pytest
import torch

from atp.metrics import score_motion
from atp.part_memory.memory import PartMemory
from train.learning.collector import Collector, _Group

SIDE = 16


def logged_motion_iou(predicted, moved):
    """What one environment's interaction adds to the log."""
    collector = object.__new__(Collector)
    images = {"rgb": np.zeros((1, SIDE, SIDE, 3), np.uint8)}
    truth = {"moved_before": moved[:1], "moved_after": moved[1:]}
    truth |= {name: np.ones(1, int) for name in ("optimal", "effective", "num_parts")}
    collector.predicted = np.ones(1, bool)
    collector._perceive = lambda *_: predicted[None]
    collector._records = lambda *_: np.zeros(1)
    group = _Group(np.arange(1), np.random.default_rng(0), torch.Generator(), [PartMemory((SIDE, SIDE))], set())
    group.before, group.interactions_done, group.explored = images, 0, np.zeros(1, bool)
    collector._look(group, None, images, truth)
    return group.statistics.motion_iou


def test_motion_iou_of_the_log_is_the_metric():
    moved = np.zeros((2, SIDE, SIDE), bool)
    moved[0, 2:8, 2:8] = True  # and is out of the image afterwards
    gone = moved.copy()
    assert logged_motion_iou(gone, moved) == [1.0]
    half = moved.copy()
    half[0, 2:5] = False
    assert logged_motion_iou(half, moved) == [pytest.approx(score_motion(*half, *moved)[0])] == [pytest.approx(0.75)]
    assert logged_motion_iou(moved, np.zeros_like(moved)) == []
