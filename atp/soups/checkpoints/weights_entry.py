"""Where in a training checkpoint the weights are: under which keys, and what lies beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from atp.soups.checkpoints.soup_errors import SoupError

#: Keys under which training scripts keep the weights: Lightning, timm, DeiT, nanoGPT, DeepSpeed and others.
KEYS = (
    "state_dict", "model_state_dict", "model", "module", "net", "network", "model_state", "weights", "params",
)  # fmt: skip
#: Keys of averages over the steps of a training.
AVERAGED = re.compile(r"(^|[_.-])(ema|swa|averaged?|teacher)([_.-]|$)", re.IGNORECASE)
#: Keys of what belongs to a training rather than to a network.
OF_TRAINING = re.compile(r"optim|sched|scaler|rng|random_state|loops|callbacks|amp$", re.IGNORECASE)
#: The last part of names under which modules keep what is no tensor.
EXTRA = "_extra_state"


def is_extra(name: str) -> bool:
    """Whether a name is of a module's extra state, which may be anything."""
    return name.rpartition(".")[2] == EXTRA


def weights_entry(found: Any, where: str, key: str = "") -> tuple[tuple[str, ...], Mapping[str, Any], list[str]]:
    """Find the state dict in what a PyTorch file holds.

    Args:
        found: What was read.
        where: The file, for messages.
        key: Keys of the state dict with dots between them; empty looks for it.

    Returns:
        The keys that lead to it, the state dict, and what should be said of the choice.

    Raises:
        SoupError: There is none, or it is not clear which.
    """
    if not isinstance(found, Mapping):
        raise SoupError(f"{where}: holds a {type(found).__name__}, not a state dict; save model.state_dict()")
    if key:
        return _by_key(found, where, key)
    keys, entry = _descend(found)
    if not _is_state(entry):
        keys, entry = _only_state(keys, entry, where)
    beside = [str(k) for k in _at(found, keys[:-1]) if AVERAGED.search(str(k)) and (*keys[:-1], k) != keys]
    beside = [k for k in beside if isinstance(_at(found, keys[:-1])[k], Mapping)] if keys else []
    notes = []
    if beside:
        notes.append(
            f"{where}: '{'.'.join(keys)}' is read; averaged weights are there too: --key {beside[0]} takes them"
        )
    return keys, entry, notes


def _by_key(found: Mapping[str, Any], where: str, key: str) -> tuple[tuple[str, ...], Mapping[str, Any], list[str]]:
    keys: list[str] = []
    rest, entry = key, found
    while rest:
        names = [str(k) for k in entry if rest == str(k) or rest.startswith(f"{k}.")]
        if not names or not isinstance(entry[max(names, key=len)], Mapping):
            known = ", ".join(str(k) for k, value in entry.items() if isinstance(value, Mapping))
            raise SoupError(f"{where}: has no weights under '{key}' (--key); there are {known or 'no dictionaries'}")
        name = max(names, key=len)
        keys.append(name)
        rest, entry = rest[len(name) + 1 :], entry[name]
    return tuple(keys), entry, []


def _descend(found: Mapping[str, Any]) -> tuple[tuple[str, ...], Mapping[str, Any]]:
    """Along the usual keys."""
    for key in KEYS:
        if isinstance(found.get(key), Mapping) and found[key]:
            keys, entry = _descend(found[key])
            return (key, *keys), entry
    return (), found


def _is_state(entry: Any) -> bool:
    return (
        isinstance(entry, Mapping)
        and any(isinstance(value, Tensor) for value in entry.values())
        and all(isinstance(value, Tensor) or is_extra(str(name)) for name, value in entry.items())
    )


def _only_state(
    keys: tuple[str, ...], entry: Mapping[str, Any], where: str
) -> tuple[tuple[str, ...], Mapping[str, Any]]:
    """The only state dict among the values, under whatever key."""
    states = [str(k) for k, value in entry.items() if _is_state(value) and not OF_TRAINING.search(str(k))]
    candidates = [k for k in states if not AVERAGED.search(k)] or states
    if len(candidates) == 1:
        return (*keys, candidates[0]), entry[candidates[0]]
    if candidates:
        raise SoupError(f"{where}: has weights under {', '.join(candidates)}: choose with --key")
    foreign = [k for k, value in entry.items() if not isinstance(value, Tensor) and not is_extra(str(k))]
    if not entry or len(foreign) == len(entry):
        raise SoupError(f"{where}: is not a state dict with tensors")
    raise SoupError(f"{where}: '{foreign[0]}' is no tensor; give the state dict alone, or its key with --key")


def _at(found: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        found = found[key]
    return found
