"""What is there of a comparison: rows and logits, in memory, or in a folder from which an interrupted one goes on."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from assets.files import atomic_path
from atp.jobs.journal import Journal

#: Logits or targets by set; None is the held-out one.
BySet = dict[str | None, Tensor]

#: In the folder.
JOURNAL = "comparison.journal"
LOGITS = ".logits"
#: How far logits of the first checkpoint may be from those that were kept, as a share of the largest.
CLOSE = 1e-3


@dataclass(frozen=True)
class Single:
    """A checkpoint alone.

    Attributes:
        row: Its row, without its pairs.
        rights: (N,) bool by test: which examples are right; empty where the task has a metric of its own.
    """

    row: dict[str, Any]
    rights: dict[str, Tensor]


class KeptRows:
    """Rows of a comparison by key, and logits of single checkpoints.

    Without a folder all is in memory. With one, logits are in files alone, so that memory does not grow with the number
    of checkpoints, and rows are written as soon as they are there.

    Args:
        folder: Where; None keeps nothing.
        about: JSON values that decide the rows; what was kept of others does not count.
    """

    def __init__(self, folder: Path | None, about: dict[str, Any]) -> None:
        self._folder, self._about = folder, about
        self._journal = None if folder is None else Journal(folder / JOURNAL, about)
        self._logits: dict[int, BySet] = {}

    def start_anew(self) -> None:
        """Forget what was kept."""
        if self._folder is not None:
            (self._folder / JOURNAL).unlink()
            self._journal = Journal(self._folder / JOURNAL, self._about)

    def rows(self, key: str) -> list[dict[str, Any]] | None:
        """Rows under a key; None where there are none."""
        return None if self._journal is None or key not in self._journal else list(self._journal[key])

    def keep_rows(self, key: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keep rows."""
        if self._journal is not None:
            self._journal.add(key, [dict(row) for row in rows])

    def single(self, index: int, logits: bool) -> Single | None:
        """What was kept of a checkpoint alone; None where something is not there, such as logits that are needed."""
        key = f"ingredient {index}"
        if self._journal is None or key not in self._journal or (logits and not self._file(index).exists()):
            return None
        kept = self._journal[key]
        return Single(kept["row"], {name: _unpacked(*value) for name, value in kept["rights"].items()})

    def keep_single(self, index: int, single: Single, logits: BySet | None) -> None:
        """Keep a checkpoint's row, and its logits if they are given."""
        if logits is not None and self._journal is None:
            self._logits[index] = logits
        elif logits is not None:
            with atomic_path(self._file(index)) as path:
                save_file({_key(name): value.contiguous() for name, value in logits.items()}, path)
        if self._journal is not None:
            rights = {name: _packed(value) for name, value in single.rights.items()}
            self._journal.add(f"ingredient {index}", {"row": single.row, "rights": rights})

    def logits(self, index: int, name: str | None) -> Tensor:
        """Logits of a checkpoint on a set, (N, C), as they were kept."""
        if self._journal is None:
            return self._logits[index][name]
        with safe_open(self._file(index), "pt") as file:
            found: Tensor = file.get_tensor(_key(name))
            return found

    def mean(self, indices: Sequence[int], sets: Iterable[str | None]) -> BySet:
        """Mean logits of some checkpoints, float64; one checkpoint's on one set are read at a time."""
        found: BySet = {}
        for name in sets:
            total = self.logits(indices[0], name).double()
            for index in indices[1:]:
                total = total + self.logits(index, name).double()
            found[name] = total / len(indices)
        return found

    def is_of(self, outputs: BySet, targets: BySet) -> bool:
        """Whether outputs and targets are those that were kept first; they are kept if there are none yet.

        What a comparison depends on cannot all be seen from outside: data, the network's code, how it is prepared. So
        the first checkpoint is looked at again each time.
        """
        if self._folder is None:
            return True
        some = {f"logits {_key(name)}": value for name, value in outputs.items()}
        some |= {f"targets {_key(name)}": value for name, value in targets.items()}
        path = self._folder / LOGITS / "first"
        if self._journal is not None and len(self._journal):
            known: dict[str, Tensor] = {}
            with contextlib.suppress(OSError, ValueError):
                known = load_file(path)
            return known.keys() == some.keys() and all(_alike(known[name], value) for name, value in some.items())
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as place:
            save_file({name: value.contiguous() for name, value in some.items()}, place)
        return True

    def finish(self) -> None:
        """Remove logits that nothing needs any more; rows stay."""
        self._logits.clear()
        if self._folder is not None:
            for path in (self._folder / LOGITS).glob("ingredient-*"):
                path.unlink()

    def _file(self, index: int) -> Path:
        assert self._folder is not None
        return self._folder / LOGITS / f"ingredient-{index}"


def _key(name: str | None) -> str:
    return "held-out" if name is None else f"test {name}"


def _alike(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if not one.is_floating_point():
        return torch.equal(one, other)
    most = float(one.double().abs().max()) if one.numel() else 0.0
    return bool(((one.double() - other.double()).abs() <= CLOSE * most).all())


def _packed(rights: Tensor) -> tuple[str, int]:
    return base64.b64encode(np.packbits(rights.numpy()).tobytes()).decode(), len(rights)


def _unpacked(text: str, count: int) -> Tensor:
    bits = np.unpackbits(np.frombuffer(base64.b64decode(text), np.uint8), count=count)
    return torch.from_numpy(bits.astype(bool))
