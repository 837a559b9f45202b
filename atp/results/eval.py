"""The result of ``atp eval``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from atp.results.schema import Result, list_at


@dataclass(frozen=True)
class PerceptionScores:
    """Motion masks of one method on pairs of images.

    Attributes:
        motion_iou: Mean where something moved.
        false_motion_rate: Share of the others in which something was taken to move.
    """

    motion_iou: float | None
    false_motion_rate: float | None


@dataclass(frozen=True)
class JointSummary:
    """Joints over episodes, of those that moved by 10 degrees or 3 cm and whose two parts are in view in the end.

    Errors are of joints of the right type; each None where there is none.

    Attributes:
        joints: How many were asked for.
        told: Share of them that was given a type, hinge or slide; the parts of the others were not found, or it was
            not known.
        right: Share of those that were given the right one.
        success: Share of all by the rule in :mod:`atp.articulation.joint_scores`.
        hinge_axis: Median angle between the axes of hinges, degrees.
        hinge_axis_p90: Its 90th percentile.
        hinge_pivot: Median distance of their axes, metres.
        hinge_pivot_p90: Its 90th percentile.
        hinge_range: Median error of the range seen, degrees.
        slide_axis: Median angle between the directions of slides, degrees.
        slide_axis_p90: Its 90th percentile.
        slide_range: Median error of the range seen, metres.
    """

    joints: int
    told: float | None
    right: float | None
    success: float | None
    hinge_axis: float | None
    hinge_axis_p90: float | None
    hinge_pivot: float | None
    hinge_pivot_p90: float | None
    hinge_range: float | None
    slide_axis: float | None
    slide_axis_p90: float | None
    slide_range: float | None


#: What a row of results has besides its scores.
ROW_KEYS = ("policy", "category", "split", "variant", "episodes", "spread", "perception", "object", "joints")
#: Keys of the joints of a row: from all interactions, and from two frames alone.
ALL_INTERACTIONS, TWO_FRAMES = "all interactions", "two frames"
#: Ends the key of a score after each interaction.
BY_INTERACTION = "_by_interaction"
#: Ablations by the names that they had in version 1.
OLD_VARIANTS = {"credulous": "no-confidence-gate", "no-doubts": "no-reexamination", "anywhere": "no-foreground"}


@dataclass(frozen=True)
class EvalRow:
    """One policy, as it is or changed, with objects of one category.

    In JSON the scores stand in the row itself, and scores after each interaction as ``KEY_by_interaction``.

    Attributes:
        policy: Name of the policy.
        category: Of the objects; the object's name where it is one of the user's that says no category.
        split: Of the objects; empty for an object of the user's.
        variant: Name of the ablation; empty for the agent as it is.
        episodes: Over all seeds.
        scores: Means over the seeds by key of :data:`atp.metrics.METRICS`.
        spread: Standard deviations over the seeds, likewise.
        by_interaction: Scores after each interaction, likewise.
        perception: For ``ours``: scores of the classical methods by name, on the pairs of images that it made.
        object: Path of the user's object; empty for a category of the package.
        joints: Joints from :data:`ALL_INTERACTIONS` and from :data:`TWO_FRAMES`; None where they were not asked for.
    """

    policy: str
    category: str
    split: str
    variant: str
    episodes: int
    scores: dict[str, float | None]
    spread: dict[str, float | None]
    by_interaction: dict[str, list[float | None]]
    perception: dict[str, PerceptionScores] | None = None
    object: str = ""
    joints: dict[str, JointSummary] | None = None

    @staticmethod
    def unpacked(value: dict[str, Any]) -> dict[str, Any]:
        """From the layout of the file."""
        fixed = {key: value[key] for key in ROW_KEYS if key in value}
        scores = {key: each for key, each in value.items() if key not in ROW_KEYS}
        steps = {key: each for key, each in scores.items() if key.endswith(BY_INTERACTION)}
        return {
            **fixed,
            "scores": {key: each for key, each in scores.items() if key not in steps},
            "by_interaction": {key.removesuffix(BY_INTERACTION): each for key, each in steps.items()},
        }

    @staticmethod
    def packed(value: dict[str, Any]) -> dict[str, Any]:
        """To the layout of the file."""
        row = {key: value[key] for key in ROW_KEYS if value[key] not in (None, "") or key in ("split", "variant")}
        perception: dict[str, Any] = {key: row.pop(key) for key in ("perception", "object", "joints") if key in row}
        for key, score in value["scores"].items():
            row[key] = score
            if key in value["by_interaction"]:
                row[key + BY_INTERACTION] = value["by_interaction"][key]
        return {**row, **perception}


@dataclass(frozen=True)
class EvalResult(Result):
    """Scores of policies.

    Version 1 had other names for three ablations and no ``options``; before version 3 there were no joints.

    Attributes:
        command: That made it.
        weights: Name or folder of the weights.
        weights_digest: Of their files.
        code_digest: Of the source of the agent, the environment and the objects.
        suite: Name of the suite; empty if none was asked for.
        seeds: Of the episodes.
        seconds: That the last run of the command took.
        cores: Of the machine.
        rows: One for each policy, category and ablation.
        options: Of the agent, see :class:`atp.agent.Agent`; empty where they are not known.
    """

    VERSION: ClassVar[int] = 3
    WRITTEN_BY: ClassVar[str] = "atp eval"

    command: str
    weights: str
    weights_digest: str
    code_digest: str
    suite: str
    seeds: list[int]
    seconds: float
    cores: int
    rows: list[EvalRow]
    options: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def upgrade(cls, value: dict[str, Any]) -> dict[str, Any]:
        """See :class:`Result`."""
        if value.get("schema_version", 1) > 1:
            return value

        def renamed(row: Any) -> Any:
            return {**row, "variant": OLD_VARIANTS.get(row.get("variant"), row.get("variant"))}

        return {**value, "rows": [renamed(row) if isinstance(row, dict) else row for row in list_at(value, "rows")]}
