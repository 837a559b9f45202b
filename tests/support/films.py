"""Video files for tests."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np


def write_film(
    path: Path,
    frames: Iterable[np.ndarray],
    rate: int = 10,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    rotation: int = 0,
    **options: str,
) -> Path:
    """Encode frames, uint8 (H, W, 3) of one size, with options of the encoder; ``rotation`` says how it was held."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.pix_fmt, stream.options = pixels, options
        for number, rgb in enumerate(frames):
            if number == 0:
                stream.height, stream.width = rgb.shape[:2]
                if rotation:
                    stream.set_display_rotation(rotation)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode(None))
    return path
