"""What a person draws: interactions and polygons, checked strictly, and the masks that come of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from atp.frame_action import NO_ACTION, FrameAction, Pixel
from atp.types import DIRECTIONS, Labels, Mask

ANNOTATION_FILE = "annotation.json"

MAX_INTERACTIONS = 200
MAX_POLYGONS = 200
MAX_POINTS = 2000
MAX_LABEL = 255

Polygon = tuple[Pixel, ...]
"""(row, col) of the pixels that were clicked."""


class AnnotationError(ValueError):
    """An annotation cannot be used. The message says where it is wrong."""


@dataclass(frozen=True)
class DrawnInteraction:
    """Two frames with polygons over what moved between them.

    Attributes:
        before: Frame number before the interaction.
        after: Frame number after it, the larger.
        polygons_before: What moved, in the frame before; its pixels are the union of the polygons.
        polygons_after: The same in the frame after.
        action: Where the object was held and pushed in the frame before, as far as it is known.
    """

    before: int
    after: int
    polygons_before: tuple[Polygon, ...] = ()
    polygons_after: tuple[Polygon, ...] = ()
    action: FrameAction = NO_ACTION

    def as_json(self) -> dict[str, Any]:
        """The interaction as the page has it: the action's parts beside the polygons, null where not known."""
        entry = asdict(self)
        action: dict[str, Any] = entry.pop("action")
        return entry | action


@dataclass(frozen=True)
class DrawnPart:
    """A polygon of a part in the last interaction's frame after; polygons of one label are one part."""

    label: int
    polygon: Polygon


@dataclass(frozen=True)
class Annotation:
    """Everything drawn over one video."""

    interactions: tuple[DrawnInteraction, ...]
    parts: tuple[DrawnPart, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The annotation as what :func:`parse_annotation` reads."""
        return {
            "interactions": [interaction.as_json() for interaction in self.interactions],
            "parts": [asdict(part) for part in self.parts],
        }


def load_json(text: str | bytes, where: str) -> Any:
    """Parse JSON, without the NaN and Infinity that Python's parser would let pass.

    Raises:
        AnnotationError: It is not JSON; the message starts with ``where``.
    """

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no number of JSON")

    try:
        return json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise AnnotationError(f"{where}: is not JSON ({error})") from error


def read_json(file: Path) -> dict[str, Any]:
    """Read a file that holds a JSON object.

    Raises:
        AnnotationError: It is missing, unreadable or something else; the message names it.
    """
    try:
        text = file.read_bytes()
    except OSError as error:
        raise AnnotationError(f"{file}: cannot be read ({error.strerror})") from error
    data = load_json(text, str(file))
    if not isinstance(data, dict):
        raise AnnotationError(f"{file}: must hold a JSON object, not a {type(data).__name__}")
    return data


def parse_annotation(data: Any, shape: tuple[int, int], frames: int, where: str = "annotation") -> Annotation:
    """Check an annotation in every detail.

    Args:
        data: What came out of JSON: ``interactions`` and, optionally, ``parts``.
        shape: (H, W) of the video's frames.
        frames: How many frames there are.
        where: What to call it in messages.

    Returns:
        The annotation.

    Raises:
        AnnotationError: Anything is missing, unknown, of a wrong type or out of its range.
    """
    _keys(data, ("interactions",), ("parts",), where)
    entries = _list(data["interactions"], 1, MAX_INTERACTIONS, f"{where}.interactions")
    interactions = tuple(
        _interaction(entry, shape, frames, f"{where}.interactions[{index}]") for index, entry in enumerate(entries)
    )
    parts = []
    for index, entry in enumerate(_list(data.get("parts", []), 0, MAX_POLYGONS, f"{where}.parts")):
        name = f"{where}.parts[{index}]"
        _keys(entry, ("label", "polygon"), (), name)
        label = _integer(entry["label"], 1, MAX_LABEL, f"{name}.label")
        parts.append(DrawnPart(label, _polygon(entry["polygon"], shape, f"{name}.polygon")))
    return Annotation(interactions, tuple(parts))


def rasterise(polygons: Sequence[Polygon], shape: tuple[int, int]) -> Mask:
    """Fill polygons; a polygon covers the pixels of its outline and those within it.

    Args:
        polygons: Any number of them; what is in any of them is in the mask.
        shape: (H, W).

    Returns:
        bool (H, W).
    """
    return label_image([DrawnPart(1, polygon) for polygon in polygons], shape) > 0


def label_image(parts: Sequence[DrawnPart], shape: tuple[int, int]) -> Labels:
    """Fill the polygons of parts, later ones over earlier ones.

    Args:
        parts: Polygons with labels.
        shape: (H, W).

    Returns:
        uint8 (H, W), 0 background.
    """
    labels = np.zeros(shape, np.uint8)
    for part in parts:
        points = np.array(part.polygon, np.int32)[:, ::-1]  # OpenCV has x first
        cv2.fillPoly(labels, [np.ascontiguousarray(points)], part.label)
    return labels


def _interaction(data: Any, shape: tuple[int, int], frames: int, where: str) -> DrawnInteraction:
    optional = ("polygons_before", "polygons_after", "hold", "push", "direction")
    _keys(data, ("before", "after"), optional, where)
    before = _integer(data["before"], 0, frames - 1, f"{where}.before")
    after = _integer(data["after"], 0, frames - 1, f"{where}.after")
    if before >= after:
        raise AnnotationError(
            f"{where}: the frame before must come earlier than the one after, got {before} and {after}"
        )
    polygons = [
        tuple(
            _polygon(polygon, shape, f"{where}.{name}[{index}]")
            for index, polygon in enumerate(_list(data.get(name, []), 0, MAX_POLYGONS, f"{where}.{name}"))
        )
        for name in ("polygons_before", "polygons_after")
    ]
    hold, push = (
        None if data.get(name) is None else _point(data[name], shape, f"{where}.{name}") for name in ("hold", "push")
    )
    direction = data.get("direction")
    if direction is not None:
        direction = _integer(direction, 0, DIRECTIONS - 1, f"{where}.direction")
    return DrawnInteraction(before, after, polygons[0], polygons[1], FrameAction(hold, push, direction))


def _polygon(data: Any, shape: tuple[int, int], where: str) -> Polygon:
    points = _list(data, 3, MAX_POINTS, where)
    return tuple(_point(point, shape, f"{where}[{index}]") for index, point in enumerate(points))


def _point(data: Any, shape: tuple[int, int], where: str) -> Pixel:
    row, col = _list(data, 2, 2, where)
    return _integer(row, 0, shape[0] - 1, f"{where} (row)"), _integer(col, 0, shape[1] - 1, f"{where} (col)")


def _keys(data: Any, needed: Sequence[str], optional: Sequence[str], where: str) -> None:
    if not isinstance(data, dict):
        raise AnnotationError(f"{where}: must be an object, got {_shown(data)}")
    for key in needed:
        if key not in data:
            raise AnnotationError(f"{where}: '{key}' is missing")
    unknown = sorted(data.keys() - {*needed, *optional})
    if unknown:
        raise AnnotationError(f"{where}: knows no {_shown(unknown[0])}")


def _list(data: Any, least: int, most: int, where: str) -> list[Any]:
    if not isinstance(data, list):
        raise AnnotationError(f"{where}: must be a list, got {_shown(data)}")
    if not least <= len(data) <= most:
        raise AnnotationError(f"{where}: must have from {least} to {most} entries, has {len(data)}")
    return data


def _integer(data: Any, least: int, most: int, where: str) -> int:
    if not isinstance(data, int) or isinstance(data, bool):
        raise AnnotationError(f"{where}: must be a whole number, got {_shown(data)}")
    if not least <= data <= most:
        raise AnnotationError(f"{where}: must be from {least} to {most}, got {_shown(data)}")
    return data


def _shown(data: Any) -> str:
    text = repr(data)
    return text if len(text) <= 60 else text[:60] + "..."
