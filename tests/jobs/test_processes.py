"""Tasks in other processes: every result, errors of a task, and no worker that outlives whoever started it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

from atp.jobs.processes import map_unordered

#: A script whose two workers write their process ids and then take their time.
SCRIPT = """
import os, sys, time
from pathlib import Path
from atp.jobs.processes import map_unordered

def work(folder):
    (Path(folder) / str(os.getpid())).touch()
    time.sleep({seconds})

if __name__ == "__main__":
    for _ in map_unordered(work, [sys.argv[1]] * 2, workers=2):
        pass
    time.sleep(60)
"""


def square(number: int) -> int:
    return int(number**2)


def refuse(number: int) -> int:
    raise ValueError(f"not {number}")


@pytest.mark.parametrize("workers", [1, 2])
def test_each_task_with_its_result(workers):
    assert sorted(map_unordered(square, [3, 1, 2], workers)) == [(1, 1), (2, 4), (3, 9)]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_a_task_is_that_of_the_caller(workers):
    with pytest.raises(ValueError, match="not 3"):
        list(map_unordered(refuse, [3, 3], workers))


def alive(process: int) -> bool:
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("seconds", [0.5, 300], ids=["waiting", "working"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_of_a_killed_process_end(tmp_path, number, seconds):
    script, folder = tmp_path / "script.py", tmp_path / "workers"
    script.write_text(SCRIPT.format(seconds=seconds))
    folder.mkdir()
    process = subprocess.Popen([sys.executable, str(script), str(folder)], start_new_session=True)
    try:
        until = time.monotonic() + 60
        while not (workers := [int(path.name) for path in folder.iterdir()]) or len(workers) < 1 + (seconds > 1):
            assert time.monotonic() < until
            time.sleep(0.05)
        time.sleep(1.0)  # past the end of short tasks
        process.send_signal(number)
        process.wait(30)
        until = time.monotonic() + 15
        while any(map(alive, workers)):
            assert time.monotonic() < until, "workers are left"
            time.sleep(0.05)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
