"""A kind of clip that the package does not know: one module and one registration."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from atp.cli import main
from atp.clips import CLIP_SOURCES, ClipError, find_clips, read_clip

MODULE = """
from pathlib import Path

import numpy as np

from atp.clips import CLIP_SOURCES, Clip, ClipError
from atp.clips.footage import IndexedFootage
from atp.clips.interaction_finding import find_interactions


class ArchiveFootage(IndexedFootage):
    def __init__(self, path: Path) -> None:
        try:
            self.images = np.load(path)["images"]
        except (OSError, ValueError, KeyError) as error:
            raise ClipError(f"{path}: is no archive with images ({error})") from error
        super().__init__(path, len(self.images), moments=True)

    def read(self, number):
        return self.images[number]


class ArchiveSource:
    def recognises(self, path):
        return path.suffix == ".npz"

    def read(self, path):
        footage = ArchiveFootage(path)
        return Clip(path.stem, path, footage, find_interactions(footage), found=True)


CLIP_SOURCES.add("archive", ArchiveSource())
"""


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Three images between which a square moves."""
    images = np.full((3, 60, 80, 3), 70, np.uint8)
    for number in range(3):
        images[number, 20:40, 5 + 20 * number : 25 + 20 * number] = (220, 180, 60)
    np.savez(tmp_path / "square.npz", images=images)
    return tmp_path / "square.npz"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module outside of the package, which nobody has imported yet."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "archive_clips.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path / "code")
    monkeypatch.setattr(CLIP_SOURCES, "_entries", dict(CLIP_SOURCES._entries))
    monkeypatch.delitem(sys.modules, "archive_clips", raising=False)
    return "archive_clips"


def test_a_source_from_outside_is_found_by_what_it_recognises(archive: Path, module: str):
    with pytest.raises(ClipError, match="cannot be read as a video"):
        read_clip(archive)
    __import__(module)
    assert find_clips([archive]) == [archive]
    clip = read_clip(archive)
    assert (clip.name, clip.shape, clip.found) == ("square", (60, 80), True)
    assert [(found.before, found.after) for found in clip.interactions] == [(0, 1), (1, 2)]
    ((_, last),) = clip.footage.frames([2])
    assert last[30, 55].tolist() == [220, 180, 60]
    with pytest.raises(ClipError, match="frame 3 is past the end, the last one is 2"):
        list(clip.footage.frames([3]))
    archive.write_bytes(b"broken")
    with pytest.raises(ClipError, match=r"square\.npz: is no archive"):
        read_clip(archive)


def test_the_command_finds_a_source_by_its_module(archive: Path, module: str, weights: Path, tmp_path: Path):
    out = tmp_path / "out"
    main(["clip", str(tmp_path), "--source", f"{module}:archive", "--weights", str(weights), "--out", str(out)])
    (entry,) = json.loads((out / "clips.json").read_text())["clips"]
    assert entry["name"] == "square"
    assert [(pair["before"], pair["after"]) for pair in entry["interactions"]] == [(0, 1), (1, 2)]
    assert (out / "square.mp4").stat().st_size > 0
    main(["clip", str(archive), "--weights", str(weights), "--out", str(out)])  # known by now


def test_what_no_source_recognises_is_named(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ClipError, match=r"empty: neither it nor .*tried: video, image folder, clip folder"):
        find_clips([tmp_path / "empty"])
    with pytest.raises(ValueError, match="unknown clip source 'tape'"):
        find_clips([tmp_path / "empty"], "tape")
