"""Write a mixture in the form of its ingredients, so that it loads where they load."""

from __future__ import annotations

import json
import re
import shutil
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from assets.files import atomic_folder, atomic_path, write_json
from atp.soups.checkpoints.checkpoint_folders import INDEX, NO_WEIGHTS, OWN_FILES, REPORT, SHARD, SUFFIXES, suffix_of
from atp.soups.checkpoints.low_rank import joined_config
from atp.soups.checkpoints.pytorch_checkpoint import load_pytorch
from atp.soups.checkpoints.safetensors_checkpoint import DTYPES
from atp.soups.checkpoints.soup_errors import SoupError
from atp.soups.checkpoints.stored import Form
from atp.soups.checkpoints.weights_entry import OF_TRAINING

#: Bytes of a shard of a folder, as Hugging Face's libraries have it.
SHARD_BYTES = 5_000_000_000
#: What is not copied with a folder's configuration: weights of other libraries, and what belongs to a training.
NOT_COPIED = re.compile(r"^\.|\.(h5|msgpack|onnx|gguf|pkl)$|^events\.|^runs$|^checkpoint-|^global_step|^latest$", re.I)
#: Options in which configurations of fine-tunes of one model may differ.
FREE = {"_name_or_path", "transformers_version", "torch_dtype", "dtype", "finetuning_task", "peft_version"}
TYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}


def save_like(
    form: Form,
    state: Mapping[str, Tensor],
    place: Path,
    extra: Mapping[str, Any] | None = None,
    shard_bytes: int = SHARD_BYTES,
) -> Path:
    """Write a state dict in a form.

    Args:
        form: Of the first ingredient.
        state: The mixture.
        place: Where to, without a suffix.
        extra: What modules keep that is no tensor, for a PyTorch file.
        shard_bytes: Most bytes of a file in a folder.

    Returns:
        The file or folder, which replaced an earlier one.

    Raises:
        SoupError: The form's file is not there any more, or a type cannot be written.
    """
    if form.folder is None:
        suffix = suffix_of(form.files[0]) if form.files else SUFFIXES[0]
        target = place.with_name(place.name + suffix)
        if form.kind == "safetensors":
            with atomic_path(target) as temporary:
                write_safetensors(temporary, state, form.metadata)
        else:
            _save_pytorch(form, state, extra or {}, target)
        return target
    with atomic_folder(place) as stage:
        _copy_configuration(form, stage, state)
        first = next((name for name in OWN_FILES if form.files[0].name.startswith(name.partition(".")[0])), None)
        name = first if first and suffix_of(Path(first)) == suffix_of(form.files[0]) else _own_name(form)
        _save_shards(form, state, extra or {}, stage, name, shard_bytes)
    return place


def _own_name(form: Form) -> str:
    """The name of a folder's weights without the number of a shard."""
    name = form.files[0].name
    match = SHARD.match(name)
    return f"{match['stem']}{match['suffix']}" if match else name


def _save_shards(
    form: Form, state: Mapping[str, Tensor], extra: Mapping[str, Any], stage: Path, name: str, shard_bytes: int
) -> None:
    parts: list[dict[str, Tensor]] = [{}]
    size = 0
    for key, tensor in state.items():
        if parts[-1] and size + tensor.nbytes > shard_bytes:
            parts.append({})
            size = 0
        parts[-1][key] = tensor
        size += tensor.nbytes
    stem, _, suffix = name.rpartition(".")
    names = [name] if len(parts) == 1 else [
        f"{stem}-{number:05}-of-{len(parts):05}.{suffix}" for number in range(1, len(parts) + 1)
    ]  # fmt: skip
    for file, part in zip(names, parts, strict=True):
        if form.kind == "safetensors":
            write_safetensors(stage / file, part, form.metadata or {"format": "pt"})
        else:
            torch.save({**part, **(extra if file == names[0] else {})}, stage / file)
    if len(parts) > 1:
        total = sum(tensor.nbytes for tensor in state.values())
        places = {key: file for file, part in zip(names, parts, strict=True) for key in part}
        write_json(stage / f"{name}{INDEX}", {"metadata": {"total_size": total}, "weight_map": places})


def write_safetensors(path: Path, state: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file, one tensor after the other; no copy of all is made in memory.

    Args:
        path: The file.
        state: Tensors by name.
        metadata: Texts by name.

    Raises:
        SoupError: A type of tensor is not of this format.
    """
    names = sorted(state, key=lambda name: (-state[name].element_size(), name))  # each is aligned to its own size
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    start = 0
    for name in names:
        tensor = state[name]
        if tensor.dtype not in TYPE_NAMES:
            raise SoupError(f"'{name}' is {tensor.dtype}, which safetensors files do not have; choose another --dtype")
        stop = start + tensor.nbytes
        header[name] = {
            "dtype": TYPE_NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, stop],
        }
        start = stop
    content = json.dumps(header, separators=(",", ":")).encode()
    content += b" " * (-len(content) % 8)
    with path.open("wb") as file:
        file.write(len(content).to_bytes(8, "little") + content)
        for name in names:
            flat = state[name].detach().contiguous().reshape(-1)
            if flat.numel():
                file.write(flat.view(torch.uint8).numpy().data)


def _save_pytorch(form: Form, state: Mapping[str, Tensor], extra: Mapping[str, Any], target: Path) -> None:
    """The first file with other weights, and without what belongs to its training."""
    content: dict[str, Any] = OrderedDict({**state, **extra})
    if form.entry:
        whole = load_pytorch(form.files[0], str(form.files[0]))
        inner = whole
        for key in form.entry[:-1]:
            inner = inner[key]
        last = form.entry[-1]
        kept = {key: value for key, value in inner.items() if key != last and not holds_tensors(key, value)}
        for key in OF_LIGHTNING & inner.keys():
            kept[key] = []
        content = _with(whole, form.entry[:-1], {**kept, last: content})
    with atomic_path(target) as temporary:
        torch.save(content, temporary)


#: Lists of Lightning's checkpoints that must be there, and are empty for a mixture.
OF_LIGHTNING = {"optimizer_states", "lr_schedulers"}


def holds_tensors(key: Any, value: Any) -> bool:
    """Whether an entry of a checkpoint is of its training or of other weights, which a mixture does not have."""
    if OF_TRAINING.search(str(key)):
        return True
    if isinstance(value, Mapping):
        return any(isinstance(each, Tensor) or holds_tensors("", each) for each in value.values())
    if isinstance(value, list | tuple):
        return any(isinstance(each, Tensor) or holds_tensors("", each) for each in value)
    return isinstance(value, Tensor) and value.numel() > 1


def _with(whole: Mapping[str, Any], keys: Sequence[str], value: dict[str, Any]) -> dict[str, Any]:
    """A nested dictionary with another value in one place."""
    if not keys:
        return value
    kept = {key: each for key, each in whole.items() if key == keys[0] or not holds_tensors(key, each)}
    return {**kept, keys[0]: _with(whole[keys[0]], keys[1:], value)}


def _copy_configuration(form: Form, stage: Path, state: Mapping[str, Tensor]) -> None:
    """All of a folder that is not weights."""
    assert form.folder is not None
    for path in sorted(form.folder.iterdir()):
        if path in form.files or path.name == REPORT or NOT_COPIED.search(path.name) or NO_WEIGHTS.search(path.name):
            continue
        if path.is_dir():
            if not any(each.name == REPORT for each in path.iterdir()):
                shutil.copytree(path, stage / path.name, ignore=_weights_among)
        elif suffix_of(path) not in SUFFIXES and not path.name.endswith(INDEX):
            shutil.copy2(path, stage / path.name)
    if form.adapter is not None:
        write_json(stage / "adapter_config.json", joined_config(form.adapter, state))
        return
    config = stage / "config.json"
    if config.is_file():
        _set_dtype(config, state)


def _weights_among(folder: str, names: list[str]) -> set[str]:
    """Weights in folders inside, which no mixture replaces."""
    return {name for name in names if suffix_of(Path(name)) in SUFFIXES or name.endswith(INDEX)}


def _set_dtype(config: Path, state: Mapping[str, Tensor]) -> None:
    """Say in a configuration that names a dtype which one the weights have now."""
    try:
        values = json.loads(config.read_text("utf-8"))
    except ValueError:
        return
    floats = [tensor.dtype for tensor in state.values() if tensor.is_floating_point()]
    named = [key for key in ("torch_dtype", "dtype") if isinstance(values, dict) and isinstance(values.get(key), str)]
    if floats and named:
        usual = max(sorted(set(floats), key=str), key=floats.count)
        write_json(config, {**values, **{key: str(usual).removeprefix("torch.") for key in named}})


def differing_configuration(forms: Sequence[Form]) -> list[str]:
    """What folders say differently of models that should be one: options and tokenizers.

    Args:
        forms: Of the ingredients.

    Returns:
        A sentence for each file that differs.
    """
    folders = [form.folder for form in forms if form.folder is not None]
    told = []
    for folder in folders[:1]:
        inside = [
            path
            for path in sorted(folder.glob("*/*"))
            if suffix_of(path) in SUFFIXES and not NOT_COPIED.search(path.parent.name)
        ]
        if inside:
            told.append(f"{inside[0]}: weights in folders inside are neither averaged nor copied")
    for folder in folders[1:]:
        for name in ("config.json", "adapter_config.json", "tokenizer.json", "vocab.txt", "vocab.json", "merges.txt"):
            mine, theirs = folder / name, folders[0] / name
            if mine.is_file() and theirs.is_file() and (odd := _difference(mine, theirs)):
                told.append(f"{mine}: differs from {theirs} {odd}; the first one's goes with the soup")
    return told


def _difference(mine: Path, theirs: Path) -> str:
    """Where two files differ in what matters; empty where they do not."""
    if mine.read_bytes() == theirs.read_bytes():
        return ""
    if not mine.name.endswith("config.json"):
        return "(other tokens make other inputs)"
    try:
        one, other = (json.loads(path.read_text("utf-8")) for path in (mine, theirs))
        keys = sorted(key for key in {*one, *other} - FREE if one.get(key) != other.get(key))
    except (ValueError, AttributeError, TypeError):
        return "and is no JSON object"
    return f"in {', '.join(keys)}" if keys else ""
