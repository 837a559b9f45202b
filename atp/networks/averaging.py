"""Test-time averaging over rotations by 90 degrees and mirror images.

What is worth holding and pushing, and what moved, does not depend on how the image is rotated. AtP (arXiv 2105.01047,
'interaction network') builds this in with 8 rotated copies of the input for 8 directions
(:mod:`atp.networks.rotated_passes`); here one pass gives all 8 directions, and the maps of several rotated inputs are
averaged instead, as many as time allows.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from atp.networks.interaction import InteractionFeatures, InteractionNetwork
from atp.networks.rotations import Symmetry

#: The order in which symmetries are taken: the mirror image first, for what stands upright stays so. Numbers below 4
#: are rotations by that many times 90 degrees, the others the same mirrored.
_ORDER = (0, 4, 1, 2, 3, 5, 6, 7)


@dataclass(frozen=True)
class AveragedFeatures:
    """Features of one batch of observations under several symmetries.

    Attributes:
        shape: (H, W) of the upright images.
        views: Features by symmetry.
    """

    shape: tuple[int, int]
    views: list[InteractionFeatures]

    def repeat(self, count: int) -> AveragedFeatures:
        """Repeat each observation ``count`` times."""
        return AveragedFeatures(self.shape, [view.repeat(count) for view in self.views])


def first_symmetries(count: int) -> list[Symmetry]:
    """The upright image, with it its mirror image, then the rotated ones, then the rotated mirror images.

    Raises:
        ValueError: The count is not from 1 to 8.
    """
    if not 1 <= count <= 8:
        raise ValueError(f"there are 1 to 8 symmetries to average over, not {count}")
    return [Symmetry(index % 4, index >= 4) for index in sorted(_ORDER[:count])]


class SymmetryAveraged:
    """An interaction network whose maps are the mean over symmetries; it acts like the network itself.

    Args:
        network: The network.
        count: Symmetries to average over, 1 to 8, see :func:`first_symmetries`.

    Raises:
        ValueError: The count is not from 1 to 8.
    """

    def __init__(self, network: InteractionNetwork, count: int = 8) -> None:
        self.network = network
        self.symmetries = first_symmetries(count)

    def features(self, image: Tensor, memory: Tensor) -> AveragedFeatures:
        """See :meth:`InteractionNetwork.features`."""
        views = [self.network.features(s.maps(image), s.maps(memory)) for s in self.symmetries]
        return AveragedFeatures((image.shape[2], image.shape[3]), views)

    def hold_logits(self, features: AveragedFeatures) -> Tensor:
        """See :meth:`InteractionNetwork.hold_logits`."""
        pairs = zip(self.symmetries, features.views, strict=True)
        return torch.stack([s.undo_maps(self.network.hold_logits(view)) for s, view in pairs]).mean(0)

    def push_logits(self, features: AveragedFeatures, hold: Tensor) -> Tensor:
        """See :meth:`InteractionNetwork.push_logits`."""
        maps = []
        for symmetry, view in zip(self.symmetries, features.views, strict=True):
            rotated = symmetry.pixels(hold, features.shape)
            maps.append(symmetry.undo_direction_maps(symmetry.undo_maps(self.network.push_logits(view, rotated))))
        return torch.stack(maps).mean(0)
