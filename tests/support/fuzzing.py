"""Bad inputs from seeds, each tried in a process of its own with limits: a result or one clear error, nothing else."""

from __future__ import annotations

import os
import re
import resource
import signal
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

NUMBER = re.compile(rb"-?\d+\.?\d*(e-?\d+)?")
NUMBERS = (
    b"nan", b"inf", b"-inf", b"1e308", b"-1e308", b"1e38", b"1e-320", b"1e9", b"-1", b"0", b"", b"x", b"0x10", b"1,5",
    b"1_0", b"${a}", b"9" * 400, b"4294967296", b"-9223372036854775809", b"true", b"null", b"[]",
    b"\xff\xfe", b"1 2 3 4 5 6 7 8",
)  # fmt: skip
WORDS = (
    b"", b" ", b"a" * 5000, b"../" * 40, b"/dev/zero", b"/etc/passwd", b".", b"%00", b"\\", b"\t", b"\xe2\x80\xae",
    b"world", b"planar_x", b"package://", b"file://", b"$(find x)", b"-x", b"\n", b"&amp;", b"\xf0\x9f\xa6\x96" * 80,
)  # fmt: skip


def refusals(
    case: Callable[[np.random.Generator], None],
    seeds: Iterable[int],
    clear: tuple[type[Exception], ...],
    seconds: int = 120,
    gigabytes: float = 3.0,
) -> dict[int, str]:
    """Try a case with every seed in a child of this process.

    Args:
        case: Makes one bad input and uses it; its files are its own.
        seeds: Of the cases.
        clear: Errors that a user is shown as a line; their messages may not be empty.
        seconds: After which a child is ended.
        gigabytes: Of address space beyond what this process has.

    Returns:
        Messages of the clear errors by seed.

    Raises:
        AssertionError: A case ended in a crash, a hang or another error; all of them are named.
    """
    messages, failures = {}, []
    for seed in seeds:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _try(case, seed, clear, seconds, gigabytes, writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            said = pipe.read().decode("utf-8", "replace")
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        if code == 1:
            messages[seed] = said
        elif code != 0:
            ended = (
                {-signal.SIGALRM: "hangs"}.get(code, f"crashes ({signal.Signals(-code).name})") if code < 0 else said
            )
            failures.append(f"seed {seed}: {ended}")
    assert not failures, "\n".join(failures)
    return messages


def _try(
    case: Callable[[np.random.Generator], None],
    seed: int,
    clear: tuple[type[Exception], ...],
    seconds: int,
    gigabytes: float,
    writing: int,
) -> None:
    """What a child does; it never returns."""
    code = 2
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(seconds)
        own = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        limit = own + int(gigabytes * 2**30)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        try:
            case(np.random.default_rng(seed))
            code = 0
        except clear as error:
            code = 1 if str(error).strip() else 2
            os.write(writing, str(error).encode("utf-8", "replace")[:60_000])
    except BaseException:
        os.write(writing, traceback.format_exc().encode("utf-8", "replace")[-60_000:])
    finally:
        os._exit(code)


def damage(data: bytes, rng: np.random.Generator) -> bytes:
    """A file's bytes with one thing wrong that text may have wrong, or any file."""
    kind = int(rng.integers(8))
    lines = data.splitlines(keepends=True)
    if kind in (0, 1) and (found := list(NUMBER.finditer(data))):
        place = found[int(rng.integers(len(found)))]
        return data[: place.start()] + NUMBERS[int(rng.integers(len(NUMBERS)))] + data[place.end() :]
    if kind == 2 and (found := list(re.finditer(rb'(?<=")[^"\n]*(?=")|\S+', data))):
        place = found[int(rng.integers(len(found)))]
        return data[: place.start()] + WORDS[int(rng.integers(len(WORDS)))] + data[place.end() :]
    if kind == 3 and len(lines) > 1:
        del lines[int(rng.integers(len(lines)))]
        return b"".join(lines)
    if kind == 4 and lines:
        lines.insert(int(rng.integers(len(lines))), lines[int(rng.integers(len(lines)))])
        return b"".join(lines)
    if kind == 5:
        return data[: int(rng.integers(len(data) + 1))]
    changed = bytearray(data)
    for place in rng.integers(max(len(data), 1), size=int(rng.integers(1, 6))) if data else ():
        changed[place] = int(rng.integers(256))
    return bytes(changed)


def replaced(path: Path, rng: np.random.Generator) -> None:
    """Put something in a file's place that is none, or an empty one."""
    path.unlink()
    kind = int(rng.integers(6))
    if kind == 0:
        path.mkdir()
    elif kind == 1:
        os.mkfifo(path)
    elif kind == 2:
        path.symlink_to("/dev/zero")
    elif kind == 3:
        path.symlink_to(path)
    elif kind == 4:
        path.touch()
