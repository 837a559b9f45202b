"""The options of ``atp clip``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Optional

import tyro


@dataclass(frozen=True)
class ClipOptions:
    """Find what moved in real video clips; score it where the clip has masks."""

    paths: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="PATH...")]
    """Clip folders (with a clip.json), folders of clip folders, folders of images, or video files."""
    source: str = ""
    """Clip source that reads them, module:name for one of your own; the one that recognises a path if not given."""
    weights: str = "default"
    """Name of shipped weights, or a checkpoint folder."""
    out: Path = Path("runs/clip")
    """Folder for the images, videos and masks."""
    json: Optional[Path] = None
    """File for the scores; clips.json in the folder of the images if not given."""
    steadies: bool = True
    """Correct the camera's shaking and its exposure between the two frames."""
    depth: bool = True
    """Use the depth images of clips that have them."""
    model: bool = False
    """Also estimate the joints of what moved, in the plane of the image: NAME.articulation.json, and in the image."""
    second_look: bool = True
    """Look again, closer, at what was seen moving."""
    device: str = "auto"
    """auto, cpu or cuda."""
    seed: int = 0
    """Seed of PyTorch's random numbers."""
