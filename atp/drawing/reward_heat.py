"""The image of ``atp maps``: where to hold, and where to push with each of some holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atp.drawing.grid import ACTION_LEGEND, Legend, strip
from atp.drawing.panel import ENLARGEMENT, Panel
from atp.drawing.primitives import HEAT_COLOURS, overlay_heat
from atp.frame_action import FrameAction
from atp.types import Image


@dataclass(frozen=True, eq=False)
class ShownHold:
    """The push map under one hold.

    Attributes:
        push: float32 (8, H, W), expected reward of a push in each direction at each pixel.
        action: The hold, and the best push with it.
        caption: A text above the panel.
        note: A text below it.
    """

    push: NDArray[np.float32]
    action: FrameAction
    caption: str
    note: str


def draw_reward_maps(rgb: Image, hold: NDArray[np.float32], pushes: Sequence[ShownHold], title: str) -> Image:
    """The image, the hold map, and for each hold the best value over the directions at every pixel.

    Args:
        rgb: uint8 (H, W, 3).
        hold: float32 (H, W), expected reward of a hold at each pixel.
        pushes: One or more push maps.
        title: A line above.

    Returns:
        uint8 (h, w, 3). All maps share one scale, from 0 to the largest value.
    """
    top = max(float(hold.max()), *(float(entry.push.max()) for entry in pushes), 1e-6)
    panels = [Panel(rgb), Panel(overlay_heat(rgb, hold / top))]
    panels += [Panel(overlay_heat(rgb, entry.push.max(0) / top), action=entry.action) for entry in pushes]
    size = ENLARGEMENT * max(rgb.shape[:2])
    return strip(
        [[panel.draw(size) for panel in panels]],
        ["image", "where to hold", *(entry.caption for entry in pushes)],
        notes=[["", "", *(entry.note for entry in pushes)]],
        legend=[*ACTION_LEGEND, *(_heat_legend(top, share) for share in (0.0, 0.5, 1.0))],
        title=title,
    )


def _heat_legend(top: float, share: float) -> Legend:
    return Legend(f"{top * share:.2f}", HEAT_COLOURS[round(255 * share)])
