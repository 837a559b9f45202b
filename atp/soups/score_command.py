"""Scores by a command of the user's own: whatever prints a number chooses the soup."""

from __future__ import annotations

import math
import shlex
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from torch import Tensor

from atp.jobs.journal import Journal
from atp.soups.checkpoints.soup_errors import SoupError
from atp.soups.fingerprints import fingerprint_of, identity_of

#: Stands for the checkpoint in a command.
PLACE = "{checkpoint}"


class ScoreCommand:
    """Runs a command for a checkpoint and takes the number that it prints last.

    Args:
        command: With ``{checkpoint}`` where the path goes; it is not given to a shell.
        save: Writes a state dict where the command can load it, and says where.
        journal: A file in which scores are kept, so that what was interrupted resumes.
        lower_is_better: Whether the number is a loss; scores are its negative then.

    Raises:
        SoupError: The command does not have the place for the checkpoint.
    """

    def __init__(
        self, command: str, save: Callable[[Mapping[str, Tensor]], Path], journal: Path, lower_is_better: bool = False
    ) -> None:
        try:
            self._words = shlex.split(command)
        except ValueError as error:
            raise SoupError(f"--score-command {command}: {error}") from error
        if not any(PLACE in word for word in self._words):
            raise SoupError(f"--score-command {command}: must have {PLACE} where the path of a checkpoint goes")
        self._command, self._save, self._lower = command, save, lower_is_better
        self._journal = Journal(journal, {"command": command})

    def of_path(self, path: Path) -> float:
        """Score of a checkpoint as it is; larger is better.

        Raises:
            SoupError: The command fails, or prints no number.
        """
        return self._score(identity_of(path), lambda: path)

    def of_state(self, state: Mapping[str, Tensor]) -> float:
        """Score of a mixture; larger is better.

        Raises:
            SoupError: The command fails, or prints no number.
        """
        return self._score(fingerprint_of(state), lambda: self._save(state))

    def number(self, score: float) -> float:
        """The number that was printed for a score."""
        return -score if self._lower else score

    def _score(self, key: str, place: Callable[[], Path]) -> float:
        if key not in self._journal:
            self._journal.add(key, self._run(place()))
        return self.number(float(self._journal[key]))

    def _run(self, path: Path) -> float:
        words = [word.replace(PLACE, str(path)) for word in self._words]
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=False)
        except OSError as error:
            raise SoupError(f"--score-command: {words[0]} cannot be run ({error.strerror})") from error
        if done.returncode:
            last = "\n".join(done.stderr.strip().splitlines()[-5:])
            raise SoupError(f"--score-command: {shlex.join(words)} ended with status {done.returncode}: {last}")
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        try:
            number = float(lines[-1])
        except (IndexError, ValueError) as error:
            last = lines[-1] if lines else "nothing"
            raise SoupError(
                f"--score-command: {shlex.join(words)} must print a number in its last line, not {last!r}"
            ) from error
        if math.isnan(number):
            raise SoupError(f"--score-command: {shlex.join(words)} printed nan, which chooses nothing")
        return number
