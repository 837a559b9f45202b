"""Checkpoints in one or several safetensors files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from atp.soups.checkpoints.block_reading import Place
from atp.soups.checkpoints.soup_errors import SoupError
from atp.soups.checkpoints.stored import Form, ReadOptions, StoredCheckpoint
from atp.soups.checkpoints.tensor_names import plain_names

#: Types of tensors in safetensors files that can be averaged.
DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
    "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
    "C64": torch.complex64,
}  # fmt: skip


def safetensors_checkpoint(
    files: Sequence[Path], name: str, options: ReadOptions, folder: Path | None = None
) -> StoredCheckpoint:
    """Describe the checkpoint in some files; no values are read.

    Args:
        files: Its files, one or all shards.
        name: For messages.
        options: How it is read.
        folder: The folder whose configuration goes with it.

    Raises:
        SoupError: A file is damaged, or a tensor cannot be averaged.
    """
    if options.key:
        raise SoupError(f"{name}: --key {options.key} is for PyTorch files; a safetensors file has no keys")
    places: dict[str, Place] = {}
    metadata: dict[str, str] = {}
    for file in files:
        start, header = _header(file, name if len(files) == 1 else str(file))
        metadata |= header.pop("__metadata__", None) or {}
        for own, entry in header.items():
            if own in places:
                raise SoupError(f"{file}: '{own}' is in {places[own].path.name} too; which one counts is not said")
            if entry["dtype"] not in DTYPES:
                raise SoupError(
                    f"{name}: '{own}' is of type {entry['dtype']}, which cannot be mixed; convert it to a wider type "
                    "first"
                )
            shape, dtype = tuple(entry["shape"]), DTYPES[entry["dtype"]]
            places[own] = Place(file, start + entry["data_offsets"][0], shape, dtype)
    if not places:
        raise SoupError(f"{name}: is not a state dict with tensors: it holds none")
    plain, left_out = plain_names(list(places), name, options.strip_prefix)
    placed = {key: places[own] for key, own in plain.items()}
    notes = (f"{name}: left out: {', '.join(left_out)}",) if left_out else ()
    return StoredCheckpoint(
        name,
        {key: (place.shape, place.dtype) for key, place in placed.items()},
        placed,
        dict,
        {},
        {},
        Form("safetensors", tuple(files), folder, (), metadata),
        notes=notes,
    )


def _header(file: Path, name: str) -> tuple[int, dict[str, Any]]:
    """Where the data begin, and the header of a file that is whole."""
    try:
        with safe_open(file, framework="pt", device="cpu"):  # checks the header and the length of the file
            pass
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            header: dict[str, Any] = json.loads(opened.read(length))
    except (SafetensorError, OSError, ValueError) as error:
        raise SoupError(f"{name}: is not a whole safetensors file ({error}); copy it again") from error
    return 8 + length, header
