"""``curve.json`` of a training run: written while it runs, read to be drawn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from assets.files import write_json


class Curve:
    """``curve.json`` of a run: a list of entries with ``interactions`` and rates of steps by name.

    The names are those of TensorBoard: ``effective`` and ``optimal_first_n`` (the optimal ones among the first N steps
    with an object of N parts), each of the ``policy`` in training and of ``random`` actions, as in
    ``effective/policy``. An entry covers what was played since the one before.

    Args:
        path: The file.
        start: Interactions played by earlier processes; entries past it are dropped, as they are played again.

    Raises:
        ValueError: The file is there and is not a curve.
    """

    def __init__(self, path: Path, start: int = 0) -> None:
        self.path = path
        self.entries: list[dict[str, Any]] = []
        if start and path.exists():
            self.entries = [entry for entry in read_curve(path) if entry["interactions"] <= start]

    def add(self, interactions: int, rates: dict[str, float]) -> None:
        """Append an entry and write the file."""
        self.entries.append({"interactions": interactions, **rates})
        write_json(self.path, self.entries)


def read_curve(path: Path) -> list[dict[str, Any]]:
    """Read the curve of a run.

    Args:
        path: ``curve.json``, or the folder of the run.

    Returns:
        Its entries, see :class:`Curve`.

    Raises:
        ValueError: It is missing or is not a curve; the message names the file.
    """
    path = path / "curve.json" if path.is_dir() else path
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read as the curve of a training run ({error})") from error
    good = isinstance(entries, list) and all(
        isinstance(entry, dict) and all(isinstance(value, int | float) for value in entry.values()) for entry in entries
    )
    if not good or not all("interactions" in entry for entry in entries):
        raise ValueError(f"{path}: must be a list of entries with interactions and rates")
    return list(entries)
