"""Scores: how well a part memory names the object's parts, and how well a policy plays.

Definitions follow AtP section 4 (mIoU, MAPE, dH95, effective and optimal steps); where the paper leaves a
choice open it is stated at the function. All images are (H, W); label images are uint8 with 0 for the
background; distances are in pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.optimize import linear_sum_assignment

Labels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

# Fewer visible pixels than this are not a part: neither asked for nor counted when predicted.
MIN_PART_PIXELS = 20

# A predicted motion of more pixels than this, where nothing moved, is a false motion.
FALSE_MOTION_PIXELS = 20


def part_areas(labels: Labels) -> dict[int, int]:
    """Number of pixels of each label in the image except the background, in order of labels."""
    values, counts = np.unique(labels, return_counts=True)
    return {int(v): int(n) for v, n in zip(values, counts, strict=True) if v != 0}


def true_labels_visible(labels: Labels, min_pixels: int = MIN_PART_PIXELS) -> Labels:
    """The same labels with parts of fewer than ``min_pixels`` pixels set to background."""
    labels = np.array(labels)
    small = [part for part, area in part_areas(labels).items() if area < min_pixels]
    labels[np.isin(labels, small)] = 0
    return labels


def mask_iou(a: Mask, b: Mask) -> float:
    """Intersection over union of two bool masks; 1.0 when both are empty, for then they agree."""
    union = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / union if union else 1.0


@dataclass(frozen=True)
class Match:
    """A predicted and a true part that were assigned to each other."""

    predicted: int
    true: int
    iou: float


@dataclass(frozen=True)
class Matching:
    """One-to-one assignment of predicted to true parts."""

    matches: tuple[Match, ...]
    n_pred: int
    n_true: int


def match_parts(pred_labels: Labels, true_labels: Labels, min_pixels: int = MIN_PART_PIXELS) -> Matching:
    """Assign predicted to true parts one-to-one so that the sum of IoUs is largest (Hungarian method).

    Parts of fewer than ``min_pixels`` visible pixels are left out on both sides: a true one is not asked
    for, and whoever found it is not punished for an extra part. Parts without overlap are not matched.

    Args:
        pred_labels: (H, W) predicted labels.
        true_labels: (H, W) true labels of the same shape.
        min_pixels: Smallest part.

    Returns:
        The matches, in order of predicted labels, and the numbers of parts on both sides.

    Raises:
        ValueError: If the images differ in shape.
    """
    if pred_labels.shape != true_labels.shape or pred_labels.ndim != 2:
        raise ValueError(f"label images must be (H, W) and alike, got {pred_labels.shape} and {true_labels.shape}")
    pred_areas = {p: n for p, n in part_areas(pred_labels).items() if n >= min_pixels}
    true_areas = {t: n for t, n in part_areas(true_labels).items() if n >= min_pixels}
    ious = np.zeros((len(pred_areas), len(true_areas)))
    for i, (p, pred_area) in enumerate(pred_areas.items()):
        under = part_areas(true_labels[pred_labels == p])
        for j, (t, true_area) in enumerate(true_areas.items()):
            overlap = under.get(t, 0)
            ious[i, j] = overlap / (pred_area + true_area - overlap)
    pred_list, true_list = list(pred_areas), list(true_areas)
    rows, cols = linear_sum_assignment(ious, maximize=True)
    matches = tuple(
        Match(pred_list[i], true_list[j], float(ious[i, j])) for i, j in zip(rows, cols, strict=True) if ious[i, j] > 0
    )
    return Matching(matches, len(pred_list), len(true_list))


def miou(pred_labels: Labels, true_labels: Labels, min_pixels: int = MIN_PART_PIXELS) -> float:
    """Mean IoU of matched parts; unmatched ones on either side count 0.

    The denominator is max(predicted, true): one of two parts found caps it at 0.5. Two images without
    parts agree: 1.0.
    """
    matching = match_parts(pred_labels, true_labels, min_pixels)
    slots = max(matching.n_pred, matching.n_true)
    return sum(m.iou for m in matching.matches) / slots if slots else 1.0


def mape(n_pred: int, n_true: int) -> float:
    """Absolute error of the number of parts as a fraction of the true number.

    Raises:
        ValueError: If there is no true part to divide by.
    """
    if n_true < 1:
        raise ValueError(f"the error of a part count needs at least one true part, got {n_true}")
    return abs(n_pred - n_true) / n_true


def mask_hd95(a: Mask, b: Mask) -> float:
    """95th-percentile Hausdorff distance of two non-empty masks, in pixels.

    For every pixel of one mask, the Euclidean distance to the nearest pixel of the other (0 inside it); the
    95th percentile of these (linear interpolation), in both directions; the larger of the two. All pixels of
    a mask take part, not its outline only.

    Raises:
        ValueError: If a mask is empty.
    """
    if not a.any() or not b.any():
        raise ValueError("the distance between masks is not defined when one is empty")
    return max(
        float(np.percentile(distance_transform_edt(~b)[a], 95)),
        float(np.percentile(distance_transform_edt(~a)[b], 95)),
    )


def hd95(pred_labels: Labels, true_labels: Labels, min_pixels: int = MIN_PART_PIXELS) -> float:
    """Mean 95th-percentile Hausdorff distance of the parts matched for mIoU, in pixels.

    The mean runs over max(predicted, true) parts, and an unmatched one costs the image diagonal, as if it
    lay in the opposite corner. Two images without parts: 0.
    """
    matching = match_parts(pred_labels, true_labels, min_pixels)
    slots = max(matching.n_pred, matching.n_true)
    if slots == 0:
        return 0.0
    found = [mask_hd95(pred_labels == m.predicted, true_labels == m.true) for m in matching.matches]
    return (sum(found) + (slots - len(found)) * math.hypot(*true_labels.shape)) / slots


@dataclass(frozen=True)
class StepScores:
    """Scores of one interaction and of the memory after it.

    Attributes:
        miou: Of the memory after the interaction, in [0, 1].
        mape: Likewise, a fraction.
        hd95: Likewise, in pixels.
        effective: The push moved a part while the held one stayed.
        optimal: It moved exactly one part not moved before.
        motion_iou: Mean over both images of the IoU of predicted and true motion; NaN when nothing moved.
        false_motion: 1.0 when motion was predicted where nothing moved, 0.0 when not; NaN when something did.
    """

    miou: float
    mape: float
    hd95: float
    effective: bool
    optimal: bool
    motion_iou: float
    false_motion: float


def score_memory(pred_labels: Labels, true_labels: Labels) -> tuple[float, float, float]:
    """MIoU, MAPE and dH95 of one part memory, as the functions of these names give them.

    Raises:
        ValueError: If no true part is visible or the shapes differ.
    """
    matching = match_parts(pred_labels, true_labels)
    return (
        miou(pred_labels, true_labels),
        mape(matching.n_pred, matching.n_true),
        hd95(pred_labels, true_labels),
    )


def score_motion(
    predicted_before: Mask, predicted_after: Mask, moved_before: Mask, moved_after: Mask
) -> tuple[float, float]:
    """Score the two motion masks of one interaction.

    Returns:
        ``motion_iou`` and ``false_motion`` as in `StepScores`; one of them is NaN.
    """
    if moved_before.any() or moved_after.any():
        both = (mask_iou(predicted_before, moved_before) + mask_iou(predicted_after, moved_after)) / 2
        return both, math.nan
    most = max(np.count_nonzero(predicted_before), np.count_nonzero(predicted_after))
    return math.nan, float(most > FALSE_MOTION_PIXELS)


Episode = Sequence[StepScores]


def _mean(values: Sequence[float]) -> float | None:
    """Mean of the values that are not NaN; None when there are none."""
    known = [v for v in values if not math.isnan(v)]
    return math.fsum(known) / len(known) if known else None


def optimal_rate_first(episodes: Sequence[Episode], n: int | Sequence[int]) -> float | None:
    """Share of optimal steps among the first ``n`` interactions of each episode; None without any.

    Args:
        episodes: For each episode its steps in order.
        n: One number for all, or one for each episode.
    """
    counts = [n] * len(episodes) if isinstance(n, int) else n
    firsts = [episode[:count] for episode, count in zip(episodes, counts, strict=True)]
    return _mean([float(step.optimal) for first in firsts for step in first])


def summarize(episodes: Sequence[Episode]) -> dict[str, float | list[float | None] | None]:
    """Average scores over episodes.

    Args:
        episodes: For each episode its steps in order, at least one; lengths may differ.

    Returns:
        ``miou``, ``mape``, ``hd95`` after each episode's last step; the same with ``_by_interaction``: a
        list, item t over the episodes that got that far; ``effective_rate`` and ``optimal_rate`` over all
        steps; ``motion_iou`` over steps where something moved and ``false_motion_rate`` over those where
        nothing did, None where there are no such steps; ``episodes``, their number. Fit for JSON.

    Raises:
        ValueError: If there is no episode or one has no step.
    """
    if not episodes or not all(len(episode) for episode in episodes):
        raise ValueError("summarize needs at least one episode, and a step in each")
    steps = [step for episode in episodes for step in episode]
    summary: dict[str, float | list[float | None] | None] = {"episodes": float(len(episodes))}
    readers: dict[str, Callable[[StepScores], float]] = {
        "miou": lambda s: s.miou,
        "mape": lambda s: s.mape,
        "hd95": lambda s: s.hd95,
    }
    for name, read in readers.items():
        summary[name] = _mean([read(episode[-1]) for episode in episodes])
        summary[f"{name}_by_interaction"] = [
            _mean([read(episode[t]) for episode in episodes if t < len(episode)])
            for t in range(max(len(episode) for episode in episodes))
        ]
    summary["effective_rate"] = _mean([float(step.effective) for step in steps])
    summary["optimal_rate"] = _mean([float(step.optimal) for step in steps])
    summary["motion_iou"] = _mean([step.motion_iou for step in steps])
    summary["false_motion_rate"] = _mean([step.false_motion for step in steps])
    return summary


def across_seeds(values: Sequence[float]) -> tuple[float, float]:
    """Mean and spread (sample standard deviation; 0 for a single value) of one score over seeds.

    Raises:
        ValueError: If there are no values.
    """
    if len(values) == 0:
        raise ValueError("no values to average over seeds")
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
