"""How sure it is what moved, and the part memory's doubts about what was not seen to move.

The network gives each pixel a logit l of having moved. Its *chance* is

    c = min(max(1/2 + l / (2 SURE), 0), 1),

so 1 is surely moved, 0 surely stayed, and 1/2 is where the mask ends. Between interactions the memory keeps for each
pixel that was in no mask the largest chance it had, its *doubt*, and the part that moved then, its *suspect*. What is
left of the object when all known parts are taken away is a part that stayed only where the doubt is small. At a pivot,
where a rotation moves pixels by less than one, it is not: such pixels belong to the suspect.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from atp.types import Labels, Mask

#: Logit from which on it is sure that a pixel moved, and below minus which that it stayed: a probability of 0.99.
SURE = 4.6

Chance = NDArray[np.float32]  # (H, W), see above


def chance_of(logits: NDArray[np.floating]) -> Chance:
    """Chances of (H, W) logits.

    >>> chance_of(np.array([[-9.2, -2.3, 0.0, 4.6]])).tolist()
    [[0.0, 0.25, 0.5, 1.0]]
    """
    chance: Chance = np.clip(0.5 + logits / (2 * SURE), 0.0, 1.0).astype(np.float32)
    return chance


@dataclass(frozen=True)
class Evidence:
    """One motion mask and how sure it is.

    Attributes:
        moved: (H, W) bool, what moved.
        chance: (H, W) float32 in 0 to 1; None where nobody says how sure the mask is.
        agent: (H, W) bool, the hand, arm or robot in view, which is no part of ``moved``; None where nobody looked.
    """

    moved: Mask
    chance: Chance | None = None
    agent: Mask | None = None

    @property
    def surely(self) -> Mask:
        """(H, W) bool, what surely moved; all of the mask where nobody says.

        A pixel of the mask is as sure as those beside it, for no outline is ever sure, and thin things are all outline.
        """
        if self.chance is None:
            return self.moved
        sure = cv2.dilate((self.chance >= 1.0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        return self.moved & sure

    @property
    def maybe(self) -> Mask:
        """(H, W) bool, all that did not surely stay; the mask where nobody says."""
        return self.moved if self.chance is None else self.moved | (self.chance > 0.0)


def both_chances(before: Evidence, after: Evidence) -> tuple[Chance, Chance] | None:
    """How sure the two masks of an interaction are; None where nobody says."""
    return None if before.chance is None or after.chance is None else (before.chance, after.chance)


def exact(moved: Mask) -> Evidence:
    """Evidence of a mask in which every pixel is sure."""
    return Evidence(moved, moved.astype(np.float32))


class Doubts:
    """How far each pixel in no motion mask may have moved after all, and with which part.

    Args:
        shape: (H, W) of the images.

    Attributes:
        chance: (H, W) float32, the largest chance the pixel had in an image in whose mask it was not.
        suspects: (H, W) uint8, label of the nearest of the parts that moved then; 0 where there is no doubt.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.chance: Chance = np.zeros(shape, np.float32)
        self.suspects: Labels = np.zeros(shape, np.uint8)

    def copy(self) -> Doubts:
        """Doubts that change on their own."""
        twin = Doubts((self.chance.shape[0], self.chance.shape[1]))
        twin.chance, twin.suspects = self.chance.copy(), self.suspects.copy()
        return twin

    def add(self, before: Evidence, after: Evidence, labels: Labels) -> None:
        """Take in one interaction.

        Args:
            before: What moved, in the image before.
            after: What moved, in the image after.
            labels: (H, W) uint8 parts in the image after.
        """
        movers: Labels = np.where(after.moved, labels, 0).astype(np.uint8)
        if before.chance is None or after.chance is None or not movers.any():
            return
        chance = np.maximum(np.where(before.moved, 0.0, before.chance), np.where(after.moved, 0.0, after.chance))
        more = chance > self.chance
        self.chance[more] = chance[more]
        self.suspects[more] = _nearest_labels(movers)[more]


def _nearest_labels(labels: Labels) -> Labels:
    """For each pixel the label of the nearest one that has a label."""
    known = labels > 0
    _, nearest = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_index = np.zeros(int(nearest.max()) + 1, np.uint8)
    of_index[nearest[known]] = labels[known]
    found: Labels = of_index[nearest]
    return found
