"""A synthetic image pair: sample a scene, render it before and after, and disturb both images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.conventions import RESOLUTION
from envs.camera import Camera
from envs.image_pairs import disturbances
from envs.image_pairs.furniture import furniture
from envs.image_pairs.renderer import Lamp, Rendered, render
from envs.image_pairs.scene import UP, Scene
from envs.image_pairs.tabletop import tabletop
from envs.image_pairs.variation import ImagePairConfig

#: Images are rendered this much larger and then reduced.
OVERSAMPLING = 2
#: Share of the image that what moved must show in each image.
LEAST_SHARE = 0.008
#: Scenes, cameras and positions tried for one pair.
TRIALS = 20


@dataclass(frozen=True, eq=False)
class ImagePair:
    """Two images and what moved between them.

    Attributes:
        rgb: (2, H, W, 3) uint8, before and after.
        moved: (2, H, W) bool, the visible pixels of what moved, in each; all False where nothing did. Hands, and what
            they hide, are not part of it.
        agent: (2, H, W) bool, hands, arms and sticks.
    """

    rgb: NDArray[np.uint8]
    moved: NDArray[np.bool_]
    agent: NDArray[np.bool_]


def synthesize_pair(
    rng: np.random.Generator, config: ImagePairConfig | None = None, resolution: int = RESOLUTION, still: float = 0.1
) -> ImagePair:
    """Synthesize a pair.

    Args:
        rng: Source of every choice: the same state gives the same pair.
        config: What to vary.
        resolution: Image side in pixels.
        still: Share of pairs in which nothing moves, whatever else changes.

    Returns:
        The pair.

    Raises:
        RuntimeError: No view of anything that moves was found.
    """
    config = config or ImagePairConfig()
    stays = rng.random() < still
    for _ in range(TRIALS):
        scene = (furniture if rng.random() < 0.55 else tabletop)(rng, config)
        camera = _camera(scene, config, resolution * OVERSAMPLING, rng)
        positions = _positions(scene, config, rng)
        if stays:
            positions = (positions[0], positions[0])
        lamp = _lamp(config, rng)
        views = [render(scene.quads(position), camera, lamp) for position in positions]
        masks = [_reduce_mask(view.bodies == 1, resolution) for view in views]
        if min(mask.mean() for mask in masks) < LEAST_SHARE or max(mask.mean() for mask in masks) > 0.75:
            continue
        if not stays and _alike(views):
            continue
        return _develop(views, masks, stays, config, resolution, rng)
    raise RuntimeError("no view shows anything that moves")


def _alike(views: list[Rendered]) -> bool:
    """Whether nobody could tell from the images that something moved: a plain drawer seen from the front, say."""
    shown = (views[0].bodies == 1) | (views[1].bodies == 1)
    change = np.abs(views[0].rgb - views[1].rgb).max(-1)[shown]
    return bool((change > 15).mean() < 0.15)


def _positions(scene: Scene, config: ImagePairConfig, rng: np.random.Generator) -> tuple[float, float]:
    """Joint positions before and after: often shut in one of them."""
    low, high = scene.limits
    kind = rng.random()
    if kind < 0.5:
        pair = (0.0, rng.uniform(0.35, 1.0))
    elif kind < 0.7:
        pair = (rng.uniform(0.35, 1.0), 0.0)
    else:
        first = rng.random()
        second = rng.random()
        while abs(first - second) < 0.2:
            second = rng.random()
        pair = (first, second)
    before, after = (low + (high - low) * share for share in pair)
    return float(before), float(after)


def _camera(scene: Scene, config: ImagePairConfig, side: int, rng: np.random.Generator) -> Camera:
    """A camera that shows what moves, somewhere and somehow."""
    azimuth, elevation = rng.uniform(*scene.azimuth), rng.uniform(*scene.elevation)
    direction = np.array([
        np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)
    ])  # fmt: skip
    field = rng.uniform(0.8, 2.0)  # focal length over the image's side
    share = rng.uniform(0.22, 1.1) if config.framing else rng.uniform(0.45, 0.65)
    distance = max(field * scene.size / share, scene.reach)
    spread = 0.35 if config.framing else 0.05
    shift = rng.uniform(-spread, spread, 3) * distance / field * min(1.0, 1.2 - min(share, 1.0))
    target = scene.centre + shift
    roll = rng.normal(0, 0.06)
    return Camera.looking_at(side, side, field * side, target + distance * direction, target, UP, roll)


def _lamp(config: ImagePairConfig, rng: np.random.Generator) -> Lamp:
    direction = np.array([rng.uniform(-1, 1), rng.uniform(0.2, 1.2), rng.uniform(0.2, 1.2)])
    return Lamp(
        direction / np.linalg.norm(direction),
        ambient=rng.uniform(0.35, 0.8),
        diffuse=rng.uniform(0.2, 0.8),
        shadow=rng.uniform(0.2, 0.9) if config.shadows and rng.random() < 0.7 else 0.0,
        softness=rng.uniform(0.5, 6.0),
    )


def _develop(
    views: list[Rendered],
    masks: list[NDArray[np.bool_]],
    stays: bool,
    config: ImagePairConfig,
    resolution: int,
    rng: np.random.Generator,
) -> ImagePair:
    """From renderings to what a camera stores."""
    images = [view.rgb.copy() for view in views]
    empty = rng.uniform(0, 255, 3).astype(np.float32)
    for image, view in zip(images, views, strict=True):
        image[view.bodies < 0] = empty
    if config.surfaces:  # rooms are less colourful than generated things
        images = disturbances.mute(images, rng.uniform(0.1, 1.0))
    agents = [_reduce_mask(mask, resolution) for mask in disturbances.draw_hands(images, config, rng)]
    images = disturbances.change_light(images, config, rng)
    if config.shake and rng.random() < 0.5:
        images[1], (masks[1], agents[1]) = _shaken(images[1], (masks[1], agents[1]), rng)
    soft, dirt, quality = rng.uniform(0, 1.0) ** 2 * 1.5, rng.uniform(0, 8), int(rng.integers(35, 110))
    stored = []
    for image in images:
        small = cv2.resize(image, (resolution, resolution), interpolation=cv2.INTER_AREA)
        extra = rng.uniform(0, 0.8) if config.blur and rng.random() < 0.2 else 0.0
        stored.append(disturbances.sense(np.asarray(small, np.float32), config, soft + extra, dirt, quality, rng))
    agent = np.stack(agents)
    moved = np.zeros_like(agent) if stays else np.stack(masks) & ~agent
    return ImagePair(np.stack(stored), moved, agent)


def _shaken(
    image: NDArray[np.float32], masks: Sequence[NDArray[np.bool_]], rng: np.random.Generator
) -> tuple[NDArray[np.float32], list[NDArray[np.bool_]]]:
    """An image from a camera that has moved by up to some two per cent of the image, and its masks."""

    def moved(values: NDArray[Any], angle: float, zoom: float, shift: NDArray[np.float64]) -> NDArray[Any]:
        side = values.shape[0]
        matrix = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), angle, zoom)
        matrix[:, 2] += shift * side
        return np.asarray(cv2.warpAffine(values, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE))

    angle, zoom, shift = rng.normal(0, 0.6), 1 + rng.normal(0, 0.008), rng.normal(0, 0.01, 2)
    shaken = [moved(mask.astype(np.float32), angle, zoom, shift) >= 0.5 for mask in masks]
    return moved(image, angle, zoom, shift), shaken


def _reduce_mask(mask: NDArray[np.bool_], resolution: int) -> NDArray[np.bool_]:
    """The mask at a lower resolution, by majority."""
    share = cv2.resize(mask.astype(np.float32), (resolution, resolution), interpolation=cv2.INTER_AREA)
    result: NDArray[np.bool_] = np.asarray(share) >= 0.5
    return result
