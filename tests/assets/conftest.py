"""Fixtures of tests that make objects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pybullet
import pytest


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own, empty at first."""
    monkeypatch.setenv("ATP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def client() -> Iterator[int]:
    """A PyBullet world of the test's own."""
    number = pybullet.connect(pybullet.DIRECT)
    yield number
    pybullet.disconnect(number)
