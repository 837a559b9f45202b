"""From what the methods found in clips to what ``clips.json`` holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from atp.clips.scoring import ClipResult, InteractionResult, Iou
from atp.perception.baselines import BASELINES
from atp.results import ClipPair, ClipPartScores, ClipScores, ClipsResult, MethodScores, MotionScores


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
        baselines={name: MethodScores(**_scores(everything, name), parts=parts(name)) for name in BASELINES},
        found=result.clip.found,
        interactions=[
            ClipPair(
                before=entry.interaction.before,
                after=entry.interaction.after,
                **_scores([entry], "agent"),
                baselines={name: MotionScores(**_scores([entry], name)) for name in BASELINES},
            )
            for entry in everything
        ],
        image=str(image),
        video=str(video),
    )


def clips_result(weights: str, resolution: int, seed: int, clips: list[ClipScores]) -> ClipsResult:
    """The scores of all clips, with their means."""
    return ClipsResult(
        weights=weights,
        resolution=resolution,
        seed=seed,
        clips=clips,
        mean_motion_iou=_mean(clip.motion_iou for clip in clips),
        mean_baselines={name: _mean(clip.baselines[name].motion_iou for clip in clips) for name in BASELINES},
    )


def _scores(some: Sequence[InteractionResult], method: str) -> dict[str, Iou]:
    """The motion scores of one method, over one or more interactions."""
    before, after = (_mean(entry.ious[method][moment] for entry in some) for moment in (0, 1))
    return {"motion_iou_before": before, "motion_iou_after": after, "motion_iou": _mean([before, after])}


def _mean(values: Iterable[Iou]) -> Iou:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
