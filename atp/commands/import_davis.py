"""``atp import-davis``: make a sequence in the layout of DAVIS into a clip folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from atp.clips.davis import find_sequence, import_sequence


@dataclass(frozen=True)
class ImportDavisOptions:
    """Make a sequence in the layout of DAVIS (JPEGImages, Annotations) into a clip folder."""

    root: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="ROOT")]
    """Folder with JPEGImages and Annotations."""
    sequence: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="SEQUENCE")]
    """Name of the sequence."""
    out: Path
    """Clip folder to write."""
    before: int | None = None
    """Number of the frame before the interaction, from 0; the first with labels if not given."""
    after: int | None = None
    """Number of the frame after it; the last with labels if not given."""
    objects: str = ""
    """Numbers of the objects that moved, such as 1,2; all if not given."""
    resolution: str = ""
    """Folder of the resolution, such as 480p, where there are several."""
    source: str = ""
    """Where the sequence comes from, to keep in clip.json."""
    licence: str = ""
    """Its licence, to keep in clip.json."""


def main(options: ImportDavisOptions) -> None:
    """Run the command and print what was written."""
    try:
        objects = [int(text) for text in options.objects.split(",")] if options.objects else []
    except ValueError as error:
        raise ValueError(f"--objects must be numbers such as 1,2, got {options.objects!r}") from error
    sequence = find_sequence(options.root, options.sequence, options.resolution)
    written = import_sequence(
        sequence,
        options.out,
        options.before,
        options.after,
        objects,
        options.source,
        options.licence,
    )
    print(f"{options.out}: {len(sequence.images)} frames, from {written.before} to {written.after}")
