"""Broken and odd videos and clip folders give results or clear errors: no crash, no hang, no growing memory."""

from __future__ import annotations

import json
import multiprocessing
import resource
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from atp.clips import ClipError, read_clip
from atp.clips.scoring import evaluate_clip
from atp.part_memory.evidence import exact
from films import write_film

HEIGHT, WIDTH = 48, 64
CASES = 240
SECONDS = 5.0  # for one case; most take a fiftieth of that
JUNK: list[Any] = [
    None, True, -1, 0, 1, 2**70, 1e308, float("nan"), float("inf"), 0.5, "", "\0", ".", "..", "/etc/passwd", "x" * 5000,
    "video.mp4", "clip.json", "frames", [], [[]], {}, {"before": 0}, [0, 1], [-1, 5], [1e9, 1e9], ["a", "b"],
]  # fmt: skip


class Blind:
    """An agent that sees the same everywhere."""

    def perceive(self, before, after, action):
        assert before["rgb"].shape == after["rgb"].shape == (90, 90, 3)
        moved = np.zeros((90, 90), bool)
        moved[30:60, 30:60] = True
        return exact(moved), exact(moved.copy())

    def reset(self, observation):
        pass

    def remember(self, action, moved_before, moved_after, after, chances):
        return moved_after.astype(np.uint8)


def draw(number: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    rgb = np.random.default_rng(0).integers(0, 120, (height, width, 3)).astype(np.uint8)
    left = min(width // 8 + number, width // 2)
    rgb[height // 4 : height // 2, left : left + width // 4] = (220, 180, 60)
    return rgb


def film(path: Path, codec: str, pixels: str = "yuv420p", frames: int = 12, size=(HEIGHT, WIDTH)) -> None:
    write_film(path, (draw(number, *size) for number in range(frames)), codec=codec, pixels=pixels)


def write_sources(root: Path) -> None:
    """Sound videos in several containers, and two sound clip folders."""
    for name, codec in (("a.mp4", "libx264"), ("b.avi", "mpeg4"), ("c.ts", "libx264"), ("d.mkv", "mjpeg")):
        film(root / name, codec, "yuvj420p" if codec == "mjpeg" else "yuv420p")
    named = root / "named"
    named.mkdir()
    shutil.copy(root / "a.mp4", named / "video.mp4")
    images = root / "images"
    for kind in ("frames", "depth"):
        (images / kind).mkdir(parents=True)
    for number in range(4):
        Image.fromarray(draw(4 * number)).save(images / "frames" / f"{number}.png")
        Image.fromarray(np.full((HEIGHT, WIDTH), 700 + number, np.uint16)).save(images / "depth" / f"{number}.png")
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[10:30, 10:40] = 255
    entry = {"before": 0, "after": 3, "moved_before": "m.png", "moved_after": "m.png",
             "hold": [5, 6], "push": [20, 20], "direction": 2}  # fmt: skip
    for folder, data in (
        (named, {"video": "video.mp4"}),
        (images, {"frames": "frames", "depth": "depth", "depth_scale": 0.001}),
    ):
        Image.fromarray(mask).save(folder / "m.png")
        Image.fromarray(mask // 255).save(folder / "parts.png")
        (folder / "clip.json").write_text(
            json.dumps(data | {"parts": "parts.png", "interactions": [entry, entry | {"before": 1}]})
        )


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """The bytes of a file cut, overwritten, with a piece left out or twice."""
    data = bytearray(content)
    kind, size = rng.integers(5), len(data)
    start, end = sorted(int(place) for place in rng.integers(0, size + 1, 2))
    if kind == 0:
        return bytes(data[:end])
    if kind == 1:
        for place in rng.integers(0, size, max(1, size // int(rng.choice([20, 200, 2000])))):
            data[place] = rng.integers(256)
    elif kind == 2:
        data[start:end] = bytes(end - start)
    elif kind == 3:
        del data[start:end]
    else:
        data[start:start] = data[start:end]
    return bytes(data)


def spoil(value: Any, rng: np.random.Generator) -> Any:
    """A JSON value in which something, somewhere, is something else."""
    if isinstance(value, dict | list) and value and rng.random() < 0.8:
        copy = dict(value) if isinstance(value, dict) else list(value)
        keys = list(copy) if isinstance(copy, dict) else range(len(copy))
        key = keys[int(rng.integers(len(keys)))]
        if rng.random() < 0.15:
            del copy[key]
        else:
            copy[key] = spoil(copy[key], rng)
        return copy
    return JUNK[int(rng.integers(len(JUNK)))]


def make_case(number: int, sources: Path, folder: Path) -> Path:
    """A video or clip folder that something is wrong with."""
    rng = np.random.default_rng(number)
    if number % 3 == 0:
        source = sorted(file for file in sources.iterdir() if file.is_file())[int(rng.integers(4))]
        path = folder / source.name
        path.write_bytes(damaged(source.read_bytes(), rng))
        return path
    path = folder / "clip"
    shutil.copytree(sources / ("named" if rng.random() < 0.4 else "images"), path)
    if number % 3 == 1:
        data = json.loads((path / "clip.json").read_text())
        for _ in range(int(rng.integers(1, 4))):
            data = spoil(data, rng)
        (path / "clip.json").write_text(json.dumps(data))
    else:
        files = sorted(file for file in path.rglob("*") if file.is_file())
        for index in rng.choice(len(files), int(rng.integers(1, 3)), replace=False):
            if rng.random() < 0.1:
                files[index].unlink()
            else:
                files[index].write_bytes(damaged(files[index].read_bytes(), rng))
    return path


def look_at(path: Path) -> str:
    """Read and evaluate; returns the error, which names something in the path, or nothing."""
    begin = time.monotonic()
    try:
        clip = read_clip(path)
        result = evaluate_clip(clip, Blind(), 90)
        assert len(result.interactions) == len(clip.interactions) >= 1
        message = ""
    except ClipError as error:
        message = str(error)
        assert str(path) in message, message
    assert time.monotonic() - begin < SECONDS, path
    return message


def run_cases(sources: Path, root: Path) -> tuple[list[str], int]:
    """Look at every case; returns the errors, and by how many MiB the memory grew over the second half."""
    messages, early = [], 0
    for number in range(CASES):
        folder = root / str(number)
        folder.mkdir()
        messages.append(look_at(make_case(number, sources, folder)))
        shutil.rmtree(folder)
        if number == CASES // 2:
            early = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return messages, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - early) // 1024


@pytest.fixture
def apart() -> Iterator[ProcessPoolExecutor]:
    """A process of its own, which may crash."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


def test_broken_files_give_results_or_clear_errors(tmp_path: Path, apart: ProcessPoolExecutor):
    sources = tmp_path / "sources"
    sources.mkdir()
    write_sources(sources)
    for sound in (*sources.glob("?.*"), sources / "named", sources / "images"):
        assert look_at(sound) == ""
    messages, grown = apart.submit(run_cases, sources, tmp_path).result(timeout=SECONDS * CASES)
    refused = [message for message in messages if message]
    assert CASES // 4 < len(refused) < CASES  # neither is everything taken nor everything refused
    assert grown < 64


def test_odd_videos_are_read(tmp_path: Path):
    film(tmp_path / "grey.mkv", "ffv1", "gray")
    film(tmp_path / "alpha.mkv", "ffv1", "bgra")
    film(tmp_path / "deep.mkv", "ffv1", "yuv420p10le")
    film(tmp_path / "moving.gif", "gif", "rgb8")
    film(tmp_path / "wide.mkv", "ffv1", "yuv444p", size=(6, 500))
    film(tmp_path / "tall.mkv", "ffv1", "yuv444p", size=(301, 5))
    film(tmp_path / "tiny.mkv", "ffv1", "yuv444p", size=(8, 8))
    for path in sorted(tmp_path.iterdir()):
        assert look_at(path) == "", path
    film(tmp_path / "one.mp4", "libx264", frames=1)
    assert "two readable frames" in look_at(tmp_path / "one.mp4")


def test_frames_that_change_their_size_are_refused_where_they_are_needed(tmp_path: Path):
    parts = []
    for size in ((HEIGHT, WIDTH), (2 * HEIGHT, WIDTH)):
        film(tmp_path / "part.ts", "mpeg2video", size=size)
        parts.append((tmp_path / "part.ts").read_bytes())
    path = tmp_path / "changing.ts"
    path.write_bytes(b"".join(parts))
    clip = read_clip(path)
    assert clip.shape == (HEIGHT, WIDTH)
    assert look_at(path) == ""  # the frames of another size are not taken
    with pytest.raises(ClipError, match="change their size"):
        dict(clip.footage.frames([0, 16]))


def long_video(seconds: int) -> Iterator[np.ndarray]:
    ground = cv2.resize(draw(0, 27, 48), (1920, 1080), interpolation=cv2.INTER_CUBIC)
    for number in range(25 * seconds):
        rgb = ground.copy()
        left = 200 * (number // 125 % 4) + 8 * min(number % 125, 25)
        rgb[300:700, left : left + 300] = (220, 180, 60)
        yield rgb


def peak_memory(path: Path) -> tuple[int, int]:
    """MiB at most in use while a video is looked at, and how many interactions were found."""
    clip = read_clip(path)
    evaluate_clip(clip, Blind(), 90)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, len(clip.interactions)


@pytest.mark.slow
def test_memory_does_not_grow_with_a_video(tmp_path: Path):
    peaks = []
    for seconds in (10, 120):
        path = tmp_path / f"{seconds}.mp4"
        write_film(path, long_video(seconds), rate=25, preset="ultrafast")
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            peaks.append(pool.submit(peak_memory, path).result())
    (short, few), (long, many) = peaks
    print(f"{short} MiB for 10 s, {long} MiB for 120 s with {many} interactions")
    assert few < many  # it is really gone through
    assert long - short < 150  # frames of the interactions found, and thumbnails; a second of frames is 148 MiB
