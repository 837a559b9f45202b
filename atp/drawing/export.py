"""Writing images, uint8 RGB arrays (H, W, 3), as PNG and as H.264 video."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from assets.files import atomic_path
from atp.drawing.primitives import check_rgb


def _check_suffix(path: str | Path, suffix: str) -> Path:
    path = Path(path)
    if path.suffix.lower() != suffix:
        raise ValueError(f"{path}: the file name must end in {suffix}")
    return path


def write_png(path: str | Path, rgb: NDArray[Any]) -> None:
    """Write an image as PNG, complete or not at all.

    Args:
        path: A file name ending in .png; its folder is made if missing.
        rgb: uint8 (H, W, 3).

    Raises:
        ValueError: If the name or the image is wrong.
    """
    image = Image.fromarray(check_rgb(rgb))
    with atomic_path(_check_suffix(path, ".png")) as temporary:
        image.save(temporary, format="PNG")


def write_video(path: str | Path, frames: Iterable[NDArray[Any]], fps: float = 25.0) -> int:
    """Write H.264 (yuv420p, MP4), which browsers play, complete or not at all.

    Odd sizes, which yuv420p does not allow, are padded by repeating the last row or column.

    Args:
        path: A file name ending in .mp4; its folder is made if missing.
        frames: uint8 (H, W, 3), all of one size; read one by one.
        fps: Frames per second, 0.01 or more.

    Returns:
        The number of frames written.

    Raises:
        ValueError: If the name, the rate or a frame is wrong, or there is no frame.
    """
    path = _check_suffix(path, ".mp4")
    if not (math.isfinite(fps) and fps >= 0.01):
        raise ValueError(f"fps must be 0.01 or more, got {fps}")
    source = iter(frames)
    first = next(source, None)
    if first is None:
        raise ValueError(f"{path}: no frames to write")
    first = check_rgb(first, "frame 0")
    height, width = first.shape[:2]
    count = 0
    with (
        atomic_path(path) as temporary,
        # The index goes to the front of the file so that playing can start before all of it is loaded.
        av.open(str(temporary), "w", format="mp4", options={"movflags": "faststart"}) as container,
    ):
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000))
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "18", "preset": "medium"}
        frame: NDArray[Any] | None = first
        while frame is not None:
            rgb = check_rgb(frame, f"frame {count}")
            if rgb.shape != first.shape:
                raise ValueError(f"frame {count} has shape {rgb.shape}, frame 0 has {first.shape}")
            padded = np.pad(rgb, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
            encoded = stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(padded), format="rgb24"))
            container.mux(encoded)
            count += 1
            frame = next(source, None)
        container.mux(stream.encode(None))
    return count
