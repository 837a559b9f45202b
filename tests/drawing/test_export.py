from __future__ import annotations

import math
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from atp.drawing.export import write_png, write_video

IMAGE = np.zeros((8, 8, 3), np.uint8)


@pytest.fixture
def grey() -> np.ndarray:
    return np.full((90, 90, 3), 100, np.uint8)


def test_png_comes_back_as_written(tmp_path: Path):
    rgb = np.random.default_rng(0).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    write_png(tmp_path / "new" / "a.png", rgb)
    assert (np.asarray(Image.open(tmp_path / "new" / "a.png")) == rgb).all()
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["a.png"]


def test_video_is_h264_that_browsers_play(tmp_path: Path):
    path = tmp_path / "a.mp4"
    colours = [(200, 40, 40), (40, 200, 40), (40, 40, 200), (128, 128, 128), (250, 250, 250)]
    frames = (np.full((33, 47, 3), colour, np.uint8) for colour in colours)
    assert write_video(path, frames, 12.5) == 5
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert stream.average_rate == 12.5
    assert len(decoded) == 5
    for frame, colour in zip(decoded, colours, strict=True):
        assert frame.shape == (34, 48, 3)  # even, as yuv420p needs
        assert np.abs(frame.astype(int) - colour).max() < 16
    content = path.read_bytes()
    assert content.find(b"moov") < content.find(b"mdat")  # plays before all of it is loaded
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]


def test_a_video_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path, grey):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"old")
    with pytest.raises(ValueError, match="frame 1 has shape"):
        write_video(path, [grey, grey[:-2]])
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: write_png("a.jpg", IMAGE), r"\.png"),
        (lambda: write_video("a.avi", [IMAGE]), r"\.mp4"),
        (lambda: write_video("a.mp4", []), "no frames"),
        (lambda: write_video("a.mp4", [IMAGE], 0), "fps"),
        (lambda: write_video("a.mp4", [IMAGE], math.nan), "fps"),
    ],
)
def test_wrong_inputs_are_refused(call, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        call()
    assert not list(tmp_path.iterdir())
