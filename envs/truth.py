"""What really happened: flow, moved parts, effective and optimal steps. Privileged: for training and scoring.

Conventions, beside those of :mod:`envs.camera`:

* Part p has label p + 1, and 0 is the background. ``held_part`` and ``pushed_part`` are labels. An array over
  parts has `assets.conventions.MAX_PARTS` entries.
* Flow is (d col, d row) in pixels, from the image before to the image after, given at the pixels of the image before.

>>> labels = np.zeros((20, 20), np.uint8)
>>> labels[:, :8], labels[:, 12:] = 1, 2
>>> view = View(np.zeros((20, 20, 3), np.uint8), np.ones((20, 20), np.float32), labels, labels.astype(np.int16) - 1)
>>> flow = np.zeros((len(view.pixels), 2), np.float32)
>>> flow[view.parts == 2] = (3, 0)  # part 2 moves by three pixels to the right
>>> outcome = judge(view, flow, held_part=1, pushed_part=2, moved_ever=np.zeros(MAX_PARTS, bool))
>>> outcome.effective, outcome.optimal, outcome.displacement
(True, True, 3.0)
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from assets.conventions import MAX_PARTS, MIN_PART_PIXELS
from envs.camera import Camera

#: A part has moved when one of its visible pixels moves by more than this many pixels, at any resolution.
MOVED_PIXELS = 1.5
#: A part whose pose changes by less than this (metres, or an entry of its rotation) is still: 0.001 pixels.
STILL = 1e-5


@dataclass(frozen=True)
class Outcome:
    """What an interaction did.

    Attributes:
        moved_parts: (``MAX_PARTS``,) bool, entry p for the part with label p + 1.
        held_part: Label (not index) of the part under the hold pixel, 0 where it holds none.
        pushed_part: Label (not index) of the part under the push pixel, 0 where it touched none.
        effective: The push moved one or more parts while a held part stayed; never where no part is held.
        optimal: Effective, and exactly one of the moved parts had never moved before.
        displacement: Mean motion in pixels over all visible pixels of the parts that moved, also over those that moved
            by less than ``MOVED_PIXELS``; 0.0 where no part moved.
    """

    moved_parts: NDArray[np.bool_]
    held_part: int
    pushed_part: int
    effective: bool
    optimal: bool
    displacement: float


@dataclass(frozen=True)
class View:
    """A noise-free image of the scene.

    Attributes:
        rgb: (H, W, 3) uint8; without meaning where no object is.
        depth: (H, W) float32 z-depth in metres; the ground's where no object is.
        labels: (H, W) uint8 part labels, 0 where no part is.
        links: (H, W) int16 index of the link seen, -1 where no object is.
        pixels: (N,) flat indices, row * W + col, of the pixels that show a part.
        parts: (N,) uint8 their labels.
        seen: (``MAX_PARTS``,) bool, parts with at least ``MIN_PART_PIXELS`` visible pixels.
    """

    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32]
    labels: NDArray[np.uint8]
    links: NDArray[np.int16]
    pixels: NDArray[np.intp] = field(init=False)
    parts: NDArray[np.uint8] = field(init=False)
    seen: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        labels = self.labels.ravel()
        pixels = np.flatnonzero(labels != 0)
        parts = labels.take(pixels)
        counts = np.bincount(parts, minlength=MAX_PARTS + 1)
        object.__setattr__(self, "pixels", pixels)
        object.__setattr__(self, "parts", parts)
        object.__setattr__(self, "seen", counts[1 : MAX_PARTS + 1] >= MIN_PART_PIXELS)


def flow_between(
    view: View, camera: Camera, before: NDArray[np.float64], after: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Flow of the pixels that show a part, from where each rigid part went.

    Args:
        view: What the camera saw before.
        camera: The camera of both images.
        before: (P, 4, 4) poses of the parts in the world at the time of ``view``.
        after: (P, 4, 4) poses of the parts later.

    Returns:
        (N, 2) float32 motion in pixels, (d col, d row), of the pixels ``view.pixels``.
    """
    gone, motions = _motions(before, after)
    if not gone or not len(view.pixels):
        return np.zeros((len(view.pixels), 2), np.float32)
    depth = view.depth.ravel().take(view.pixels)
    flow = np.zeros(len(view.pixels), np.complex64)
    for part, moved in zip(gone, camera.flows_of(view.pixels, depth, motions), strict=True):
        np.copyto(flow, moved, where=view.parts == part + 1)
    return flow.view(np.float32).reshape(-1, 2)


def _motions(before: NDArray[np.float64], after: NDArray[np.float64]) -> tuple[list[int], NDArray[np.float64]]:
    """Which parts changed their pose, and (K, 4, 4) what they did: a point x of the world went to M x.

    It is a few numbers for each part, for which plain arithmetic is faster than arrays: every call costs microseconds.
    """
    gone: list[int] = []
    entries: list[float] = []
    for part, (start, end) in enumerate(zip(before.tolist(), after.tolist(), strict=True)):
        pairs = zip(start[0] + start[1] + start[2], end[0] + end[1] + end[2], strict=True)
        if all(abs(new - old) <= STILL for old, new in pairs):
            continue
        gone.append(part)
        (a, b, c, x), (d, e, f, y), (g, h, i, z), _ = start
        for p, q, r, to in end[:3]:  # a row of the product with the inverse, whose rotation is the transposed one
            row = (p * a + q * b + r * c, p * d + q * e + r * f, p * g + q * h + r * i)
            entries += (*row, to - row[0] * x - row[1] * y - row[2] * z)
        entries += (0.0, 0.0, 0.0, 1.0)
    return gone, np.array(entries, np.float64).reshape(-1, 4, 4)


def judge(
    view: View,
    flow: NDArray[np.float32],
    held_part: int,
    pushed_part: int,
    moved_ever: NDArray[np.bool_],
) -> Outcome:
    """Decide from the flow which parts moved and whether the step was effective and optimal.

    Args:
        view: What the camera saw before.
        flow: (N, 2) float32, as from :func:`flow_between`.
        held_part: Label under the hold pixel, 0 for none.
        pushed_part: Label under the push pixel, 0 for none.
        moved_ever: (``MAX_PARTS``,) bool, parts that earlier interactions moved.

    Returns:
        The outcome.
    """
    if not flow.any():
        return Outcome(np.zeros(MAX_PARTS, bool), held_part, pushed_part, False, False, 0.0)
    squared = np.square(flow[:, 0])
    squared += np.square(flow[:, 1])
    counts = np.bincount(view.parts[squared > MOVED_PIXELS**2], minlength=MAX_PARTS + 1)
    moved = counts[1:] > 0
    each = moved.tolist()
    effective = any(each) and held_part > 0 and not each[held_part - 1]
    optimal = effective and sum(now and not ever for now, ever in zip(each, moved_ever.tolist(), strict=True)) == 1
    displacement = 0.0
    if any(each):
        lengths = np.sqrt(squared[moved.take(view.parts - 1)])
        displacement = float(np.add.reduce(lengths)) / len(lengths)  # the mean, without the cost of np.mean
    return Outcome(moved, held_part, pushed_part, effective, optimal, displacement)
