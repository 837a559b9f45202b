"""From linear light to what a camera stores: exposure, tone, white balance, blur, noise, compression."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from envs.image_pairs.disturbances import sense
from envs.rendered_pairs.pair_variation import RenderedPairConfig

Generator = np.random.Generator


def developed(
    rng: Generator, images: Sequence[NDArray[np.float32]], resolution: int, config: RenderedPairConfig
) -> NDArray[np.uint8]:
    """Store two images.

    Args:
        rng: Source of every choice.
        images: Two (h, w, 3) float32, linear.
        resolution: Side of what is stored, pixels.
        config: What varies.

    Returns:
        (2, resolution, resolution, 3) uint8.
    """
    camera = config.camera
    small = [cv2.resize(_finite(image), (resolution, resolution), interpolation=cv2.INTER_AREA) for image in images]
    aim = float(np.exp(rng.normal(np.log(0.2), 0.3)))
    gains = [aim / max(float(np.median(image) * 0.5 + image.mean() * 0.5), 1e-4) for image in small]
    if rng.random() < 0.6:  # the exposure is fixed
        gains[1] = gains[0]
    contrast, tint = rng.uniform(0.9, 1.3), 1 + rng.normal(0, 0.05, 3)
    saturation = rng.uniform(0.7, 1.25)
    soft, dirt, quality = rng.uniform(0, 1) ** 2 * 0.8, rng.uniform(0, 1) ** 2 * 9, int(rng.integers(45, 110))
    stored = []
    for image, gain in zip(small, gains, strict=True):
        light = image * gain * (rng.uniform(0.92, 1.08) if camera.exposure else 1.0)
        colour = tint * (1 + rng.normal(0, 0.02, 3)) if camera.white_balance else tint
        light = light * colour.astype(np.float32)
        light = light * (2.51 * light + 0.03) / (light * (2.43 * light + 0.59) + 0.14)  # a film's curve (ACES)
        value = np.clip(light, 0, 1) ** (1 / 2.2)
        value = np.clip(0.5 + contrast * (value - 0.5), 0, 1)
        grey = value.mean(-1, keepdims=True)
        value = np.clip(grey + saturation * (value - grey), 0, 1)
        extra = rng.uniform(0, 0.7) if camera.blur and rng.random() < 0.15 else 0.0
        stored.append(sense(np.asarray(255 * value, np.float32), camera, soft + extra, dirt, quality, rng))
    return np.stack(stored)


def _finite(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Light without excess, and without the pixels of degenerate triangles that have none: one spoils a whole image."""
    return np.minimum(np.nan_to_num(image, nan=0.0), np.float32(8.0))
