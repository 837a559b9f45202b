"""Checkpoints in one or several PyTorch files, of whatever training script; nothing in them is run."""

from __future__ import annotations

import argparse
import contextlib
import pickle
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from atp.soups.checkpoints.block_reading import Place
from atp.soups.checkpoints.file_kinds import file_kind
from atp.soups.checkpoints.shared_tensors import Ties, shared_tensors
from atp.soups.checkpoints.soup_errors import SoupError
from atp.soups.checkpoints.stored import Form, ReadOptions, StoredCheckpoint, check_mixable
from atp.soups.checkpoints.tensor_names import plain_names
from atp.soups.checkpoints.weights_entry import is_extra, weights_entry

#: Classes beside tensors that a file may hold: options of the training. They have no code that runs when they are read.
ALLOWED = [argparse.Namespace]


def load_pytorch(path: Path, name: str) -> Any:
    """What a PyTorch file holds, mapped where its format allows it.

    Args:
        path: The file.
        name: For messages.

    Raises:
        SoupError: It is damaged, or holds classes that are not allowed, which the message names.
    """
    kind = file_kind(path, name)
    if kind == "safetensors":
        raise SoupError(f"{name}: is a safetensors file among PyTorch files")
    try:
        with torch.serialization.safe_globals(list(ALLOWED)):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=kind == "zip")
    except pickle.UnpicklingError as error:
        raise SoupError(
            f"{name}: holds more than tensors{_classes(path, str(error))}, or is damaged; refused, nothing in it was "
            "run. Save the state dict alone: torch.save(model.state_dict(), FILE)"
        ) from error
    except Exception as error:  # what damaged content makes of the reading can be anything
        first = str(error).strip().partition("\n")[0]
        raise SoupError(f"{name}: is not a whole PyTorch file of tensors ({first}); copy or save it again") from error


def _classes(path: Path, told: str) -> str:
    """The classes in a file that are not allowed, as far as they can be told without running anything."""
    names = set(re.findall(r"GLOBAL ([\w.]+)", told))
    with contextlib.suppress(RuntimeError, ValueError, pickle.UnpicklingError, OSError):  # an old or a damaged file
        names |= set(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    names -= {f"{allowed.__module__}.{allowed.__qualname__}" for allowed in ALLOWED}
    return f" ({', '.join(sorted(names))})" if names else ""


def pytorch_checkpoint(
    files: Sequence[Path], name: str, options: ReadOptions, folder: Path | None = None
) -> StoredCheckpoint:
    """Describe the checkpoint in some files.

    Args:
        files: Its files, one or all shards.
        name: For messages.
        options: How it is read.
        folder: The folder whose configuration goes with it.

    Raises:
        SoupError: A file is damaged, holds more than tensors and what trainings keep beside, or has no weights.
    """
    state: dict[str, Any] = {}
    notes: list[str] = []
    entry: tuple[str, ...] = ()
    in_file: dict[str, Path] = {}
    for file in files:
        where = name if len(files) == 1 else str(file)
        entry, found, said = weights_entry(load_pytorch(file, where), where, options.key)
        notes += said
        for own, value in found.items():
            state[str(own)] = value
            in_file[str(own)] = file
    tensors, ties, extra, left_out = plain_state(state, name, options.strip_prefix)
    if left_out:
        notes.append(f"{name}: left out: {', '.join(left_out)}")
    own_names, _ = plain_names([own for own, value in state.items() if isinstance(value, Tensor)], name,
                               options.strip_prefix)  # fmt: skip
    places: dict[str, Place] = {}
    legacy = any(file_kind(file, name) == "pickle" for file in files)
    if not legacy:
        places = _places(tensors, {key: in_file[own] for key, own in own_names.items()})
    return StoredCheckpoint(
        name,
        {key: (tuple(tensor.shape), tensor.dtype) for key, tensor in tensors.items()},
        places,
        _loader(tuple(files), name, options),
        ties,
        extra,
        Form("pytorch", tuple(files), folder, entry),
        whole=len(places) < len(tensors),
        notes=tuple(notes),
    )


def plain_state(
    state: Mapping[str, Any], name: str, strip_prefix: str = ""
) -> tuple[dict[str, Tensor], Ties, dict[str, Any], list[str]]:
    """A state dict as the bare network has it.

    Args:
        state: Tensors, and what modules keep beside, by name.
        name: For messages.
        strip_prefix: As :func:`atp.soups.checkpoints.tensor_names.plain_names` takes it.

    Returns:
        Tensors by plain name; those that are one; what is no tensor; names that were left out.

    Raises:
        SoupError: There is no tensor, or something else than tensors.
    """
    foreign = [own for own, value in state.items() if not isinstance(value, Tensor) and not is_extra(own)]
    if foreign:
        raise SoupError(f"{name}: '{foreign[0]}' is no tensor; give the state dict alone")
    plain, left_out = plain_names(
        [own for own, value in state.items() if isinstance(value, Tensor)], name, strip_prefix
    )
    if not plain:
        raise SoupError(f"{name}: is not a state dict with tensors: it holds none")
    tensors = {key: state[own] for key, own in plain.items()}
    for key, tensor in tensors.items():
        check_mixable(name, key, tensor)
    others = [own for own, value in state.items() if not isinstance(value, Tensor)]
    extra = {key: state[own] for key, own in plain_names(others, name)[0].items()} if others else {}
    return tensors, shared_tensors(tensors), extra, left_out


def _loader(files: tuple[Path, ...], name: str, options: ReadOptions) -> Callable[[], Mapping[str, Tensor]]:
    """Loads the tensors of some files."""

    def load() -> Mapping[str, Tensor]:
        state: dict[str, Any] = {}
        for file in files:
            state |= weights_entry(load_pytorch(file, name), name, options.key)[1]
        return plain_state({str(own): value for own, value in state.items()}, name, options.strip_prefix)[0]

    return load


def _places(tensors: Mapping[str, Tensor], files: Mapping[str, Path]) -> dict[str, Place]:
    """Where mapped tensors lie in their files, as the system says; fewer where it does not."""
    try:
        lines = Path("/proc/self/maps").read_text("utf-8").splitlines()
    except OSError:
        return {}
    inodes = {file: file.stat().st_ino for file in set(files.values())}
    mapped = []
    for line in lines:
        span, _, offset, _, inode, *_ = line.split(maxsplit=5)
        if int(inode) in inodes.values():
            low, _, high = span.partition("-")
            mapped.append((int(low, 16), int(high, 16), int(offset, 16), int(inode)))
    places = {}
    for name, tensor in tensors.items():
        if not tensor.numel():
            places[name] = Place(files[name], 0, tuple(tensor.shape), tensor.dtype)
            continue
        if not tensor.is_contiguous():
            continue
        first = tensor.data_ptr()
        for begins, ends, skipped, node in mapped:
            if begins <= first and first + tensor.nbytes <= ends and node == inodes[files[name]]:
                places[name] = Place(files[name], first - begins + skipped, tuple(tensor.shape), tensor.dtype)
                break
    return places
