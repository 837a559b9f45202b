"""Grids of captioned panels with a legend, to be read at a glance."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import cv2
import matplotlib
import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL import ImageDraw, ImageFont

from atp.drawing.primitives import HOLD_COLOUR, INK, PAPER, PUSH_COLOUR, Colour, draw_arrow, draw_ring, fit
from atp.types import Image


@dataclass(frozen=True)
class Legend:
    """One entry of a legend: a symbol in a colour and what it stands for."""

    text: str
    colour: Colour
    symbol: Literal["fill", "outline", "ring", "arrow"] = "fill"


ACTION_LEGEND = (Legend("hold", HOLD_COLOUR, "ring"), Legend("push", PUSH_COLOUR, "arrow"))

_LINE_SPACING = 4  # pixels
_GAP = 8  # pixels between panels


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with Matplotlib: the same letters on every machine, and most alphabets."""
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)


def _wrap(text: str, width: float, font: ImageFont.FreeTypeFont) -> str:
    """Break ``text`` between words so that its lines are no wider than ``width`` pixels where possible."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}".strip()
            if line and font.getbbox(longer)[2] > width:
                lines.append(line)
                line = word
            else:
                line = longer
        lines.append(line)
    return "\n".join(lines)


class _Text:
    """Measured, wrapped text. An empty text takes no room."""

    def __init__(self, text: str, size: int, width: float = math.inf) -> None:
        self.font = _font(size)
        self.text = _wrap(text, width, self.font)
        lines = self.text.split("\n") if text else []
        # From the font, not from the letters: images with different words of equal length get equal sizes.
        line_height = math.ceil(self.font.getbbox("Ag")[3]) + _LINE_SPACING
        self.width = max((math.ceil(self.font.getbbox(line)[2]) for line in lines), default=0)
        self.height = line_height * len(lines)

    def draw(self, canvas: ImageDraw.ImageDraw, left: float, top: float) -> None:
        canvas.multiline_text((left, top), self.text, fill=INK, font=self.font, spacing=_LINE_SPACING)


def _legend_rows(legend: Sequence[Legend], size: int, width: int) -> list[list[tuple[Legend, _Text, int]]]:
    """Split a legend into rows of (entry, text, left edge) no wider than ``width``."""
    rows: list[list[tuple[Legend, _Text, int]]] = []
    left = 0
    for entry in legend:
        text = _Text(entry.text, size)
        needed = int(1.9 * size) + text.width
        if not rows or left + needed > width:
            rows.append([])
            left = 0
        rows[-1].append((entry, text, left))
        left += needed + size
    return rows


def _draw_symbol(image: Image, entry: Legend, left: int, top: int, size: int) -> None:
    if entry.symbol == "ring":
        draw_ring(image, (left + 0.6 * size, top + 0.6 * size), 0.4 * size, 0.15 * size, entry.colour)
    elif entry.symbol == "arrow":
        draw_arrow(image, (left + 1, top + 0.6 * size), 0.0, 1.3 * size, 0.22 * size, entry.colour)
    else:
        box = (left, top), (left + size + 2, top + size + 2)
        if entry.symbol == "fill":
            cv2.rectangle(image, *box, entry.colour, -1)
        cv2.rectangle(image, *box, entry.colour if entry.symbol == "outline" else INK, 1)
        if entry.symbol == "outline":
            inner = (left + 1, top + 1), (left + size + 1, top + size + 1)
            cv2.rectangle(image, *inner, entry.colour, 2)


class _Layout:
    """Where everything in a grid stands, in pixels: a title, heads above columns, sides left of rows, notes, a legend.

    Attributes:
        lefts: Left edge of each column.
        tops: Top edge of each row of panels.
        heights: Height of each row of panels.
        shape: (H, W) of the whole.
    """

    def __init__(
        self,
        cells: Sequence[Sequence[Image | None]],
        captions: Sequence[str],
        row_captions: Sequence[str],
        notes: Sequence[Sequence[str]],
        legend: Sequence[Legend],
        title: str,
        panel_size: int,
        text_size: int,
    ) -> None:
        def extent(line: Iterable[Image | None], axis: int) -> int:
            return max((cell.shape[axis] for cell in line if cell is not None), default=panel_size)

        self.cells, self.text_size, self.pad = cells, text_size, text_size // 2
        # A narrow panel is still given room for its texts.
        widths = [max(extent(column, 1), 6 * text_size) for column in zip(*cells, strict=True)]
        self.heights = [extent(row, 0) for row in cells]
        self.heads = [_Text(text, text_size, width) for text, width in zip(captions, widths, strict=False)]
        self.sides = [_Text(text, text_size, 7 * text_size) for text in row_captions]
        self.notes = [[_Text(text, text_size, width) for text, width in zip(row, widths, strict=True)] for row in notes]

        margin = max((side.width for side in self.sides), default=0)
        left = self.pad + (margin + self.pad if margin else 0)
        width = left + sum(widths) + _GAP * (len(widths) - 1) + self.pad
        self.lefts = [left + sum(widths[:column]) + _GAP * column for column in range(len(widths))]
        self.title = _Text(title, round(1.2 * text_size), width - 2 * self.pad)
        self.legend = _legend_rows(legend, text_size, width - 2 * self.pad)
        needed = [2 * self.pad + row[-1][2] + 2 * text_size + row[-1][1].width for row in self.legend]

        top = self.pad + (self.title.height + self.pad if title else 0)
        top += max(head.height for head in self.heads) + self.pad if self.heads else 0
        note_heights = [max(text.height for text in row) for row in self.notes] or [0] * len(cells)
        blocks = [h + (n + self.pad if n else 0) for h, n in zip(self.heights, note_heights, strict=True)]
        self.tops = [top + sum(blocks[:row]) + _GAP * row for row in range(len(blocks))]
        bottom = top + sum(blocks) + _GAP * (len(blocks) - 1)
        legend_height = round(1.6 * text_size)
        self.legend_tops = [bottom + self.pad + row * legend_height for row in range(len(self.legend))]
        total = bottom + self.pad + (len(self.legend) * legend_height + self.pad if self.legend else 0)
        self.shape = total, max([width, *needed])

    def draw(self) -> Image:
        """The whole grid, uint8 (H, W, 3)."""
        image = np.full((*self.shape, 3), PAPER, np.uint8)
        for y, row in zip(self.tops, self.cells, strict=True):
            for x, cell in zip(self.lefts, row, strict=True):
                if cell is not None:
                    image[y : y + cell.shape[0], x : x + cell.shape[1]] = cell
        for y, entries in zip(self.legend_tops, self.legend, strict=True):
            for entry, _, x in entries:
                _draw_symbol(image, entry, self.pad + x, y, self.text_size)
        written = PIL.Image.fromarray(image)
        self._write(ImageDraw.Draw(written))
        return np.asarray(written)

    def _write(self, canvas: ImageDraw.ImageDraw) -> None:
        """Draw the texts."""
        self.title.draw(canvas, self.pad, self.pad)
        for x, head in zip(self.lefts, self.heads, strict=False):
            head.draw(canvas, x, self.tops[0] - self.pad - head.height)
        for y, height, side in zip(self.tops, self.heights, self.sides, strict=False):
            side.draw(canvas, self.pad, y + (height - side.height) / 2)
        for y, height, texts in zip(self.tops, self.heights, self.notes, strict=False):
            for x, text in zip(self.lefts, texts, strict=True):
                text.draw(canvas, x, y + height + self.pad // 2)
        for y, entries in zip(self.legend_tops, self.legend, strict=True):
            for _, text, x in entries:
                text.draw(canvas, self.pad + x + 1.9 * self.text_size, y)


def strip(
    panels: Sequence[Sequence[NDArray[Any] | None]],
    captions: Sequence[str] = (),
    *,
    row_captions: Sequence[str] = (),
    notes: Sequence[Sequence[str]] = (),
    legend: Sequence[Legend] = (),
    title: str = "",
    panel_size: int = 270,
    text_size: int = 15,
) -> Image:
    """Lay panels out as a grid with captions, to be read at a glance.

    Args:
        panels: Rows of uint8 RGB images of any size; None leaves a cell empty. Rows have the same length.
        captions: One text above each column, or none.
        row_captions: One text to the left of each row, or none.
        notes: Rows of texts to stand below the panels, or none.
        legend: Entries shown below the grid.
        title: A line above everything.
        panel_size: Longer side of each panel in pixels.
        text_size: Height of the letters in pixels.

    Returns:
        uint8 (H, W, 3) on white.

    Raises:
        ValueError: If there is no panel, or the numbers of rows, columns and texts do not agree.
    """
    rows, columns = len(panels), len(panels[0]) if panels else 0
    if not columns or any(len(row) != columns for row in panels):
        raise ValueError(f"panels must be equally long rows, got lengths {[len(row) for row in panels]}")
    for what, given, needed in (
        ("captions", len(captions), columns),
        ("row captions", len(row_captions), rows),
        ("rows of notes", len(notes), rows),
        *(("notes in a row", len(row), columns) for row in notes),
    ):
        if given not in (0, needed):
            raise ValueError(f"{given} {what} given, the grid needs {needed}")
    cells = [[None if panel is None else fit(panel, panel_size) for panel in row] for row in panels]
    full_notes = [list(row) or [""] * columns for row in notes]
    return _Layout(cells, captions, row_captions, full_notes, legend, title, panel_size, text_size).draw()
