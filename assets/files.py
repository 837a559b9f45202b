"""Write files and folders so that a reader never sees half of one: under a temporary name, then renamed."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that replaces it when the block ends without an error.

    Args:
        path: The final path. Its folder is made if missing.

    Yields:
        A path in the same folder, with the same suffix, to write to.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)  # mkstemp makes files private; outputs are not
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write ``text`` (UTF-8) to ``path`` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any) -> None:
    """Write ``value`` as indented JSON to ``path`` atomically."""
    write_text(path, json.dumps(value, indent=2) + "\n")


@contextmanager
def atomic_folder(target: str | Path, whole: Callable[[Path], bool] | None = None) -> Iterator[Path]:
    """Yield an empty folder that takes the place of ``target`` when the block ends without an error.

    Args:
        target: The final folder; it may be there already. Its parents are made if missing.
        whole: For a folder that always has the same contents, and that several processes may make at once: called with
            a folder that has appeared at ``target``, which stays if this is True. None replaces whatever is there.

    Yields:
        A folder on the same file system to write to.
    """
    target = Path(target).resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    room = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    stage, old = room / "new", room / "old"
    stage.mkdir()  # unlike its room not private: others may share what is written
    try:
        yield stage
        if whole is None or not _placed(stage, target, whole):
            if target.exists():
                target.rename(old)
            stage.rename(target)
    finally:
        if old.exists() and not target.exists():
            old.rename(target)
        shutil.rmtree(room, ignore_errors=True)


def _placed(stage: Path, target: Path, whole: Callable[[Path], bool]) -> bool:
    """Move a folder to where there is none yet; whether there is a good one now."""
    try:
        stage.rename(target)
    except OSError:
        if not target.is_dir():
            raise
        return whole(target)
    return True


def copy_files(source: Path, target: Path, leave_out: Collection[str] = (), link: bool = False) -> None:
    """Copy what is in a folder.

    Args:
        source: The folder.
        target: Where to; made if missing.
        leave_out: Names in ``source`` that are not copied.
        link: Make hard links where the file system has them, for a folder that is about to be replaced.
    """

    def ignored(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if name in leave_out] if Path(folder) == source else []

    copy = _link_or_copy if link else shutil.copy2
    shutil.copytree(source, target, symlinks=True, ignore=ignored, copy_function=copy, dirs_exist_ok=True)


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target)
