"""Tensors read in blocks that fit a processor's cache, from many checkpoints at a time."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

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


class BlockReader(Protocol):
    """A checkpoint that is read block by block, by several threads if need be."""

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

    def close(self) -> None:
        """Close the file."""


class StateBlocks:
    """A state dict."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self._state = state

    def block(self, name: str, start: int, stop: int, buffer: Buffer) -> Tensor:
        """As :meth:`BlockReader.block`."""
        return self._state[name].detach().reshape(-1)[start:stop].cpu()

    def close(self) -> None:
        """Nothing is open."""


class SafetensorsBlocks:
    """A safetensors file. It is read rather than mapped: pages of many mapped files would all count as memory.

    Args:
        path: A file that ``safetensors`` opens, which checks its header.
        names: Names in the file by names of the tensors.
    """

    def __init__(self, path: Path, names: Mapping[str, str]) -> None:
        self._path = path
        self._file, self._lock = path.open("rb", buffering=0), threading.Lock()
        length = int.from_bytes(self._file.read(8), "little")
        header = json.loads(self._file.read(length))
        self._places = {name: 8 + length + header[own]["data_offsets"][0] for name, own in names.items()}

    def block(self, name: str, start: int, stop: int, buffer: Buffer) -> Tensor:
        """As :meth:`BlockReader.block`."""
        count, size = stop - start, buffer.tensor.itemsize
        place, into = self._places[name] + start * size, buffer.bytes[: count * size]
        if hasattr(os, "preadv"):
            read = os.preadv(self._file.fileno(), [into], place)
        else:
            with self._lock:
                self._file.seek(place)
                read = self._file.readinto(into)
        if read != count * size:
            raise OSError(f"{self._path}: ends in the middle of '{name}'")
        return buffer.tensor[:count]

    def close(self) -> None:
        """Close the file."""
        self._file.close()
