from __future__ import annotations

import numpy as np
import pytest

from atp.drawing.grid import ACTION_LEGEND, Legend, strip

IMAGE = np.zeros((8, 8, 3), np.uint8)


@pytest.fixture
def grey() -> np.ndarray:
    return np.full((90, 90, 3), 100, np.uint8)


def test_strip_shows_every_panel_at_its_place():
    colours = [[(200, 0, 0), (0, 200, 0)], [(0, 0, 200), None]]
    panels = [[None if colour is None else np.full((90, 90, 3), colour, np.uint8) for colour in row] for row in colours]
    image = strip(
        panels,
        ["image", "moved"],
        row_captions=["1", "2"],
        notes=[["", "IoU 0.5"], ["missed", ""]],
        legend=[*ACTION_LEGEND, Legend("moved", (9, 99, 9)), Legend("true", (8, 8, 80), "outline")],
        title="scissors",
        panel_size=200,
    )
    boxes = {}
    for colour in ((200, 0, 0), (0, 200, 0), (0, 0, 200)):
        rows, cols = np.nonzero((image == colour).all(axis=-1))
        assert len(rows) == 200 * 200
        boxes[colour] = rows.min(), cols.min()
    red, green, blue = boxes.values()
    assert red[0] == green[0]
    assert red[1] == blue[1]
    assert red[1] + 200 < green[1]
    assert red[0] + 200 < blue[0]
    assert (image == (9, 99, 9)).all(axis=-1).any()
    # There is text above, to the left, and below the first panel.
    assert (image[: red[0], red[1] :] < 100).any()
    assert (image[red[0] : red[0] + 200, : red[1]] < 100).any()
    assert (image[red[0] + 200 : blue[0], green[1] :] < 100).any()


def test_strips_of_other_words_have_the_same_size(grey):
    sizes = {strip([[grey]], [text]).shape for text in ("before (frame 0)", "xxx", "ÄÄ gg")}
    assert len(sizes) == 1


def test_long_captions_are_wrapped_and_stay_in_their_column(grey):
    text = "a caption of so many words that it does not fit the column at all"
    image = strip([[grey, grey]], [text, ""], panel_size=180)
    left = 7  # half of the letters' size
    ink = (image < 90).all(axis=-1)
    ink[-(180 + left) :] = False
    assert ink[:, : left + 180].any()
    assert not ink[:, left + 188 :].any()
    assert image.shape[0] > strip([[grey, grey]], ["a", ""], panel_size=180).shape[0] + 20


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: strip([]), "panels"),
        (lambda: strip([[IMAGE], [IMAGE, IMAGE]]), "panels"),
        (lambda: strip([[IMAGE]], ["a", "b"]), "2 captions given, the grid needs 1"),
        (lambda: strip([[IMAGE]], notes=[["a", "b"]]), "2 notes in a row"),
        (lambda: strip([[IMAGE]], row_captions=["a", "b"]), "2 row captions"),
    ],
)
def test_wrong_inputs_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
