"""What clips are read from: clip folders, folders of images, videos, and whatever else a module registers.

A clip source is one class, which says what it recognises and reads it, and one registration::

    class Archive:
        def recognises(self, path: Path) -> bool:
            return path.suffix == ".npz"

        def read(self, path: Path) -> Clip:
            footage = ArchiveFootage(path)  # an atp.clips.footage.IndexedFootage: count and read(number)
            return Clip(path.stem, path, footage, find_interactions(footage), found=True)

    CLIP_SOURCES.add("archive", Archive())

``atp clip --source my_module:archive`` imports the module ``my_module`` and reads with it; in a program that has
imported the module, ``read_clip`` and ``find_clips`` find it by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from assets.registry import Registry
from atp.clips.clip import CLIP_FILE, Clip
from atp.clips.errors import ClipError


class ClipSource(Protocol):
    """A kind of file or folder that clips are read from."""

    def recognises(self, path: Path) -> bool:
        """Whether a path, which may be missing, is of this kind, at a glance: it may turn out to be broken."""
        ...

    def read(self, path: Path) -> Clip:
        """Read a clip; its frames are read later, from its ``footage``.

        Raises:
            ClipError: Anything is missing, broken, or does not fit together; the message names the file.
        """
        ...


#: The last that was registered is asked first, so that a source of one's own comes before those of the package.
CLIP_SOURCES: Registry[ClipSource] = Registry("clip source")


def find_clips(paths: Iterable[str | Path], source: str = "") -> list[Path]:
    """Resolve what a user gave to what clips are read from.

    Args:
        paths: Clip folders, folders of clip folders, folders of images, videos, or what another source recognises.
        source: Name of the source that is to read them; empty: any.

    Returns:
        Clips, in the given order; those of one folder sorted by name.

    Raises:
        ClipError: If a path is missing or holds no clip, or no path is given.
        ValueError: There is no such source.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if not path.exists():
            raise ClipError(f"{path}: no such file or folder")
        inside = _clips_inside(path, source)
        if not inside and _source_of(path, source) is None:
            kind = source or ", ".join(CLIP_SOURCES)
            raise ClipError(f"{path}: neither it nor a folder in it has a {CLIP_FILE}, or images; tried: {kind}")
        found.extend(inside or [path])
    if not found:
        raise ClipError("no clip given")
    return found


def read_clip(path: str | Path, source: str = "") -> Clip:
    """Read a clip: a clip folder, a folder of images, a bare video file, or what another source recognises.

    Args:
        path: A folder with a clip.json, that file itself, a folder of images, or a video. Where no interactions are
            named they are found (:mod:`atp.clips.interaction_finding`).
        source: Name of the source that is to read it; empty: the first that recognises it.

    Returns:
        The clip, with its masks; frames are read later, from its ``footage``.

    Raises:
        ClipError: If anything is missing, broken, or does not fit together.
        ValueError: There is no such source.
    """
    path = Path(path)
    reader = CLIP_SOURCES.get(source) if source else _source_of(path, source)
    if reader is None and path.is_dir():
        raise ClipError(f"{path / CLIP_FILE}: missing; a clip folder needs one, or images")
    if reader is None:
        raise ClipError(f"{path}: no such file or folder")
    return reader.read(path)


def _source_of(path: Path, source: str) -> ClipSource | None:
    """The source that recognises a path, if any does: the named one, or the one registered last."""
    sources = [CLIP_SOURCES.get(source)] if source else [known for _, known in CLIP_SOURCES.items()][::-1]
    return next((known for known in sources if known.recognises(path)), None)


def _clips_inside(folder: Path, source: str) -> list[Path]:
    """What is in a folder that is itself no clip: clip folders, or all that a named source recognises."""
    if not folder.is_dir() or (folder / CLIP_FILE).is_file():
        return []
    if source:
        recognised = CLIP_SOURCES.get(source).recognises
        return [] if recognised(folder) else sorted(path for path in folder.iterdir() if recognised(path))
    return sorted(file.parent for file in folder.glob(f"*/{CLIP_FILE}"))
