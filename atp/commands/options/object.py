"""The options of ``atp object``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Optional

import tyro


@dataclass(frozen=True)
class ObjectOptions:
    """Check an object: print its tree of parts and joints, and show it in several joint states."""

    folder: Annotated[Path, tyro.conf.Positional]
    """A folder with mobility.urdf or another URDF, or a URDF file."""
    mesh_root: Optional[Path] = None
    """A further folder, below which meshes and textures are looked for that are not where the URDF says."""
    view: str = "auto"
    """From where to look at the object: auto, top, or elevation,azimuth in degrees, such as 40,-60."""
    out: Path = Path("runs/object")
    """Folder for object.png and object.json."""
    json: Optional[Path] = None
    """File for the result; object.json in the folder if not given."""
    resolution: int = 180
    """Side of the images in pixels."""
    seed: int = 0
    """Decides poses and joint states."""
