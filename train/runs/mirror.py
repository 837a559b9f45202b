"""A copy of a run in another place, for machines that may vanish: any path that fsspec knows (s3://, gs://, file://)."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import fsspec
import numpy as np

from train.data.replay import Replay

#: Files of a run that are copied whole; the checkpoint is the last, so that what it needs is there.
FILES = ("options.json", "curve.json", "checkpoint.pt")
#: Interactions in a file of the copy: its first and the one after its last.
_CHUNK = re.compile(r"(\d+)-(\d+)\.npy")


class Mirror:
    """The copy of one process's run.

    Interactions are copied in pieces, each once. A copy that was cut off is as old as its checkpoint.

    Args:
        url: Where to, as fsspec takes it.
        folder: The run's folder here.
        rank: Number of the process; 0 copies the checkpoint.

    Raises:
        ValueError: fsspec cannot use the address; the message says what is missing.
    """

    def __init__(self, url: str, folder: Path, rank: int = 0) -> None:
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
            self._files.makedirs(self._root, exist_ok=True)
        except (ImportError, ValueError, OSError) as error:
            raise ValueError(f"--mirror {url}: cannot be used ({error})") from error
        self._folder, self._is_main_process = folder, rank == 0
        self._chunks = f"{self._root}/interactions-{rank}"

    def fetch(self) -> bool:
        """Copy the files of the run here, if there is no checkpoint here and one there.

        Returns:
            Whether they were copied; :meth:`fill` then brings the interactions.
        """
        here = self._folder / FILES[-1]
        if here.exists() or not self._files.exists(f"{self._root}/{FILES[-1]}"):
            return False
        for name in FILES:
            if self._files.exists(f"{self._root}/{name}"):
                temporary = self._folder / f".{name}.part"
                self._files.get_file(f"{self._root}/{name}", str(temporary))
                temporary.replace(self._folder / name)
        return True

    def fill(self, replay: Replay, written: int) -> None:
        """Bring the newest interactions into an empty replay.

        Args:
            replay: The replay; nothing was written to it.
            written: Interactions that had been written at the checkpoint.

        Raises:
            ValueError: Some that the checkpoint needs are missing there.
        """
        oldest = max(0, written - replay.capacity)
        replay.written = oldest
        for first, after in self._pieces():
            if after <= replay.written or first >= written:
                continue
            if first > replay.written:
                break
            with self._files.open(self._piece(first, after), "rb") as file:
                records = np.load(io.BytesIO(file.read()), allow_pickle=False)
            replay.append(records[replay.written - first : written - first])
        if replay.written != written:
            raise ValueError(
                f"{self._chunks}: interactions from {replay.written} on are missing; choose another --mirror and --out"
            )

    def push(self, replay: Replay) -> None:
        """Copy the interactions that are not there yet."""
        pieces = self._pieces()
        first = max((after for _, after in pieces), default=0)
        first = max(first, replay.written - len(replay))
        if first < replay.written:
            content = io.BytesIO()
            np.save(content, replay.newest(replay.written - first), allow_pickle=False)
            self._write(self._piece(first, replay.written), content.getvalue())

    def push_files(self) -> None:
        """Copy the checkpoint and what belongs to it, after all processes have copied their interactions."""
        if not self._is_main_process:
            return
        for name in FILES:
            if (self._folder / name).exists():
                self._write(f"{self._root}/{name}", (self._folder / name).read_bytes())

    def push_weights(self) -> None:
        """Copy the trained weights."""
        for path in sorted((self._folder / "weights").glob("*")):
            self._write(f"{self._root}/weights/{path.name}", path.read_bytes())

    def _pieces(self) -> list[tuple[int, int]]:
        """First interaction, and the one after the last, of each piece there, in order."""
        if not self._files.exists(self._chunks):
            return []
        self._files.invalidate_cache()
        names: list[Any] = self._files.ls(self._chunks, detail=False)
        found = (_CHUNK.fullmatch(str(name).rpartition("/")[2]) for name in names)
        return sorted((int(match[1]), int(match[2])) for match in found if match)

    def _piece(self, first: int, after: int) -> str:
        return f"{self._chunks}/{first:09}-{after:09}.npy"

    def _write(self, path: str, content: bytes) -> None:
        """Write a file there, under a temporary name first."""
        self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
        with self._files.open(f"{path}.part", "wb") as file:
            file.write(content)
        if self._files.exists(path):
            self._files.rm_file(path)
        self._files.mv(f"{path}.part", path)
