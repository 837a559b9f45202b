"""Guards around native libraries, which print where nobody asked and end the process where they should raise."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

#: Seconds after which a native library that does not answer counts as not working.
PROBE_DEADLINE = 60.0


def _flush() -> None:
    """Write out what Python and C still hold for the standard streams."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    with suppress(OSError, TypeError, AttributeError):  # platforms that cannot name the C library this way
        ctypes.CDLL(None).fflush(None)


@contextmanager
def quiet() -> Iterator[None]:
    """Send what anybody prints to file descriptors 1 and 2 to nowhere while the block runs."""
    _flush()
    saved = []
    for target in (1, 2):
        with suppress(OSError):  # a stream that is closed stays closed
            saved.append((target, os.dup(target)))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for target, _ in saved:
            os.dup2(nowhere, target)
        yield
    finally:
        _flush()
        for target, copy in saved:
            os.dup2(copy, target)
            os.close(copy)
        os.close(nowhere)


def complaint(code: str) -> str | None:
    """Try in another process what might end this one.

    Args:
        code: Python code.

    Returns:
        None if the code runs to its end, else a line on why it does not.
    """
    try:
        result = subprocess.run(
            [sys.executable, "-c", code],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PROBE_DEADLINE,
        )
    except subprocess.TimeoutExpired:
        return f"no answer in {PROBE_DEADLINE:.0f} s"
    if result.returncode == 0:
        return None
    lines = [line.strip() for line in result.stderr.splitlines() if line.strip()]
    return lines[0] if lines else f"exit status {result.returncode}"
