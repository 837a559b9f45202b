"""Results of ``atp robustness`` and of leaving out one kind of variation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from atp.results.eval import PerceptionScores
from atp.results.schema import Result, list_at, present_command, renamed


@dataclass(frozen=True)
class RobustnessRow:
    """Synthetic image pairs with one kind of variation; in JSON every method's scores stand in the row itself.

    Attributes:
        variation: What varies: a name of :class:`envs.image_pairs.ImagePairConfig`, ``none`` or ``all``.
        pairs: Pairs that were scored.
        methods: Scores by method: ``agent`` and the classical ones.
    """

    variation: str
    pairs: int
    methods: dict[str, PerceptionScores]

    @staticmethod
    def unpacked(value: dict[str, Any]) -> dict[str, Any]:
        """From the layout of the file."""
        fixed: dict[str, Any] = {key: value[key] for key in ("variation", "pairs") if key in value}
        return {**fixed, "methods": {key: each for key, each in value.items() if key not in fixed}}

    @staticmethod
    def packed(value: dict[str, Any]) -> dict[str, Any]:
        """To the layout of the file."""
        return {"variation": value["variation"], "pairs": value["pairs"], **value["methods"]}


@dataclass(frozen=True)
class RobustnessResult(Result):
    """Motion masks under one kind of variation at a time. Version 1 called variations shifts.

    Attributes:
        command: That made it.
        weights: Name or folder of the weights.
        variations: One row for each.
    """

    VERSION: ClassVar[int] = 2
    WRITTEN_BY: ClassVar[str] = "atp robustness"

    command: str
    weights: str
    variations: list[RobustnessRow]

    @classmethod
    def upgrade(cls, value: dict[str, Any]) -> dict[str, Any]:
        """See :class:`Result`."""
        value = present_command(renamed(value, shifts="variations"))
        return {**value, "variations": [renamed(row, shift="variation") for row in list_at(value, "variations")]}


@dataclass(frozen=True)
class LeaveOneOutRow:
    """A short training of perception without one kind of variation.

    Attributes:
        without: What was left out; empty for the training with all.
        variations: Motion IoU on pairs with one kind of variation, by its name, and with ``all``.
        clips: Motion IoU by clip; None without annotated masks.
    """

    without: str
    variations: dict[str, float | None]
    clips: dict[str, float | None]


@dataclass(frozen=True)
class LeaveOneOutResult(Result):
    """Leave-one-out ablation of the augmentation. Version 1 called variations shifts.

    Attributes:
        command: That made it.
        steps: Gradient steps of each training.
        options: What decides the scores.
        rows: The training with all variations, and one without each.
    """

    VERSION: ClassVar[int] = 2
    WRITTEN_BY: ClassVar[str] = "python -m train.leave_one_out"

    command: str
    steps: int
    options: dict[str, Any]
    rows: list[LeaveOneOutRow]

    @classmethod
    def upgrade(cls, value: dict[str, Any]) -> dict[str, Any]:
        """See :class:`Result`."""
        return {**present_command(value), "rows": [renamed(row, shifts="variations") for row in list_at(value, "rows")]}
