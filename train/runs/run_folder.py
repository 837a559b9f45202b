"""The folder of a training run: its options, its checkpoint, and that only one process works in it."""

from __future__ import annotations

import dataclasses
import fcntl
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, Protocol

import torch

from assets.files import atomic_path, write_json
from train.data.replay import Replay


class RunOptions(Protocol):
    """A dataclass of options with the folder of the run, ``out``, and a default for every option."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def out(self) -> Path:
        """Folder of the run."""
        ...


class Diverged(RuntimeError):
    """A run's weights are no numbers any more; the message says what to do."""


#: Options that may differ when a run is resumed; all others decide what is learned.
FREE_OPTIONS = {"out", "device", "threads", "workers", "ray", "mirror", "log_every"}


class RunFolder:
    """``config.out``, locked for this process until :meth:`close`.

    Args:
        config: The options of the run.
        is_main_process: Whether this process is the one that locks and writes; others of the same run read alone.

    Raises:
        ValueError: Another run trains in the folder, or it holds a run that was started with other options.
    """

    def __init__(self, config: RunOptions, is_main_process: bool = True) -> None:
        self.path = config.out
        self._is_main_process = is_main_process
        self.options = jsonable(config)
        self._defaults = jsonable(type(config)())
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = (self.path / "lock").open("a")
        except OSError as error:
            raise ValueError(f"{error.filename}: cannot be written ({error.strerror}); choose another --out") from error
        try:
            if is_main_process:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.check_options()
        except BlockingIOError as error:
            self.close()
            raise ValueError(f"{self.path}: another process is training here; choose another --out") from error
        except ValueError:
            self.close()
            raise

    def load(self) -> dict[str, Any] | None:
        """Read the checkpoint; None if there is none.

        Raises:
            ValueError: It cannot be read.
        """
        if not self._checkpoint.exists():
            return None
        state = _read_state(self._checkpoint)
        broken = not_finite(state)
        if broken:
            raise ValueError(
                f"{self._checkpoint}: {broken} is NaN or infinite, so that nothing can be learned from here; choose "
                "another --out to start anew"
            )
        return state

    def write_options(self) -> None:
        """Keep the options, for who resumes the run."""
        if self._is_main_process:
            write_json(self.path / "options.json", self.options)

    def save(self, state: dict[str, Any]) -> None:
        """Replace the checkpoint. ``state`` holds tensors, numbers, strings, lists and dicts only.

        Raises:
            Diverged: A tensor has values that are NaN or infinite; the checkpoint stays as it was.
        """
        broken = not_finite(state)
        if broken:
            raise Diverged(
                f"{self.path}: training diverged, {broken} is NaN or infinite, and is not saved; start anew with "
                "another --out and a smaller learning rate"
            )
        if self._is_main_process:
            with atomic_path(self._checkpoint) as temporary:
                torch.save(state, temporary)

    def close(self) -> None:
        """Let other processes work in the folder."""
        self._lock.close()

    @property
    def _checkpoint(self) -> Path:
        return self.path / "checkpoint.pt"

    def check_options(self) -> None:
        """Refuse to resume a run that was started with other options. Without a checkpoint there is none.

        Raises:
            ValueError: The options differ, or cannot be read.
        """
        path = self.path / "options.json"
        if not self._checkpoint.exists():
            return
        stored = _read_options(path)
        stored = {**self._defaults, **stored}  # options that are newer than the run had no effect then
        changed = sorted(
            name for name, value in self.options.items() if name not in FREE_OPTIONS and stored[name] != value
        )
        if changed:
            raise ValueError(
                f"{path}: this run was started with other values of {', '.join(changed)}; "
                "give the same ones to resume, or another --out to start anew"
            )


def read_run(folder: Path) -> tuple[int, dict[str, Any]]:
    """What a run of ``train.atp_train`` played: how many interactions are in its replay, and its options.

    Raises:
        ValueError: It is not the folder of such a run; the message names the file.
    """
    try:
        options = _read_options(folder / "options.json")
        return int(_read_state(folder / "checkpoint.pt", mmap=True)["written"]), options
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{folder}: is not the folder of a run of train.atp_train ({error})") from error


def open_recorded(folder: Path) -> Replay:
    """The stored interactions of a complete run of ``train.atp_train`` or ``train.record``; they are not added to.

    Raises:
        ValueError: It is not the folder of such a run; the message names the file.
    """
    written, options = read_run(folder)
    side, size, trials = options.get("resolution"), options.get("replay_size", written), options.get("trials", 0)
    if not (isinstance(side, int) and isinstance(size, int) and isinstance(trials, int)):
        raise ValueError(f"{folder / 'options.json'}: resolution, replay_size or trials is missing, or no whole number")
    capacity = min(size, written)
    return Replay(folder / "replay.npy", side, side, capacity=capacity, slack=0, written=written, trials=trials)


def not_finite(state: Any, name: str = "") -> str:
    """The name of the first tensor in nested dictionaries and lists that has NaN or infinite values; empty for none."""
    if isinstance(state, torch.Tensor):
        return name if state.is_floating_point() and not bool(torch.isfinite(state).all()) else ""
    entries: Iterable[tuple[Any, Any]] = ()
    if isinstance(state, dict | list | tuple):
        entries = state.items() if isinstance(state, dict) else enumerate(state)
    return next(filter(None, (not_finite(each, f"{name}.{key}".lstrip(".")) for key, each in entries)), "")


def _read_state(path: Path, mmap: bool = False) -> dict[str, Any]:
    """A checkpoint."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
    except Exception as error:  # a damaged file fails in as many ways as it has bytes
        raise ValueError(f"{path}: cannot be read; choose another --out to start anew ({error})") from error
    if not isinstance(state, dict):
        raise ValueError(f"{path}: is no checkpoint of a run; choose another --out to start anew")
    return state


def _read_options(path: Path) -> dict[str, Any]:
    """The options that a run was started with."""
    try:
        options = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ValueError(
            f"{path}: missing, and without it nobody knows what the checkpoint beside it was trained with; put it back "
            "or choose another --out to start anew"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: is not JSON ({error}); choose another --out to start anew") from error
    if not isinstance(options, dict):
        raise ValueError(f"{path}: must hold an object of options; choose another --out to start anew")
    return options


def jsonable(config: RunOptions) -> dict[str, Any]:
    """The options as JSON values."""
    options: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(config), default=str))
    return options
