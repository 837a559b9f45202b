"""The options of ``atp maps``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Optional


@dataclass(frozen=True)
class MapsOptions:
    """Hold map, and push maps of one image with each part held in turn: maps.png and maps.json."""

    category: str = "pliers"
    """Category of the object."""
    split: str = "test"
    """train, val or test."""
    index: Optional[int] = None
    """Which instance; chosen by the seed if not given."""
    object: Optional[Path] = None
    """Folder or URDF file of your own object, instead of category, split and index."""
    view: str = "auto"
    """From where to look at the object: auto, top, or elevation,azimuth in degrees, such as 40,-60."""
    weights: str = "default"
    """Name of shipped weights, or a checkpoint folder."""
    device: str = "auto"
    """auto, cpu or cuda."""
    out: Path = Path("runs/maps")
    """Folder for maps.png and maps.json."""
    json: Optional[Path] = None
    """A further file for the result."""
    seed: int = 0
    """Decides the object, its pose and joint state."""
