"""What all result files share: reading, versions, errors."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from assets.files import write_json
from atp.json_dataclasses import from_json, to_json

Pixel = tuple[int, int]
#: What commands and files of results were called in version 1.
OLD_COMMANDS = {
    "atp shifts": "atp robustness",
    "train.switches": "train.leave_one_out",
    "results/shifts": "results/robustness",
    "results/switches": "results/leave-one-out",
}
#: Mean, and standard deviation over seeds.
Spread = tuple[float, float]


class ResultError(ValueError):
    """A result file cannot be read; the message names the file and says what is wrong."""


@dataclass(frozen=True)
class Result:
    """Base of the result files.

    Attributes:
        VERSION: Of the layout that is written.
        WRITTEN_BY: The command, for errors.
    """

    VERSION: ClassVar[int] = 1
    WRITTEN_BY: ClassVar[str]

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a file of this version or an earlier one.

        Raises:
            ResultError: It is missing or is no such file; the message names it.
        """
        try:
            value = json.loads(Path(path).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ResultError(f"{path}: missing; `{cls.WRITTEN_BY}` writes it") from None
        except (OSError, ValueError) as error:
            raise ResultError(f"{path}: cannot be read as JSON ({error})") from error
        try:
            return cls.from_json(value)
        except ValueError as error:
            raise ResultError(f"{path}: is no result of `{cls.WRITTEN_BY}`: {error}") from error

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """From what a file holds.

        Raises:
            ValueError: A key is missing or unknown, or a value is of another type; the message says where.
        """
        if not isinstance(value, dict):
            raise ValueError("must be a JSON object")
        version = value.get("schema_version", 1)
        if not isinstance(version, int) or version > cls.VERSION:
            raise ValueError(f"schema_version {version} is not known here (up to {cls.VERSION}); update the package")
        if version < cls.VERSION:
            value = cls.upgrade(value)
        value = {key: each for key, each in value.items() if key != "schema_version"}
        return from_json(cls, value)

    @classmethod
    def upgrade(cls, value: dict[str, Any]) -> dict[str, Any]:
        """What a file of an earlier version would hold in this one."""
        return value

    def to_json(self) -> dict[str, Any]:
        """What the file holds."""
        return {"schema_version": self.VERSION, **to_json(self)}

    def write(self, path: str | Path) -> None:
        """Write the file, atomically."""
        write_json(path, self.to_json())


def renamed(value: Any, **names: str) -> Any:
    """An object with some keys renamed, from old to new; anything else as it is, for the reader to complain of."""
    return {names.get(key, key): each for key, each in value.items()} if isinstance(value, dict) else value


def present_command(value: Any) -> Any:
    """An object whose command has the name that it has now."""
    if not isinstance(value, dict) or not isinstance(value.get("command"), str):
        return value
    command = value["command"]
    for old, new in OLD_COMMANDS.items():
        command = command.replace(old, new)
    return {**value, "command": command}


def list_at(value: Any, key: str) -> list[Any]:
    """A list in an object, empty where there is none: what is wrong with it is said when it is read."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []
