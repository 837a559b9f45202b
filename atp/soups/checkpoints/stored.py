"""One checkpoint, described: its tensors, where they lie, and in what form it is to be written again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from atp.soups.checkpoints.block_reading import BlockReader, Place
from atp.soups.checkpoints.shared_tensors import Ties
from atp.soups.checkpoints.soup_errors import SoupError

#: Shape and dtype by name.
Layout = dict[str, tuple[tuple[int, ...], torch.dtype]]
#: Types of tensors that can be averaged.
MIXABLE = {
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64, torch.complex128,
    torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
}  # fmt: skip


@dataclass(frozen=True)
class ReadOptions:
    """How checkpoints are read.

    Attributes:
        key: Keys of the weights in PyTorch files, with dots between them; empty looks for them.
        strip_prefix: A prefix that is taken off the names.
    """

    key: str = ""
    strip_prefix: str = ""


@dataclass(frozen=True)
class Form:
    """How a checkpoint is written again.

    Attributes:
        kind: The format of its files.
        files: Its files; none for a state dict.
        folder: The folder whose configuration goes with it; None for a bare file.
        entry: In a PyTorch file: the keys that lead to the weights.
        metadata: Of safetensors.
        adapter: The configuration of a PEFT adapter.
    """

    kind: Literal["safetensors", "pytorch"] = "safetensors"
    files: tuple[Path, ...] = ()
    folder: Path | None = None
    entry: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    adapter: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class StoredCheckpoint:
    """A checkpoint whose values are not read yet.

    Attributes:
        name: For messages: its path.
        layout: Shape and dtype by plain name.
        places: Where tensors lie in files, by plain name.
        rest: Loads the tensors that do not lie in a file as they are, by plain name.
        ties: Names that share a tensor.
        extra: What modules keep that is no tensor, by plain name.
        form: How it is written again.
        whole: Whether it is held in memory as a whole while it is read.
        notes: What should be said of how it was read.
    """

    name: str
    layout: Layout
    places: Mapping[str, Place]
    rest: Callable[[], Mapping[str, Tensor]]
    ties: Ties
    extra: Mapping[str, Any]
    form: Form
    whole: bool = False
    notes: tuple[str, ...] = ()

    def reader(self) -> BlockReader:
        """Open it."""
        return BlockReader(self.places, self.rest)


def check_mixable(where: str, name: str, tensor: Tensor) -> None:
    """Refuse tensors that cannot be averaged.

    Raises:
        SoupError: It is of such a type, or on no device.
    """
    if tensor.dtype not in MIXABLE or tensor.layout != torch.strided or tensor.is_quantized:
        kind = tensor.dtype if tensor.layout == torch.strided else f"{tensor.layout} {tensor.dtype}"
        raise SoupError(f"{where}: '{name}' is of type {kind}, which cannot be mixed; convert it to a wider type first")
    if tensor.is_meta:
        raise SoupError(f"{where}: '{name}' has no values (device meta); save the weights after they were loaded")
