"""How far an evaluation has come."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def episode_progress(total: int, console: Console | None) -> Iterator[Callable[[int], None]]:
    """Yield a function that takes the number of episodes just finished: a bar on a terminal, else plain lines."""
    began, done, early = time.monotonic(), 0, 0
    columns = (
        TextColumn("episodes"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]:.1f}/s"),
        TimeRemainingColumn(),
    )  # fmt: skip
    terminal = console is not None and console.is_terminal
    with Progress(*columns, console=console, disable=not terminal) as bar:
        task = bar.add_task("", total=total, rate=0.0)

        def progress(count: int) -> None:
            nonlocal done, early
            elapsed = time.monotonic() - began
            done += count
            if elapsed < 1:
                early = done  # found in the journal
            rate = (done - early) / max(elapsed, 1e-9)
            bar.update(task, completed=done, rate=rate)
            passed = done * 10 // total > (done - count) * 10 // total
            if console is not None and not terminal and passed:
                left = f", {rate:.1f}/s, {(total - done) / rate:.0f} s left" if rate else ""
                print(f"{done}/{total} episodes{left}", file=sys.stderr, flush=True)

        yield progress
