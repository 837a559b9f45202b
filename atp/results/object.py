"""The result of ``atp object``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from atp.results.schema import Result, renamed


@dataclass(frozen=True)
class ObjectPart:
    """A part of a prepared object.

    Attributes:
        label: From 1.
        name: Its name.
        links: Links of the URDF that it consists of.
        visible_pixels: In the first image.
    """

    label: int
    name: str
    links: list[str]
    visible_pixels: int


@dataclass(frozen=True)
class ObjectJoint:
    """A joint of a prepared object.

    Attributes:
        name: In the URDF.
        type: ``revolute`` or ``prismatic``.
        parent: Label of the part that it hangs on.
        child: Label of the part that it moves.
        lower: Limit, radians or metres.
        upper: Likewise.
    """

    name: str
    type: str
    parent: int
    child: int
    lower: float
    upper: float


@dataclass(frozen=True)
class ObjectResult(Result):
    """What was found of an object that others made.

    Version 1 called ``image`` ``picture``; version 2 had neither ``notes`` nor ``view``.

    Attributes:
        name: Of the object.
        category: Of the object.
        urdf: The prepared URDF.
        radius: Metres, after fitting.
        height: Likewise.
        parts: In order of labels.
        joints: Those that move parts.
        image: File of the image.
        notes: What was left out, cut, guessed or thinned of its file, one sentence each.
        view: From where it is looked at: ``from above``, or ``--view=elevation,azimuth`` in degrees.
    """

    VERSION: ClassVar[int] = 3
    WRITTEN_BY: ClassVar[str] = "atp object"

    name: str
    category: str
    urdf: str
    radius: float
    height: float
    parts: list[ObjectPart]
    joints: list[ObjectJoint]
    image: str
    notes: list[str]
    view: str

    @classmethod
    def upgrade(cls, value: dict[str, Any]) -> dict[str, Any]:
        """See :class:`Result`."""
        return {"notes": [], "view": "from above", **renamed(value, picture="image")}
