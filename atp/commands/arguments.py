"""What several subcommands make of their arguments."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from assets.conventions import ViewChoice

if TYPE_CHECKING:
    from rich.console import Console


def command_line() -> str:
    """The command as it was given, to keep in results."""
    return " ".join(["atp", *sys.argv[1:]])


def print_notes(console: Console, notes: Iterable[str]) -> None:
    """Say what was left out, cut or guessed of an object's file, a line each."""
    for note in notes:
        console.print(f"note: {note}", highlight=False, soft_wrap=True, markup=False)


@contextmanager
def naming(flag: str) -> Iterator[None]:
    """Errors of what is done in the block begin with the flag, as it is typed."""
    try:
        yield
    except ValueError as error:
        raise type(error)(f"{flag}: {error}") from error


def known_view(flag: str, text: str) -> ViewChoice:
    """A view as it is typed, see `assets.importing.views.viewing`.

    Raises:
        ValueError: It is none; the message names the flag and the choices.
    """
    from assets.importing.views.viewing import parse_view

    with naming(flag):
        return parse_view(text)


def split_names(text: str) -> list[str]:
    """Names between commas, without spaces around them."""
    return [name.strip() for name in text.split(",") if name.strip()]


def known_names(flag: str, text: str, known: Iterable[str]) -> list[str]:
    """Names between commas, each of which must be known.

    Args:
        flag: As it is typed, for errors.
        text: What was given.
        known: The choices.

    Raises:
        ValueError: One is not known, or there is none; the message names the flag and the choices.
    """
    choices = tuple(known)
    names = split_names(text)
    wrong = [name for name in names if name not in choices]
    if wrong or not names:
        raise ValueError(f"{flag}: unknown {', '.join(wrong) or repr(text)}: choose among {', '.join(choices)}")
    return names


def known_categories(flag: str, text: str, split_flag: str, split: str) -> list[str]:
    """Categories of a split between commas, ``module:name`` for one's own; all of the split where there is no text.

    Raises:
        ValueError: There is no such split, or it lacks a category; the message names the flag and the choices.
    """
    from assets.catalog import canonical_category, split_categories

    own = [name for name in split_names(text) if ":" in name]
    with naming(flag):
        canonical = {name: canonical_category(name) for name in own}  # imports their modules
    with naming(split_flag):
        known = split_categories(split)
    if not text:
        return list(known)
    for name, category in canonical.items():
        if category not in known:
            raise ValueError(f"{flag}: {name} is not in {split_flag} {split}, which has {', '.join(known)}")
    return known_names(flag, text, [*known, *own])  # long names stay, so that worker processes find them too


def known_policy(flag: str, name: str) -> str:
    """A name of a policy, ``module:Class`` for one's own.

    Raises:
        ValueError: It cannot be found; the message names the flag and the choices.
    """
    from atp.playing.policies import POLICIES

    with naming(flag):
        POLICIES.get(name)
    return name


def known_policies(flag: str, text: str) -> list[str]:
    """Names of policies between commas, see :func:`known_policy`.

    Raises:
        ValueError: One cannot be found, or there is none; the message names the flag and the choices.
    """
    from atp.playing.policies import POLICIES

    names = split_names(text)
    if not names:
        raise ValueError(f"{flag}: choose one of {', '.join(POLICIES)}, or module:name of your own")
    return [known_policy(flag, name) for name in names]


def import_modules(flag: str, text: str) -> None:
    """Import modules between commas, for what they register.

    Raises:
        ValueError: One cannot be found; the message names the flag.
    """
    for name in split_names(text):
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if not f"{name}.".startswith(f"{error.name}."):
                raise  # the module is there, but not what it imports
            raise ValueError(f"{flag}: there is no module {name!r}; is its folder on PYTHONPATH?") from error
