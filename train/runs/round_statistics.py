"""What one round of episodes gave, for the log of a training run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray


@dataclass
class RoundStatistics:
    """What one round of episodes gave. Lists have one entry per interaction.

    Attributes:
        explored: Whether the action was drawn at random.
        optimal: Whether the step was optimal.
        effective: Whether the step was effective.
        first: Whether the step was among the first N of an object with N parts.
        motion_iou: Mean IoU of both motion masks where something moved and the masks were predicted.
        images: rgb before and after and the predicted masks of one interaction, for the log.
    """

    explored: list[bool] = field(default_factory=list)
    optimal: list[bool] = field(default_factory=list)
    effective: list[bool] = field(default_factory=list)
    first: list[bool] = field(default_factory=list)
    motion_iou: list[float] = field(default_factory=list)
    images: dict[str, NDArray[Any]] | None = None

    def add(self, other: RoundStatistics) -> None:
        """Append the lists of another part of the round."""
        for name in ("explored", "optimal", "effective", "first", "motion_iou"):
            getattr(self, name).extend(getattr(other, name))
        self.images = self.images or other.images
