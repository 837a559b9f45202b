"""Scores: how well a part memory names the object's parts, and how well a policy plays.

Two halves. The first defines what is measured, on images (AtP, arXiv 2105.01047, evaluation: mIoU, MAPE, dH95,
effective and optimal steps); where the paper leaves a choice open it is stated at the function. The second is the
table :data:`METRICS`: which of these measures are reported, under which key and title, and how they are averaged. Rows
of results, Markdown tables and plots follow from the table, so a further metric is one :func:`register` away::

    register(StepMetric("part_count", "parts found", value=lambda step: len(part_areas(step.parts))))

All images are (H, W); label images are uint8 with 0 for the background; distances are in pixels.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.optimize import linear_sum_assignment

from assets.registry import Registry
from atp.results.eval import BY_INTERACTION, ROW_KEYS
from atp.types import MIN_PART_PIXELS, Labels, Mask


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

    This is the one definition of motion IoU, for the benchmark, synthetic image pairs and the log of training alike.

    Returns:
        The mean over both images of the IoU of predicted and true motion, NaN when nothing moved (a part that left the
        image, and of which none was seen there, agrees: 1.0); and 1.0 when motion was predicted in more than
        ``MIN_PART_PIXELS`` pixels where nothing moved, 0.0 when not, NaN when something did.
    """
    if moved_before.any() or moved_after.any():
        both = (mask_iou(predicted_before, moved_before) + mask_iou(predicted_after, moved_after)) / 2
        return both, math.nan
    most = max(np.count_nonzero(predicted_before), np.count_nonzero(predicted_after))
    return math.nan, float(most > MIN_PART_PIXELS)


@dataclass(frozen=True, eq=False)
class StepData:
    """What one interaction is scored on.

    Attributes:
        parts: (H, W) uint8, the part memory after the interaction.
        true_parts: (H, W) uint8, the true labels of the same moment without parts too small to be asked for
            (:func:`true_labels_visible`).
        motion: M_t and M_{t+1} as perceived, each (H, W) bool.
        true_motion: The same from the simulator.
        effective: The push moved a part while a held one stayed.
        optimal: It moved exactly one part not moved before.
    """

    parts: Labels
    true_parts: Labels
    motion: tuple[Mask, Mask]
    true_motion: tuple[Mask, Mask]
    effective: bool
    optimal: bool


class StepScores(Mapping[str, float]):
    """The value of every step metric for one interaction, by its key; NaN where it is not defined.

    Args:
        values: By key of :data:`METRICS`.
    """

    def __init__(self, values: Mapping[str, float]) -> None:
        self._values = dict(values)

    def __getitem__(self, key: str) -> float:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"StepScores({self._values!r})"

    @property
    def miou(self) -> float:
        """Of the memory after the interaction; NaN when no true part is in view."""
        return self._values["miou"]

    @property
    def motion_iou(self) -> float:
        """Of the motion seen; NaN when nothing moved."""
        return self._values["motion_iou"]

    @property
    def effective(self) -> bool:
        """The push moved a part while a held one stayed."""
        return bool(self._values["effective_rate"])

    @property
    def optimal(self) -> bool:
        """It moved exactly one part not moved before."""
        return bool(self._values["optimal_rate"])


@dataclass(frozen=True)
class EpisodeScores:
    """An episode as metrics see it.

    Attributes:
        steps: Scores of the interactions in order, at least one.
        num_parts: Parts in view at the start, the N of "the first N interactions".
    """

    steps: Sequence[StepScores]
    num_parts: int


def _mean(values: Sequence[float]) -> float | None:
    """Mean of the values that are not NaN; None when there are none."""
    known = [v for v in values if not math.isnan(v)]
    return math.fsum(known) / len(known) if known else None


@dataclass(frozen=True)
class Metric(ABC):
    """One reported score. Register a :class:`StepMetric` or an :class:`EpisodeMetric`.

    Attributes:
        key: Its name in rows of results.
        title: Its name in tables and plots.
        unit: Of its values; empty for a share or a plain number.
        higher_is_better: Whether more is better; None for what is neither.
        shown: Whether it has a column in tables of all scores.
        plotted: Whether plots show it after each interaction; for metrics of the last step.
    """

    key: str
    title: str
    unit: str = ""
    higher_is_better: bool | None = True
    shown: bool = True
    plotted: bool = False

    @property
    def heading(self) -> str:
        """Of a column: the title, the unit, and an arrow in the direction that is better."""
        arrow = {True: " ↑", False: " ↓", None: ""}[self.higher_is_better]
        return f"{self.title}{f' ({self.unit})' if self.unit else ''}{arrow}"

    @property
    @abstractmethod
    def module(self) -> str:
        """The module that its function is defined in."""

    @abstractmethod
    def average(self, episodes: Sequence[EpisodeScores]) -> float | None:
        """The score of some episodes; None where it is defined in none of them."""

    def by_interaction(self, episodes: Sequence[EpisodeScores]) -> list[float | None] | None:
        """The score after each interaction, item t over the episodes that got that far; None for most metrics."""
        return None


@dataclass(frozen=True)
class StepMetric(Metric):
    """A metric with a value for each interaction.

    Attributes:
        value: Its value for one interaction; NaN where it is not defined, which no average counts.
        over: Which steps are averaged: the ``last`` of each episode (the row then also has the score after each
            interaction, ``KEY_by_interaction``), ``all``, or the ``first_n`` of each, N being its number of parts.
    """

    value: Callable[[StepData], float] = lambda step: math.nan
    over: Literal["last", "all", "first_n"] = "last"

    @property
    def module(self) -> str:
        """See :class:`Metric`."""
        return self.value.__module__

    def average(self, episodes: Sequence[EpisodeScores]) -> float | None:
        """See :class:`Metric`; every chosen step of every episode has the same weight."""
        chosen: dict[str, Callable[[EpisodeScores], Sequence[StepScores]]] = {
            "last": lambda episode: episode.steps[-1:],
            "all": lambda episode: episode.steps,
            "first_n": lambda episode: episode.steps[: episode.num_parts],
        }
        return _mean([step[self.key] for episode in episodes for step in chosen[self.over](episode)])

    def by_interaction(self, episodes: Sequence[EpisodeScores]) -> list[float | None] | None:
        """See :class:`Metric`; there for metrics of the last step."""
        if self.over != "last":
            return None
        count = max(len(episode.steps) for episode in episodes)
        return [_mean([e.steps[t][self.key] for e in episodes if t < len(e.steps)]) for t in range(count)]


@dataclass(frozen=True)
class EpisodeMetric(Metric):
    """A metric with a value for each episode, averaged over episodes.

    Attributes:
        value: Its value for one episode, made of the scores of its steps; NaN where it is not defined.
    """

    value: Callable[[EpisodeScores], float] = lambda episode: math.nan

    @property
    def module(self) -> str:
        """See :class:`Metric`."""
        return self.value.__module__

    def average(self, episodes: Sequence[EpisodeScores]) -> float | None:
        """See :class:`Metric`."""
        return _mean([self.value(episode) for episode in episodes])


#: Every reported metric by key, in the order of columns. See :func:`register`.
METRICS: Registry[Metric] = Registry("metric", Metric)


def register(metric: Metric) -> Metric:
    """Report a further metric: in rows of results, tables and, if it is ``plotted``, plots.

    Args:
        metric: The metric. Worker processes know it too where its function's module can be imported.

    Raises:
        ValueError: The key is no name, is one that rows use otherwise, or is taken by another module.
    """
    if not metric.key.isidentifier() or metric.key.endswith(BY_INTERACTION) or metric.key in ROW_KEYS:
        raise ValueError(f"{metric.key!r} cannot be the key of a metric: it must be a name, and none that rows have")
    METRICS.add(metric.key, metric, module=metric.module)
    return metric


def _of_memory(score: Callable[[Labels, Labels], float]) -> Callable[[StepData], float]:
    """A score of the part memory; NaN when no true part is left in view."""
    return lambda step: score(step.parts, step.true_parts) if step.true_parts.any() else math.nan


def _mape_of_labels(pred_labels: Labels, true_labels: Labels) -> float:
    matching = match_parts(pred_labels, true_labels)
    return mape(matching.n_pred, matching.n_true)


for _metric in (
    StepMetric("miou", "mIoU", value=_of_memory(miou), plotted=True),
    StepMetric("mape", "MAPE", higher_is_better=False, value=_of_memory(_mape_of_labels)),
    StepMetric("hd95", "dH95", "px", higher_is_better=False, value=_of_memory(hd95)),
    StepMetric("effective_rate", "effective", value=lambda step: float(step.effective), over="all"),
    StepMetric("optimal_rate", "optimal", value=lambda step: float(step.optimal), over="all"),
    StepMetric("optimal_rate_first_n", "optimal, first N", value=lambda step: float(step.optimal), over="first_n"),
    StepMetric(
        "motion_iou", "motion IoU", value=lambda step: score_motion(*step.motion, *step.true_motion)[0], over="all"
    ),
    StepMetric(
        "false_motion_rate", "false motion", higher_is_better=False, over="all",
        value=lambda step: score_motion(*step.motion, *step.true_motion)[1],
    ),
    EpisodeMetric(
        "num_parts", "parts", higher_is_better=None, shown=False, value=lambda episode: float(episode.num_parts)
    ),
):  # fmt: skip
    register(_metric)


def shown_metrics() -> list[Metric]:
    """The metrics that have a column in tables of all scores."""
    return [metric for _, metric in METRICS.items() if metric.shown]


def plotted_metrics() -> list[Metric]:
    """The metrics that plots show after each interaction."""
    return [metric for _, metric in METRICS.items() if metric.plotted]


def score_step(step: StepData) -> StepScores:
    """The value of every step metric for one interaction."""
    return StepScores(
        {key: float(metric.value(step)) for key, metric in METRICS.items() if isinstance(metric, StepMetric)}
    )


@dataclass(frozen=True)
class Summary:
    """Metrics averaged over episodes, by key; None where a metric is not defined.

    Attributes:
        scores: The averages.
        by_interaction: Averages after each interaction, of metrics of the last step.
    """

    scores: dict[str, float | None]
    by_interaction: dict[str, list[float | None]]


def summarize(episodes: Sequence[EpisodeScores]) -> Summary:
    """Average every metric over episodes.

    Args:
        episodes: At least one; their lengths may differ.

    Raises:
        ValueError: If there is no episode or one has no step.
    """
    if not episodes or not all(len(episode.steps) for episode in episodes):
        raise ValueError("summarize needs at least one episode, and a step in each")
    steps = {key: metric.by_interaction(episodes) for key, metric in METRICS.items()}
    return Summary(
        {key: metric.average(episodes) for key, metric in METRICS.items()},
        {key: values for key, values in steps.items() if values is not None},
    )


def across_seeds(values: Sequence[float]) -> tuple[float, float]:
    """Mean and spread (sample standard deviation; 0 for a single value) of one score over seeds.

    Raises:
        ValueError: If there are no values.
    """
    if len(values) == 0:
        raise ValueError("no values to average over seeds")
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
