"""Digests of what results depend on: code and weights."""

from __future__ import annotations

import hashlib
import importlib
import inspect
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import assets
import atp
import envs
from assets import shipped
from assets.importing.prepare import find_urdf
from atp.checkpoint import CONFIG
from atp.playing.policies import policy_weights


def files_digest(files: Iterable[Path]) -> str:
    """A short digest of the names and contents of files, whatever their order."""
    total = hashlib.sha256()
    for file in sorted(files):
        total.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()[:12]


def code_digest() -> str:
    """The digest of the source of the agent, the environment and the objects."""
    folders = [Path(str(package.__file__)).parent for package in (atp, envs, assets)]
    return files_digest(file for folder in folders for file in folder.rglob("*.py"))


def weights_digest(folder: Path) -> str:
    """The digest of a checkpoint folder: of the networks, and of the options with which the agent uses them."""
    return files_digest([*folder.glob("*.safetensors"), *folder.glob(CONFIG)])


def policy_digest(policy: str) -> str:
    """The digest of what a policy depends on besides the code of the package and the evaluated agent.

    That is the weights that it plays with and, for one named ``module:Class``, the source of its module; empty if there
    is neither.
    """
    weights = policy_weights(policy)
    digests = [_digest_once(shipped.shipped_weights(weights))] if weights else []
    return "-".join(filter(None, [*digests, source_digest(policy)]))


def modules_digest(names: Iterable[str]) -> str:
    """The digest of the sources of modules that are no part of the package; empty if there are none."""
    outside = [name for name in names if name.partition(".")[0] not in ("atp", "envs", "assets")]
    sources = [inspect.getsourcefile(importlib.import_module(name)) for name in outside]
    return files_digest(Path(source) for source in sources if source) if outside else ""


def source_digest(name: str) -> str:
    """The digest of the module of what is named ``module:name``; empty for what the package brings."""
    if ":" not in name:
        return ""
    source = inspect.getsourcefile(importlib.import_module(name.partition(":")[0]))
    return files_digest([Path(source)]) if source else ""


def object_digest(path: str) -> str:
    """The digest of the URDF of an object of one's own; empty without one."""
    return files_digest([find_urdf(path)]) if path else ""


@cache
def _digest_once(folder: Path) -> str:
    return weights_digest(folder)
