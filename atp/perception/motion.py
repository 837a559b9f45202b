"""What moved, as the part network sees it: logits averaged over symmetries, and how far they are to be believed."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from atp.networks import PartNetwork
from atp.networks.averaging import first_symmetries
from atp.networks.encoding import action_tensor


def averaged_logits(
    network: PartNetwork, before: Tensor, after: Tensor, actions: Tensor | None, count: int
) -> tuple[Tensor, ...]:
    """Logits of the part network, their mean over symmetries.

    Args:
        network: The part network.
        before: (B, 5, H, W) image tensor.
        after: (B, 5, H, W) image tensor.
        actions: (B, 5) int64 actions; None where they are not known.
        count: Symmetries to average over, 1 to 8, see :func:`first_symmetries`.

    Returns:
        Logits of what moved before and after, and of agents before and after where the network segments them, each
        (B, H, W).
    """
    shape = (before.shape[2], before.shape[3])
    sums: list[Tensor] = []
    for symmetry in first_symmetries(count):
        first, second = symmetry.maps(before), symmetry.maps(after)
        rotated = None if actions is None else symmetry.actions(actions, shape)
        maps = action_tensor(rotated, (first.shape[2], first.shape[3]), count=len(first)).to(before.device)
        logits = [symmetry.undo_maps(found) for found in network(first, second, maps, network.segments_agents)]
        sums = logits if not sums else [total + found for total, found in zip(sums, logits, strict=True)]
    return tuple(each / count for each in sums)


def motion_logits(logits: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Logits of M_t and M_{t+1}: a pixel moved where something moved that is no agent.

    Args:
        logits: What :func:`averaged_logits` gives.
    """
    if len(logits) == 2:
        return logits[0], logits[1]
    first, second, agent_before, agent_after = logits
    return torch.minimum(first, -agent_before), torch.minimum(second, -agent_after)


def averaged_motion(
    network: PartNetwork, before: Tensor, after: Tensor, actions: Tensor | None, count: int
) -> tuple[Tensor, Tensor]:
    """Logits of M_t and M_{t+1}, each (B, H, W): :func:`motion_logits` of :func:`averaged_logits`."""
    return motion_logits(averaged_logits(network, before, after, actions, count))


def motion_confidence(before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    """How confident the part network is that something moved.

    Args:
        before: (B, H, W) logits of M_t.
        after: (B, H, W) logits of M_{t+1}.

    Returns:
        (B,) mean logit of what moved, in the image where it is lower; 0 where nothing moved.
    """
    return torch.minimum(_mean_logit(before), _mean_logit(after))


def _mean_logit(logits: torch.Tensor) -> torch.Tensor:
    """Mean (B,) of the positive ones of (B, H, W) logits; 0 where there is none."""
    positive = logits.clamp(min=0)
    return positive.flatten(1).sum(1) / (positive > 0).flatten(1).sum(1).clamp(min=1)
