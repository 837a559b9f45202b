"""Describe a checkpoint, whatever its form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from atp.soups.checkpoints.checkpoint_folders import weight_files
from atp.soups.checkpoints.file_kinds import file_kind
from atp.soups.checkpoints.low_rank import check_adapter, check_no_factors
from atp.soups.checkpoints.pytorch_checkpoint import plain_state, pytorch_checkpoint
from atp.soups.checkpoints.safetensors_checkpoint import safetensors_checkpoint
from atp.soups.checkpoints.soup_errors import SoupError
from atp.soups.checkpoints.stored import Form, ReadOptions, StoredCheckpoint

#: Configuration of PEFT beside its weights.
ADAPTER = "adapter_config.json"


def open_checkpoint(source: Path | Mapping[str, Tensor], name: str, options: ReadOptions) -> StoredCheckpoint:
    """Describe a checkpoint; values are read later.

    Args:
        source: A file, a folder that is one checkpoint, or a state dict.
        name: For messages.
        options: How it is read.

    Raises:
        SoupError: It cannot be read or mixed; the message says what it is and what to do.
    """
    if not isinstance(source, Path):
        return _of_state(source, name, options)
    folder, files = None, [source]
    if source.is_dir():
        own = weight_files(source)
        if own is None:
            raise SoupError(f"{name}: is a folder without weights of its own; give the checkpoints in it")
        folder, files = source, own[0]
    elif (source.parent / ADAPTER).is_file() and source.name.startswith("adapter_model"):
        folder = source.parent
    kinds = {file_kind(file, name if len(files) == 1 else str(file)) for file in files}
    if kinds == {"safetensors"}:
        found = safetensors_checkpoint(files, name, options, folder)
    else:
        found = pytorch_checkpoint(files, name, options, folder)
    adapter = _adapter_config(folder, files[0]) if folder else None
    if adapter is None:
        check_no_factors(found)
        return found
    return check_adapter(found, adapter)


def _of_state(source: Mapping[str, Tensor], name: str, options: ReadOptions) -> StoredCheckpoint:
    if not isinstance(source, Mapping) or not source:
        raise SoupError(f"{name}: is not a state dict with tensors")
    state = {str(own): value for own, value in source.items()}
    tensors, ties, extra, left_out = plain_state(state, name, options.strip_prefix)
    found = StoredCheckpoint(
        name,
        {key: (tuple(tensor.shape), tensor.dtype) for key, tensor in tensors.items()},
        {},
        lambda: tensors,
        ties,
        extra,
        Form(),
        notes=(f"{name}: left out: {', '.join(left_out)}",) if left_out else (),
    )
    check_no_factors(found)
    return found


def _adapter_config(folder: Path, file: Path) -> dict[str, Any] | None:
    """The configuration of an adapter, where the file is one."""
    if not file.name.startswith("adapter_model"):
        return None
    path = folder / ADAPTER
    try:
        config: dict[str, Any] = json.loads(path.read_text("utf-8"))
        config["peft_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SoupError(f"{path}: is no configuration of an adapter ({error})") from error
    return config
