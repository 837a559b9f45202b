"""Progress: a bar on a terminal, lines at each tenth elsewhere, and a rate of this process's work alone."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from atp.jobs import progress as module
from atp.jobs.progress import Progress, track


@pytest.fixture
def clock(monkeypatch):
    """The time, which passes when a test says so."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=100)


def text_of(console: Console) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", console.file.getvalue())  # type: ignore[attr-defined]


def test_a_bar_on_a_terminal_with_the_rate_since_the_start(clock, capsys):
    console = terminal()
    with Progress(100, "interactions", "training", done=20, console=console) as progress:
        clock[0] += 2
        progress.update(44)
    assert re.search(r"training .* 44/100 12\.0 interactions/s", text_of(console))
    assert capsys.readouterr().err == ""


def test_lines_at_each_tenth_elsewhere(clock, capsys):
    with Progress(40, "episodes") as progress:
        progress.advance(10)  # found done: not of this rate
        for _ in range(3):
            clock[0] += 2
            progress.advance(2)
    assert capsys.readouterr().err.splitlines() == [
        "10/40 episodes",
        "12/40 episodes, 1.0/s, 28 s left",
        "16/40 episodes, 1.0/s, 24 s left",
    ]


def test_nothing_is_shown_where_that_is_asked_for(capsys):
    console = terminal()
    with Progress(4, "episodes", console=console, shown=False) as progress:
        progress.advance(4)
    with Progress(4, "episodes", lines=False) as progress:
        progress.advance(4)
    assert "episodes" not in text_of(console)
    assert capsys.readouterr() == ("", "")


def test_items_count_when_they_are_done(capsys):
    seen = []
    for item in track(["a", "b"], "clips"):
        assert f"{len(seen) + 1}/2" not in capsys.readouterr().err
        seen.append(item)
    assert seen == ["a", "b"]
    assert "2/2 clips" in capsys.readouterr().err
