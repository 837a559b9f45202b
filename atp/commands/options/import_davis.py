"""The options of ``atp import-davis``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Optional

import tyro


@dataclass(frozen=True)
class ImportDavisOptions:
    """Make a sequence in the layout of DAVIS (JPEGImages, Annotations) into a clip folder."""

    root: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="ROOT")]
    """Folder with JPEGImages and Annotations."""
    sequence: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="SEQUENCE")]
    """Name of the sequence."""
    out: Path
    """Clip folder to write."""
    before: Optional[int] = None
    """Number of the frame before the interaction, from 0; the first with labels if not given."""
    after: Optional[int] = None
    """Number of the frame after it; the last with labels if not given."""
    objects: str = ""
    """Numbers of the objects that moved, such as 1,2; all if not given."""
    resolution: str = ""
    """Folder of the resolution, such as 480p, where there are several."""
    source: str = ""
    """Where the sequence comes from, to keep in clip.json."""
    licence: str = ""
    """Its licence, to keep in clip.json."""
