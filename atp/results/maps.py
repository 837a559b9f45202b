"""The result of ``atp maps``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from atp.results.schema import Pixel, Result, renamed


@dataclass(frozen=True)
class HeldPart:
    """What the interaction network expects when one part is held.

    Attributes:
        part: True label of the held part.
        hold: The best hold on it that is not near another part.
        hold_reward: Its expected reward.
        push: The best push with it.
        direction: Of the push.
        push_reward: Its expected reward.
        pushed_part: True label under the push; 0 is the background.
        reward_by_part: The largest expected reward of a push on each part, by its label.
    """

    part: int
    hold: Pixel
    hold_reward: float
    push: Pixel
    direction: int
    push_reward: float
    pushed_part: int
    reward_by_part: dict[str, float]


@dataclass(frozen=True)
class MapsResult(Result):
    """Reward maps of one scene. Version 1 called ``image`` ``picture``.

    Attributes:
        category: Of the object.
        instance: Name of the object.
        seed: Decides the object, its pose and joint state.
        image: File of the image.
        holds: One for each visible part.
    """

    VERSION: ClassVar[int] = 2
    WRITTEN_BY: ClassVar[str] = "atp maps"

    category: str
    instance: str
    seed: int
    image: str
    holds: list[HeldPart]

    @classmethod
    def upgrade(cls, value: dict[str, Any]) -> dict[str, Any]:
        """See :class:`Result`."""
        return dict(renamed(value, picture="image"))
