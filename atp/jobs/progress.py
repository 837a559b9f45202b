"""How far long work has come: a bar on a terminal, plain lines elsewhere, with the rate and the time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

T = TypeVar("T")

#: What is counted in the first seconds was found done, in a journal for one, and says nothing of the rate.
FOUND_SECONDS = 1.0


class Progress:
    """Shows how many units of work are done while its ``with`` block runs.

    On a terminal what is printed meanwhile appears above the bar. Elsewhere a line goes to stderr at each tenth.

    Args:
        total: Units of the whole work.
        unit: What is counted, in the plural: ``episodes``.
        what: What is being done, before the bar: ``training``.
        done: Units that were done before; they do not count for the rate.
        console: Where the bar goes; stdout if not given.
        lines: Whether lines are printed where there is no terminal. Work with a log of its own needs none.
        shown: False shows nothing at all: another process does.

    Attributes:
        done: Units done.
    """

    def __init__(
        self,
        total: int,
        unit: str,
        what: str = "",
        done: int = 0,
        console: Console | None = None,
        lines: bool = True,
        shown: bool = True,
    ) -> None:
        self.done = done
        self._total, self._unit, self._found, self._began = total, unit, done, time.monotonic()
        console = console or Console()
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn(f"{{task.fields[rate]:.1f}} {unit}/s"),
            TimeRemainingColumn(),
        )
        self._bar = Bar(*columns, console=console, disable=not (shown and console.is_terminal))
        self._task = self._bar.add_task(what or unit, total=total, completed=done, rate=0.0)
        self._lines = lines and shown and not console.is_terminal

    def __enter__(self) -> Progress:
        self._began = time.monotonic()
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()

    def advance(self, count: int = 1) -> None:
        """``count`` more units are done."""
        self.update(self.done + count)

    def update(self, done: int) -> None:
        """``done`` units are done by now."""
        before, self.done = self.done, done
        elapsed = time.monotonic() - self._began
        if elapsed < FOUND_SECONDS:
            self._found = done
        rate = (done - self._found) / max(elapsed, 1e-9)
        self._bar.update(self._task, completed=done, rate=rate)
        if self._lines and done * 10 // self._total > before * 10 // self._total:
            left = f", {rate:.1f}/s, {(self._total - done) / rate:.0f} s left" if rate else ""
            print(f"{done}/{self._total} {self._unit}{left}", file=sys.stderr, flush=True)


def track(items: Sequence[T], unit: str, what: str = "", console: Console | None = None) -> Iterator[T]:
    """Go through items and show how many are done.

    Args:
        items: The units of work.
        unit: As of :class:`Progress`, like the rest.
        what: What is being done.
        console: Where the bar goes.

    Yields:
        Each item; it counts as done when the next one is asked for.
    """
    with Progress(len(items), unit, what, console=console) as progress:
        for item in items:
            yield item
            progress.advance()
