"""Which files are opened below a folder, by anybody: the kernel says so, whatever library asks."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_OPENED = 0x20  # IN_OPEN
_EVENT = struct.Struct("iIII")


@contextmanager
def opened_below(folder: Path) -> Iterator[list[str]]:
    """Names of files that are opened below a folder while the block runs; they are there when it has ended."""
    library = ctypes.CDLL(None, use_errno=True)
    watch = library.inotify_init1(os.O_NONBLOCK)
    assert watch >= 0, os.strerror(ctypes.get_errno())
    names: list[str] = []
    try:
        for place in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
            assert library.inotify_add_watch(watch, os.fsencode(place), _OPENED) >= 0, os.strerror(ctypes.get_errno())
        yield names
        names += _read(watch)
    finally:
        os.close(watch)


def _read(watch: int) -> list[str]:
    try:
        data = os.read(watch, 1 << 20)
    except BlockingIOError:
        return []
    names, place = [], 0
    while place < len(data):
        _, _, _, length = _EVENT.unpack_from(data, place)
        name = data[place + _EVENT.size : place + _EVENT.size + length].rstrip(b"\0")
        names += [os.fsdecode(name)] if name else []  # a folder itself has none
        place += _EVENT.size + length
    return names
