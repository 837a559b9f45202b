"""Frames of a video as JPEG, in any order and in bounded memory."""

from __future__ import annotations

import av
import numpy as np

from annotation_page import (
    FRAMES,
    HEIGHT,
    WIDTH,
    get,
    grey,
    pixels,
    write_video,
)
from atp.annotation import jpeg_frames as frames_module
from atp.annotation.jpeg_frames import VideoJpegFrames
from atp.clips import read_frames


def test_frames_come_over_http_with_their_own_colours(page):
    for number in (0, 23, 7, 6, 5, 14, 22, 1):
        jpeg = get(f"{page.url}frame/{number}.jpg")
        assert pixels(jpeg).shape == (HEIGHT, WIDTH, 3)
        assert abs(grey(jpeg) - (10 * number + 10)) < 4, number
        assert np.abs(pixels(jpeg)[2:12, 2:12].mean((0, 1)) - (200, 40, 20)).max() < 12  # RGB, not BGR


def test_every_frame_is_that_of_the_clip_reader_in_any_order(video):
    frames = VideoJpegFrames(video)
    true = read_frames(video, range(FRAMES))
    assert frames.count == FRAMES
    for number in np.random.default_rng(0).permutation(FRAMES):
        assert np.abs(pixels(frames.jpeg(int(number))) - true[number]).mean() < 2, number


def test_memory_is_bounded(video, monkeypatch):
    size = len(VideoJpegFrames(video).jpeg(3))
    monkeypatch.setattr(frames_module, "CACHE_BYTES", 3 * size)
    frames = VideoJpegFrames(video)
    for number in (*range(FRAMES), 2, 2, 20):
        assert abs(grey(frames.jpeg(number)) - (10 * number + 10)) < 4
        assert sum(map(len, frames._cache.values())) == frames._cached_bytes <= 3 * size


def test_a_video_taken_sideways_stands_upright(tmp_path):
    video = write_video(tmp_path / "side.mp4", rotation=90)
    frames = VideoJpegFrames(video)
    assert frames.shape == (WIDTH, HEIGHT)
    assert np.abs(pixels(frames.jpeg(11)) - read_frames(video, [11])[11]).mean() < 2


def test_a_video_without_times_is_read_from_its_start(video, tmp_path):
    raw = tmp_path / "raw.h264"
    with av.open(str(video)) as source, av.open(str(raw), "w", format="h264") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    frames, true = VideoJpegFrames(raw), read_frames(raw, range(FRAMES))
    assert frames.count == FRAMES
    for number in (20, 3, 4, 23):
        assert np.abs(pixels(frames.jpeg(number)) - true[number]).mean() < 2, number
