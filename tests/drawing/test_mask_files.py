"""Masks in files for other tools: what they say is read back as those tools read it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from atp.drawing.mask_files import MaskFolder, run_lengths
from atp.drawing.primitives import MOTION_COLOUR, PART_COLOURS


def decoded(segmentation: dict) -> np.ndarray:
    """COCO's run lengths as ``rleFrString`` of pycocotools reads them."""
    text, counts, place = segmentation["counts"], [], 0
    while place < len(text):
        value, shift, more = 0, 0, True
        while more:
            bits = ord(text[place]) - 48
            value |= (bits & 0x1F) << shift
            more = bool(bits & 0x20)
            place, shift = place + 1, shift + 5
            if not more and bits & 0x10:
                value |= -1 << shift
        counts.append(value + counts[-2] if len(counts) > 2 else value)
    height, width = segmentation["size"]
    flat = np.concatenate([np.full(count, index % 2, bool) for index, count in enumerate(counts)])
    return flat.reshape((height, width), order="F")


def masks() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    noise = [rng.random((17, 23)) < share for share in (0.02, 0.5, 0.98)]
    square = np.zeros((480, 640), bool)
    square[100:300, 50:600] = True
    return [*noise, square, ~square, np.zeros((3, 4), bool), np.ones((3, 4), bool)]


@pytest.mark.parametrize("mask", masks())
def test_run_lengths_come_back(mask):
    assert np.array_equal(decoded(run_lengths(mask)), mask)


def test_run_lengths_are_written_as_coco_writes_them():
    mask = np.zeros((5, 7), bool)
    mask[1:4, 2:6] = True
    # runs 11 3 2 3 2 3 2 3 6, of which the fourth and later are differences: 0 0 0 0 0 4
    assert run_lengths(mask) == {"size": [5, 7], "counts": ";32000004"}


def test_folder_has_palette_pngs_overlays_and_coco_json(tmp_path):
    rgb = np.full((30, 40, 3), 90, np.uint8)
    moved = np.zeros((30, 40), bool)
    moved[5:15, 10:30] = True
    labels = moved.astype(np.uint8)
    labels[20:25, 2:6] = 3
    folder = MaskFolder(tmp_path / "masks")
    folder.moved("1-before", rgb, moved)
    folder.labelled("1-parts", rgb, labels)
    folder.finish()

    png = Image.open(tmp_path / "masks/1-parts.png")
    assert png.mode == "P"
    assert np.array_equal(np.asarray(png), labels)
    assert tuple(png.convert("RGB").getpixel((3, 22))) == PART_COLOURS[2]
    moved_png = Image.open(tmp_path / "masks/1-before.png")
    assert np.array_equal(np.asarray(moved_png), moved)
    assert tuple(moved_png.convert("RGB").getpixel((10, 5))) == MOTION_COLOUR
    overlay = np.asarray(Image.open(tmp_path / "masks/1-before.overlay.png"))
    assert overlay.shape == rgb.shape
    assert np.array_equal((overlay != rgb).any(axis=2), moved)

    coco = json.loads((tmp_path / "masks/masks.json").read_text())
    names = {entry["id"]: entry["name"] for entry in coco["categories"]}
    images = {entry["id"]: entry["file_name"] for entry in coco["images"]}
    found = [(images[e["image_id"]], names[e["category_id"]], e["area"], e["bbox"]) for e in coco["annotations"]]
    assert found == [
        ("1-before.png", "moved", 200, [10, 5, 20, 10]),
        ("1-parts.png", "part 1", 200, [10, 5, 20, 10]),
        ("1-parts.png", "part 3", 20, [2, 20, 4, 5]),
    ]
    assert np.array_equal(decoded(coco["annotations"][2]["segmentation"]), labels == 3)


def test_an_image_without_a_mask_is_listed_all_the_same(tmp_path):
    folder = MaskFolder(tmp_path)
    folder.moved("1-before", np.zeros((4, 5, 3), np.uint8), np.zeros((4, 5), bool))
    folder.finish()
    coco = json.loads((tmp_path / "masks.json").read_text())
    assert [(len(coco["images"]), len(coco["annotations"]))] == [(1, 0)]
