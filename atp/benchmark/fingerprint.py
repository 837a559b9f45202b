"""Digests of what results depend on: code and weights."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import assets
import atp
import envs
from assets import shipped
from atp.playing.policies import POLICIES


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
    """The digest of the networks of a checkpoint folder."""
    return files_digest(folder.glob("*.safetensors"))


def policy_digest(policy: str) -> str:
    """The digest of the weights that a policy plays with besides the evaluated agent's; empty if there are none."""
    name = getattr(POLICIES[policy], "weights", None)
    return _digest_once(shipped.shipped_weights(name)) if name else ""


@cache
def _digest_once(folder: Path) -> str:
    return weights_digest(folder)
