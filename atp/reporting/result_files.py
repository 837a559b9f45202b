"""The files of results of a repository, and what tables say of where their figures come from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from atp.results.eval import EvalResult, EvalRow
from atp.results.schema import Result, ResultError

RESULTS = Path("docs/results")
WEIGHTS = Path("assets/weights/four-categories")
DEFAULT_WEIGHTS = Path("assets/weights/default")

R = TypeVar("R", bound=Result)


class Results:
    """The files of results of a repository.

    Args:
        root: Folder of the repository.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, kind: type[R], name: str) -> R:
        """Read ``docs/results/NAME.json``.

        Raises:
            ResultError: It is missing or is no such file; the message names it.
        """
        return kind.read(self.root / RESULTS / f"{name}.json")

    def has(self, name: str) -> bool:
        """Whether there is a ``docs/results/NAME.json``."""
        return (self.root / RESULTS / f"{name}.json").is_file()

    def scores(self, name: str) -> EvalResult:
        """Read a result of ``atp eval``."""
        return self.read(EvalResult, name)

    def rows(self, name: str, split: str, policy: str = "") -> list[EvalRow]:
        """Rows of a result of ``atp eval`` with objects of a split, of all policies or of one as it is."""
        rows = [row for row in self.scores(name).rows if row.split == split]
        return [row for row in rows if row.policy == policy and not row.variant] if policy else rows

    def config(self, weights: Path = WEIGHTS) -> dict[str, Any]:
        """The config of shipped weights.

        Raises:
            ResultError: It cannot be read; the message names it.
        """
        file = self.root / weights / "config.json"
        try:
            config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ResultError(f"{file}: cannot be read as JSON ({error})") from error
        return config


def source(name: str, command: str, more: str = "") -> str:
    """Where the figures of a table come from: the file, the command that wrote it and what else there is to say."""
    return f"From `{RESULTS / name}.json`: `.venv/bin/{command}`{f' ({more})' if more else ''}."


def scores_source(name: str, result: EvalResult) -> str:
    """The same for a result of ``atp eval``, with its episodes and seeds."""
    over = "; mean ± standard deviation over the seeds" if len(result.seeds) > 1 else ""
    return source(name, result.command, f"{scores_count(result)}{over}")


def scores_count(result: EvalResult) -> str:
    """How many episodes, interactions and seeds a result of ``atp eval`` is of, and the weights if not ``default``."""
    row = result.rows[0]
    lengths = [len(values) for values in row.by_interaction.values()]
    interactions = f" of {max(lengths)} interactions" if lengths else ""
    seeds = f", from {len(result.seeds)} seeds" if len(result.seeds) > 1 else ""
    weights = "" if result.weights == "default" else f", weights `{result.weights}`"
    return f"{row.episodes} episodes{interactions} for each policy and category{seeds}{weights}"
