"""The options of ``atp live``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Optional


@dataclass(frozen=True)
class LiveOptions:
    """Play with a real object: shows where to hold and push, waits until you have done it, and finds the parts."""

    camera: Optional[str] = None
    """Number of a webcam, or the URL of a stream."""
    folder: Optional[Path] = None
    """A folder that receives images, taken in the order of their names."""
    realsense: bool = False
    """A RealSense camera, with depth."""
    out: Path = Path("runs/live")
    """Clip folder for everything; `atp clip` reads it."""
    interactions: int = 5
    """Interactions to play."""
    weights: str = "default"
    """Name of shipped weights, or a checkpoint folder."""
    steadies: bool = True
    """Correct the camera's shaking and its exposure between two images."""
    window: bool = False
    """Show the plan in a window too."""
    resume: bool = False
    """Resume the session in the folder, which was ended early."""
    timeout: float = 600.0
    """Seconds to wait for an image in the folder."""
    device: str = "auto"
    """auto, cpu or cuda."""
    json: Optional[Path] = None
    """A further file for the result."""
    seed: int = 0
    """Seed of PyTorch's random numbers."""
