"""Which URDF a path means."""

from __future__ import annotations

import os
from pathlib import Path

from assets.importing.sandbox import ObjectError


def find_urdf(path: str | Path) -> Path:
    """The URDF that a path means.

    Args:
        path: A URDF file, or a folder: its ``mobility.urdf``, else the only URDF below it, else the one
            called like the folder or like the beginning of the folder's name (the longest such).

    Raises:
        ObjectError: There is none, or it is not clear which.
    """
    path = absolute(path)
    if path.is_file():
        return path
    if not path.is_dir():
        raise ObjectError(f"{path}: no such file or folder")
    if (path / "mobility.urdf").is_file():
        return path / "mobility.urdf"
    found = sorted(path.rglob("*.urdf"))
    if not found:
        raise ObjectError(f"{path}: no .urdf file below this folder")
    alike = [urdf for urdf in found if path.name.startswith(urdf.stem)]
    longest = max((len(urdf.stem) for urdf in alike), default=0)
    for wanted in (
        found,
        [urdf for urdf in found if urdf.name == "mobility.urdf"],
        [urdf for urdf in alike if len(urdf.stem) == longest],
    ):
        if len(wanted) == 1:
            return wanted[0]
    names = ", ".join(str(urdf.relative_to(path)) for urdf in found)
    raise ObjectError(f"{path}: holds several URDFs ({names}): give the path of the one you mean")


def absolute(path: str | Path) -> Path:
    """A path from the root, with ``~`` read and links left as they are."""
    return Path(os.path.abspath(Path(path).expanduser()))
