"""The options of ``atp objects``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ObjectsOptions:
    """Draw a contact sheet: a row of instances for each category."""

    splits: str = "train,test,stress"
    """Splits, with commas."""
    columns: int = 8
    """Instances of each category."""
    resolution: int = 120
    """Side of the images in pixels."""
    seed: int = 0
    """Decides instances, poses and joint states."""
    randomization: bool = False
    """Show them under domain randomisation: cameras, light, materials, clutter on the table."""
    out: Path = Path("runs/objects.png")
    """File of the image."""
