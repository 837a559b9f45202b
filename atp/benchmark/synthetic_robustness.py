"""How well motion is seen in synthetic image pairs, under one kind of variation at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Protocol

import numpy as np

from atp.clips.steadying import match_light
from atp.metrics import score_motion
from atp.perception.baselines import BASELINES
from atp.results.eval import PerceptionScores
from atp.results.robustness import RobustnessRow
from atp.types import Mask, Observation
from envs.image_pairs import ImagePair, ImagePairConfig, synthesize_pair

#: Rows of the table: nothing varies; one option of ``ImagePairConfig`` each; everything does.
VARIATIONS = ("none", *(entry.name for entry in fields(ImagePairConfig)), "all")
#: Seeds of the pairs that are scored begin here; training's are lists of three numbers, so that none is in both.
FIRST_SEED = 1_000_000
STILL = 0.2
BATCH = 16


class Segmenter(Protocol):
    """What is scored, an :class:`atp.agent.Agent` for one."""

    def segment_motion_batch(self, before: Sequence[Observation], after: Sequence[Observation]) -> tuple[Mask, Mask]:
        """M_t and M_{t+1} of several pairs, each (B, H, W) bool."""
        ...


def variation_config(name: str) -> ImagePairConfig:
    """The variation of a row of ``VARIATIONS``.

    Raises:
        ValueError: There is no such row.
    """
    if name not in VARIATIONS:
        raise ValueError(f"unknown variation {name!r}: choose among {', '.join(VARIATIONS)}")
    if name == "all":
        return ImagePairConfig()
    return ImagePairConfig.off() if name == "none" else replace(ImagePairConfig.off(), **{name: True})


def score_variation(
    agent: Segmenter,
    name: str,
    count: int,
    resolution: int = 90,
    progress: Callable[[int], None] = lambda done: None,
) -> RobustnessRow:
    """Score an agent and the classical baselines on the pairs of one row.

    Args:
        agent: What to score.
        name: One of ``VARIATIONS``.
        count: Pairs; in a fifth of them nothing moves.
        resolution: Image side in pixels.
        progress: Called with how many pairs were scored, after each few.

    Returns:
        For ``agent`` and every name of ``BASELINES`` the mean motion IoU of both images over the pairs where something
        moved, and the share of the others in which more than 20 pixels were taken to move; None without such a pair.

    Raises:
        ValueError: There is no such row.
    """
    config = variation_config(name)
    pairs = [
        synthesize_pair(np.random.default_rng(FIRST_SEED + index), config, resolution, STILL) for index in range(count)
    ]
    found: dict[str, list[tuple[Mask, Mask]]] = {"agent": [], **{method: [] for method in BASELINES}}
    for start in range(0, count, BATCH):
        some = pairs[start : start + BATCH]
        images = [(pair.rgb[0], match_light(*pair.rgb)) for pair in some]  # as clips are looked at
        before, after = ([Observation(rgb=pair[moment]) for pair in images] for moment in (0, 1))
        found["agent"] += list(zip(*agent.segment_motion_batch(before, after), strict=True))
        for method, segment in BASELINES.items():
            found[method] += [segment(*pair) for pair in images]
        progress(len(some))
    return RobustnessRow(name, count, {method: _summary(pairs, masks) for method, masks in found.items()})


def _summary(pairs: Sequence[ImagePair], masks: Sequence[tuple[Mask, Mask]]) -> PerceptionScores:
    scores = np.array([
        score_motion(*mask, *pair.moved) for pair, mask in zip(pairs, masks, strict=True)
    ], np.float64)  # fmt: skip
    means = [column[~np.isnan(column)] for column in scores.T]
    return PerceptionScores(*(float(column.mean()) if len(column) else None for column in means))
