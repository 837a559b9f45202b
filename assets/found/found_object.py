"""What a source hands over, and where it may be used."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

#: Categories that no weights are ever trained on, whatever their source: those that the benchmark asks about.
UNTRAINED = frozenset({"pliers", "microwave", "lighter", "eyeglasses", "multilink", "stapler"})
TRAINING, VALIDATION = "found-train", "found"


class SourceMissing(Exception):
    """A source is not installed; the message says what to do."""


@dataclass(frozen=True)
class FoundObject:
    """An object that can be made.

    Attributes:
        name: Of its folder; unique in the set.
        category: What it is, in lower case.
        split: ``TRAINING`` or ``VALIDATION``.
        source: The collection or the generator, with its version.
        licence: As `assets.found.licences.free_licence` names it.
        author: Who made it.
        write: Writes it into an empty folder, in the layout of PartNet-Mobility.
    """

    name: str
    category: str
    split: str
    source: str
    licence: str
    author: str
    write: Callable[[Path], None]

    def __post_init__(self) -> None:
        if self.split not in (TRAINING, VALIDATION):
            raise ValueError(f"{self.name}: the split is {self.split!r}, wanted {TRAINING} or {VALIDATION}")
        if self.split == TRAINING and self.category in UNTRAINED:
            raise ValueError(f"{self.name}: objects of the category {self.category} are never trained on")


@dataclass(frozen=True)
class Offer:
    """What a source has: its objects, and how many it has beside them whose licence is not free."""

    objects: tuple[FoundObject, ...]
    not_free: int = 0


def allowed_split(category: str, wanted: str) -> str:
    """The split that an object goes to: the one wanted, or for validation alone where it must stay untrained."""
    return VALIDATION if category in UNTRAINED else wanted


def check_names(objects: Iterable[FoundObject]) -> None:
    """Raise a ValueError if two objects have one name."""
    seen: set[str] = set()
    for found in objects:
        if found.name in seen:
            raise ValueError(f"two found objects are called {found.name}")
        seen.add(found.name)
