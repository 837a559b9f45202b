"""Short texts that are other ones for other weights, files or code: what was computed of them is told by these."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from atp.soups.checkpoints.checkpoint_folders import weight_files


def fingerprint_of(state: Mapping[str, Tensor]) -> str:
    """Of the names, types, shapes and values of tensors."""
    digest = hashlib.sha256()
    for name, tensor in state.items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        if flat.numel():
            digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()


def identity_of(source: str | Path | Mapping[str, Tensor]) -> str:
    """Of a checkpoint: where its files are, how long, and when they were written; of a state dict its fingerprint."""
    if isinstance(source, Mapping):
        return fingerprint_of({name: value for name, value in source.items() if isinstance(value, Tensor)})
    path = Path(source)
    files = (weight_files(path) or ([path], []))[0] if path.is_dir() else [path]
    return f"{path.resolve()} {[(file.name, *stamp_of(file)) for file in files if file.exists()]}"


def stamp_of(file: Path) -> tuple[int, int]:
    """Bytes of a file, and when it was written."""
    found = file.stat()
    return found.st_size, found.st_mtime_ns


def code_of(function: Callable[..., Any]) -> str:
    """Of the module that a function is from; empty where its source is not known."""
    try:
        return hashlib.sha256(Path(inspect.getfile(function)).read_bytes()).hexdigest()
    except (OSError, TypeError):
        return ""
