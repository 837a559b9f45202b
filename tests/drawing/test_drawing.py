from __future__ import annotations

import math
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from atp.drawing import export as pictures
from atp.drawing.export import Legend


@pytest.fixture
def grey() -> np.ndarray:
    return np.full((90, 90, 3), 100, np.uint8)


def test_part_colours_are_fifteen_and_far_apart():
    colours = np.array([pictures.part_colour(label) for label in range(1, 16)], float)
    gaps = np.linalg.norm(colours[:, None] - colours[None], axis=-1)
    assert gaps[~np.eye(15, dtype=bool)].min() > 50
    assert pictures.part_colour(16) == pictures.part_colour(1)
    with pytest.raises(ValueError, match="start at 1"):
        pictures.part_colour(0)


def test_overlay_mask_tints_the_mask_alone(grey):
    mask = np.zeros((90, 90), bool)
    mask[3, 4] = True
    tinted = pictures.overlay_mask(grey, mask, (200, 0, 50), 0.25)
    assert tinted[3, 4].tolist() == [125, 75, 88]  # 0.75 * 100 + 0.25 * colour
    assert (tinted[~mask] == 100).all()
    assert (grey == 100).all()


def test_a_tint_does_not_depend_on_the_hue_below():
    mask = np.ones((1, 2), bool)
    # Red and green of the same brightness: 0.299 * 200 = 59.8 and 0.587 * 102 = 59.9.
    picture = pictures.overlay_mask(np.array([[[200, 0, 0], [0, 102, 0]]], np.uint8), mask, (0, 0, 255), 0.5)
    assert np.abs(picture[0, 0].astype(int) - picture[0, 1]).max() <= 1


def test_outline_is_the_border_of_the_mask_also_at_the_edge_of_the_image(grey):
    mask = np.zeros((90, 90), bool)
    mask[0:10, 20:40] = True
    drawn = (pictures.outline_mask(grey, mask, (1, 2, 3), 1) == (1, 2, 3)).all(axis=-1)
    assert drawn.sum() == 2 * 20 + 2 * 8
    assert drawn[0, 20:40].all()
    assert not drawn[1:9, 21:39].any()


def test_overlay_labels_gives_each_part_its_colour(grey):
    labels = np.zeros((90, 90), np.uint8)
    labels[:10], labels[20:30] = 1, 7
    picture = pictures.overlay_labels(grey, labels, 1.0)
    assert (picture[5, 5] == pictures.part_colour(1)).all()
    assert (picture[25, 5] == pictures.part_colour(7)).all()
    assert (picture[15] == 100).all()


@pytest.mark.parametrize("direction", range(8))
def test_the_arrow_points_where_the_push_goes(grey, direction):
    picture = pictures.draw_action(grey, None, (45, 45), direction, 4)
    assert picture.shape == (360, 360, 3)
    rows, cols = np.nonzero((picture == pictures.PUSH_COLOUR).all(axis=-1))
    centre = 45.5 * 4 - 0.5
    far = np.argmax(np.hypot(rows - centre, cols - centre))
    angle = math.degrees(math.atan2(-(rows[far] - centre), cols[far] - centre)) % 360
    assert (angle - 45 * direction + 180) % 360 - 180 == pytest.approx(0, abs=4)
    assert np.hypot(rows[far] - centre, cols[far] - centre) == pytest.approx(360 / 5, abs=4)


def test_the_hold_is_a_ring_about_its_pixel(grey):
    picture = pictures.draw_action(grey, (20, 60), None, None, 4)
    rows, cols = np.nonzero((picture == pictures.HOLD_COLOUR).all(axis=-1))
    assert rows.mean() == pytest.approx(20.5 * 4 - 0.5, abs=0.7)
    assert cols.mean() == pytest.approx(60.5 * 4 - 0.5, abs=0.7)
    assert (picture[82, 242] == 100).all()  # what is held stays to be seen


def test_an_action_at_the_edge_can_be_drawn(grey):
    picture = pictures.draw_action(grey, (0, 89), (89, 0), 4)
    assert picture.shape == (270, 270, 3)
    assert (picture == pictures.PUSH_COLOUR).all(axis=-1).any()


def test_fit_keeps_proportions_and_small_images_sharp(grey):
    assert pictures.fit(np.zeros((192, 108, 3), np.uint8), 96).shape == (96, 54, 3)
    checks = np.indices((6, 6)).sum(axis=0) % 2 * np.uint8(255)
    enlarged = pictures.fit(np.repeat(checks[..., None], 3, axis=2).astype(np.uint8), 18)
    assert (enlarged == np.repeat(checks.repeat(3, 0).repeat(3, 1)[..., None], 3, axis=2)).all()


def test_strip_shows_every_panel_at_its_place():
    colours = [[(200, 0, 0), (0, 200, 0)], [(0, 0, 200), None]]
    panels = [[None if colour is None else np.full((90, 90, 3), colour, np.uint8) for colour in row] for row in colours]
    picture = pictures.strip(
        panels,
        ["image", "moved"],
        row_captions=["1", "2"],
        notes=[["", "IoU 0.5"], ["missed", ""]],
        legend=[*pictures.ACTION_LEGEND, Legend("moved", (9, 99, 9)), Legend("true", (8, 8, 80), "outline")],
        title="scissors",
        panel_size=200,
    )
    boxes = {}
    for colour in ((200, 0, 0), (0, 200, 0), (0, 0, 200)):
        rows, cols = np.nonzero((picture == colour).all(axis=-1))
        assert len(rows) == 200 * 200
        boxes[colour] = rows.min(), cols.min()
    red, green, blue = boxes.values()
    assert red[0] == green[0]
    assert red[1] == blue[1]
    assert red[1] + 200 < green[1]
    assert red[0] + 200 < blue[0]
    assert (picture == (9, 99, 9)).all(axis=-1).any()
    # There is text above, to the left, and below the first panel.
    assert (picture[: red[0], red[1] :] < 100).any()
    assert (picture[red[0] : red[0] + 200, : red[1]] < 100).any()
    assert (picture[red[0] + 200 : blue[0], green[1] :] < 100).any()


def test_strips_of_other_words_have_the_same_size(grey):
    sizes = {pictures.strip([[grey]], [text]).shape for text in ("before (frame 0)", "xxx", "ÄÄ gg")}
    assert len(sizes) == 1


def test_long_captions_are_wrapped_and_stay_in_their_column(grey):
    text = "a caption of so many words that it does not fit the column at all"
    picture = pictures.strip([[grey, grey]], [text, ""], panel_size=180)
    left = 7  # half of the letters' size
    ink = (picture < 90).all(axis=-1)
    ink[-(180 + left) :] = False
    assert ink[:, : left + 180].any()
    assert not ink[:, left + 188 :].any()
    assert picture.shape[0] > pictures.strip([[grey, grey]], ["a", ""], panel_size=180).shape[0] + 20


def test_crossfade_goes_from_one_to_the_other(grey):
    steps = pictures.crossfade(grey, grey + 60, 2)
    assert [int(step[0, 0, 0]) for step in steps] == [120, 140]
    assert pictures.crossfade(grey, grey, 0) == []


def test_png_comes_back_as_written(tmp_path: Path):
    rgb = np.random.default_rng(0).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    pictures.write_png(tmp_path / "new" / "a.png", rgb)
    assert (np.asarray(Image.open(tmp_path / "new" / "a.png")) == rgb).all()
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["a.png"]


def test_video_is_h264_that_browsers_play(tmp_path: Path):
    path = tmp_path / "a.mp4"
    colours = [(200, 40, 40), (40, 200, 40), (40, 40, 200), (128, 128, 128), (250, 250, 250)]
    frames = (np.full((33, 47, 3), colour, np.uint8) for colour in colours)
    assert pictures.write_video(path, frames, 12.5) == 5
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
        pictures.write_video(path, [grey, grey[:-2]])
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]


IMAGE = np.zeros((8, 8, 3), np.uint8)
MASK = np.zeros((8, 8), bool)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pictures.overlay_mask(IMAGE / 2, MASK), "uint8"),
        (lambda: pictures.overlay_mask(IMAGE[..., 0], MASK), r"\(H, W, 3\)"),
        (lambda: pictures.overlay_mask(IMAGE, MASK[:4]), r"image's shape \(8, 8\)"),
        (lambda: pictures.overlay_mask(IMAGE, MASK.astype(int)), "bool"),
        (lambda: pictures.overlay_mask(IMAGE, MASK, alpha=1.5), "alpha"),
        (lambda: pictures.outline_mask(IMAGE, MASK, thickness=0), "thickness"),
        (lambda: pictures.overlay_labels(IMAGE, MASK.astype(float)), "integers"),
        (lambda: pictures.overlay_labels(IMAGE, MASK.astype(int) - 1), "start at 1"),
        (lambda: pictures.draw_action(IMAGE, (8, 0), None, None), "outside"),
        (lambda: pictures.draw_action(IMAGE, None, (1, -1), 0), "outside"),
        (lambda: pictures.draw_action(IMAGE, None, (1, 1), None), "direction"),
        (lambda: pictures.draw_action(IMAGE, None, (1, 1), 8), "direction"),
        (lambda: pictures.draw_action(IMAGE, (1,), None, None), r"\(row, col\)"),
        (lambda: pictures.draw_action(IMAGE, None, None, None, 0), "scale"),
        (lambda: pictures.fit(IMAGE, 0), "size"),
        (lambda: pictures.strip([]), "panels"),
        (lambda: pictures.strip([[IMAGE], [IMAGE, IMAGE]]), "panels"),
        (lambda: pictures.strip([[IMAGE]], ["a", "b"]), "2 captions given, the grid needs 1"),
        (lambda: pictures.strip([[IMAGE]], notes=[["a", "b"]]), "2 notes in a row"),
        (lambda: pictures.strip([[IMAGE]], row_captions=["a", "b"]), "2 row captions"),
        (lambda: pictures.crossfade(IMAGE, IMAGE[:4], 2), "fade"),
        (lambda: pictures.write_png("a.jpg", IMAGE), r"\.png"),
        (lambda: pictures.write_video("a.avi", [IMAGE]), r"\.mp4"),
        (lambda: pictures.write_video("a.mp4", []), "no frames"),
        (lambda: pictures.write_video("a.mp4", [IMAGE], 0), "fps"),
        (lambda: pictures.write_video("a.mp4", [IMAGE], math.nan), "fps"),
    ],
)
def test_wrong_inputs_are_refused(call, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        call()
    assert not list(tmp_path.iterdir())
