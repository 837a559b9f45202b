"""The options of ``atp report``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ReportOptions:
    """Write the tables of the README, the model cards and the pages in docs from the JSON files in docs/results."""

    root: Path = Path()
    """Folder of the repository."""
    check: bool = False
    """Write nothing; fail if a document is not what its results say."""
