"""How well motion is seen in synthetic image pairs, under one kind of variation at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from atp.clips.steadying import match_light
from atp.metrics import score_motion
from atp.perception.baselines import BASELINES
from envs.image_pairs import ImagePair, ImagePairConfig, synthesize_pair

Mask = NDArray[np.bool_]

#: Rows of the table: nothing varies; one switch of ``ImagePairConfig`` each; everything does.
SHIFTS = ("none", *(entry.name for entry in fields(ImagePairConfig)), "all")
#: Seeds of the pairs that are scored begin here; training's are lists of three numbers, so that none is in both.
FIRST_SEED = 1_000_000
STILL = 0.2
BATCH = 16


class Segmenter(Protocol):
    """What is scored, an :class:`atp.agent.Agent` for one."""

    def segment_motion_batch(
        self, before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]
    ) -> tuple[Mask, Mask]:
        """M_t and M_{t+1} of several pairs, each (B, H, W) bool."""
        ...


def shift_config(name: str) -> ImagePairConfig:
    """The variation of a row of ``SHIFTS``.

    Raises:
        ValueError: There is no such row.
    """
    if name not in SHIFTS:
        raise ValueError(f"unknown shift {name!r}: choose among {', '.join(SHIFTS)}")
    if name == "all":
        return ImagePairConfig()
    return ImagePairConfig.off() if name == "none" else replace(ImagePairConfig.off(), **{name: True})


def score_shift(
    agent: Segmenter,
    name: str,
    count: int,
    resolution: int = 90,
    progress: Callable[[int], None] = lambda done: None,
) -> dict[str, Any]:
    """Score an agent and the classical baselines on the pairs of one row.

    Args:
        agent: What to score.
        name: One of ``SHIFTS``.
        count: Pairs; in a fifth of them nothing moves.
        resolution: Image side in pixels.
        progress: Is told how many pairs were scored, after each few.

    Returns:
        ``shift``, ``pairs``, and for each method (``agent`` and the names of ``BASELINES``) ``motion_iou``, the mean of
        both frames over the pairs where something moved, and ``false_motion_rate``, the share of the others in which
        more than 20 pixels were taken to move; None where there was no such pair.

    Raises:
        ValueError: There is no such row.
    """
    config = shift_config(name)
    pairs = [
        synthesize_pair(np.random.default_rng(FIRST_SEED + index), config, resolution, STILL) for index in range(count)
    ]
    found: dict[str, list[tuple[Mask, Mask]]] = {"agent": [], **{method: [] for method in BASELINES}}
    for start in range(0, count, BATCH):
        some = pairs[start : start + BATCH]
        frames = [(pair.rgb[0], match_light(*pair.rgb)) for pair in some]  # as clips are looked at
        before, after = ([{"rgb": pair[moment], "depth": None} for pair in frames] for moment in (0, 1))
        found["agent"] += list(zip(*agent.segment_motion_batch(before, after), strict=True))
        for method, segment in BASELINES.items():
            found[method] += [segment(*pair) for pair in frames]
        progress(len(some))
    return {"shift": name, "pairs": count} | {method: _summary(pairs, masks) for method, masks in found.items()}


def _summary(pairs: Sequence[ImagePair], masks: Sequence[tuple[Mask, Mask]]) -> dict[str, float | None]:
    scores = np.array([
        score_motion(*mask, *pair.moved) for pair, mask in zip(pairs, masks, strict=True)
    ], np.float64)  # fmt: skip
    means = [column[~np.isnan(column)] for column in scores.T]
    iou, false = (float(column.mean()) if len(column) else None for column in means)
    return {"motion_iou": iou, "false_motion_rate": false}
