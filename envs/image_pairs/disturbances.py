"""What makes two renderings look like real video: hands, muted colours, light, blur, sensor noise, compression.

Hands are objects in front of the camera; light and colour belong to the room; the rest comes from the camera. A shaken
camera is in :mod:`envs.image_pairs.synthesis`, because the masks move with it.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from envs.image_pairs.variation import ImagePairConfig

Generator = np.random.Generator
Colours = NDArray[np.float32]
Image = NDArray[np.uint8]


def draw_hands(images: list[Colours], config: ImagePairConfig, rng: Generator) -> list[NDArray[np.bool_]]:
    """Draw an arm or a stick into none, one or both of two images, in place.

    Args:
        images: Two (H, W, 3) float32 images in 0..255.
        config: What to vary.
        rng: Source of every choice.

    Returns:
        For each image the pixels that were drawn over, (H, W) bool.
    """
    masks = [np.zeros(image.shape[:2], bool) for image in images]
    if not config.hands:
        return masks
    size = min(images[0].shape[:2])
    for _ in range(int(rng.choice([0, 1, 2], p=[0.45, 0.45, 0.1]))):
        skin = rng.random() < 0.6
        shade = [1.0, rng.uniform(0.65, 0.85), rng.uniform(0.5, 0.75)] if skin else rng.uniform(0.3, 1.0, 3)
        tone = rng.uniform(90, 240) * np.asarray(shade)
        width = rng.uniform(0.04, 0.16) * size
        sleeve = 255 * rng.random(3) if rng.random() < 0.6 else None
        where = rng.integers(3)  # first image, second, both
        for index, image in enumerate(images):
            if where in (index, 2):
                masks[index] |= _arm(image, tone, sleeve, width, rng)
    return masks


def _arm(
    image: Colours,
    tone: NDArray[np.float64],
    sleeve: NDArray[np.float64] | None,
    width: float,
    rng: Generator,
) -> NDArray[np.bool_]:
    """A bent limb from the border to somewhere within, with a hand or a tip at its end; its pixels, (H, W) bool."""
    height, wide = image.shape[:2]
    start = _on_border(rng, height, wide)
    end = rng.uniform(0.1, 0.9, 2) * (wide, height)
    elbow = (start + end) / 2 + rng.normal(0, 0.1, 2) * min(height, wide)
    layer, mask = np.zeros_like(image), np.zeros((height, wide), np.float32)
    count = 24
    for index in range(count + 1):
        t = index / count
        place = (1 - t) ** 2 * start + 2 * t * (1 - t) * elbow + t**2 * end
        radius = width * (0.6 - 0.2 * t + (0.12 if t > 0.85 else 0.0))
        colour = sleeve if sleeve is not None and t < 0.55 else tone
        spot = tuple(np.rint(place).astype(int).tolist())
        lit = (colour * (0.85 + 0.3 * t)).clip(0, 255).tolist()
        cv2.circle(layer, spot, max(1, round(radius)), lit, -1, cv2.LINE_AA)
        cv2.circle(mask, spot, max(1, round(radius)), 1.0, -1, cv2.LINE_AA)
    for _ in range(int(rng.integers(0, 5))):  # fingers
        tip = end + rng.normal(0, 0.7, 2) * width
        ends = [tuple(np.rint(point).astype(int).tolist()) for point in (end, tip)]
        thick = max(1, round(0.3 * width))
        cv2.line(layer, ends[0], ends[1], tone.clip(0, 255).tolist(), thick, cv2.LINE_AA)
        cv2.line(mask, ends[0], ends[1], 1.0, thick, cv2.LINE_AA)
    shading = cv2.GaussianBlur(mask, (0, 0), max(1.0, 0.25 * width))[..., None]
    image += mask[..., None] * (layer * (0.6 + 0.4 * shading) - image)
    covered: NDArray[np.bool_] = mask >= 0.5
    return covered


def _on_border(rng: Generator, height: int, width: int) -> NDArray[np.float64]:
    """A point just outside of the image, (x, y)."""
    side, along = int(rng.integers(4)), rng.random()
    x, y = [(along, -0.05), (along, 1.05), (-0.05, along), (1.05, along)][side]
    return np.array([x * width, y * height])


def mute(images: list[NDArray[np.float32]], keep: float) -> list[NDArray[np.float32]]:
    """Take colour out of images (h, w, 3), all but a share of it; brightness stays."""
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    muted = []
    for image in images:
        grey = (image @ weights)[..., None]
        muted.append(np.asarray(grey + keep * (image - grey), np.float32))
    return muted


def change_light(images: list[Colours], config: ImagePairConfig, rng: Generator) -> list[Colours]:
    """Strength, place and colour of the light: some of it common to both images, some not.

    Args:
        images: Two (H, W, 3) float32 images in 0..255.
        config: What to vary.
        rng: Source of every choice.

    Returns:
        Two new images.
    """
    height, width = images[0].shape[:2]
    y, x = (
        np.linspace(-1, 1, height, dtype=np.float32)[:, None],
        np.linspace(-1, 1, width, dtype=np.float32)[None],
    )
    common = _field(x, y, 0.35, rng)
    tint = 1 + rng.uniform(-0.12, 0.12, 3)
    bend = rng.uniform(0.75, 1.3)
    common = common * np.float32(rng.uniform(80, 165) / max(float(images[0].mean()), 1.0))  # the camera's own
    changed = []
    for image in images:
        light = common
        if config.exposure:
            light = light * rng.uniform(0.8, 1.2)
            if rng.random() < 0.5:
                light = light * _field(x, y, 0.15, rng)
        colour = tint * (1 + rng.uniform(-0.06, 0.06, 3)) if config.white_balance else tint
        bright: Colours = np.clip(image * light[..., None] * colour.astype(np.float32) / 255, 0, 1)
        changed.append(np.asarray(255 * bright**bend, np.float32))
    return changed


def _field(x: Colours, y: Colours, strength: float, rng: Generator) -> Colours:
    """A smooth factor about 1, (H, W)."""
    angle, amount = rng.uniform(0, 2 * math.pi), strength * rng.random()
    field = 1 + amount * (math.cos(angle) * x + math.sin(angle) * y)
    centre, spread = rng.uniform(-1, 1, 2), rng.uniform(0.3, 1.5)
    spot = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * spread**2))
    return np.asarray(field + amount * rng.uniform(-1, 1) * spot, np.float32)


def sense(image: Colours, config: ImagePairConfig, soft: float, dirt: float, quality: int, rng: Generator) -> Image:
    """What the camera stores.

    Args:
        image: (H, W, 3) float32 in 0..255.
        config: What to vary.
        soft: Sigma in pixels of the blur.
        dirt: Standard deviation of the noise in grey levels.
        quality: Of JPEG.
        rng: Source of the noise.

    Returns:
        (H, W, 3) uint8.
    """
    if config.blur and soft > 0.25:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), soft), np.float32)
    if config.noise:
        image = image + dirt * rng.standard_normal(image.shape, np.float32)
    stored: Image = np.clip(image, 0, 255).astype(np.uint8)
    if config.compression and quality < 95:
        _, data = cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, quality])
        stored = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return stored
