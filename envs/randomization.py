"""Domain randomization: what changes from episode to episode, and what a sensor adds to every image."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.conventions import CAMERA_DISTANCE, RESOLUTION
from assets.importing.views.viewing import ObjectView
from envs.camera import FAR, Camera
from envs.simulator import Friction, Light
from envs.truth import View

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class RandomizationConfig:
    """What to randomize, and how much. Everything off gives the clean default scene.

    Attributes:
        colours: Tint the parts at random in two thirds of the episodes; in half of those all alike.
        light: Direction, colour and strength of the light.
        background: A random ground (colours, gradients, noise, stripes, checks) instead of a plain one.
        shadow: A soft shadow of the object on the ground.
        camera_tilt: Largest tilt in radians about each axis.
        camera_zoom: Largest relative change of the camera's distance.
        camera_shift: Largest shift in metres of the point looked at, along each axis.
        friction: Largest relative change of each friction.
        rgb_noise: Largest standard deviation of the colour noise, in grey levels; sampled for every episode.
        exposure: Largest relative change of brightness from image to image.
        blur: Largest sigma in pixels of a blur, sampled for every episode.
        depth_noise: Standard deviation of the depth noise in metres.
        depth_holes: Largest share of pixels without a depth reading.
        missing_depth: Probability of an episode without any depth (an image of zeros).
    """

    colours: bool = True
    light: bool = True
    background: bool = True
    shadow: bool = True
    camera_tilt: float = 0.25
    camera_zoom: float = 0.15
    camera_shift: float = 0.05
    friction: float = 0.3
    rgb_noise: float = 6.0
    exposure: float = 0.06
    blur: float = 0.6
    depth_noise: float = 0.003
    depth_holes: float = 0.05
    missing_depth: float = 0.15

    @classmethod
    def off(cls) -> RandomizationConfig:
        """The clean scene."""
        zeros = dict.fromkeys(cls.__dataclass_fields__, 0.0)
        flags = {"colours": False, "light": False, "background": False, "shadow": False}
        return replace(cls(), **{**zeros, **flags})  # type: ignore[arg-type]


@dataclass(frozen=True)
class SampledScene:
    """What was sampled for one episode.

    Attributes:
        camera: The camera.
        light: The lighting.
        friction: The friction of the object.
        background: (H, W, 3) float32 in 0..255.
        shadow: (d row, d col, darkness in 0..1) of the shadow, or None; the shift is in pixels, down and right. In
            the order of pixels, (row, col), not in that of flow, (d col, d row).
        rgb_noise: Standard deviation of the colour noise in grey levels.
        blur: Sigma in pixels of the blur.
        depth_holes: Share of pixels without a reading.
        missing_depth: No depth in this episode.
    """

    camera: Camera
    light: Light
    friction: Friction
    background: NDArray[np.float32]
    shadow: tuple[float, float, float] | None
    rgb_noise: float
    blur: float
    depth_holes: float
    missing_depth: bool

    @cached_property
    def plain_background(self) -> NDArray[np.uint8]:
        """The background as it is without noise, (H, W, 3) uint8."""
        return self.background.astype(np.uint8)


def sample_scene(
    config: RandomizationConfig, height: int, width: int, rng: np.random.Generator, view: ObjectView | None = None
) -> SampledScene:
    """Sample everything that stays the same during an episode.

    Args:
        config: What to randomize.
        height: Image rows.
        width: Image columns.
        rng: Source of randomness.
        view: How the camera looks at the object; None: from straight above.

    Returns:
        The scene.
    """
    view = view or ObjectView()
    camera = _camera(
        height,
        width,
        tuple(rng.uniform(-1, 1, 2) * config.camera_tilt),
        CAMERA_DISTANCE * (1 + config.camera_zoom * rng.uniform(-1, 1)),
        tuple(rng.uniform(-1, 1, 2) * config.camera_shift),
        view.elevation,
        view.target_height,
    )
    light = Light()
    if config.light:
        light = Light(
            direction=(*rng.uniform(-1, 1, 2), rng.uniform(0.5, 1.5)),
            colour=tuple(rng.uniform(0.8, 1.0, 3)),
            ambient=rng.uniform(0.35, 0.7),
            diffuse=rng.uniform(0.2, 0.6),
            specular=rng.uniform(0.0, 0.5),
        )
    scale = 1 + config.friction * rng.uniform(-1, 1, 4)
    base = Friction()
    friction = Friction(base.slide * scale[0], base.yaw * scale[1], base.hinge * scale[2], base.rail * scale[3])
    background = np.full((height, width, 3), 178.0, np.float32)
    if config.background:
        background = _background(height, width, rng)
    shadow = None
    if config.shadow and rng.random() < 0.7:
        shadow = (*rng.uniform(-3, 3, 2) * height / RESOLUTION, rng.uniform(0.1, 0.6))
    return SampledScene(
        camera,
        light,
        friction,
        background,
        shadow,
        rgb_noise=config.rgb_noise * rng.random(),
        blur=config.blur * rng.random(),
        depth_holes=config.depth_holes * rng.random(),
        missing_depth=bool(rng.random() < config.missing_depth),
    )


@lru_cache(maxsize=1)
def _camera(
    height: int,
    width: int,
    tilt: tuple[float, float],
    distance: float,
    offset: tuple[float, float],
    elevation: float,
    target_height: float,
) -> Camera:
    """The camera; where it is not randomized, one serves all episodes."""
    return Camera.above(
        height, width, tilt=tilt, distance=distance, offset=offset, elevation=elevation, target_height=target_height
    )


def sample_tints(config: RandomizationConfig, links: list[list[int]], rng: np.random.Generator) -> dict[int, Colour]:
    """Sample colours for the links of an object.

    Args:
        config: What to randomize.
        links: Link indices of every part.
        rng: Source of randomness.

    Returns:
        Red, green, blue in 0..1 by link index; empty where colours are not randomized or in a third of the episodes,
        which leaves the object its own.
    """
    if not config.colours or rng.random() < 1 / 3:
        return {}
    alike = rng.random() < 0.5
    common = rng.uniform(0.15, 1.0, 3)
    return {
        link: tuple(common if alike else colour)
        for part in links
        for colour in [rng.uniform(0.15, 1.0, 3)]
        for link in part
    }


def observe(
    view: View, scene: SampledScene, config: RandomizationConfig, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Turn a noise-free view into what the sensor reports.

    Args:
        view: The view.
        scene: The episode's scene.
        config: What to randomize.
        rng: Source of the noise of this image.

    Returns:
        rgb (H, W, 3) uint8 and depth (H, W) float32 in metres, 0 where there is no reading. New arrays.
    """
    ground = scene.background
    foreground = view.links >= 0
    if scene.shadow is not None:
        d_row, d_col, darkness = scene.shadow
        height, width = foreground.shape
        shift = np.array([[1, 0, d_col], [0, 1, d_row]], np.float32)
        dark = cv2.warpAffine(foreground.astype(np.float32), shift, (width, height))
        dark = cv2.GaussianBlur(dark, (0, 0), 1.5 * height / RESOLUTION)
        ground = ground * (1 - darkness * dark[..., None])
    if not (scene.rgb_noise or config.exposure or scene.blur or scene.shadow or config.background):
        rgb: Any = cv2.copyTo(view.rgb, foreground.view(np.uint8), scene.plain_background.copy())
    else:
        image = np.where(foreground[..., None], view.rgb, ground).astype(np.float32)
        if scene.blur > 0.25:
            image = cv2.GaussianBlur(image, (0, 0), scene.blur).astype(np.float32)
        image *= 1 + config.exposure * rng.uniform(-1, 1)
        if scene.rgb_noise:
            image += scene.rgb_noise * rng.standard_normal(image.shape, np.float32)
        rgb = np.clip(image, 0, 255).astype(np.uint8)
    if scene.missing_depth:
        return rgb, np.zeros_like(view.depth)
    depth = view.depth.copy()
    if config.depth_noise:
        depth += config.depth_noise * rng.standard_normal(depth.shape, np.float32)
        np.clip(depth, 0.0, FAR, out=depth)
    if scene.depth_holes:
        depth[rng.random(depth.shape, np.float32) < scene.depth_holes] = 0.0
    depth[view.depth >= FAR] = 0.0  # the ground out of the sensor's range, where an oblique camera sees it
    return rgb, depth


def _background(height: int, width: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A random ground: one or two colours mixed by a pattern, with some noise of its own. (H, W, 3) float32."""
    first, second = rng.uniform(10, 245, (2, 3)).astype(np.float32)
    kind = rng.integers(6)
    y, x = np.mgrid[:height, :width].astype(np.float32) / max(height, width)
    angle = rng.uniform(0, math.pi)
    along = x * math.cos(angle) + y * math.sin(angle)
    across = y * math.cos(angle) - x * math.sin(angle)
    if kind == 0:
        mix = np.zeros_like(x)
    elif kind == 1:
        mix = along * rng.uniform(0.3, 1.0)
    elif kind == 2:
        mix = _cloud(height, width, int(rng.integers(2, 12)), rng)
    elif kind == 3:
        mix = 0.5 + 0.5 * np.sin(2 * math.pi * rng.uniform(3, 14) * along + 3 * _cloud(height, width, 4, rng))
    elif kind == 4:
        period = rng.uniform(0.06, 0.3)
        mix = ((np.floor(along / period) + np.floor(across / period)) % 2).astype(np.float32)
    else:
        mix = np.zeros_like(x)
        for _ in range(int(rng.integers(3, 9))):  # clutter: discs of another shade
            centre, radius = rng.uniform(0, 1, 2), rng.uniform(0.03, 0.2)
            mix[(x - centre[0]) ** 2 + (y - centre[1]) ** 2 < radius**2] = rng.random()
    strength = rng.uniform(0.2, 1.0)
    ground = first + (second - first) * (strength * mix[..., None])
    ground += rng.uniform(0, 25) * (_cloud(height, width, 45, rng)[..., None] - 0.5)
    return np.asarray(np.clip(ground, 0, 255).astype(np.float32))


def _cloud(height: int, width: int, cells: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Smooth noise in 0..1 with about ``cells`` bumps a side, (H, W) float32."""
    coarse = rng.random((cells, cells), np.float32)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(smooth, np.float32)
