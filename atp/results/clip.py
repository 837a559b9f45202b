"""The result of ``atp clip``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from atp.results.schema import Result, list_at, renamed


@dataclass(frozen=True)
class MotionScores:
    """Motion masks of one method against the annotated ones.

    Attributes:
        motion_iou_before: IoU of M_t.
        motion_iou_after: IoU of M_{t+1}.
        motion_iou: Their mean.
        motion_iou_without_agent: The mean with the pixels of hands and robots left out, over the images in which those
            are annotated.
        false_motion: Share of the frame that is said to have moved, over the images in which nothing did.
    """

    motion_iou_before: float | None
    motion_iou_after: float | None
    motion_iou: float | None
    motion_iou_without_agent: float | None
    false_motion: float | None


@dataclass(frozen=True)
class ClipPartScores:
    """Parts of one method against the annotated ones.

    Attributes:
        miou: Mean IoU.
        mape: Error of the number of parts.
        hd95: In pixels of the network's images.
    """

    miou: float
    mape: float
    hd95: float


@dataclass(frozen=True)
class MethodScores(MotionScores):
    """Scores of one method in a clip, its motion scores as means over the interactions.

    Attributes:
        parts: None where the clip has no annotated parts.
    """

    parts: ClipPartScores | None


@dataclass(frozen=True)
class ClipPair(MotionScores):
    """One interaction in a clip, with the motion scores of the agent.

    Attributes:
        before: Number of the frame before.
        after: Number of the frame after.
        baselines: Motion scores by classical method.
        moved_share: Shares of the frames before and after that the agent saw moving; None in files of before.
    """

    before: int
    after: int
    baselines: dict[str, MotionScores]
    moved_share: tuple[float, float] | None = None


@dataclass(frozen=True)
class ClipScores(MethodScores):
    """One clip, with the scores of the agent.

    Attributes:
        name: Of the clip.
        baselines: Scores by classical method.
        found: Whether the interactions were found, not given.
        interactions: In order.
        image: File of the image.
        video: File of the video.
        kind: What moves, as the clip says it; may be empty.
        agent_in_view: Whether hands or robots are seen, as the clip says it; may be empty.
        parts_found: How many parts the agent knows in the end; None in files of before.
    """

    name: str
    baselines: dict[str, MethodScores]
    found: bool
    interactions: list[ClipPair]
    image: str
    video: str
    kind: str
    agent_in_view: str
    parts_found: int | None = None


@dataclass(frozen=True)
class ClipMeans:
    """Means of one method over clips, each None where no clip has the score.

    Attributes:
        motion_iou: Over the clips in which something moved.
        interval: Its 95 % bootstrap interval over clips; None for fewer than two.
        motion_iou_without_agent: Over the clips in which hands or robots are annotated.
        false_motion: Over the clips in which nothing moved.
    """

    motion_iou: float | None
    interval: tuple[float, float] | None
    motion_iou_without_agent: float | None
    false_motion: float | None


@dataclass(frozen=True)
class ClipGroup:
    """Clips of one kind.

    Attributes:
        key: What they have in common: ``kind`` or ``agent_in_view``.
        value: What their clips say of it.
        clips: How many.
        means: By method, ``agent`` among them.
    """

    key: str
    value: str
    clips: int
    means: dict[str, ClipMeans]


@dataclass(frozen=True)
class ClipsResult(Result):
    """Motion in real clips.

    Version 1 called ``image`` ``picture``. Before version 3 there were no still pairs, agents and groups, and optical
    flow was computed at the network's resolution.

    Attributes:
        weights: Name or folder of the weights.
        resolution: Side of the network's images.
        seed: Of PyTorch's random numbers.
        clips: One for each.
        means: Over all clips by method, ``agent`` among them.
        groups: The same over the clips of one kind, where clips say of what kind they are.
    """

    VERSION: ClassVar[int] = 3
    WRITTEN_BY: ClassVar[str] = "atp clip"

    weights: str
    resolution: int
    seed: int
    clips: list[ClipScores]
    means: dict[str, ClipMeans]
    groups: list[ClipGroup]

    @property
    def mean_motion_iou(self) -> float | None:
        """Of the agent."""
        return self.means["agent"].motion_iou

    @classmethod
    def upgrade(cls, value: dict[str, Any]) -> dict[str, Any]:
        """See :class:`Result`."""
        kept = {key: each for key, each in value.items() if key not in ("mean_motion_iou", "mean_baselines")}
        ious = {"agent": value.get("mean_motion_iou"), **(value.get("mean_baselines") or {})}
        nothing = {"interval": None, "motion_iou_without_agent": None, "false_motion": None}
        means = {method: {"motion_iou": iou, **nothing} for method, iou in ious.items()}
        clips = [_scored(renamed(clip, picture="image")) for clip in list_at(value, "clips")]
        return {**kept, "clips": clips, "means": means, "groups": []}


def _scored(clip: Any) -> Any:
    """A clip's entry before version 3 of ``ClipsResult`` as it is now."""
    if not isinstance(clip, dict):
        return clip
    nothing = {"motion_iou_without_agent": None, "false_motion": None}

    def baselines(entry: dict[str, Any]) -> dict[str, Any]:
        methods = entry.get("baselines")
        return {name: {**nothing, **each} for name, each in methods.items()} if isinstance(methods, dict) else {}

    pairs = [{**nothing, **pair, "baselines": baselines(pair)} for pair in list_at(clip, "interactions")]
    empty = {"kind": "", "agent_in_view": ""}
    return {**nothing, **empty, **clip, "baselines": baselines(clip), "interactions": pairs}
