"""Where the files of an object that others made may lie: in its own folder, nowhere else."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

_PACKAGE_LEVELS = 4  # how many folders above a URDF may be its package
_URDF_FOLDERS = ("urdf", "urdfs", "robots")  # conventional folders inside a package that hold its URDFs


class ObjectError(ValueError):
    """An object that cannot be used; the message names the file and what is wrong with it."""


def package_folder(urdf: Path, names: Collection[str] = ()) -> Path:
    """The folder that an object's files must stay in.

    Args:
        urdf: The URDF file.
        names: Package names that its ``package://`` paths use.

    Returns:
        The nearest folder above the URDF with a ``package.xml``; else the nearest one called like one of
        ``names``; else, for a URDF in a folder called ``urdf``, ``urdfs`` or ``robots``, the folder above
        it; else the URDF's own folder. A home folder, and what lies above one, is nobody's package.
    """
    home = Path.home()
    nearest = list(urdf.absolute().parents)[:_PACKAGE_LEVELS]
    above = [p for p in nearest if p not in (home, *home.parents) and len(p.parts) > 2] or nearest[:1]
    for folder in above:
        if (folder / "package.xml").is_file():
            return folder
    for folder in above:
        if folder.name in names:
            return folder
    if above[0].name in _URDF_FOLDERS and len(above) > 1:
        return above[1]
    return above[0]


def package_name(filename: str) -> str | None:
    """The package that a ``package://name/...`` path names, None for any other path."""
    if not filename.startswith("package://"):
        return None
    return filename.removeprefix("package://").split("/")[0] or None
