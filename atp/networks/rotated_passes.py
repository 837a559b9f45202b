"""The paper's way to eight push directions: eight rotated copies of the input, each asked about one direction.

AtP, arXiv 2105.01047, coupled action selection.

Here one pass gives all directions (:mod:`atp.networks`); this is what it is compared with.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from atp.networks import InteractionFeatures, InteractionNetwork
from atp.networks.rotations import Rotation
from atp.types import DIRECTIONS


@dataclass(frozen=True)
class RotatedFeatures:
    """Features of a batch of observations, rotated so that one direction after another points to the right.

    Attributes:
        size: H = W of the images.
        views: Features of the copies rotated by -k * 45 degrees, by k.
    """

    size: int
    views: list[InteractionFeatures]

    def repeat(self, count: int) -> RotatedFeatures:
        """Repeat each observation ``count`` times."""
        return RotatedFeatures(self.size, [view.repeat(count) for view in self.views])


class RotatedPasses:
    """An interaction network of which only the push to the right is used; it acts like the network itself.

    Args:
        network: The network, trained with rotated samples.
    """

    def __init__(self, network: InteractionNetwork) -> None:
        self.network = network

    def features(self, image: Tensor, memory: Tensor) -> RotatedFeatures:
        """See :meth:`InteractionNetwork.features`; images must be square."""
        rotations = [Rotation.uniform(-k, len(image)) for k in range(DIRECTIONS)]
        views = [self.network.features(r.maps(image), r.maps(memory)) for r in rotations]
        return RotatedFeatures(image.shape[-1], views)

    def hold_logits(self, features: RotatedFeatures) -> Tensor:
        """See :meth:`InteractionNetwork.hold_logits`; those of the upright copy."""
        return self.network.hold_logits(features.views[0])

    def push_logits(self, features: RotatedFeatures, hold: Tensor) -> Tensor:
        """See :meth:`InteractionNetwork.push_logits`."""
        maps = []
        for k, view in enumerate(features.views):
            rotated, _ = Rotation.uniform(-k, len(hold)).actions(_as_action(hold), features.size)
            right = self.network.push_logits(view, rotated[:, :2])[:, 0]
            maps.append(Rotation.uniform(k, len(hold)).maps(right))
        return torch.stack(maps, 1)


def _as_action(hold: Tensor) -> Tensor:
    """Actions (B, 5) that hold at (B, 2) pixels."""
    return torch.cat([hold, hold, hold.new_zeros(len(hold), 1)], 1)
