"""Objects of the user's own as the objects of an evaluation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from assets.importing.prepare import find_urdf


def find_objects(paths: Sequence[Path]) -> dict[str, Path]:
    """Objects by the name that tables call them.

    Args:
        paths: URDF files; folders of one object (:func:`assets.importing.prepare.find_urdf`), or of several object
            folders, which gives them all.

    Returns:
        By name of the folder, or of the file without its suffix, with a number where a name was there already.

    Raises:
        assets.importing.prepare.ObjectError: A path is none of these; the message names it.
    """
    found: dict[str, Path] = {}
    for path in paths:
        for place in _objects_in(path):
            stem = name = place.resolve().stem if place.is_file() else place.resolve().name
            number = 2
            while name in found:
                name, number = f"{stem}-{number}", number + 1
            found[name] = place
    return found


def category_of(path: Path, name: str) -> str:
    """What tables call the category of an object.

    Args:
        path: Of an object, as in :func:`find_objects`.
        name: The object's name there.

    Returns:
        The category that a ``meta.json`` beside its URDF gives; its name where there is none.
    """
    try:
        meta = json.loads((find_urdf(path).parent / "meta.json").read_text("utf-8"))
        given = meta.get("model_cat") or meta.get("category")
    except (OSError, ValueError, AttributeError):
        return name
    # A name with a colon would be one of a module
    return given.lower() if isinstance(given, str) and given and ":" not in given else name


def _objects_in(path: Path) -> list[Path]:
    """The path itself, or the object folders in it."""
    if path.is_dir() and not any(path.glob("*.urdf")):
        inside = [folder for folder in sorted(path.iterdir()) if folder.is_dir() and any(folder.rglob("*.urdf"))]
        if len(inside) > 1:
            for folder in inside:
                find_urdf(folder)
            return inside
    find_urdf(path)
    return [path]
