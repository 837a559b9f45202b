"""What really happened: flow, moved parts, effective and optimal steps. Privileged: for training and scoring."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from envs.camera import Camera

#: Most parts an object may have; part p carries label p + 1.
MAX_PARTS = 15
#: A part with fewer visible pixels is not asked for.
MIN_VISIBLE_PIXELS = 20
#: A part has moved when one of its visible pixels moves by more than this many pixels.
MOVED_PIXELS = 1.5


@dataclass(frozen=True)
class Outcome:
    """What an interaction did.

    Attributes:
        moved_parts: (15,) bool, entry p for the part with label p + 1.
        held_part: Label under the hold pixel, 0 where it touched nothing.
        pushed_part: Label under the push pixel, 0 where it touched nothing.
        effective: The push moved one or more parts while the held one stayed.
        optimal: Effective, and exactly one of the moved parts had never moved before.
        displacement: Mean motion in pixels over the pixels that moved.
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
        rgb: (H, W, 3) uint8; black where no object is.
        depth: (H, W) float32 z-depth in metres; the ground's where no object is.
        labels: (H, W) uint8 part labels, 0 where no part is.
        links: (H, W) int16 index of the link seen, -1 where no object is.
        rows: (N,) rows of the pixels that show a part.
        cols: (N,) their columns.
        seen: (15,) bool, parts with at least 20 visible pixels.
    """

    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32]
    labels: NDArray[np.uint8]
    links: NDArray[np.int16]
    rows: NDArray[np.intp] = field(init=False)
    cols: NDArray[np.intp] = field(init=False)
    seen: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        rows, cols = np.nonzero(self.labels)
        counts = np.bincount(self.labels[rows, cols], minlength=MAX_PARTS + 1)
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "cols", cols)
        object.__setattr__(self, "seen", counts[1 : MAX_PARTS + 1] >= MIN_VISIBLE_PIXELS)


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
        (N, 2) float32 motion in pixels, (d col, d row), of the pixels ``view.rows``, ``view.cols``.
    """
    flow = np.zeros((len(view.rows), 2), np.float32)
    labels = view.labels[view.rows, view.cols]
    for part in np.flatnonzero(np.abs(after - before).max(axis=(1, 2)) > 1e-9):
        pixels = np.flatnonzero(labels == part + 1)
        rows, cols = view.rows[pixels], view.cols[pixels]
        motion = (after[part] @ np.linalg.inv(before[part])).astype(np.float32)
        points = camera.unproject(rows, cols, view.depth[rows, cols])
        new_rows, new_cols, _ = camera.project(points @ motion[:3, :3].T + motion[:3, 3])
        flow[pixels, 0] = new_cols - cols - 0.5
        flow[pixels, 1] = new_rows - rows - 0.5
    return flow


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
        moved_ever: (15,) bool, parts that earlier interactions moved.

    Returns:
        The outcome.
    """
    size = np.hypot(flow[:, 0], flow[:, 1])
    labels = view.labels[view.rows, view.cols]
    largest = np.zeros(MAX_PARTS + 1, np.float32)
    np.maximum.at(largest, labels, size)
    moved = largest[1:] > MOVED_PIXELS
    held_stayed = held_part > 0 and not moved[held_part - 1]
    effective = bool(moved.any() and held_stayed)
    optimal = bool(effective and (moved & ~moved_ever).sum() == 1)
    moving = moved[labels.astype(np.intp) - 1]
    displacement = float(size[moving].mean()) if moving.any() else 0.0
    return Outcome(moved, held_part, pushed_part, effective, optimal, displacement)
