"""Training losses of the two networks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def masked_bce_at_pixels(logits: Tensor, pixels: Tensor, targets: Tensor, directions: Tensor | None = None) -> Tensor:
    """Binary cross-entropy of reward maps at the executed pixels alone (AtP, 'interaction network').

    Args:
        logits: (B, H, W) hold map or (B, 8, H, W) push maps.
        pixels: (B, 2) long, executed row and column.
        targets: (B,) rewards in [0, 1]; NaN where the interaction tells nothing, which gives no gradient.
        directions: (B,) long, executed direction; with push maps only.

    Returns:
        Mean over the rewards that are not NaN, a scalar; 0 if there is none.

    Raises:
        ValueError: If maps and directions do not go together.
    """
    if logits.ndim != (3 if directions is None else 4):
        raise ValueError(
            "hold maps (B, H, W) take no directions and push maps (B, 8, H, W) need them; "
            f"got maps {tuple(logits.shape)} and {'no ' if directions is None else ''}directions"
        )
    index = torch.arange(len(logits), device=logits.device)
    rows, cols = pixels[:, 0], pixels[:, 1]
    chosen = logits[index, rows, cols] if directions is None else logits[index, directions, rows, cols]
    known = ~torch.isnan(targets)
    losses = F.binary_cross_entropy_with_logits(
        chosen.float(), torch.where(known, targets, torch.zeros_like(targets)).float(), reduction="none"
    )
    return (losses * known).sum() / known.sum().clamp(min=1)


def interaction_loss(hold_logits: Tensor, push_logits: Tensor, actions: Tensor, rewards: Tensor) -> Tensor:
    """Loss of the interaction network: of the hold map plus of the push maps.

    Args:
        hold_logits: (B, H, W).
        push_logits: (B, 8, H, W), conditioned on the executed holds.
        actions: (B, 5) long, executed: hold row, hold column, push row, push column, direction.
        rewards: (B, 2) hold and push reward in [0, 1]; NaN: no gradient.

    Returns:
        Scalar.
    """
    hold = masked_bce_at_pixels(hold_logits, actions[:, :2], rewards[:, 0])
    return hold + masked_bce_at_pixels(push_logits, actions[:, 2:4], rewards[:, 1], actions[:, 4])


def mask_loss(logits: Tensor, targets: Tensor, dice_weight: float = 1.0) -> Tensor:
    """Binary cross-entropy plus soft Dice of motion masks.

    Cross-entropy alone lets small masks vanish (a part of 100 pixels is 1 % of an image); Dice weighs each
    mask the same whatever its size. For an empty target Dice says nothing that cross-entropy does not, and
    punishes without measure: it is left out there.

    Args:
        logits: (B, H, W).
        targets: (B, H, W) bool, or float in [0, 1].
        dice_weight: Weight of the Dice term.

    Returns:
        Scalar: mean over pixels and images, plus the mean over images with a non-empty target.
    """
    logits, goals = logits.float(), targets.to(torch.float32)
    loss = F.binary_cross_entropy_with_logits(logits, goals)
    shares = torch.sigmoid(logits)
    overlap = (shares * goals).sum((1, 2))
    sizes = goals.sum((1, 2))
    dice = 1 - (2 * overlap + 1) / (shares.sum((1, 2)) + sizes + 1)
    present = (sizes > 0).to(dice.dtype)
    return loss + dice_weight * (dice * present).sum() / present.sum().clamp(min=1)


def agent_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy of masks of agents (hands, arms, robots); they are seldom small.

    Args:
        logits: (B, H, W).
        targets: (B, H, W) float in [0, 1].

    Returns:
        Scalar: mean over pixels and images.
    """
    return F.binary_cross_entropy_with_logits(logits.float(), targets.float())
