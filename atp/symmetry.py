"""Test-time averaging over quarter turns and mirror images.

What is worth holding and pushing, and what moved, does not depend on how the picture is turned. AtP (arXiv 2105.01047,
'interaction network') builds this in with 8 rotated copies of the input for 8 directions (:mod:`atp.rotated`); here one
pass gives all 8 directions, and the maps of several turned inputs are averaged instead, as many as time allows.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from atp.encoding import UNKNOWN_ACTION, action_tensor
from atp.networks import InteractionFeatures, InteractionNetwork, PartNetwork

#: Directions of the push maps; a quarter turn moves them on by 2.
DIRECTIONS = 8
#: The order in which symmetries are taken: the mirror image first, for what stands upright stays so. Numbers below 4
#: are quarter turns, the others the same mirrored.
_ORDER = (0, 4, 1, 2, 3, 5, 6, 7)


@dataclass(frozen=True)
class Symmetry:
    """A mirror image left to right, or none, and then quarter turns counter-clockwise.

    Attributes:
        quarters: 0 to 3.
        mirrored: Whether it is mirrored first.
    """

    quarters: int
    mirrored: bool

    def apply(self, maps: Tensor) -> Tensor:
        """Turn (..., H, W) maps; H and W change places with an odd number of quarters."""
        return torch.rot90(maps.flip(-1) if self.mirrored else maps, self.quarters, (-2, -1))

    def undo(self, maps: Tensor) -> Tensor:
        """Turn (..., H, W) maps back."""
        upright = torch.rot90(maps, -self.quarters, (-2, -1))
        return upright.flip(-1) if self.mirrored else upright

    def apply_to_pixels(self, pixels: Tensor, shape: tuple[int, int]) -> Tensor:
        """Turn (B, 2) rows and columns of an upright image of ``shape`` (H, W) with it."""
        (row, col), (height, width) = pixels.unbind(1), shape
        if self.mirrored:
            col = width - 1 - col
        for _ in range(self.quarters):
            row, col, height, width = width - 1 - col, row, width, height
        return torch.stack([row, col], 1)

    def apply_to_actions(self, actions: Tensor, shape: tuple[int, int]) -> Tensor:
        """Turn (B, 5) actions in an upright image of ``shape`` (H, W) with it; unknown ones stay so."""
        direction = (4 - actions[:, 4]) if self.mirrored else actions[:, 4]
        turned = torch.cat(
            [
                self.apply_to_pixels(actions[:, :2], shape),
                self.apply_to_pixels(actions[:, 2:4], shape),
                ((direction + 2 * self.quarters) % DIRECTIONS)[:, None],
            ],
            1,
        )
        return torch.where(actions[:, 4:] == UNKNOWN_ACTION, actions, turned)

    def undo_directions(self, maps: Tensor) -> Tensor:
        """Order (B, 8, H, W) push maps of the turned image by the directions of the upright one."""
        upright = maps.roll(-2 * self.quarters, 1)
        if self.mirrored:  # direction k becomes 4 - k
            upright = upright[:, [(4 - k) % DIRECTIONS for k in range(DIRECTIONS)]]
        return upright


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
    """The upright image, then its mirror image, then the turned ones, then the turned mirror images.

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
        views = [self.network.features(s.apply(image), s.apply(memory)) for s in self.symmetries]
        return AveragedFeatures((image.shape[2], image.shape[3]), views)

    def hold_logits(self, features: AveragedFeatures) -> Tensor:
        """See :meth:`InteractionNetwork.hold_logits`."""
        pairs = zip(self.symmetries, features.views, strict=True)
        return torch.stack([s.undo(self.network.hold_logits(view)) for s, view in pairs]).mean(0)

    def push_logits(self, features: AveragedFeatures, hold: Tensor) -> Tensor:
        """See :meth:`InteractionNetwork.push_logits`."""
        maps = []
        for symmetry, view in zip(self.symmetries, features.views, strict=True):
            turned = symmetry.apply_to_pixels(hold, features.shape)
            maps.append(symmetry.undo_directions(symmetry.undo(self.network.push_logits(view, turned))))
        return torch.stack(maps).mean(0)


def averaged_motion(
    network: PartNetwork, before: Tensor, after: Tensor, actions: Tensor | None, count: int
) -> tuple[Tensor, Tensor]:
    """Motion logits of the part network, their mean over symmetries.

    Args:
        network: The part network.
        before: (B, 5, H, W) image tensor.
        after: (B, 5, H, W) image tensor.
        actions: (B, 5) int64 actions; None where they are not known.
        count: Symmetries to average over, 1 to 8, see :func:`first_symmetries`.

    Returns:
        Logits of M_t and M_{t+1}, each (B, H, W).
    """
    shape = (before.shape[2], before.shape[3])
    sums: list[Tensor] = []
    for symmetry in first_symmetries(count):
        first, second = symmetry.apply(before), symmetry.apply(after)
        turned = None if actions is None else symmetry.apply_to_actions(actions, shape)
        maps = action_tensor(turned, (first.shape[2], first.shape[3]), count=len(first)).to(before.device)
        logits = [symmetry.undo(found) for found in network(first, second, maps)]
        sums = logits if not sums else [total + found for total, found in zip(sums, logits, strict=True)]
    return sums[0] / count, sums[1] / count
