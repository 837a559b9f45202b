"""Checkpoints: a folder with one safetensors file for each network and a config.json. Never pickle."""

from __future__ import annotations

import errno
import json
import math
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from assets.files import atomic_folder
from assets.shipped import SHIPPED
from atp import hub
from atp.agent_options import AgentOptions
from atp.networks import InteractionNetwork, PartNetwork
from atp.version import __version__

FORMAT = 1
CONFIG = "config.json"
#: Shipped weights by an earlier name.
RENAMED = {"video": "default"}
NETWORKS: dict[str, type[nn.Module]] = {"InteractionNetwork": InteractionNetwork, "PartNetwork": PartNetwork}
DTYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32}
AGENT = {"interaction": "InteractionNetwork", "part": "PartNetwork"}  # what an agent is made of
StateDict = dict[str, Tensor]


class CheckpointError(ValueError):
    """A checkpoint is missing, damaged, or not of these networks; the message names the file."""


def save_checkpoint(
    folder: str | Path,
    networks: dict[str, nn.Module],
    config: dict[str, Any],
    dtype: torch.dtype = torch.float16,
) -> None:
    """Write networks and what one must know to use them.

    The folder appears whole: it is written under a temporary name beside it and then renamed. A folder that
    was there before is replaced.

    Args:
        folder: Where to, e.g. runs/first/checkpoint.
        networks: By file name, e.g. {"interaction": InteractionNetwork(), "part": PartNetwork()}.
        config: JSON values: renderer, training command, seed, resolution and the like. The keys "format",
            "version", "dtype" and "networks" are added here.
        dtype: float16, bfloat16 or float32.

    Raises:
        CheckpointError: If a network is of an unknown class, has NaN or infinite weights, or has weights too
            large for ``dtype``.
    """
    folder = Path(folder)
    names = {value: key for key, value in DTYPES.items()}
    files = {}
    described = {}
    for name, network in networks.items():
        kind = type(network).__name__
        if NETWORKS.get(kind) is not type(network):
            raise CheckpointError(f"{folder}: cannot save network '{name}' of unknown class {kind}")
        state = {key: value.detach().to("cpu", dtype).contiguous() for key, value in network.state_dict().items()}
        broken = [key for key, value in state.items() if not torch.isfinite(value).all()]
        if broken:
            raise CheckpointError(
                f"{folder}: not saved, '{name}' has weights that are NaN, infinite or too large for "
                f"{names[dtype]}: {', '.join(broken[:3])}"
            )
        files[f"{name}.safetensors"] = save_tensors(state)
        described[name] = {"class": kind, "arguments": dict(network.config)}  # type: ignore[arg-type]
    added = {
        "format": FORMAT,
        "version": __version__,
        "dtype": names[dtype],
        "networks": described,
    }
    text = json.dumps({**config, **added}, indent=2) + "\n"
    replace_folder(folder, {**files, CONFIG: text.encode()})


def replace_folder(folder: Path, files: dict[str, bytes]) -> None:
    """Write a folder as a whole, so that nobody sees half of it; one that was there is replaced.

    Args:
        folder: Where to.
        files: Contents by name.
    """
    with atomic_folder(folder) as new:
        for file, content in files.items():
            (new / file).write_bytes(content)


def load_checkpoint(
    folder: str | Path, names: Collection[str] | None = None
) -> tuple[dict[str, Any], dict[str, StateDict]]:
    """Read and check a checkpoint. Nothing in the files is ever run.

    Args:
        folder: As written by `save_checkpoint`.
        names: Of the networks to read; the files of others need not be there. None reads all.

    Returns:
        The config, and for each network its state dict in the stored precision.

    Raises:
        CheckpointError: If a file is missing, is not safetensors (a pickle file, for one), does not have the
            keys, shapes and dtype of the network that the config names, or has NaN or infinite weights.
    """
    folder = Path(folder)
    config = _read_config(folder / CONFIG)
    dtype = DTYPES[config["dtype"]]
    states = {}
    for name in config["networks"]:
        if names is not None and name not in names:
            continue
        path = folder / f"{name}.safetensors"
        with torch.device("meta"):
            expected = _build(config, name, folder / CONFIG).state_dict()
        state = read_tensors(path)
        compare_states(state, expected, dtype, path)
        states[name] = state
    return config, states


def load_networks(
    folder: str | Path, names: Collection[str] = tuple(AGENT)
) -> tuple[dict[str, Any], dict[str, nn.Module]]:
    """Read a checkpoint of an agent and build its networks, in float32 and evaluation mode.

    Args:
        folder: As written by `save_checkpoint`.
        names: Of the networks to read, "interaction" and "part"; the files of others need not be there.

    Returns:
        The config, and the networks by name.

    Raises:
        CheckpointError: As `load_checkpoint`; or if one of the networks is not in it.
    """
    config, states = load_checkpoint(folder, names)
    for name in names:
        kind = AGENT[name]
        if config["networks"].get(name, {}).get("class") != kind:
            raise CheckpointError(f"{Path(folder) / CONFIG}: an agent needs a network '{name}' of class {kind}")
    networks = {}
    for name, state in states.items():
        network = _build(config, name, Path(folder) / CONFIG)
        network.load_state_dict(state)
        networks[name] = network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return config, networks


def read_options(config: dict[str, Any], folder: str | Path) -> AgentOptions:
    """The options of an agent in a config that has been read.

    Args:
        config: As `load_networks` returns it.
        folder: Where it was read, for the message.

    Raises:
        CheckpointError: If there is an option that the agent does not have, or a value that does not suit one.
    """
    try:
        return AgentOptions.from_config(config)
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{Path(folder) / CONFIG}: {error}") from error


def available() -> list[str]:
    """Names of the weights that come with the package."""
    folders = sorted(path.parent for path in _shipped().glob(f"*/{CONFIG}"))
    return [folder.name for folder in folders if _is_checkpoint(folder / CONFIG)]


def resolve_pretrained(path_or_name: str | Path) -> Path:
    """Find a checkpoint folder by path, by the name of weights that come with the package, or on the Hugging Face Hub.

    Args:
        path_or_name: A folder with a config.json, a name as in `available`, or a repository (:mod:`atp.hub`).

    Returns:
        The folder.

    Raises:
        CheckpointError: If there is none; the message lists the names.
    """
    path = Path(path_or_name)
    if (path / CONFIG).is_file():
        return path
    names, name = available(), RENAMED.get(str(path_or_name), str(path_or_name))
    if name in names:
        if name != str(path_or_name):
            warnings.warn(f"the weights {str(path_or_name)!r} are now {name!r}", FutureWarning, stacklevel=3)
        return _shipped() / name
    if hub.is_repository(name) and not path.parent.exists():
        try:
            return hub.download(name)
        except hub.HubError as error:
            raise CheckpointError(str(error)) from error
    raise CheckpointError(
        f"{path_or_name}: neither a checkpoint folder (one with a {CONFIG}) nor the name of shipped weights; "
        f"names: {', '.join(names) if names else 'none'}; further ones are in assets/weights of the repository"
    )


def _shipped() -> Path:
    return SHIPPED


def _is_checkpoint(path: Path) -> bool:
    """Whether a config is of whole networks; damaged ones count, to be reported when they are loaded."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        whole = all((path.parent / f"{name}.safetensors").is_file() for name in config.get("networks", {}))
        return bool(config.get("format") == FORMAT and whole)
    except (OSError, ValueError, AttributeError):
        return True


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(_read_file(path))
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); is this a checkpoint?") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: is not JSON ({error})") from error
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise CheckpointError(f"{path}: is not a checkpoint config of format {FORMAT}")
    networks = config.get("networks")
    if str(config.get("dtype")) not in DTYPES or not isinstance(networks, dict):
        raise CheckpointError(f"{path}: lacks 'networks' or a 'dtype' out of {', '.join(DTYPES)}")
    for name, entry in networks.items():
        if Path(name).name != name or not isinstance(entry, dict) or str(entry.get("class")) not in NETWORKS:
            raise CheckpointError(
                f"{path}: network '{name}' is not one of {', '.join(NETWORKS)}; made with another version?"
            )
    return config


def _build(config: dict[str, Any], name: str, path: Path) -> nn.Module:
    entry = config["networks"][name]
    arguments = entry.get("arguments")
    try:
        return NETWORKS[entry["class"]](**arguments)
    except (TypeError, ValueError, RuntimeError, ZeroDivisionError) as error:
        raise CheckpointError(
            f"{path}: arguments {arguments} of network '{name}' do not suit {entry['class']} ({error})"
        ) from error


def read_tensors(path: Path) -> StateDict:
    """Read a safetensors file; anything else, pickle above all, is a CheckpointError that names it."""
    try:
        content = _read_file(path)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from error
    if content.startswith((b"PK\x03\x04", b"\x80")) and not content[8:9] == b"{":
        raise CheckpointError(f"{path}: is a pickle file, which can run code; refused. Use safetensors")
    try:
        return load_tensors(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise CheckpointError(f"{path}: is not a whole safetensors file ({error})") from error


def _read_file(path: Path) -> bytes:
    """The bytes of a file; an OSError for what is none: a pipe's reader would wait for ever, a device's for its end."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return path.read_bytes()


def compare_states(state: StateDict, expected: StateDict, dtype: torch.dtype, path: Path) -> None:
    """Raise CheckpointError, naming the first difference, unless ``state`` fits ``expected``."""
    missing, foreign = sorted(expected.keys() - state.keys()), sorted(state.keys() - expected.keys())
    if missing or foreign:
        problem = f"lacks '{missing[0]}'" if missing else f"has '{foreign[0]}', unknown there"
        count = len(missing) + len(foreign)
        raise CheckpointError(f"{path}: not weights of the network in {CONFIG}: {problem} ({count} differ)")
    for key, value in state.items():
        if value.shape != expected[key].shape or math.prod(value.shape) == 0:
            raise CheckpointError(
                f"{path}: '{key}' has shape {tuple(value.shape)}, the network in {CONFIG} {tuple(expected[key].shape)}"
            )
        if value.dtype != dtype:
            raise CheckpointError(f"{path}: '{key}' is {value.dtype}, {CONFIG} says {dtype}")
        if not torch.isfinite(value).all():
            raise CheckpointError(f"{path}: '{key}' has NaN or infinite weights")
