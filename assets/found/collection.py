"""The set of found objects that has been made: what it holds, by split and category.

It lies in the cache, or in the folder that the environment variable ``ATP_FOUND`` names. Where ``ATP_OBJECTS`` names a
folder of objects, these are in the validation split too, each as a category of its own.
"""

from __future__ import annotations

import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from assets.cache import cache_root
from assets.found.found_object import TRAINING, VALIDATION
from assets.importing.reading.urdf import ObjectError

FOUND_SPLITS = (TRAINING, VALIDATION)
VARIABLE, MORE = "ATP_FOUND", "ATP_OBJECTS"

#: Folders by category and index.
Members = dict[str, dict[int, Path]]


def found_root() -> Path:
    """Folder of the set, whether it has been made or not."""
    chosen = os.environ.get(VARIABLE)
    return Path(chosen).expanduser().absolute() if chosen else cache_root() / "found"


def is_built() -> bool:
    """Whether the set has been made."""
    return (found_root() / "index.json").is_file()


def members(split: str) -> Members:
    """Folders of a split's objects by category, in the order of their names, and index.

    Args:
        split: One of ``FOUND_SPLITS``.

    Raises:
        ObjectError: The set has not been made, has none of the split, or its index is damaged.
    """
    index = found_root() / "index.json"
    try:
        changed = index.stat().st_mtime_ns
    except OSError:
        raise ObjectError(f"{index}: the found objects have not been made: run `make found`") from None
    held = {category: dict(numbered) for category, numbered in _read(index, changed)[split].items()}
    if split == VALIDATION:
        held.update(_more(held))
    if not held:
        raise ObjectError(f"{index}: has no object of split {split!r}: run `make found` with more sources")
    return held


def instance_folder(category: str, index: int, split: str) -> Path:
    """The folder of one object.

    Args:
        category: A category of the split.
        index: Of the object in its category.
        split: One of ``FOUND_SPLITS``.

    Raises:
        ObjectError: The set has not been made, lacks the object, or has lost its folder; the message says what to do.
    """
    held = members(split)
    if category not in held:
        raise ObjectError(
            f"split {split!r} has the categories {', '.join(held)}, not {category!r}: choose one of those"
        )
    folder = held[category].get(index)
    if folder is None:
        raise ObjectError(f"no instance {index} of {category} in split {split!r}: choose 0 to {max(held[category])}")
    if not folder.is_dir():
        raise ObjectError(f"{folder}: is gone: run `make found` again")
    return folder


@lru_cache(maxsize=4)
def _read(index: Path, changed: int) -> dict[str, Members]:
    """The index; ``changed`` makes one that was written again be read again."""
    splits: dict[str, Members] = {split: {} for split in FOUND_SPLITS}
    try:
        data: dict[str, Any] = json.loads(index.read_text("utf-8"))
        for entry in data["objects"]:
            numbered = splits[entry["split"]].setdefault(entry["category"], {})
            numbered[int(entry["index"])] = index.parent / entry["name"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ObjectError(f"{index}: is damaged ({type(error).__name__}): delete it and run `make found`") from error
    return {split: dict(sorted(held.items())) for split, held in splits.items()}


def _more(held: Members) -> Members:
    """Objects of the folder in ``ATP_OBJECTS``, by the names of their folders."""
    place = os.environ.get(MORE)
    if not place or not Path(place).is_dir():
        return {}
    folders = sorted(folder for folder in Path(place).absolute().iterdir() if folder.is_dir())
    return {folder.name: {0: folder} for folder in folders if any(folder.rglob("*.urdf")) and folder.name not in held}
