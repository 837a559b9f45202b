"""Drawing into images: part colours, tinted and outlined masks, actions.

All images are uint8 RGB arrays (H, W, 3). The public functions return a new array and leave their inputs
alone, but for draw_ring and draw_arrow, which draw in place.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import PIL.Image
from numpy.typing import NDArray

from atp.frame_action import FrameAction, Pixel
from atp.types import Image, Mask

Colour = tuple[int, int, int]

PART_COLOURS: tuple[Colour, ...] = (
    (230, 75, 53),
    (0, 135, 215),
    (40, 165, 80),
    (240, 165, 20),
    (145, 75, 190),
    (0, 180, 185),
    (225, 100, 175),
    (135, 95, 60),
    (150, 190, 30),
    (70, 85, 205),
    (250, 135, 110),
    (15, 110, 95),
    (175, 155, 225),
    (160, 30, 75),
    (120, 125, 130),
)
"""One colour for each part label 1..15."""

MOTION_COLOUR: Colour = (255, 20, 150)
TRUTH_COLOUR: Colour = (60, 255, 60)
AGENT_COLOUR: Colour = (40, 120, 255)
HOLD_COLOUR: Colour = (255, 225, 0)
PUSH_COLOUR: Colour = (255, 255, 255)
INK: Colour = (25, 25, 30)
PAPER: Colour = (255, 255, 255)

_RAMP = np.arange(256, dtype=np.uint8)[:, None]
HEAT_COLOURS: tuple[Colour, ...] = tuple(
    (int(r), int(g), int(b)) for b, g, r in cv2.applyColorMap(_RAMP, cv2.COLORMAP_INFERNO)[:, 0]
)
"""256 colours for values from 0 to 1, dark to bright."""


def part_colour(label: int) -> Colour:
    """The colour of a part label, 1 or more; past 15 the colours start over."""
    if label < 1:
        raise ValueError(f"part labels start at 1, got {label}")
    return PART_COLOURS[(label - 1) % len(PART_COLOURS)]


def check_rgb(rgb: NDArray[Any], what: str = "image") -> Image:
    """Return ``rgb`` as an array, or raise ValueError, naming ``what``, if it is not uint8 (H, W, 3)."""
    rgb = np.asarray(rgb)
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
        raise ValueError(f"{what} must be uint8 of shape (H, W, 3), got {rgb.dtype} {rgb.shape}")
    return rgb


def _check_mask(mask: NDArray[Any], shape: tuple[int, int]) -> Mask:
    mask = np.asarray(mask)
    if mask.dtype != np.bool_ or mask.shape != shape:
        raise ValueError(f"mask must be bool of the image's shape {shape}, got {mask.dtype} {mask.shape}")
    return mask


def _check_alpha(alpha: float) -> None:
    if not 0.0 <= alpha <= 1.0:
        raise ValueError(f"alpha must lie in 0..1, got {alpha}")


def overlay_mask(rgb: NDArray[Any], mask: NDArray[Any], colour: Colour = MOTION_COLOUR, alpha: float = 0.55) -> Image:
    """Tint the pixels of a mask.

    The tint is mixed with the brightness of the pixels, not with their colour: it looks the same everywhere.

    Args:
        rgb: uint8 (H, W, 3).
        mask: bool (H, W).
        colour: The tint.
        alpha: Weight of the tint, 0 (none) to 1 (flat colour).

    Returns:
        uint8 (H, W, 3).

    Raises:
        ValueError: If a shape, a dtype or alpha is wrong.
    """
    rgb = check_rgb(rgb)
    mask = _check_mask(mask, rgb.shape[:2])
    _check_alpha(alpha)
    image = rgb.copy()
    grey = rgb[mask] @ np.array([0.299, 0.587, 0.114], np.float32)
    tinted = (1.0 - alpha) * grey[:, None] + alpha * np.asarray(colour, np.float32)
    image[mask] = np.rint(tinted).astype(np.uint8)
    return image


def overlay_heat(rgb: NDArray[Any], values: NDArray[np.floating], alpha: float = 0.7) -> Image:
    """Lay values over the brightness of an image, dark for 0 and bright for 1.

    Args:
        rgb: uint8 (H, W, 3).
        values: float (H, W); cut to 0..1.
        alpha: Weight of the values' colours, 0 to 1.

    Returns:
        uint8 (H, W, 3).

    Raises:
        ValueError: If a shape, a dtype or alpha is wrong, or a value is NaN.
    """
    rgb = check_rgb(rgb)
    values = np.asarray(values)
    if values.shape != rgb.shape[:2] or not np.issubdtype(values.dtype, np.floating) or np.isnan(values).any():
        raise ValueError(
            f"values must be float of shape {rgb.shape[:2]} without NaN, got {values.dtype} {values.shape}"
        )
    _check_alpha(alpha)
    colours = np.array(HEAT_COLOURS, np.float32)[np.rint(255 * np.clip(values, 0, 1)).astype(np.intp)]
    grey = rgb @ np.array([0.299, 0.587, 0.114], np.float32)
    mixed: Image = np.rint((1 - alpha) * grey[..., None] + alpha * colours).astype(np.uint8)
    return mixed


def outline_mask(rgb: NDArray[Any], mask: NDArray[Any], colour: Colour = TRUTH_COLOUR, thickness: int = 2) -> Image:
    """Draw the inner border of a mask, for showing a second mask over a tinted one.

    Args:
        rgb: uint8 (H, W, 3).
        mask: bool (H, W).
        colour: Colour of the line.
        thickness: Width of the line in pixels, 1 or more.

    Returns:
        uint8 (H, W, 3).

    Raises:
        ValueError: If a shape or dtype is wrong or the thickness is below 1.
    """
    rgb = check_rgb(rgb)
    mask = _check_mask(mask, rgb.shape[:2])
    if thickness < 1:
        raise ValueError(f"thickness must be 1 or more, got {thickness}")
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    # Outside of the image counts as outside of the mask, so that the line closes along the image's border.
    inside = cv2.erode(
        mask.astype(np.uint8), cross, iterations=thickness, borderType=cv2.BORDER_CONSTANT, borderValue=0
    )
    return overlay_mask(rgb, mask & (inside == 0), colour, 1.0)


def overlay_labels(rgb: NDArray[Any], labels: NDArray[Any], alpha: float = 0.65) -> Image:
    """Tint every part in its own colour; the background keeps the image.

    Args:
        rgb: uint8 (H, W, 3).
        labels: Integers (H, W), 0 background, 1.. parts.
        alpha: Weight of the tint, 0..1.

    Returns:
        uint8 (H, W, 3).

    Raises:
        ValueError: If a shape or dtype is wrong or a label is negative.
    """
    image = check_rgb(rgb)
    labels = np.asarray(labels)
    if labels.shape != image.shape[:2] or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"labels must be integers of the image's shape {image.shape[:2]}, got {labels.dtype} {labels.shape}"
        )
    for label in np.unique(labels):
        if label != 0:
            image = overlay_mask(image, labels == label, part_colour(int(label)), alpha)
    return image.copy()


def _check_pixel(pixel: Pixel, shape: tuple[int, ...], what: str) -> Pixel:
    row, col = pixel
    if not (0 <= row < shape[0] and 0 <= col < shape[1]):
        raise ValueError(f"{what} ({row}, {col}) lies outside of the image of {shape[0]} x {shape[1]} pixels")
    return row, col


def draw_ring(image: Image, centre: tuple[float, float], radius: float, width: float, colour: Colour) -> None:
    """Draw a ring with a dark rim into ``image``; centre (x, y)."""
    at = (round(centre[0]), round(centre[1]))
    for line, ink in ((2.2 * width, INK), (width, colour)):
        cv2.circle(image, at, round(radius), ink, max(1, round(line)), cv2.LINE_AA)


def draw_arrow(
    image: Image, tail: tuple[float, float], angle: float, length: float, width: float, colour: Colour
) -> None:
    """Draw a filled arrow with a dark rim into ``image``; tail (x, y), angle counter-clockwise, rad."""
    along = np.array([math.cos(angle), -math.sin(angle)])  # image rows grow downwards
    across = np.array([-along[1], along[0]])
    head = min(3.2 * width, 0.7 * length)
    outline = [
        (0.0, 0.5 * width),
        (length - head, 0.5 * width),
        (length - head, 1.5 * width),
        (length, 0.0),
        (length - head, -1.5 * width),
        (length - head, -0.5 * width),
        (0.0, -0.5 * width),
    ]
    points = np.array([np.asarray(tail) + a * along + b * across for a, b in outline])
    fixed = np.rint(points * 16).astype(np.int32)  # OpenCV's fixed point with 4 fractional bits
    cv2.polylines(image, [fixed], True, INK, max(1, round(0.9 * width)), cv2.LINE_AA, shift=4)
    cv2.fillPoly(image, [fixed], colour, cv2.LINE_AA, shift=4)


def draw_action(rgb: NDArray[Any], action: FrameAction) -> Image:
    """Draw an action: a ring at the hold, an arrow from the push pixel; what is not known of it is left out.

    Args:
        rgb: uint8 (H, W, 3); enlarge small images first (:func:`fit`).
        action: In the pixels of ``rgb``. A push is drawn where its direction is known.

    Returns:
        uint8 (H, W, 3).

    Raises:
        ValueError: If a shape or dtype is wrong or a pixel lies outside.
    """
    image = check_rgb(rgb).copy(order="C")
    size = min(image.shape[:2])
    width = max(1.5, size / 60)
    if action.push is not None and action.direction is not None:
        row, col = _check_pixel(action.push, image.shape, "push")
        draw_arrow(image, (col, row), action.direction * math.pi / 4, size / 5, width, PUSH_COLOUR)
        draw_ring(image, (col, row), 0.5 * width, width, PUSH_COLOUR)
    if action.hold is not None:
        row, col = _check_pixel(action.hold, image.shape, "hold")
        draw_ring(image, (col, row), size / 25, 0.8 * width, HOLD_COLOUR)
    return image


def fit(rgb: NDArray[Any], size: int) -> Image:
    """Resize an image so that its longer side is ``size``, keeping its proportions.

    Enlarging by two or more uses the nearest pixel, which keeps small images sharp; anything else Lanczos.

    Args:
        rgb: uint8 (H, W, 3).
        size: Longer side of the result in pixels.

    Returns:
        uint8 (h, w, 3) with max(h, w) == size.

    Raises:
        ValueError: If the image is not uint8 RGB or the size is below 1.
    """
    rgb = check_rgb(rgb)
    if size < 1:
        raise ValueError(f"size must be 1 or more, got {size}")
    height, width = rgb.shape[:2]
    if max(height, width) == size:
        return rgb.copy()
    factor = size / max(height, width)
    method = PIL.Image.Resampling.NEAREST if factor >= 2 else PIL.Image.Resampling.LANCZOS
    shape = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(PIL.Image.fromarray(rgb).resize(shape, method))
