"""Coupled action selection on hand-made reward maps."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from atp.acting.selection import CANDIDATE_SPACING, NO_HOLD, best_actions, sampled_actions
from atp.networks import InteractionFeatures

SIZE = 40


class Maps:
    """Stands in for the interaction network: reward probabilities by hand, push maps chosen by the held pixel.

    Args:
        hold: {pixel: probability}, elsewhere ``floor``.
        push: {held pixel: {(row, col, direction): probability}}; key None serves every other pixel.
        floor: Probability everywhere else.
    """

    def __init__(self, hold, push, floor=0.01):
        self.hold, self.push, self.floor = hold, push, floor
        self.asked = []

    def features(self, image, memory):
        return InteractionFeatures(image, [])

    def hold_logits(self, features):
        maps = torch.full((len(features.image), SIZE, SIZE), self.floor)
        for (row, col), value in self.hold.items():
            maps[:, row, col] = value
        return torch.logit(maps)

    def push_logits(self, features, hold):
        assert len(features.image) == len(hold)
        maps = torch.full((len(hold), 8, SIZE, SIZE), self.floor)
        for index, pixel in enumerate(hold.tolist()):
            self.asked.append(tuple(pixel))
            for (row, col, direction), value in self.push.get(tuple(pixel), self.push.get(None, {})).items():
                maps[index, direction, row, col] = value
        return torch.logit(maps)


def images(count=1):
    return torch.zeros(count, 5, SIZE, SIZE), torch.zeros(count, 2, SIZE, SIZE)


def test_product_of_hold_and_push_decides():
    # the best hold alone would be (5, 5), the best push alone goes with (30, 8)
    network = Maps(
        {(5, 5): 0.9, (20, 30): 0.7, (30, 8): 0.3},
        {(5, 5): {(1, 1, 0): 0.4}, (20, 30): {(11, 12, 3): 0.8}, (30, 8): {(2, 2, 2): 0.95}},
    )
    action, value = best_actions(network, *images())
    assert value == pytest.approx([0.7 * 0.8])
    assert action.tolist() == [[20, 30, 11, 12, 3]]
    assert action.dtype == np.int64


def test_each_image_of_a_batch_gets_its_own_action():
    network = Maps({(5, 5): 0.9}, {(5, 5): {(1, 1, 0): 0.9, (30, 2, 7): 0.8}})
    failed = [[], [np.array([5, 5, 1, 1, 0])]]
    assert best_actions(network, *images(2), failed)[0].tolist() == [[5, 5, 1, 1, 0], [5, 5, 30, 2, 7]]


def test_candidates_lie_apart():
    # a broad peak: without the distance all candidates would lie on it
    hold = {(row, col): 0.9 - 0.01 * (row + col) for row in range(4) for col in range(4)}
    network = Maps(hold | {(20, 20): 0.5, (20, 30): 0.4}, {})
    best_actions(network, *images())
    pixels = np.array(network.asked)
    assert pixels[0].tolist() == [0, 0]
    assert {(20, 20), (20, 30)} <= set(network.asked)
    gaps = np.abs(pixels[:, None] - pixels[None]).max(-1)[~np.eye(len(pixels), dtype=bool)]
    assert gaps.min() > CANDIDATE_SPACING * SIZE


def test_candidates_lie_apart_on_a_map_of_zeros():
    network = Maps({(0, 0): 1e-3}, {}, floor=0.0)  # a network that is sure of nothing but one pixel
    best_actions(network, *images())
    assert len(set(network.asked)) == len(network.asked)


def test_failed_actions_are_avoided():
    pushes = {(10, 10, 0): 0.9, (12, 10, 0): 0.85, (10, 10, 4): 0.6, (30, 30, 0): 0.5}
    network = Maps({(20, 5): 0.9, (35, 35): 0.8}, {None: pushes})
    failed = []
    chosen = []
    for _ in range(3):
        ((action,), _) = best_actions(network, *images(), [failed])
        chosen.append(tuple(action[2:].tolist()))
        failed.append(action)
    # not the neighbour of a failed push in its direction, but another direction or another place
    assert chosen[0] == (10, 10, 0)
    assert set(chosen[1:]) == {(10, 10, 4), (30, 30, 0)}


def test_failed_holds_are_less_likely():
    network = Maps({(20, 5): 0.8, (35, 35): 0.6}, {None: {(10, 10, 0): 0.9, (10, 10, 4): 0.9}})
    ((first,), _) = best_actions(network, *images())
    ((second,), _) = best_actions(network, *images(), [[first]])
    assert first[:2].tolist() == [20, 5]
    assert second[:2].tolist() == [35, 35]


def test_hold_and_push_are_chosen_in_one_region():
    # the best hold and, with the second, the best push lie off all regions; the next best push in another one
    pushes = {(2, 2, 1): 0.9, (30, 30, 5): 0.8, (9, 9, 3): 0.3}
    network = Maps({(20, 20): 0.9, (8, 4): 0.8}, {None: pushes})
    regions = torch.zeros(2, SIZE, SIZE, dtype=torch.uint8)
    regions[0, 5:15, :15], regions[0, 25:, 25:] = 1, 2
    actions, values = best_actions(network, *images(2), regions=regions)
    assert actions[0].tolist() == [8, 4, 9, 9, 3]
    assert actions[1].tolist() == [20, 20, 2, 2, 1]  # nothing is known of the second image: anywhere
    assert values == pytest.approx([0.8 * 0.3, 0.9 * 0.9])


def test_without_a_hold():
    network = Maps({(5, 5): 0.9}, {NO_HOLD: {(30, 2, 7): 0.8}})
    assert best_actions(network, *images(2), holds=False)[0].tolist() == [[*NO_HOLD, 30, 2, 7]] * 2
    assert set(network.asked) == {NO_HOLD}
    drawn = sampled_actions(network, *images(2), 0.05, torch.Generator().manual_seed(0), holds=False)
    assert drawn.tolist() == [[*NO_HOLD, 30, 2, 7]] * 2


def test_draws_are_reproducible():
    network = Maps({}, {}, floor=0.5)
    first, second, other = (
        sampled_actions(network, *images(8), 1.0, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()
    assert (first >= 0).all()
    assert (first < [SIZE, SIZE, SIZE, SIZE, 8]).all()


def test_draws_follow_the_map():
    # odds are exp(logit / temperature): at temperature 1, those of p / (1 - p)
    floor = 1e-9
    network = Maps({(3, 4): 0.5, (30, 31): 0.75}, {None: {(7, 8, 1): 0.5, (9, 30, 6): 0.9}}, floor)
    generator = torch.Generator().manual_seed(0)
    drawn = sampled_actions(network, *images(500), 1.0, generator)
    holds, counts = np.unique(drawn[:, :2], axis=0, return_counts=True)
    assert holds.tolist() == [[3, 4], [30, 31]]
    np.testing.assert_allclose(counts / 500, [1 / 4, 3 / 4], atol=0.06)
    pushes, counts = np.unique(drawn[:, 2:], axis=0, return_counts=True)
    assert pushes.tolist() == [[7, 8, 1], [9, 30, 6]]
    np.testing.assert_allclose(counts / 500, [1 / 10, 9 / 10], atol=0.06)
    greedy = sampled_actions(network, *images(50), 0.1, generator)
    assert (greedy == [30, 31, 9, 30, 6]).all()


@pytest.mark.parametrize("held", [(3, 4), (30, 31)])
def test_drawn_push_is_conditioned_on_the_drawn_hold(held):
    pushes = {(3, 4): {(1, 2, 3): 0.99}, (30, 31): {(20, 21, 5): 0.99}}
    network = Maps({held: 0.99}, pushes, floor=1e-9)
    (action,) = sampled_actions(network, *images(), 0.2, torch.Generator().manual_seed(0))
    assert action.tolist() == [*held, *next(iter(pushes[held]))]
