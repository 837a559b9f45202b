"""Finding interactions in footage: synthesized rooms with a door, a drawer and an arm that reaches in."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from atp.clips import read_clip, read_frames
from atp.clips.image_folder import ImageFolderFootage
from atp.clips.interaction_finding import find_interactions
from atp.clips.video import VideoFootage
from films import write_film

HEIGHT, WIDTH, RATE = 180, 320, 25


@pytest.fixture(scope="module")
def room() -> np.ndarray:
    rng = np.random.default_rng(0)
    coarse = rng.integers(60, 180, (18, 32, 3)).astype(np.uint8)
    return cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def draw(room: np.ndarray, door: float, drawer: float = 0.0, arm: float = 0.0) -> np.ndarray:
    """The room with a door and a drawer open by 0..1, and an arm that reaches in by 0..1 from the right."""
    rgb = room.copy()
    left, top = 60 + round(80 * door), 40 + round(60 * drawer)
    rgb[40:120, left : left + 60] = (200, 190, 60)
    rgb[top : top + 40, 220:270] = (60, 80, 200)
    if arm:
        cv2.line(rgb, (WIDTH, 150), (WIDTH - round(200 * arm), 130), (215, 150, 120), 26)
    return rgb


def film(path: Path, states: list[np.ndarray], light: bool = False, shake: bool = False) -> Path:
    rng = np.random.default_rng(1)

    def filmed(number: int, rgb: np.ndarray) -> np.ndarray:
        if light:
            rgb = np.clip(rgb * (1 - 0.4 * number / len(states)), 0, 255).astype(np.uint8)
        if shake:
            shift = np.array([[1, 0, rng.normal(0, 2)], [0, 1, rng.normal(0, 2)]])
            rgb = cv2.warpAffine(rgb, shift, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
        return np.clip(rgb + rng.normal(0, 3, rgb.shape), 0, 255).astype(np.uint8)

    return write_film(path, (filmed(number, rgb) for number, rgb in enumerate(states)), RATE, crf="20")


def moving(room: np.ndarray, count: int, **ends: tuple[float, float]) -> list[np.ndarray]:
    """So many frames in which each of door, drawer and arm goes from one value to another."""
    return [
        draw(room, **{"door": 0.0} | {name: a + (b - a) * k / (count - 1) for name, (a, b) in ends.items()})
        for k in range(count)
    ]


def opening(room: np.ndarray) -> list[np.ndarray]:
    """An arm comes in, rests on the door, opens it, rests, and leaves; 20 frames still, 80 of action, 20 still."""
    return [
        *[draw(room, 0)] * 20,
        *moving(room, 15, arm=(0, 1)),
        *[draw(room, 0, arm=1)] * 15,
        *moving(room, 20, door=(0, 1), arm=(1, 0.6)),
        *[draw(room, 1, arm=0.6)] * 15,
        *moving(room, 15, door=(1, 1), arm=(0.6, 0)),
        *[draw(room, 1)] * 20,
    ]


@pytest.mark.parametrize("how", ["plain", "light", "shake"])
def test_the_frames_without_the_arm_are_taken(room: np.ndarray, tmp_path: Path, how: str):
    path = film(tmp_path / "video.mp4", opening(room), light=how == "light", shake=how == "shake")
    (found,) = find_interactions(VideoFootage(path))
    assert 0 <= found.before < 20
    assert 100 <= found.after < 118
    frames = read_frames(path, [found.before, found.after])
    assert frames[found.before][80, 90, 2] < 120 < frames[found.before][80, 90, 0]  # the door is shut


def test_each_of_several_interactions_is_found(room: np.ndarray, tmp_path: Path):
    drawer = [
        *moving(room, 10, door=(1, 1), arm=(0, 0.5)),
        *moving(room, 15, door=(1, 1), arm=(0.5, 0.5), drawer=(0, 1)),
        *moving(room, 10, door=(1, 1), arm=(0.5, 0), drawer=(1, 1)),
        *[draw(room, 1, 1)] * 20,
    ]
    path = film(tmp_path / "video.mp4", [*opening(room), *drawer])
    first, second = read_clip(path).interactions
    assert first.before < 20
    assert first.after == second.before
    assert 100 <= first.after < 120
    assert 155 <= second.after < 175


def test_a_door_that_is_opened_and_shut_again_is_two_interactions(room: np.ndarray, tmp_path: Path):
    shut = [*moving(room, 15, door=(1, 0)), *[draw(room, 0)] * 20]
    path = film(
        tmp_path / "video.mp4",
        [*[draw(room, 0)] * 20, *moving(room, 15, door=(0, 1)), *[draw(room, 1)] * 20, *shut],
    )
    first, second = find_interactions(VideoFootage(path))
    assert 35 <= first.after == second.before < 55
    assert second.after >= 70


def test_where_nothing_is_still_the_ends_are_taken(room: np.ndarray, tmp_path: Path):
    path = film(tmp_path / "video.mp4", moving(room, 40, door=(0, 1)))
    (found,) = find_interactions(VideoFootage(path))
    assert (found.before, found.after) == (0, 39)


def test_where_nothing_happens_the_ends_are_taken(room: np.ndarray, tmp_path: Path):
    path = film(tmp_path / "video.mp4", [draw(room, 0)] * 30)
    (found,) = find_interactions(VideoFootage(path))
    assert (found.before, found.after) == (0, 29)


def test_frame_numbers_count_frames_where_their_times_are_uneven(room: np.ndarray, tmp_path: Path):
    path = tmp_path / "uneven.mkv"
    states = [*[draw(room, 0)] * 15, *moving(room, 20, door=(0, 1)), *[draw(room, 1)] * 15]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        time = 0
        for number, rgb in enumerate(states):
            made = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            made.pts, made.time_base = time, Fraction(1, RATE)
            time += 1 + number % 3
            container.mux(stream.encode(made))
        container.mux(stream.encode(None))
    (found,) = find_interactions(VideoFootage(path))
    assert 2 <= found.before < 15
    assert 35 <= found.after < 49


def test_a_few_images_are_a_moment_each(room: np.ndarray, tmp_path: Path):
    for number, door in enumerate((0, 0.5, 1)):
        Image.fromarray(draw(room, door)).save(tmp_path / f"{number:03}.png")
    assert [(found.before, found.after) for found in find_interactions(ImageFolderFootage(tmp_path))] == [
        (0, 1),
        (1, 2),
    ]


def test_many_images_are_the_frames_of_a_video(room: np.ndarray, tmp_path: Path):
    states = [*[draw(room, 0)] * 14, *moving(room, 16, door=(0, 1)), *[draw(room, 1)] * 14]
    for number, rgb in enumerate(states):
        Image.fromarray(rgb).save(tmp_path / f"{number:03}.jpg")
    (tmp_path / "020.jpg").write_bytes(b"broken")
    (found,) = read_clip(tmp_path).interactions
    assert found.before < 14
    assert 30 <= found.after < 44
