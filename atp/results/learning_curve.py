"""Learning curves of training runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from atp.results.schema import Result


@dataclass(frozen=True)
class CurveEntry:
    """What was played since the entry before; in JSON the rates stand in the entry itself.

    Attributes:
        interactions: Played so far.
        rates: By name: ``effective`` and ``optimal_first_n``, each of the ``policy`` in training and of ``random``
            actions, as in ``effective/policy``.
    """

    interactions: int
    rates: dict[str, float]

    @staticmethod
    def unpacked(value: dict[str, Any]) -> dict[str, Any]:
        """From the layout of the file."""
        fixed: dict[str, Any] = {"interactions": value["interactions"]} if "interactions" in value else {}
        return {**fixed, "rates": {key: each for key, each in value.items() if key != "interactions"}}

    @staticmethod
    def packed(value: dict[str, Any]) -> dict[str, Any]:
        """To the layout of the file."""
        return {"interactions": value["interactions"], **value["rates"]}


@dataclass(frozen=True)
class Curve(Result):
    """Learning curve of a training run. Version 1 was the list of entries alone.

    Attributes:
        entries: In order.
    """

    VERSION: ClassVar[int] = 2
    WRITTEN_BY: ClassVar[str] = "python -m train.atp_train"

    entries: list[CurveEntry]

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """See :class:`Result`."""
        return super().from_json({"entries": value} if isinstance(value, list) else value)
