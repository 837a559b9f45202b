"""Fixtures of the tests of `atp annotate`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from annotation_page import serve, write_video
from atp.annotation.annotation_session import AnnotationSession


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("video") / "door.mp4")


@pytest.fixture
def page(video: Path, tmp_path: Path) -> Iterator[SimpleNamespace]:
    yield from serve(AnnotationSession(video, tmp_path / "clips" / "door", source="filmed", licence="CC0"))
