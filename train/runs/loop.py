"""The loop of every training run: rounds, log, checkpoints, an orderly stop, and exact resumption."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from contextlib import ExitStack, closing
from typing import Any, ClassVar, Protocol

import torch

from atp.jobs.progress import Progress
from train.runs.distributed import ProcessGroup
from train.runs.run_folder import RunFolder, RunOptions
from train.runs.stopping import stop_requested


class LoopOptions(RunOptions, Protocol):
    """What the loop itself reads of a run's options."""

    @property
    def threads(self) -> int:
        """CPU threads of PyTorch; 0 leaves its default."""
        ...

    @property
    def log_every(self) -> int:
        """Units between entries of the log."""
        ...

    @property
    def checkpoint_every(self) -> int:
        """Units between checkpoints."""
        ...


class TrainingRun(ABC):
    """A run in a folder. What a round does is the subclass's; when to log, save and stop stands here.

    A run that resumes from its checkpoint ends with the very same weights as one that was never stopped, as long as
    its rounds depend on the restored state, the seed and the round's number alone. Entries of the log and checkpoints
    come when a multiple of their interval is passed, so that a stop does not shift them.

    A subclass gives :attr:`done` and :attr:`total`, and the methods that start with an underscore: ``_open``,
    ``_round``, ``_log``, ``_state``, ``_restore`` and ``_write_weights`` must be there, ``_flush``, ``_checkpoint``
    and ``_catch_up`` may be.

    Args:
        config: The options.
        command: The command line, for the weights' config.
        group: The processes that train together; this one alone if not given.

    Attributes:
        folder: The run's folder, locked.
        seconds: Time spent in :meth:`run`, by earlier processes too.

    Raises:
        ValueError: An option cannot be used, or ``config.out`` holds a run with other options.
    """

    #: What is counted, in messages and beside the bar.
    unit: ClassVar[str] = "interactions"
    #: What is being done, before the bar.
    activity: ClassVar[str] = "training"

    def __init__(self, config: LoopOptions, command: str = "", group: ProcessGroup | None = None) -> None:
        self._options, self.command, self.group = config, command, group or ProcessGroup()
        self.seconds = 0.0
        if config.threads:
            torch.set_num_threads(config.threads)
        with ExitStack() as opened:
            opened.callback(self.group.leave)
            self.folder = opened.enter_context(closing(RunFolder(config, self.group.is_main_process)))
            self._open(opened)
            self.folder.write_options()
            self._opened = opened.pop_all()

    def run(self) -> bool:
        """Go from round to round until all is done or somebody asks to stop.

        Returns:
            True if the run is complete; its weights are then in ``out/weights``. False if it was interrupted by
            SIGINT or SIGTERM; everything is saved then.

        Raises:
            envs.parallel.pool.WorkerLost: An environment worker was lost. The run resumes from its last checkpoint.
            train.runs.run_folder.Diverged: The weights are no numbers any more.
        """
        start, began, earlier = self.done, time.monotonic(), self.seconds
        progress = Progress(
            self.total, self.unit, self.activity, start, lines=False, shown=self.group.is_main_process
        )  # no lines: the entries of the log are lines
        with stop_requested() as stop, progress:
            stopping = self.group.any(bool(stop))
            while self.done < self.total and not stopping:
                before = self.done
                self._round()
                spent = time.monotonic() - began
                self.seconds = earlier + spent
                progress.update(self.done)
                if _passes(self._options.log_every, before, self.done):
                    self._log((self.done - start) / max(spent, 1e-9))
                if _passes(self._options.checkpoint_every, before, self.done):
                    self._checkpoint()
                stopping = self.group.any(bool(stop))
            while self.done >= self.total and not stopping and self._catch_up():
                stopping = self.group.any(bool(stop))
            self.save()
        if not self.complete:
            self._note(f"stopped at {self.done} {self.unit}; the same command resumes from here")
            return False
        if self.group.is_main_process:
            self._write_weights()
        self._note(f"weights: {self.folder.path / 'weights'}")
        return True

    @property
    @abstractmethod
    def done(self) -> int:
        """Units done so far, by all processes together."""

    @property
    @abstractmethod
    def total(self) -> int:
        """Units of the whole run."""

    @property
    def complete(self) -> bool:
        """Whether nothing is left to do."""
        return self.done >= self.total

    def save(self) -> None:
        """Write the checkpoint: a killed run resumes from here, exactly."""
        self._flush()
        self.group.wait()  # until what all processes stored is there
        self.folder.save({"processes": self.group.size, "seconds": self.seconds, **self._state()})

    def close(self) -> None:
        """End the workers and the log, and unlock the folder."""
        self._opened.close()

    @abstractmethod
    def _open(self, opened: ExitStack) -> None:
        """Make what the run needs, and call :meth:`_resume` when it can be restored.

        Args:
            opened: What goes in here is closed in the end, and also if this method raises.
        """

    @abstractmethod
    def _round(self) -> None:
        """Do the next piece of work; :attr:`done` grows."""

    @abstractmethod
    def _log(self, rate: float) -> None:
        """Write an entry of the log; ``rate`` units are done a second."""

    @abstractmethod
    def _state(self) -> dict[str, Any]:
        """What :meth:`_restore` needs: tensors, numbers, strings, lists and dicts only."""

    @abstractmethod
    def _restore(self, state: dict[str, Any]) -> None:
        """Go back to a state of :meth:`_state`."""

    @abstractmethod
    def _write_weights(self) -> None:
        """Write what was trained to ``out/weights``."""

    def _flush(self) -> None:  # noqa: B027 - most runs that store nothing beside need none
        """Write to disk what must not be older than the checkpoint to come."""

    def _checkpoint(self) -> None:
        """What happens when the interval of checkpoints is passed."""
        self.save()

    def _catch_up(self) -> bool:
        """Do a piece of what is left after the last round; whether there was one."""
        return False

    def _resume(self) -> bool:
        """Go back to the folder's checkpoint; whether there is one.

        Raises:
            ValueError: It cannot be read, or is of other networks or of another number of processes.
        """
        state = self.folder.load()
        if state is None:
            return False
        processes = state.get("processes", 1)
        if processes != self.group.size:
            raise ValueError(
                f"{self.folder.path}: {processes} processes trained here, not {self.group.size}; "
                "resume with as many or choose another --out"
            )
        try:
            self._restore(state)
        except (RuntimeError, LookupError, ValueError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{self.folder.path}: its checkpoint is of other networks, made by another version; "
                "choose another --out to start anew"
            ) from error
        self.seconds = float(state.get("seconds", 0.0))
        return True

    def _note(self, line: str) -> None:
        """Print a line, in one of the processes."""
        if self.group.is_main_process:
            print(line, flush=True)


def describe_machine(device: torch.device) -> str:
    """What a run computes with, for the weights' config."""
    cores = f"{len(os.sched_getaffinity(0))} CPU cores"
    return cores if device.type == "cpu" else f"{cores}, {torch.cuda.get_device_name(device)}"


def _passes(interval: int, before: int, now: int) -> bool:
    """Whether a multiple of ``interval`` lies in (before, now]."""
    return now // interval > before // interval
