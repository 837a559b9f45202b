"""The options of ``atp play``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Optional


@dataclass(frozen=True)
class PlayOptions:
    """Play with one object it has never seen: a strip of images, a video and result.json."""

    category: str = "pliers"
    """Category of the object."""
    split: str = "test"
    """train, val, test, stress, mix, found-train or found (after `make found`), or partnet-train, partnet-val or
    partnet-test."""
    index: Optional[int] = None
    """Which instance; chosen by the seed if not given."""
    object: Optional[Path] = None
    """Folder or URDF file of your own object, instead of category, split and index."""
    mesh_root: Optional[Path] = None
    """A further folder, below which files of your own object are looked for that are not where its URDF says."""
    view: str = "auto"
    """From where to look at the object: auto, top, or elevation,azimuth in degrees, such as 40,-60."""
    policy: str = "ours"
    """Name of a policy."""
    weights: str = "default"
    """Name of shipped weights, or a checkpoint folder."""
    interactions: int = 5
    """Interactions to play."""
    randomization: bool = False
    """Play under domain randomisation."""
    device: str = "auto"
    """auto, cpu or cuda."""
    model: bool = False
    """Also write the object's joints: articulation.json, model.png, and object.urdf with a mesh for each part."""
    out: Path = Path("runs/play")
    """Folder for strip.png, video.mp4, result.json and masks."""
    json: Optional[Path] = None
    """A further file for the result."""
    seed: int = 0
    """Decides the object, its pose and joint state."""
