"""The options of ``atp robustness``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RobustnessOptions:
    """Score motion masks on synthetic image pairs, under one kind of variation at a time."""

    weights: str = "default"
    """Name of shipped weights, or a checkpoint folder."""
    variations: str = ""
    """Kinds of variation, with commas; empty takes all."""
    pairs: int = 200
    """Pairs for each."""
    device: str = "cpu"
    """auto, cpu or cuda."""
    json: Path = Path("runs/robustness.json")
    """File for the scores."""
