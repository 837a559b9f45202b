"""The soups of one command: written in the form of their ingredients, with a report of what they are made of."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from assets.files import write_json
from atp.soups.checkpoints.checkpoint_folders import REPORT, earlier_soups
from atp.soups.checkpoints.saving import SHARD_BYTES, differing_configuration, save_like
from atp.soups.checkpoints.soup_errors import SoupWarning
from atp.soups.fingerprints import stamp_of
from atp.soups.ingredients import Ingredients

#: Where a mixture lies while a command scores it.
CANDIDATE = ".candidate"


class SoupFiles:
    """Writes soups to a folder.

    Args:
        out: The folder.
        ingredients: What they are made of; the first one's form is theirs.
        shard_bytes: Most bytes of a file in a folder.

    Attributes:
        notes: What should be said of the ingredients.
        scores: By name of the checkpoint or soup.
    """

    def __init__(self, out: Path, ingredients: Ingredients, shard_bytes: int = SHARD_BYTES) -> None:
        self._out, self._ingredients, self._shard_bytes = out, ingredients, shard_bytes
        self._made: dict[str, dict[str, Any]] = {}
        self._before = _soups_of(out)
        self._earlier = {name for name in earlier_soups(out) if (out / name).exists()}
        self.notes = [note for checkpoint in ingredients.checkpoints for note in checkpoint.notes]
        self.scores: dict[str, float] = {}
        for difference in differing_configuration([each.form for each in ingredients.checkpoints]):
            warnings.warn(difference, SoupWarning, stacklevel=2)
        extras = [each.extra for each in ingredients.checkpoints]
        if any(extra != extras[0] for extra in extras):
            warnings.warn(
                f"{ingredients[0]}: what modules keep beside tensors ({', '.join(extras[0])}) differs; the first one's "
                "goes with the soup",
                SoupWarning,
                stacklevel=2,
            )
        bases = {str(config.get("base_model_name_or_path")) for config in ingredients.adapters}
        if len(bases) > 1:
            warnings.warn(
                f"adapters name different bases: {', '.join(sorted(bases))}; a mean of adapters to different models "
                "means nothing",
                SoupWarning,
                stacklevel=2,
            )

    def say(self, notes: Sequence[str]) -> None:
        """Put further notes before those that there are."""
        self.notes = [*notes, *self.notes]

    def score(self, name: str, value: float) -> None:
        """Keep a score for the report."""
        self.scores[name] = value

    def keep(self, name: str, state: Mapping[str, Tensor], chosen: Sequence[float] = (), stem: str = "") -> Path:
        """Write a soup.

        Args:
            name: In tables.
            state: Its weights.
            chosen: Indices of its ingredients, or weights of all.
            stem: Name of the file or folder; empty makes it of the name.

        Returns:
            The file or folder.
        """
        place = self._save(state, (stem or name).replace(" ", "-").lower())
        self._made[name] = {"file": place.name, "chosen": [float(each) for each in chosen], "stamp": _stamp(place)}
        self._write("")
        return place

    def still(self, name: str) -> bool:
        """Whether a soup is there as an earlier command wrote it; it counts as one of this command's then."""
        before = self._before.get(name)
        if before is None or not before.get("stamp") or _stamp(self._out / before["file"]) != before["stamp"]:
            return False
        self._made[name] = before
        return True

    def candidate(self, state: Mapping[str, Tensor]) -> Path:
        """Write a mixture that is only to be scored; the next one replaces it."""
        return self._save(state, CANDIDATE)

    def finish(self, command: str) -> None:
        """Write the whole report, and leave no candidate."""
        self._write(command)
        for path in self._out.glob(f"{CANDIDATE}*"):
            _remove(path)

    def _save(self, state: Mapping[str, Tensor], stem: str) -> Path:
        first = self._ingredients.checkpoints[0]
        return save_like(first.form, state, self._out / stem, first.extra, self._shard_bytes)

    def _write(self, command: str) -> None:
        some = self._ingredients
        used = [
            {
                "name": checkpoint.name,
                "files": [str(file) for file in checkpoint.form.files],
                "key": ".".join(checkpoint.form.entry),
                "tensors": len(checkpoint.layout),
            }
            for checkpoint in some.checkpoints
        ]
        dtypes = sorted({str(dtype).removeprefix("torch.") for _, dtype in some.layout.values()})
        write_json(
            self._out / REPORT,
            {
                "command": command,
                "ingredients": used,
                "notes": self.notes,
                "dtypes": dtypes,
                "scores": self.scores,
                "soups": self._made,
                "written": sorted(self._earlier | {made["file"] for made in self._made.values()}),
            },
        )


def _soups_of(out: Path) -> dict[str, dict[str, Any]]:
    """Soups by name, as the report of an earlier command has them."""
    try:
        soups = json.loads((out / REPORT).read_text("utf-8"))["soups"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return soups if isinstance(soups, dict) else {}


def _stamp(place: Path) -> list[list[Any]]:
    """Files of a soup, how long they are and when they were written; empty where it is gone."""
    files = sorted(file for file in place.rglob("*") if file.is_file()) if place.is_dir() else [place]
    try:
        return [[file.name, *stamp_of(file)] for file in files]
    except OSError:
        return []


def _remove(path: Path) -> None:
    if path.is_dir():
        for each in path.iterdir():
            _remove(each)
        path.rmdir()
    else:
        path.unlink()
