"""From what the methods found in clips to what ``clips.json`` holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from scipy.stats import bootstrap

from atp.clips.clip_baselines import CLIP_BASELINES
from atp.clips.scoring import METHODS, ClipResult, InteractionResult
from atp.results.clip import (
    ClipGroup,
    ClipMeans,
    ClipPair,
    ClipPartScores,
    ClipScores,
    ClipsResult,
    MethodScores,
    MotionScores,
)

#: What clips are grouped by.
GROUPS = ("kind", "agent_in_view")
#: Samples of clips, with replacement, of which a mean's interval is made.
RESAMPLES = 9999


def clip_scores(result: ClipResult, image: Path, video: Path) -> ClipScores:
    """The scores of one clip.

    Args:
        result: What the methods found in it.
        image: File of its image.
        video: File of its video.
    """

    def parts(method: str) -> ClipPartScores | None:
        return ClipPartScores(**result.part_scores[method]) if result.part_scores else None

    everything = result.interactions
    return ClipScores(
        name=result.clip.name,
        **_scores(everything, "agent"),
        parts=parts("agent"),
        baselines={name: MethodScores(**_scores(everything, name), parts=parts(name)) for name in CLIP_BASELINES},
        found=result.clip.found,
        interactions=[
            ClipPair(
                before=entry.interaction.before,
                after=entry.interaction.after,
                **_scores([entry], "agent"),
                baselines={name: MotionScores(**_scores([entry], name)) for name in CLIP_BASELINES},
                moved_share=_moved_share(result, entry),
            )
            for entry in everything
        ],
        image=str(image),
        video=str(video),
        kind=result.clip.kind,
        agent_in_view=result.clip.agent_in_view,
        parts_found=len(set(np.unique(result.parts["agent"])) - {0}),
    )


def clips_result(weights: str, resolution: int, seed: int, clips: list[ClipScores]) -> ClipsResult:
    """The scores of all clips, with their means."""
    groups = []
    for key in GROUPS:
        for value in sorted({getattr(clip, key) for clip in clips} - {""}):
            some = [clip for clip in clips if getattr(clip, key) == value]
            groups.append(ClipGroup(key, value, len(some), _means(some, seed)))
    return ClipsResult(
        weights=weights, resolution=resolution, seed=seed, clips=clips, means=_means(clips, seed), groups=groups
    )


def method_scores(clip: ClipScores, method: str) -> MethodScores:
    """The scores of the agent or of a baseline in a clip."""
    return clip if method == "agent" else clip.baselines[method]


def _moved_share(result: ClipResult, entry: InteractionResult) -> tuple[float, float]:
    """Shares of the two frames that the agent saw moving."""
    before, after = (round(float(mask[result.box.valid].mean()), 6) for mask in entry.masks["agent"])
    return before, after


def _means(clips: Sequence[ClipScores], seed: int) -> dict[str, ClipMeans]:
    """Means over clips by method."""
    means = {}
    for method in METHODS:
        scores = [method_scores(clip, method) for clip in clips]
        ious = [score.motion_iou for score in scores if score.motion_iou is not None]
        means[method] = ClipMeans(
            motion_iou=_mean(ious),
            interval=_interval(ious, seed),
            motion_iou_without_agent=_mean(score.motion_iou_without_agent for score in scores),
            false_motion=_mean(score.false_motion for score in scores),
        )
    return means


def _interval(values: Sequence[float], seed: int) -> tuple[float, float] | None:
    """The 95 % percentile bootstrap interval of a mean."""
    if len(values) < 2:
        return None
    found = bootstrap((values,), np.mean, n_resamples=RESAMPLES, method="percentile", rng=np.random.default_rng(seed))
    low, high = found.confidence_interval
    return float(low), float(high)


def _scores(some: Sequence[InteractionResult], method: str) -> dict[str, float | None]:
    """The motion scores of one method, over one or more interactions."""
    before, after = (_mean(entry.scores[method][moment].iou for entry in some) for moment in (0, 1))
    every = [score for entry in some for score in entry.scores[method]]
    return {
        "motion_iou_before": before,
        "motion_iou_after": after,
        "motion_iou": _mean([before, after]),
        "motion_iou_without_agent": _mean(score.iou_without_agent for score in every),
        "false_motion": _mean(score.false_motion for score in every),
    }


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
