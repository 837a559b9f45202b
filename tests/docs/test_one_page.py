"""The method on one page: it learns, and its rules agree with those of the packages."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from atp.metrics import miou
from atp.part_memory.memory import PartMemory
from train.signals.reward import interaction_reward

PAGE = Path(__file__).resolve().parents[2] / "docs" / "one_page.py"
SIDE = 48


@pytest.fixture(scope="module")
def page():
    spec = importlib.util.spec_from_file_location("one_page", PAGE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["one_page"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def config(page):
    return page.Config(resolution=SIDE, width=4, interactions=12, learning_starts=4, batch=4)


def square(top, left, side=10):
    mask = np.zeros((SIDE, SIDE), bool)
    mask[top : top + side, left : left + side] = True
    return mask


def test_same_seed_same_weights(page, config):
    first, again = (page.learn(config).state_dict() for _ in range(2))
    untrained = page.Networks(config.width).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not any(torch.equal(first[name], untrained[name]) for name in first if name.endswith("head.weight"))


def test_losses_fall_on_one_batch(page):
    torch.manual_seed(0)
    networks, rng = page.Networks(8), np.random.default_rng(0)
    images = torch.rand(4, 2, 4, SIDE, SIDE) - 0.5
    moved = torch.zeros(4, 2, SIDE, SIDE)
    moved[:, :, 10:30, 15:25] = 1
    images[:, 1] += 0.5 * moved[:, 1:]
    batch = {
        "before": images[:, 0],
        "after": images[:, 1],
        "memory": torch.zeros(4, 1, SIDE, SIDE),
        "action": torch.from_numpy(rng.integers(8, size=(4, 5))),
        "rewards": torch.tensor([[1.0, 1.0], [0.0, 0.0], [math.nan, 0.0], [0.0, math.nan]]),
        "moved": moved,
    }
    optimizer = torch.optim.Adam(networks.parameters(), 1e-2)
    seen = []
    for _ in range(40):
        losses = page.losses(networks, batch)
        seen.append([float(loss.detach()) for loss in losses])
        optimizer.zero_grad()
        sum(losses).backward()
        optimizer.step()
    assert np.isfinite(seen).all()
    assert seen[-1][0] < 0.5 * seen[0][0]
    assert seen[-1][1] < 0.7 * seen[0][1]


def test_a_reward_that_is_not_known_gives_no_gradient(page):
    torch.manual_seed(0)
    networks = page.Networks(4)
    image = torch.rand(1, 4, SIDE, SIDE)
    batch = {
        "before": image,
        "after": image,
        "memory": torch.zeros(1, 1, SIDE, SIDE),
        "action": torch.tensor([[5, 6, 7, 8, 3]]),
        "rewards": torch.tensor([[math.nan, 0.0]]),
        "moved": torch.zeros(1, 2, SIDE, SIDE),
    }
    page.losses(networks, batch)[0].backward()
    assert not any(weight.grad.any() for weight in networks.hold.parameters())
    assert any(weight.grad.any() for weight in networks.push.parameters())


@pytest.mark.parametrize("touch", [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("moved", [np.zeros((SIDE, SIDE), bool), square(5, 5), square(25, 25)])
@pytest.mark.parametrize("hold", [(7, 7), (40, 40)])
@pytest.mark.parametrize("known", [False, True])
def test_reward_is_that_of_training(page, touch, moved, hold, known):
    memory = (square(5, 5) & known).astype(np.uint8)
    mine = page.reward(np.array(touch), moved, np.array(hold), memory)
    np.testing.assert_equal(mine, tuple(interaction_reward(*map(bool, touch), moved, hold, memory)))


@pytest.mark.parametrize(
    "motions",
    [
        [(square(5, 5), square(8, 9))],  # a new part
        [(square(5, 5), square(8, 9)), (square(8, 9), square(20, 20))],  # a known one moves on
        [(square(5, 5), square(8, 9)), (square(30, 30), square(30, 34))],  # another new one
        [(square(5, 5, 20), square(6, 6, 20)), (square(6, 6, 8), square(6, 3, 8))],  # a piece of a known one
        [(square(5, 5, 3), square(6, 6, 3))],  # noise
    ],
)
def test_simple_memory_finds_the_parts_that_the_real_one_finds(page, motions):
    labels, memory = np.zeros((SIDE, SIDE), np.uint8), PartMemory((SIDE, SIDE))
    for before, after in motions:
        labels = page.remember(labels, before, after)
        memory.update(before, after)
    assert labels.max() == memory.num_parts
    assert page.miou(labels, memory.labels) > 0.9


def test_miou_is_that_of_the_benchmark(page):
    rng = np.random.default_rng(0)
    for _ in range(5):
        found, true = (np.kron(rng.integers(0, 4, (4, 4)), np.ones((12, 12))).astype(np.uint8) for _ in range(2))
        assert page.miou(found, true) == pytest.approx(miou(found, true))


def test_play_returns_labels_of_the_last_image(page, config):
    torch.manual_seed(1)
    networks, env = page.Networks(config.width), page.make_env(config, "val")
    found, score = page.play(networks, env, seed=3)
    again, same = page.play(networks, env, seed=3)
    env.close()
    assert found.shape == (SIDE, SIDE)
    assert found.dtype == np.uint8
    assert 0.0 <= score <= 1.0
    np.testing.assert_array_equal(found, again)
    assert score == same


def test_actions_stay_on_the_object_and_in_the_image(page, config):
    env = page.make_env(config, "val")
    observation, info = env.reset(seed=0)
    env.close()
    image, labels = page.see(observation), info["privileged"]["labels"]
    rng = np.random.default_rng(0)
    sampled = np.array([page.random_action(image, rng) for _ in range(50)])
    on_labels = [labels[a[0], a[1]] > 0 and labels[a[2], a[3]] > 0 for a in sampled]
    assert np.mean(on_labels) > 0.9
    torch.manual_seed(0)
    action = page.choose(page.Networks(4), image, np.zeros_like(labels), temperature=1.0)
    assert env.action_space.contains(action)
