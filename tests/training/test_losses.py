from __future__ import annotations

import math

import pytest
import torch

from train.signals.losses import mask_loss, masked_bce_at_pixels

NAN = float("nan")


def test_value_is_the_mean_cross_entropy_at_executed_pixels():
    logits = torch.randn(3, 8, 6, 7, generator=torch.Generator().manual_seed(0))
    pixels, directions = torch.tensor([[1, 2], [5, 6], [0, 0]]), torch.tensor([7, 0, 3])
    loss = masked_bce_at_pixels(logits, pixels, torch.tensor([1.0, 0.0, NAN]), directions)
    first, second = (1 / (1 + math.exp(-float(x))) for x in (logits[0, 7, 1, 2], logits[1, 0, 5, 6]))
    assert float(loss) == pytest.approx((-math.log(first) - math.log(1 - second)) / 2, abs=1e-5)


def test_nan_rewards_give_no_gradient_and_others_only_at_their_pixel():
    logits = torch.zeros(3, 6, 7, requires_grad=True)
    masked_bce_at_pixels(logits, torch.tensor([[1, 2], [3, 4], [5, 6]]), torch.tensor([NAN, 1.0, 0.0])).backward()
    expected = torch.zeros(3, 6, 7)
    expected[1, 3, 4], expected[2, 5, 6] = -0.25, 0.25
    torch.testing.assert_close(logits.grad, expected)


def test_batch_without_any_reward_is_zero_with_zero_gradient():
    logits = torch.randn(2, 6, 7, requires_grad=True)
    loss = masked_bce_at_pixels(logits, torch.zeros(2, 2, dtype=torch.long), torch.tensor([NAN, NAN]))
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()


def test_push_maps_need_directions():
    pixels, targets = torch.zeros(2, 2, dtype=torch.long), torch.ones(2)
    with pytest.raises(ValueError, match="push maps"):
        masked_bce_at_pixels(torch.zeros(2, 8, 6, 7), pixels, targets)
    with pytest.raises(ValueError, match="push maps"):
        masked_bce_at_pixels(torch.zeros(2, 6, 7), pixels, targets, torch.zeros(2, dtype=torch.long))


def test_perfect_masks_cost_nothing_and_bfloat16_is_accepted():
    target = torch.zeros(1, 20, 20, dtype=torch.bool)
    target[0, 5:9, 5:9] = True
    logits = torch.where(target, 30.0, -30.0)
    assert float(mask_loss(logits, target)) == pytest.approx(0, abs=1e-5)
    assert mask_loss(logits.bfloat16(), target).dtype == torch.float32
    assert float(mask_loss(-logits, target)) > 10


def test_missing_a_small_mask_costs_about_as_much_as_missing_a_large_one():
    def cost(side):
        target = torch.zeros(1, 90, 90)
        target[0, :side, :side] = 1
        return float(mask_loss(torch.full((1, 90, 90), -6.0), target) - mask_loss(14 * target - 7, target))

    assert cost(6) > 0.5  # cross-entropy alone: 36 / 8100 * 6 = 0.03
    assert cost(60) < 8 * cost(6)


def test_empty_targets_pay_cross_entropy_only():
    logits = torch.full((2, 10, 10), -1.0)
    empty = torch.zeros(2, 10, 10)
    entropy = math.log(1 + math.exp(-1.0))
    assert float(mask_loss(logits, empty)) == pytest.approx(entropy, abs=1e-5)
    target = empty.clone()
    target[0, :5] = 1
    share = 1 / (1 + math.e)
    dice = 1 - (2 * share * 50 + 1) / (share * 100 + 50 + 1)  # of the first image alone
    cross = 0.75 * entropy + 0.25 * (entropy + 1.0)
    assert float(mask_loss(logits, target)) == pytest.approx(cross + dice, abs=1e-5)
    assert float(mask_loss(logits, target, dice_weight=0)) == pytest.approx(cross, abs=1e-5)
