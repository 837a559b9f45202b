"""A second look at what moved: the square about it, cut out of the frames before they are reduced.

At the network's resolution a small part is a few pixels wide. Once the first pass has said where something moved, the
network sees that place alone, at the same resolution and so larger, and both passes are averaged there. The constants
were chosen on eight real clips with the weights `default` of that time.
"""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np

from atp.clips.letterbox import Window
from atp.clips.pairing import ViewPair
from atp.part_memory.evidence import Chance, Evidence
from atp.types import Action, Mask, Observation

#: Side of the square over that of what moved, and its least side as a share of the image's.
MARGIN, LEAST_SIDE = 1.2, 0.3
#: Weight of the second look in the mean of both.
CLOSER = 0.7


class PairSegmenter(Protocol):
    """What is needed of an agent."""

    def perceive(self, before: Observation, after: Observation, action: Action | None) -> tuple[Evidence, Evidence]:
        """Return what moved in each of two observations, (R, R), and how sure that is."""
        ...


def look(agent: PairSegmenter, pair: ViewPair, action: Action | None, again: bool = True) -> tuple[Evidence, Evidence]:
    """What an agent sees in a pair of frames.

    Args:
        agent: Sees motion.
        pair: The frames.
        action: (5,) the action in between, in the network's pixels; None where it is not known.
        again: Whether it looks again at what it saw moving.

    Returns:
        What moved in each of the two observations of the pair, (R, R).
    """
    found = agent.perceive(pair.first.observation, pair.corrected, action)
    if not again or pair.second.depth is not None:  # depth gives masks the object's outline
        return found
    window = window_about(found[0].moved | found[1].moved)
    box = pair.first.box
    if window is None or window.side * box.side < box.resolution**2:  # the frames have no more to show
        return found
    no_action = None  # what it means in there was never trained
    closer = agent.perceive(*pair.closer(window, box.resolution), no_action)
    first, second = (averaged(one, other, window) for one, other in zip(found, closer, strict=True))
    return first, second


def window_about(moved: Mask) -> Window | None:
    """The square to look at again.

    Args:
        moved: (R, R) bool, what moved in one image or the other.

    Returns:
        The square, all of the image at most; None where nothing moved.
    """
    if not moved.any():
        return None
    side = len(moved)
    rows, cols = (np.flatnonzero(moved.any(axis)) for axis in (1, 0))
    extent = max(rows[-1] - rows[0], cols[-1] - cols[0]) + 1
    wanted = min(max(round(MARGIN * extent), round(LEAST_SIDE * side), 1), side)
    middles = ((each[0] + each[-1] + 1) / 2 for each in (rows, cols))
    row, col = (min(max(round(middle - wanted / 2), 0), side - wanted) for middle in middles)
    return Window(row, col, wanted)


def averaged(whole: Evidence, closer: Evidence, window: Window) -> Evidence:
    """Both passes, averaged in the square.

    Args:
        whole: Of the whole image, (R, R).
        closer: Of the square, at any resolution.
        window: The square.

    Returns:
        Evidence of the whole image.
    """
    chance = _chance(whole).copy()
    inside = (slice(window.row, window.row + window.side), slice(window.col, window.col + window.side))
    chance[inside] += CLOSER * (_reduced(_chance(closer), window.side) - chance[inside])
    agent = whole.agent
    if agent is not None and closer.agent is not None:
        agent = agent.copy()
        agent[inside] = _reduced(closer.agent.astype(np.float32), window.side) >= 0.5
    moved = whole.moved.copy()
    moved[inside] = chance[inside] > 0.5
    return Evidence(moved, chance, agent)


def _chance(evidence: Evidence) -> Chance:
    return evidence.moved.astype(np.float32) if evidence.chance is None else evidence.chance


def _reduced(chance: Chance, side: int) -> Chance:
    return np.asarray(cv2.resize(chance, (side, side), interpolation=cv2.INTER_AREA), np.float32)
