"""PartNet-Mobility as downloaded from SAPIEN: which of its folders belong to which split.

The download is found through the environment variable ``ATP_PARTNET_MOBILITY``. An instance is a folder
``<id>/`` with ``mobility.urdf``, ``textured_objs/``, ``semantics.txt`` and ``meta.json``; ``mobility_v2.json``
says again what the first three say, and is not read. Categories, and the rule that decides an instance's split,
are in ``splits/partnet.json``. `assets.importing.prepare` makes an instance ready like any other object.

Joints: revolute, continuous and prismatic ones move; fixed ones make one part of what they join; screws rotate;
free, floating and planar ones are no articulation. A link that both rotates and slides, which the download writes
as two joints with a helper link between them, does both.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from assets.importing.prepare import ObjectError, prepare

VARIABLE = "ATP_PARTNET_MOBILITY"
SOURCE = "https://sapien.ucsd.edu/downloads"
PARTNET_SPLITS = ("partnet-train", "partnet-val", "partnet-test")
_DEFINITION = Path(__file__).parent / "splits" / "partnet.json"
_MAX_META = 1_000_000  # bytes of a meta.json: they have a few hundred


@dataclass(frozen=True)
class Rule:
    """What ``splits/partnet.json`` says.

    Attributes:
        categories: By split and category, its name in the download.
        validation_fraction: Share of the training categories' instances that is kept for validation.
        include: By category, the only ids to use, where there are any.
        exclude: By category, ids never to use.
    """

    categories: dict[str, dict[str, str]]
    validation_fraction: float
    include: dict[str, frozenset[int]]
    exclude: dict[str, frozenset[int]]

    def holds(self, split: str, category: str, number: int) -> bool:
        """Whether an instance of a category belongs to a split that has the category."""
        if number in self.exclude.get(category, ()):
            return False
        if number not in (self.include.get(category) or (number,)):
            return False
        if split == "partnet-test":
            return True
        return (share(number) < self.validation_fraction) == (split == "partnet-val")


def share(number: int) -> float:
    """A number in [0, 1) that depends on an id alone, spread evenly and the same everywhere."""
    return int.from_bytes(hashlib.sha256(str(number).encode()).digest()[:8], "big") / 2**64


@lru_cache(maxsize=1)
def rule() -> Rule:
    """Read ``splits/partnet.json``."""
    data: dict[str, Any] = json.loads(_DEFINITION.read_text("utf-8"))
    include, exclude = (
        {category: frozenset(map(int, ids)) for category, ids in data[key].items()} for key in ("include", "exclude")
    )
    return Rule(data["categories"], float(data["validation_fraction"]), include, exclude)


def root() -> Path:
    """The folder that holds the instances: the one in the variable, or ``dataset/`` in it as the archive has it.

    Raises:
        ObjectError: The variable is not set, or names no folder; the message says where to get the data.
    """
    value = os.environ.get(VARIABLE)
    if not value:
        raise ObjectError(
            f"PartNet-Mobility is not here: download it from {SOURCE} and set the environment variable "
            f"{VARIABLE} to the folder that holds its numbered folders"
        )
    folder = Path(os.path.abspath(Path(value).expanduser()))
    if not folder.is_dir():
        raise ObjectError(
            f"{folder}: no such folder; the environment variable {VARIABLE} should name the download of "
            f"PartNet-Mobility ({SOURCE})"
        )
    return folder / "dataset" if (folder / "dataset").is_dir() else folder


def split_categories(split: str) -> tuple[str, ...]:
    """The categories of a split, whether the download has them or not.

    Args:
        split: One of ``PARTNET_SPLITS``.
    """
    return tuple(rule().categories[split])


def held_categories(split: str) -> tuple[str, ...]:
    """The categories of a split of which the download has at least one instance, usable or not.

    Args:
        split: One of ``PARTNET_SPLITS``.

    Raises:
        ObjectError: There is no download, or it has none of them.
    """
    found = tuple(category for category in split_categories(split) if _members(split, category))
    if not found:
        raise _nothing(split, ", ".join(rule().categories[split].values()))
    return found


def usable_ids(split: str, category: str | None = None) -> list[tuple[str, int]]:
    """The instances of a split that can be played with.

    Every one is prepared, which takes about a second the first time and next to nothing after that. One warning
    counts those left out and gives the first reason.

    Args:
        split: One of ``PARTNET_SPLITS``.
        category: Only this category; None takes all of the split.

    Returns:
        (category, id) in the order of the categories and of the ids.

    Raises:
        ObjectError: There is no download, or nothing in it that can be used.
        ValueError: The category is not in the split.
    """
    if category is not None:
        _require_category(split, category)
    chosen = split_categories(split) if category is None else (category,)
    found: list[tuple[str, int]] = []
    reasons = list(_catalogue(*_listing()).broken)
    for name in chosen:
        for number in _members(split, name):
            try:
                check(root() / str(number))
            except ObjectError as error:
                reasons.append(str(error))
            else:
                found.append((name, number))
    if not found:
        raise _nothing(split, ", ".join(rule().categories[split][name] for name in chosen), reasons)
    if reasons:
        warnings.warn(
            f"{root()}: {len(reasons)} folders of PartNet-Mobility cannot be used in {split} and are left out; "
            f"the first: {reasons[0]}",
            stacklevel=2,
        )
    return found


def instance_folder(category: str | None, number: int, split: str) -> Path:
    """The folder of one instance, which is sure to be usable.

    Args:
        category: A category of the split; None takes whichever the instance has.
        number: Its id.
        split: One of ``PARTNET_SPLITS``.

    Raises:
        ObjectError: It is not there, is of another category or split, or is broken; the message names the file.
        ValueError: The category is not in the split.
    """
    if category is not None:
        _require_category(split, category)
    folder = root() / str(number)
    if not folder.is_dir():
        raise ObjectError(f"{folder}: no such folder in the download that {VARIABLE} names")
    model = _model_category(folder)
    names = {name: given for name, given in rule().categories[split].items() if category in (None, name)}
    own = next((name for name, given in names.items() if given.lower() == model.lower()), None)
    if own is None:
        raise ObjectError(f"{folder / 'meta.json'}: the category is {model}, wanted {' or '.join(names.values())}")
    if not rule().holds(split, own, number):
        raise ObjectError(f"{folder}: is not in {split} by the rule in {_DEFINITION.name}")
    check(folder)
    return folder


@cache
def check(folder: Path) -> None:
    """Prepare an instance, once in a process, and make sure that it can be played with.

    Args:
        folder: The instance's folder.

    Raises:
        ObjectError: It cannot be used; the message names the file and the reason.
    """
    urdf = folder / "mobility.urdf"
    if not urdf.is_file():
        raise ObjectError(f"{urdf}: no such file; is the folder whole?")
    model = prepare(folder)
    if not model.joints:
        raise ObjectError(f"{urdf}: no joint moves a part, so there is nothing to find out")


@dataclass(frozen=True)
class _Catalogue:
    """Ids by the name of their category in lower case, and why folders have none."""

    ids: dict[str, tuple[int, ...]]
    broken: tuple[str, ...]


def _listing() -> tuple[Path, int]:
    """The download and the time of its last change, which a new folder in it sets."""
    folder = root()
    return folder, folder.stat().st_mtime_ns


@lru_cache(maxsize=2)
def _catalogue(folder: Path, changed: int) -> _Catalogue:
    """Read the category of every numbered folder; ``changed`` makes a changed download be read again."""
    ids: dict[str, list[int]] = {}
    broken = []
    numbers = sorted(int(path.name) for path in folder.iterdir() if path.name.isascii() and path.name.isdigit())
    for number in numbers:
        if not (folder / str(number)).is_dir():
            continue  # 007, or a file
        try:
            ids.setdefault(_model_category(folder / str(number)).lower(), []).append(number)
        except ObjectError as error:
            broken.append(str(error))
    return _Catalogue({name: tuple(some) for name, some in ids.items()}, tuple(broken))


def _members(split: str, category: str) -> list[int]:
    """Ids of a category in a split, without a look into their folders."""
    name = rule().categories[split][category].lower()
    known = _catalogue(*_listing()).ids.get(name, ())
    return [number for number in known if rule().holds(split, category, number)]


def _model_category(folder: Path) -> str:
    """The category that an instance's ``meta.json`` gives."""
    meta = folder / "meta.json"
    try:
        with meta.open("rb") as file:
            value = json.loads(file.read(_MAX_META))["model_cat"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ObjectError(f"{meta}: gives no category (model_cat): {type(error).__name__}") from error
    if not isinstance(value, str):
        raise ObjectError(f"{meta}: model_cat is no text")
    return value


def _require_category(split: str, category: str) -> None:
    if category not in split_categories(split):
        raise ValueError(
            f"split {split!r} has the categories {', '.join(split_categories(split))}, not {category!r}: "
            "choose one of those"
        )


def _nothing(split: str, wanted: str, reasons: list[str] | None = None) -> ObjectError:
    text = f"{root()}: no usable instance of {wanted} for {split}"
    if reasons:
        text += f"; {len(reasons)} folders are broken, the first: {reasons[0]}"
    return ObjectError(
        f"{text}. The environment variable {VARIABLE} should name the download of PartNet-Mobility ({SOURCE})"
    )
