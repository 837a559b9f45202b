"""Policies: random actions lie on the object and follow the seed."""

import numpy as np
import pytest

from atp.policies import POLICIES, random_action


def scene(height: float = 0.05) -> np.ndarray:
    depth = np.full((60, 80), 1.5, np.float32)
    depth[20:30, 40:60] -= height
    return depth


def test_random_actions_are_uniform_on_the_object():
    rng = np.random.default_rng(0)
    actions = np.array([random_action(scene(), (60, 80), rng) for _ in range(4000)])
    for rows, cols in ((actions[:, 0], actions[:, 1]), (actions[:, 2], actions[:, 3])):
        assert rows.min() == 20
        assert rows.max() == 29
        assert cols.min() == 40
        assert cols.max() == 59
        assert abs(np.mean(cols < 50) - 0.5) < 0.03
    assert np.all(np.abs(np.bincount(actions[:, 4], minlength=8) / 4000 - 1 / 8) < 0.02)
    same = (actions[:, :2] == actions[:, 2:4]).all(axis=1).mean()
    assert abs(same - 1 / 200) < 0.005  # hold and push are drawn independently


@pytest.mark.parametrize("depth", [None, np.zeros((60, 80), np.float32), scene(height=0.0)])
def test_without_an_object_in_the_depth_any_pixel_is_drawn(depth):
    rng = np.random.default_rng(1)
    actions = np.array([random_action(depth, (60, 80), rng) for _ in range(500)])
    assert actions[:, [0, 2]].max() > 55
    assert actions[:, [1, 3]].max() > 75


def test_same_seed_same_actions():
    draws = [
        [random_action(scene(), (60, 80), np.random.default_rng(s)).tolist() for s in (5, 6)]
        for _ in range(2)
    ]
    assert draws[0] == draws[1]
    assert draws[0][0] != draws[0][1]


def test_only_the_upper_bound_sees_true_motion():
    policies = {name: make(None, None, np.random.default_rng(0)) for name, make in POLICIES.items()}  # type: ignore[arg-type]
    assert {name for name, policy in policies.items() if policy.true_motion} == {"gt-act-mot"}
