"""Tensors read in blocks that fit a processor's cache, from many checkpoints at a time."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import torch
from torch import Tensor

#: Elements of a block: the sum takes 1 MB in float64, and threads seldom wait for each other.
BLOCK = 131_072


def blocks(count: int) -> Iterator[tuple[int, int]]:
    """Start and stop of the blocks of a tensor with ``count`` elements."""
    for start in range(0, count, BLOCK):
        yield start, min(start + BLOCK, count)


class Buffer:
    """Memory for one block; each thread needs its own.

    Args:
        dtype: Of the tensor that is read.
        count: Elements, at most ``BLOCK``.

    Attributes:
        tensor: (count,) that a block is read into.
        bytes: The same memory.
    """

    def __init__(self, dtype: torch.dtype, count: int) -> None:
        memory = bytearray(max(1, count) * dtype.itemsize)
        self.tensor, self.bytes = torch.frombuffer(memory, dtype=dtype), memoryview(memory)


@dataclass(frozen=True)
class Place:
    """Where a tensor's elements lie in a file, one after the other.

    Attributes:
        path: The file.
        start: Offset of the first byte.
        shape: Of the tensor.
        dtype: Of the tensor.
    """

    path: Path
    start: int
    shape: tuple[int, ...]
    dtype: torch.dtype


class BlockReader:
    """A checkpoint that is read block by block, by several threads if need be.

    Files are read rather than mapped: pages of many mapped files would all count as memory.

    Args:
        places: Of tensors that lie in files as they are, by name.
        rest: Loads the other tensors, when one is asked for.

    Raises:
        OSError: A file is not there any more.
    """

    def __init__(self, places: Mapping[str, Place], rest: Callable[[], Mapping[str, Tensor]]) -> None:
        self._places, self._load = places, rest
        self._rest: Mapping[str, Tensor] | None = None
        self._lock = threading.Lock()
        self._files: dict[Path, FileIO] = {}
        for path in dict.fromkeys(place.path for place in places.values()):
            self._files[path] = path.open("rb", buffering=0)

    def block(self, name: str, start: int, stop: int, buffer: Buffer) -> Tensor:
        """Elements ``start`` to ``stop`` of a flattened tensor.

        Args:
            name: Of the tensor.
            start: The first element.
            stop: One past the last; at most ``BLOCK`` more than ``start``.
            buffer: Of the tensor's dtype; what is returned may lie in it.

        Returns:
            (stop - start,) in the tensor's dtype, on the CPU; not to be changed.

        Raises:
            OSError: The file cannot be read any more.
        """
        place = self._places.get(name)
        if place is None:
            return self._others()[name].detach().reshape(-1)[start:stop].cpu()
        count, size = stop - start, place.dtype.itemsize
        self._read(place, name, start * size, buffer.bytes[: count * size])
        return buffer.tensor[:count]

    def tensor(self, name: str) -> Tensor:
        """A whole tensor on the CPU, not to be changed.

        Raises:
            OSError: The file cannot be read any more.
        """
        place = self._places.get(name)
        if place is None:
            return self._others()[name].detach().cpu()
        whole = torch.empty(math.prod(place.shape), dtype=place.dtype)
        size = place.dtype.itemsize
        for start, stop in blocks(len(whole)):
            buffer = Buffer(place.dtype, stop - start)
            self._read(place, name, start * size, buffer.bytes[: (stop - start) * size])
            whole[start:stop] = buffer.tensor[: stop - start]
        return whole.view(place.shape)

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()
        self._files, self._rest = {}, None

    def _others(self) -> Mapping[str, Tensor]:
        with self._lock:
            if self._rest is None:
                self._rest = self._load()
            return self._rest

    def _read(self, place: Place, name: str, skip: int, into: memoryview) -> None:
        file = self._files[place.path]
        if hasattr(os, "preadv"):
            read = os.preadv(file.fileno(), [into], place.start + skip) if into else 0
        else:
            with self._lock:
                file.seek(place.start + skip)
                read = file.readinto(into) or 0
        if read != len(into):
            raise OSError(f"{place.path}: ends in the middle of '{name}'")
