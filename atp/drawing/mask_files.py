"""Masks and part labels in files that other tools open: palette PNG, COCO JSON with run lengths, overlays.

A palette PNG is 0 where nothing is and k where part k is, in the colours of the strips; DAVIS and Pascal VOC have such
files. The JSON has the fields of a COCO annotation file; ``segmentation`` is what ``pycocotools.mask.decode`` reads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from assets.files import atomic_path, write_json
from atp.drawing.export import write_png
from atp.drawing.primitives import MOTION_COLOUR, PART_COLOURS, check_rgb, overlay_labels, overlay_mask
from atp.types import Image, Labels, Mask

#: Number and name of what an annotation is of; parts follow, part k with number 1 + k.
MOVED = (1, "moved")


def write_palette_png(path: Path, labels: NDArray[np.uint8], colours: tuple[tuple[int, int, int], ...]) -> None:
    """Write labels as a PNG with a palette, complete or not at all.

    Args:
        path: Where to; its folder is made if missing.
        labels: uint8 (H, W): 0 is black, k has the k-th colour, which start over past the last.
        colours: RGB.
    """
    image = PIL.Image.fromarray(np.ascontiguousarray(labels), mode="P")
    entries = [(0, 0, 0), *(colours[index % len(colours)] for index in range(255))]
    image.putpalette([value for colour in entries for value in colour])
    with atomic_path(path) as temporary:
        image.save(temporary, format="PNG")


def run_lengths(mask: Mask) -> dict[str, Any]:
    """A mask as COCO's compressed run lengths.

    Pixels are counted column by column, runs of 0 and 1 in turns, the first of 0. From the fourth on a run is written
    as its difference to the one before the last, five bits a character, least first, with a sign.

    Args:
        mask: bool (H, W).

    Returns:
        ``size`` [H, W] and ``counts``, text.
    """
    flat = np.concatenate([[False], mask.ravel(order="F"), [False]])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    edges = edges[edges < mask.size]
    runs = np.diff(np.concatenate([[0], edges, [mask.size]])).tolist()
    text = []
    for index, run in enumerate(runs):
        value = run - runs[index - 2] if index > 2 else run
        while True:
            bits = value & 0x1F
            value >>= 5
            more = value != (-1 if bits & 0x10 else 0)
            text.append(chr(48 + (bits | (0x20 if more else 0))))
            if not more:
                break
    return {"size": list(mask.shape), "counts": "".join(text)}


@dataclass
class MaskFolder:
    """Writes masks of images into a folder, and in the end ``masks.json`` with all of them.

    Attributes:
        path: The folder; what it has of other runs under other names stays.
    """

    path: Path
    _images: list[dict[str, Any]] = field(default_factory=list)
    _annotations: list[dict[str, Any]] = field(default_factory=list)
    _parts: int = 0

    def moved(self, name: str, rgb: Image, mask: Mask) -> None:
        """Write ``NAME.png``, what moved in an image, and ``NAME.overlay.png``, at the image's own size.

        Args:
            name: Of the files.
            rgb: uint8 (H, W, 3).
            mask: bool (H, W).
        """
        write_palette_png(self.path / f"{name}.png", mask.astype(np.uint8), (MOTION_COLOUR,))
        write_png(self.path / f"{name}.overlay.png", overlay_mask(rgb, mask))
        self._add(name, rgb, [(MOVED[0], mask)])

    def labelled(self, name: str, rgb: Image, labels: Labels) -> None:
        """Write ``NAME.png``, the parts in an image, and ``NAME.overlay.png``, at the image's own size.

        Args:
            name: Of the files.
            rgb: uint8 (H, W, 3).
            labels: uint8 (H, W), 0 where no part is known.
        """
        write_palette_png(self.path / f"{name}.png", labels, PART_COLOURS)
        write_png(self.path / f"{name}.overlay.png", overlay_labels(rgb, labels))
        known = [int(label) for label in np.unique(labels) if label]
        self._parts = max([self._parts, *known])
        self._add(name, rgb, [(MOVED[0] + label, labels == label) for label in known])

    def finish(self) -> None:
        """Write ``masks.json``."""
        categories = [MOVED, *((MOVED[0] + part, f"part {part}") for part in range(1, self._parts + 1))]
        content = {
            "images": self._images,
            "categories": [{"id": number, "name": name} for number, name in categories],
            "annotations": self._annotations,
        }
        write_json(self.path / "masks.json", content)

    def _add(self, name: str, rgb: Image, masks: list[tuple[int, Mask]]) -> None:
        height, width = check_rgb(rgb).shape[:2]
        image = len(self._images) + 1
        self._images.append({"id": image, "file_name": f"{name}.png", "height": height, "width": width})
        for category, mask in masks:
            if mask.any():
                rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
                box = [cols[0], rows[0], cols[-1] - cols[0] + 1, rows[-1] - rows[0] + 1]
                self._annotations.append(
                    {
                        "id": len(self._annotations) + 1,
                        "image_id": image,
                        "category_id": category,
                        "iscrowd": 0,
                        "area": int(mask.sum()),
                        "bbox": [int(value) for value in box],
                        "segmentation": run_lengths(mask),
                    }
                )
