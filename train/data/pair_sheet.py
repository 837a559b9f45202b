"""A sheet of pairs as training shows them, to look at before hours are spent on them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from atp.drawing.panel import Panel
from atp.types import Image

#: Pairs beside each other, and how much a pair's pixels are enlarged.
COLUMNS, ENLARGEMENT = 4, 2


def sheet(pairs: NDArray[Any]) -> Image:
    """Pairs beside and below each other: before and after, what moved and agents tinted.

    Args:
        pairs: (B,) of :func:`train.data.pair_sources.pair_type`.

    Returns:
        uint8 (H, W, 3).
    """
    shown = []
    for pair in pairs:
        panels = [
            Panel(pair["rgb"][index], pair["moved"][index], agent=pair["agent"][index]).draw(
                ENLARGEMENT * pair["moved"].shape[-1]
            )
            for index in range(2)
        ]
        shown.append(np.pad(np.concatenate(panels, axis=1), ((2, 2), (2, 2), (0, 0))))
    shown += [np.zeros_like(shown[0])] * (-len(shown) % COLUMNS)
    lines = [np.concatenate(shown[at : at + COLUMNS], axis=1) for at in range(0, len(shown), COLUMNS)]
    return np.concatenate(lines)
