"""Pairs as clips come: from near or far, cut off by the frame, backwards, of a frame that is not square."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from atp.clips.steadying import match_light
from train.data.pair_sources import pair_type

#: Share of pairs shown backwards; things are opened more often than shut.
BACKWARDS = 0.3
#: Share of pairs in a frame that is not square, the share of the image's side that its border takes at each end (0.22:
#: a frame of 9 x 16), and how often the frame is upright.
LETTERBOXED, BORDERS, PORTRAIT = 0.5, (0.05, 0.23), 0.6
#: Share of what moved that must be left in each frame, by the border and by a crop: what moves is cut off often.
LEAST_LEFT, LEAST_CROPPED = 0.6, 0.35
#: Share of pairs of which a crop is shown, and the range of its side as a share of the image's.
CROPPED, CROPS = 0.55, (0.4, 0.95)
#: How often a crop is about what moved, as the second look at a clip takes it, and its side over that of what moved.
ABOUT_MOTION, MARGINS = 0.5, (1.15, 2.2)
#: Share of pairs whose second image is brought to the light of the first, as in clips.
MATCHED = 0.7


def framed(pairs: NDArray[Any], resolution: int, rng: np.random.Generator) -> NDArray[Any]:
    """Whole pairs and crops of them, at the resolution of training.

    Args:
        pairs: (B,) of :func:`train.data.pair_sources.pair_type` at any resolution.
        resolution: Image side wanted, in pixels.
        rng: Source of randomness.

    Returns:
        (B,) pairs of ``resolution``.
    """
    shown = np.zeros(len(pairs), pair_type(resolution))
    for target, pair in zip(shown, pairs, strict=True):
        window = _window(pair["moved"], rng) if rng.random() < CROPPED else None
        reduce_pair(pair, target, window, rng.random() < MATCHED)
    return shown


def reduce_pair(pair: Any, target: Any, window: tuple[int, int, int] | None = None, matched: bool = True) -> None:
    """Bring a pair, or a square of it, to another resolution: images by area, masks by majority.

    Args:
        pair: Of :func:`train.data.pair_sources.pair_type`.
        target: Where to, likewise.
        window: Row, column and side of the square in pixels; None takes all.
        matched: Whether the second image is brought to the light of the first (:func:`match_light`).
    """
    row, col, side = window or (0, 0, pair["moved"].shape[-1])
    size = target["moved"].shape[-1]
    method = cv2.INTER_AREA if side >= size else cv2.INTER_LINEAR
    square = (slice(row, row + side), slice(col, col + side))
    for index in range(2):
        target["rgb"][index] = cv2.resize(pair["rgb"][(index, *square)], (size, size), interpolation=method)
        for name in ("moved", "agent"):
            share = pair[name][(index, *square)].astype(np.float32)
            target[name][index] = cv2.resize(share, (size, size), interpolation=method) >= 0.5
    if matched:
        target["rgb"][1] = match_light(target["rgb"][0], target["rgb"][1])


def _window(moved: NDArray[np.bool_], rng: np.random.Generator) -> tuple[int, int, int] | None:
    """A square of a pair with (2, H, H) masks; None where it would lose too much of what moved."""
    whole = moved.shape[-1]
    side = whole * math.exp(rng.uniform(*np.log(CROPS)))
    middle = rng.uniform(0, whole, 2)
    rows, cols = np.nonzero(moved.any(0))
    if len(rows):
        box = np.array([[rows.min(), cols.min()], [rows.max() + 1, cols.max() + 1]])
        if rng.random() < ABOUT_MOTION:
            side = float(np.ptp(box, axis=0).max()) * rng.uniform(*MARGINS)
        middle = box.mean(0) + rng.uniform(-0.25, 0.25, 2) * side
    side = min(max(round(side), round(CROPS[0] * whole)), whole)
    row, col = (int(min(max(round(at - side / 2), 0), whole - side)) for at in middle)
    kept = moved[:, row : row + side, col : col + side].sum((1, 2))
    return None if (kept < LEAST_CROPPED * moved.sum((1, 2))).any() else (row, col, side)


def as_filmed(pairs: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """Show pairs as clips come: some backwards, some of a frame that is not square.

    A frame that is not square is brought to the network's square as :class:`atp.clips.letterbox.Letterbox` does it:
    its edges are repeated. What moved in the border is not seen; a pair that would lose most of it stays square.

    Args:
        pairs: (B,) of :func:`train.data.pair_sources.pair_type`; they are changed in place.
        rng: Source of randomness.

    Returns:
        The pairs.
    """
    for pair in pairs:
        rgb, moved, agent = pair["rgb"], pair["moved"], pair["agent"]
        if rng.random() < BACKWARDS:
            for each in (rgb, moved, agent):
                each[:] = each[::-1].copy()
        if rng.random() >= LETTERBOXED:
            continue
        side = moved.shape[-1]
        border = round(side * rng.uniform(*BORDERS))
        frame = slice(border, side - border)
        axis = 1 if rng.random() < PORTRAIT else 0  # columns or rows are repeated
        rgb, moved, agent = (np.moveaxis(each, 1 + axis, 1) for each in (rgb, moved, agent))
        if (moved[:, frame].sum((1, 2)) < LEAST_LEFT * moved.sum((1, 2))).any():
            continue
        for each in (rgb, agent):  # what repeats an agent's edge looks like one
            each[:, :border], each[:, frame.stop :] = each[:, [border]], each[:, [frame.stop - 1]]
        moved[:, :border] = moved[:, frame.stop :] = False
    return pairs
