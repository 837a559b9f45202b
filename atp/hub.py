"""Agents on the Hugging Face Hub: ``org/repo`` as the name of weights, and a repository of one's own.

A repository holds what :meth:`atp.agent.Agent.save_pretrained` writes, safetensors and JSON, and a model card. Needs
the extra ``hub``; nothing of it is imported before a repository is asked for.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from atp.version import __version__

#: What is fetched; whatever else a repository holds stays there.
FILES = ["config.json", "*.safetensors"]
_REPOSITORY = re.compile(r"(?P<id>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(@(?P<revision>[\w./-]+))?")


class HubError(ValueError):
    """A repository that cannot be read or written; the message names it and says what to do."""


def is_repository(name: str) -> bool:
    """Whether a name is one of a repository: ``org/repo``, or with a branch, tag or commit, ``org/repo@revision``.

    >>> is_repository("ada/agent"), is_repository("ada/agent@v2"), is_repository("default"), is_repository("../agent")
    (True, True, False, False)
    """
    return _REPOSITORY.fullmatch(name) is not None


def download(name: str) -> Path:
    """Fetch a checkpoint; what was fetched before is taken from huggingface_hub's cache.

    Args:
        name: ``org/repo`` or ``org/repo@revision``.

    Returns:
        The folder of the checkpoint.

    Raises:
        HubError: There is no such repository or revision, it cannot be reached, it holds no checkpoint, or the extra is
            not installed.
    """
    hub = _library(name)
    match = _REPOSITORY.fullmatch(name)
    if match is None:
        raise HubError(f"{name}: is not the name of a repository; it must be org/repo or org/repo@revision")
    try:
        folder = hub.snapshot_download(match["id"], revision=match["revision"], allow_patterns=FILES)
    except Exception as error:  # of the library, of httpx, of the operating system
        raise HubError(f"{name}: is no folder here, and cannot be fetched from the Hub ({_reason(error)})") from error
    if not (Path(folder) / "config.json").is_file():
        raise HubError(f"{name}: holds no config.json, so it is no checkpoint of an agent")
    return Path(folder)


def push(
    save: Callable[[Path], None],
    config: dict[str, Any],
    repo_id: str,
    *,
    private: bool | None,
    token: str | None,
    message: str,
) -> str:
    """Write an agent and its model card to a repository, which is made if need be.

    Args:
        save: Writes the agent's checkpoint to a folder.
        config: Of the agent.
        repo_id: ``org/repo``.
        private: Whether a repository that is made is private; None: as the account has it.
        token: Access token; None: that of ``hf auth login``.
        message: Of the commit.

    Returns:
        The address of the repository.

    Raises:
        HubError: The name is none, the repository cannot be written to, or the extra is not installed.
    """
    hub = _library(repo_id)
    if not is_repository(repo_id) or "@" in repo_id:
        raise HubError(f"{repo_id}: is not the name of a repository; it must be org/repo")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "agent"
        save(folder)
        (folder / "README.md").write_text(model_card(repo_id, config), encoding="utf-8")
        try:
            api = hub.HfApi(token=token, library_name="act-the-part", library_version=__version__)
            made = api.create_repo(repo_id, private=private, exist_ok=True)
            api.upload_folder(repo_id=repo_id, folder_path=folder, commit_message=message)
        except Exception as error:
            raise HubError(f"{repo_id}: cannot be written to the Hub ({_reason(error)})") from error
    return str(made)


def model_card(repo_id: str, config: dict[str, Any]) -> str:
    """A model card in the Hub's format: a head of YAML, then how to use it and what is known of its training.

    Args:
        repo_id: ``org/repo``.
        config: Of the agent.

    Returns:
        Markdown.
    """
    name = repo_id.partition("/")[2]
    commands = [config.get("command"), *(stage.get("command") for stage in _stages(config))]
    trained = "\n".join(f"    {command}" for command in commands if command)
    options = json.dumps(config.get("agent_options", {}), indent=2)
    return (
        "---\nlicense: mit\nlibrary_name: act-the-part\npipeline_tag: robotics\ntags:\n- articulated-objects\n"
        "- interactive-perception\n- arxiv:2105.01047\n---\n\n"
        f"# {name}\n\nAn agent of Act the Part: it finds the parts of articulated objects by holding one place and "
        "pushing another.\n\n```python\nfrom atp import Agent\n\n"
        f"agent = Agent.from_pretrained({repo_id!r})\n```\n"
        + (f"\n## Trained by\n\n{trained}\n" if trained else "")
        + f"\n## How it acts and perceives\n\n```json\n{options}\n```\n"
    )


def _stages(config: dict[str, Any]) -> list[dict[str, Any]]:
    """Later stages of training, oldest first."""
    found = []
    for name in ("perception", "acting"):
        stages, stage = [], config.get(name)
        while isinstance(stage, dict):
            stages.append(stage)
            stage = stage.get("before")
        found += stages[::-1]
    return found


def _reason(error: Exception) -> str:
    """The first line of an error, or its kind where it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _library(name: str) -> Any:
    try:
        import huggingface_hub
    except ImportError as error:
        raise HubError(
            f"{name}: is no folder here, and repositories of the Hub need huggingface_hub: "
            "pip install 'act-the-part[hub]'"
        ) from error
    return huggingface_hub
