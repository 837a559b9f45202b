"""What is said of an object that others made: one sentence each, and no list without an end."""

from __future__ import annotations

from collections.abc import Iterable

MOST = 5  # names in one sentence


def listed(names: Iterable[str]) -> str:
    """Names with commas, each once: ``a, b, c and 4 more``."""
    distinct = list(dict.fromkeys(names))
    rest = len(distinct) - MOST
    return ", ".join(distinct[:MOST]) + (f" and {rest} more" if rest > 0 else "")
