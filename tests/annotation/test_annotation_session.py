"""Saving an annotation as a clip, and opening it again."""

from __future__ import annotations

import copy
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from annotation_page import (
    DRAWN,
    FRAMES,
    HEIGHT,
    SQUARE,
    TRIANGLE,
    WIDTH,
    get,
    grey,
    pixels,
    polygon_mask,
    post,
    serve,
)
from atp.annotation.annotation_session import AnnotationSession
from atp.annotation.polygons import AnnotationError
from atp.clips import read_clip, read_frames
from atp.frame_action import FrameAction


def test_saved_annotation_is_a_clip_with_the_masks_that_were_drawn(page):
    assert post(page, {"revision": 0, **DRAWN}) == (200, {"revision": 1})
    clip = read_clip(page.folder)
    assert (clip.name, clip.shape, clip.source, clip.licence) == ("door", (HEIGHT, WIDTH), "filmed", "CC0")
    first, second = clip.interactions
    assert (first.before, first.after, second.before, second.after) == (2, 9, 9, 23)
    assert first.moved_before.sum() == 100
    assert first.moved_after.sum() == 115
    assert np.array_equal(first.moved_before, polygon_mask("square"))
    assert np.array_equal(first.moved_after, polygon_mask("square", "triangle"))
    assert second.moved_before is None
    assert np.array_equal(second.moved_after, polygon_mask("triangle"))
    assert first.action == FrameAction((5, 6), (40, 63), 3)
    assert second.action == FrameAction()
    parts = json.loads((page.folder / "clip.json").read_text())["parts"]
    labels = np.asarray(Image.open(page.folder / parts))
    assert np.array_equal(labels, polygon_mask("square") + 7 * polygon_mask("triangle"))
    assert abs(read_frames(clip.footage.path, [9])[9][30, 40, 0] - 100) < 4


def test_saving_again_replaces_masks_and_keeps_what_others_put_there(page):
    assert post(page, {"revision": 0, **DRAWN})[0] == 200
    (page.folder / "notes").mkdir()
    (page.folder / "notes" / "a.txt").write_text("of mine")
    clip = json.loads((page.folder / "clip.json").read_text())
    (page.folder / "clip.json").write_text(json.dumps({**clip, "camera": "phone", "source": "corrected"}))
    less = {"interactions": [{"before": 0, "after": 5, "polygons_after": [SQUARE]}]}
    assert post(page, {"revision": 1, **less})[0] == 200
    read = read_clip(page.folder)
    assert len(read.interactions) == 1
    assert np.array_equal(read.interactions[0].moved_after, polygon_mask("square"))
    names = {file.name for file in page.folder.iterdir()}
    assert names == {"clip.json", "annotation.json", "video.mp4", "moved_after_0.png", "notes"}
    assert (page.folder / "notes" / "a.txt").read_text() == "of mine"
    clip = json.loads((page.folder / "clip.json").read_text())
    assert clip["camera"] == "phone"
    assert "parts" not in clip
    assert list(page.folder.parent.iterdir()) == [page.folder]  # no temporary folder stays


def test_a_page_that_is_behind_does_not_overwrite(page):
    assert post(page, {"revision": 0, **DRAWN})[0] == 200
    before = (page.folder / "annotation.json").read_bytes()
    status, answer = post(page, {"revision": 0, "interactions": [{"before": 0, "after": 1}]})
    assert (status, answer["revision"]) == (409, 1)
    assert (page.folder / "annotation.json").read_bytes() == before


def test_a_write_that_fails_leaves_the_old_clip(video, tmp_path, monkeypatch):
    session = AnnotationSession(video, tmp_path / "clip")
    session.save({"revision": 0, **DRAWN})
    files = {file.name: file.read_bytes() for file in session.folder.iterdir()}

    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("atp.annotation.annotation_session.write_json", full)
    for page in serve(session):
        status, answer = post(page, {"revision": 1, "interactions": [{"before": 0, "after": 1}]})
        assert (status, answer) == (500, {"error": "disk full"})
    assert {file.name: file.read_bytes() for file in session.folder.iterdir()} == files
    assert list(tmp_path.iterdir()) == [session.folder]
    assert session.revision == 1


def test_opening_again_gives_the_same_polygons(page):
    post(page, {"revision": 0, **DRAWN})
    for again in serve(AnnotationSession(page.folder)):
        state = json.loads(get(again.url + "state"))
        assert state["annotation"] == DRAWN
        assert (state["frames"], state["height"], state["width"]) == (FRAMES, HEIGHT, WIDTH)
        moved = copy.deepcopy(DRAWN)
        moved["interactions"][0]["polygons_before"] = [TRIANGLE]
        assert post(again, {"revision": 0, **moved})[0] == 200
        assert post(again, {"revision": 1, **moved})[0] == 200
        assert abs(grey(get(f"{again.url}frame/12.jpg")) - 130) < 4
    clip = read_clip(page.folder)
    assert np.array_equal(clip.interactions[0].moved_before, polygon_mask("triangle"))
    assert clip.source == "filmed"


def test_a_recorded_clip_keeps_its_video_action_and_depth(video, tmp_path):
    clip = tmp_path / "clip"
    (clip / "far").mkdir(parents=True)
    (clip / "far" / "000000.png").write_bytes(b"depth")
    shutil.copy(video, clip / "Recording 1.mp4")
    action = {"hold": [1, 2], "push": [3, 4], "direction": 5}
    data = {"video": "Recording 1.mp4", "depth": "far", "interactions": [{"before": 3, "after": 4, **action}]}
    (clip / "clip.json").write_text(json.dumps(data))
    session = AnnotationSession(clip)
    drawn = session.annotation.interactions[0]
    assert (drawn.before, drawn.after, drawn.action) == (3, 4, FrameAction((1, 2), (3, 4), 5))
    for revision in (0, 1):  # the second time the video has another name
        session.save({"revision": revision, **DRAWN})
    assert abs(grey(session.frames.jpeg(21)) - 220) < 4
    assert json.loads((clip / "clip.json").read_text())["depth"] == "far"
    assert (clip / "far" / "000000.png").read_bytes() == b"depth"
    assert read_clip(clip).interactions[0].moved_before.sum() == 100


def test_a_folder_of_images_in_the_order_of_their_names(tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    for number in (2, 0, 1):
        Image.new("RGB", (WIDTH, HEIGHT), (80 * number, 0, 0)).save(images / f"{number:03}.png")
    (images / "readme.txt").write_text("not an image")
    session = AnnotationSession(images, tmp_path / "clip")
    assert [round(pixels(session.frames.jpeg(n))[..., 0].mean() / 80) for n in range(3)] == [0, 1, 2]
    session.save({"revision": 0, "interactions": [{"before": 0, "after": 2, "polygons_before": [SQUARE]}]})
    assert json.loads((session.folder / "clip.json").read_text())["frames"] == "frames"
    copied = session.folder / "frames"
    assert sorted(file.name for file in copied.iterdir()) == ["000.png", "001.png", "002.png"]
    assert (copied / "001.png").stat().st_ino != (images / "001.png").stat().st_ino
    again = AnnotationSession(session.folder)
    again.save({"revision": 0, **json.loads(json.dumps(again.annotation.as_json()))})
    assert again.annotation == session.annotation
    assert round(pixels(again.frames.jpeg(2))[..., 0].mean()) in range(157, 164)
    assert len(list(copied.iterdir())) == 3


def test_nothing_is_overwritten_unasked(video, tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("")
    with pytest.raises(AnnotationError, match="not empty"):
        AnnotationSession(video, full)
    with pytest.raises(AnnotationError, match="--out"):
        AnnotationSession(video)
    session = AnnotationSession(video, tmp_path / "clip")
    session.save({"revision": 0, **DRAWN})
    with pytest.raises(AnnotationError, match="atp annotate"):
        AnnotationSession(video, session.folder)
    (session.folder / "annotation.json").unlink()  # now its masks are somebody else's
    with pytest.raises(AnnotationError, match="masks that were not drawn here"):
        AnnotationSession(session.folder)
    other = AnnotationSession(session.folder, tmp_path / "other")
    assert [drawn.before for drawn in other.annotation.interactions] == [2, 9]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ('{"format": 2, "interactions": []}', "format"),
        ('{"format": 1, "interactions": [{"before": 0, "after": 99}]}', r"interactions\[0\].after"),
    ],
)
def test_a_broken_annotation_is_named(text, message, video, tmp_path):
    session = AnnotationSession(video, tmp_path / "clip")
    session.save({"revision": 0, **DRAWN})
    (session.folder / "annotation.json").write_text(text)
    with pytest.raises(AnnotationError, match=f"annotation.json.*{message}"):
        AnnotationSession(session.folder)


@pytest.mark.parametrize("name", ["../door.mp4", "/etc/passwd", ".", "", 5])
def test_a_clip_may_not_name_files_outside_of_its_folder(name, tmp_path):
    (tmp_path / "clip").mkdir()
    data = {"video": name, "interactions": [{"before": 0, "after": 1}]}
    (tmp_path / "clip" / "clip.json").write_text(json.dumps(data))
    with pytest.raises(AnnotationError, match=r"leads out|needs a 'video'"):
        AnnotationSession(tmp_path / "clip")
