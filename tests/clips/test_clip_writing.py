"""Clip folders that are written are read back as they were."""

from pathlib import Path

import numpy as np
import pytest

from atp.clips import ClipError, ClipInteraction, read_clip
from atp.clips.writing import ClipWriter
from atp.frame_action import FrameAction


def image(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 255, (20, 30, 3)).astype(np.uint8)


def depth(number: int) -> np.ndarray:
    metres = np.random.default_rng(number).uniform(0.4, 6.0, (20, 30)).astype(np.float32)
    metres[0, 0] = 0
    return metres


def test_what_is_written_is_read_back(tmp_path: Path):
    mask = np.zeros((20, 30), bool)
    mask[3:9, 4:20] = True
    writer = ClipWriter(tmp_path / "clip", source="drawn", licence="CC0")
    assert [writer.add_frame(image(k), depth(k)) for k in range(3)] == [0, 1, 2]
    writer.add_interaction(ClipInteraction(0, 1, mask, np.roll(mask, 5, 1), FrameAction((3, 4), (19, 29), 7)))
    assert len(read_clip(tmp_path / "clip").interactions) == 1  # whole at any time
    writer.add_interaction(ClipInteraction(1, 2))
    writer.set_parts(mask.astype(np.uint8) * 2)

    clip = read_clip(tmp_path / "clip")
    assert (clip.source, clip.licence, clip.shape, clip.found) == ("drawn", "CC0", (20, 30), False)
    first, second = clip.interactions
    assert (first.before, first.after, first.action) == (0, 1, FrameAction((3, 4), (19, 29), 7))
    assert np.array_equal(first.moved_before, mask)
    assert np.array_equal(first.moved_after, np.roll(mask, 5, 1))
    assert (second.moved_before, second.action) == (None, FrameAction())
    assert np.array_equal(clip.parts, mask.astype(np.uint8))  # numbered from 1
    for number, rgb in clip.footage.frames(range(3)):
        assert np.array_equal(rgb, image(number))
        assert np.abs(clip.depth.read(number, clip.shape) - depth(number)).max() <= 0.000051
        assert clip.depth.read(number, clip.shape)[0, 0] == 0


def test_a_clip_is_resumed(tmp_path: Path):
    writer = ClipWriter(tmp_path)
    for number in range(3):  # the last one is of an interaction that never came to its end
        writer.add_frame(image(number))
    writer.add_interaction(ClipInteraction(0, 1))
    again = ClipWriter.reopen(tmp_path)
    assert again.frames == 2
    assert again.add_frame(image(7)) == 2
    again.add_interaction(ClipInteraction(1, 2))
    clip = read_clip(tmp_path)
    assert len(clip.interactions) == 2
    assert np.array_equal(dict(clip.footage.frames([2]))[2], image(7))


def test_nothing_is_written_over(tmp_path: Path):
    writer = ClipWriter(tmp_path / "clip")
    writer.add_frame(image(0), depth(0))
    with pytest.raises(ValueError, match="either every frame has a depth image or none"):
        writer.add_frame(image(1))
    writer.add_frame(image(1), depth(1))
    writer.add_interaction(ClipInteraction(0, 1))
    with pytest.raises(ClipError, match=r"clip\.json: there is a clip already"):
        ClipWriter(tmp_path / "clip")
    with pytest.raises(ClipError, match="no such video file"):
        ClipWriter(tmp_path / "other", tmp_path / "none.mp4")
    with pytest.raises(ClipError, match=r"clip\.json: cannot be read"):
        ClipWriter.reopen(tmp_path / "missing")


def test_images_cannot_be_added_to_a_video(tmp_path: Path):
    (tmp_path / "film.mp4").write_bytes(b"any")
    writer = ClipWriter(tmp_path / "clip", tmp_path / "film.mp4")
    with pytest.raises(ValueError, match="is the clip of a video"):
        writer.add_frame(image(0))
    writer.add_interaction(ClipInteraction(0, 1))
    with pytest.raises(ClipError, match="is not a clip of images"):
        ClipWriter.reopen(tmp_path / "clip")
