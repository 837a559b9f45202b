"""``curve.json`` of a training run: written while it runs, read to be drawn."""

from __future__ import annotations

from pathlib import Path

from atp.results import learning_curve
from atp.results.learning_curve import CurveEntry


class Curve:
    """``curve.json`` of a run (:class:`atp.results.learning_curve.Curve`), written entry by entry.

    Args:
        path: The file.
        start: Interactions played by earlier processes; entries past it are dropped, as they are played again.

    Raises:
        ValueError: The file is there and is not a curve.
    """

    def __init__(self, path: Path, start: int = 0) -> None:
        self.path = path
        self.entries: list[CurveEntry] = []
        if start and path.exists():
            self.entries = [entry for entry in read_curve(path) if entry.interactions <= start]

    def add(self, interactions: int, rates: dict[str, float]) -> None:
        """Append an entry and write the file."""
        self.entries.append(CurveEntry(interactions, rates))
        learning_curve.Curve(self.entries).write(self.path)


def read_curve(path: Path) -> list[CurveEntry]:
    """Read the curve of a run.

    Args:
        path: ``curve.json``, or the folder of the run.

    Raises:
        ValueError: It is missing or is not a curve; the message names the file.
    """
    return learning_curve.Curve.read(path / "curve.json" if path.is_dir() else path).entries
