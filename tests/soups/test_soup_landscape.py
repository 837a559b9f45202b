"""Angles between fine-tunes, and barriers on the line between two."""

from __future__ import annotations

import math
import warnings

import pytest
import torch

from atp.soups import (
    SoupWarning,
    angle_between,
    barrier,
)


def test_angles():
    start = {"w": torch.zeros(2), "n": torch.tensor(3)}
    one, other = ({"w": torch.tensor(w), "n": torch.tensor(9)} for w in ([2.0, 0.0], [1.0, 1.0]))
    assert angle_between(start, one, other) == pytest.approx(math.pi / 4)
    assert math.isnan(angle_between(start, one, start))


def test_barrier():
    def loss(state):
        return float((state["w"] ** 2 - 1).square().sum()) + 0.1

    ends = ({"w": torch.tensor([-1.0])}, {"w": torch.tensor([1.0])})
    with pytest.warns(SoupWarning, match="rises by 1 between"):
        assert barrier(*ends, loss) == pytest.approx(1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert barrier(ends[0], ends[0], loss) == pytest.approx(0.0)


def test_statistics_of_batchnorm_turn_no_angle():
    start = {"w": torch.zeros(2), "bn.running_mean": torch.zeros(2), "bn.running_var": torch.zeros(2)}
    one = {"w": torch.tensor([1.0, 0.0]), "bn.running_mean": torch.ones(2), "bn.running_var": torch.ones(2)}
    other = {"w": torch.tensor([0.0, 1.0]), "bn.running_mean": torch.ones(2), "bn.running_var": torch.ones(2)}
    assert angle_between(start, one, other) == pytest.approx(math.pi / 2)


def test_barrier_is_over_the_line_between_unequal_ends():
    values = {0.0: 1.0, 0.25: 2.0, 0.5: 2.5, 0.75: 4.0, 1.0: 5.0}

    def loss(state):
        return values[float(state["w"])]

    ends = ({"w": torch.tensor(0.0)}, {"w": torch.tensor(1.0)})
    assert barrier(*ends, loss, points=3) == pytest.approx(0.0)  # 2, 2.5 and 4 lie on or under 2, 3 and 4
    values[0.25] = 2.4
    assert barrier(*ends, loss, points=3) == pytest.approx(0.4)
    values[0.75] = 4.7
    assert barrier(*ends, loss, points=3) == pytest.approx(0.7)
