"""A small software renderer of textured quadrilaterals, for images that PyBullet's renderer is too plain for.

World frame: metres, right-handed, y up where a scene has an up. Cameras, pixels and depth are as in
:mod:`envs.camera`. Textures are filtered, light comes from one direction, and bodies cast shadows: an image of
180 x 180 pixels and some forty quads takes about ten milliseconds.

>>> camera = Camera.looking_at(8, 8, 8.0, np.array([0, 0, 3.0]), np.zeros(3), np.array([0, 1.0, 0]))
>>> red = np.full((4, 4, 3), (200, 0, 0), np.uint8)
>>> seen = render(box(np.zeros(3), np.ones(3), [red], body=1), camera, Lamp(np.array([0, 0, 1.0])))
>>> seen.bodies[4].tolist(), float(seen.depth[4, 4])
([-1, -1, 1, 1, 1, 1, -1, -1], 2.5)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from envs.camera import NEAR, Camera

Image = NDArray[np.uint8]
Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Quad:
    """A flat rectangle (or trapezium) with a texture.

    Attributes:
        corners: (4, 3) metres: where the texture's top left, top right, bottom right and bottom left are.
        texture: (h, w, 3) uint8 RGB.
        body: Number of the rigid body that it belongs to; 0 is the still world.
        gloss: 0..1, strength of its highlight.
        shadow: Whether it casts a shadow.
        closed: Whether it is a face of a closed body, which is not rendered where it faces away.
    """

    corners: Points
    texture: Image
    body: int = 0
    gloss: float = 0.0
    shadow: bool = False
    closed: bool = False

    @cached_property
    def normal(self) -> Points:
        """(3,) unit vector that points out of a body, towards who sees the texture upright."""
        (ax, ay, az), (bx, by, bz) = self.corners[3] - self.corners[0], self.corners[1] - self.corners[0]
        x, y, z = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        length = max(math.sqrt(x * x + y * y + z * z), 1e-12)
        return np.array([x / length, y / length, z / length])

    def moved(self, motion: Points) -> Quad:
        """The same after a rigid motion, a (4, 4) homogeneous matrix."""
        return replace(self, corners=self.corners @ motion[:3, :3].T + motion[:3, 3])


@dataclass(frozen=True)
class Lamp:
    """Light from one direction.

    Attributes:
        direction: (3,) unit vector towards the light.
        ambient: Share of light that reaches every surface.
        diffuse: What the light adds to a surface that faces it.
        shadow: 0..1, how much of the added light a shadow takes.
        softness: Sigma in pixels of the shadow's edge.
    """

    direction: Points
    ambient: float = 0.6
    diffuse: float = 0.5
    shadow: float = 0.7
    softness: float = 2.0


@dataclass(frozen=True, eq=False)
class Rendered:
    """An image and what it shows.

    Attributes:
        rgb: (H, W, 3) float32 in 0..255 and above, where nothing is 0.
        bodies: (H, W) int16, the body seen; -1 where nothing is.
        depth: (H, W) float32 metres along the optical axis; infinite where nothing is.
    """

    rgb: NDArray[np.float32]
    bodies: NDArray[np.int16]
    depth: NDArray[np.float32]


def render(quads: Sequence[Quad], camera: Camera, lamp: Lamp) -> Rendered:
    """Render quads with a depth buffer.

    A quad that reaches behind the camera is left out.

    Args:
        quads: What there is.
        camera: Where from.
        lamp: The light.

    Returns:
        The image.
    """
    height, width = camera.height, camera.width
    rgb = np.zeros((height, width, 3), np.float32)
    nearness = np.zeros((height, width), np.float32)  # 1 / depth
    bodies = np.full((height, width), -1, np.int16)
    added = np.zeros((height, width), np.float32)  # share of the light that a shadow can take
    rows, cols, depths = camera.project(np.concatenate([quad.corners for quad in quads]))
    outlines = np.stack([cols, rows, depths], 1).reshape(-1, 4, 3)
    for quad, outline in zip(quads, outlines, strict=True):
        if outline[:, 2].min() >= NEAR:
            _draw(quad, outline, camera, lamp, rgb, nearness, bodies, added)
    with np.errstate(divide="ignore"):
        depth = (1 / nearness).astype(np.float32)
    casters = [quad for quad in quads if quad.shadow and not (quad.closed and quad.normal @ lamp.direction < 0)]
    if lamp.shadow and casters:
        coarse = _shadows(casters, camera.rays[::2, ::2], camera.position, lamp, depth[::2, ::2])
        dark = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
        rgb *= (1 - lamp.shadow * dark * added)[..., None]
    return Rendered(rgb, bodies, depth)


def _draw(
    quad: Quad,
    projected: Points,
    camera: Camera,
    lamp: Lamp,
    rgb: NDArray[np.float32],
    nearness: NDArray[np.float32],
    bodies: NDArray[np.int16],
    added: NDArray[np.float32],
) -> None:
    """Draw one quad, (4, 3) col, row and depth, into the buffers, where it is nearer than what they hold."""
    normal = quad.normal
    if normal @ (camera.position - quad.corners[0]) < 0:
        if quad.closed:
            return
        normal = -normal  # both sides are lit alike
    outline = projected[:, :2].astype(np.float32)
    low = np.clip(np.floor(outline.min(0)).astype(int), 0, (camera.width, camera.height))
    high = np.clip(np.ceil(outline.max(0)).astype(int) + 1, 0, (camera.width, camera.height))
    (left, top), (right, bottom) = low.tolist(), high.tolist()
    if right <= left or bottom <= top:
        return
    area = abs(float(cv2.contourArea(outline)))
    if area < 0.5:
        return
    texture = _fitting(quad.texture, area)
    h, w = texture.shape[:2]
    source = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32) - 0.5
    transform = cv2.getPerspectiveTransform(source, outline - 0.5 - np.array([left, top], np.float32))
    size = (right - left, bottom - top)
    colours = cv2.warpPerspective(texture, transform, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mask = np.zeros(size[::-1], np.uint8)
    shifted = (outline - 0.5 - np.array([left, top], np.float32)) * 16
    cv2.fillConvexPoly(mask, np.rint(shifted).astype(np.int32), 1, shift=4)
    # 1 / depth is linear in the image of a plane
    terms = np.column_stack([projected[:3, :2], np.ones(3)])
    try:
        plane = np.linalg.solve(terms, 1 / projected[:3, 2])
    except np.linalg.LinAlgError:  # seen edge on
        return
    across = plane[0] * (np.arange(left, right) + 0.5)
    down = plane[1] * (np.arange(top, bottom) + 0.5) + plane[2]
    near = (across[None] + down[:, None]).astype(np.float32)
    window = (slice(top, bottom), slice(left, right))
    shown = (mask > 0) & (near > nearness[window])
    if not shown.any():
        return
    facing = max(0.0, float(normal @ lamp.direction))
    bright = lamp.ambient + lamp.diffuse * facing
    shaded = colours.astype(np.float32) * np.float32(bright)
    if quad.gloss:
        shaded += _highlight(quad, normal, camera, lamp, window, near)[..., None]
    rgb[window][shown] = shaded[shown]
    nearness[window][shown] = near[shown]
    bodies[window][shown] = quad.body
    added[window][shown] = lamp.diffuse * facing / bright


def _highlight(
    quad: Quad,
    normal: Points,
    camera: Camera,
    lamp: Lamp,
    window: tuple[slice, slice],
    near: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Specular light (h, w) in grey levels on the pixels of a window (Phong)."""
    rays = camera.rays[window]
    away = rays / np.linalg.norm(rays, axis=-1, keepdims=True)
    mirrored = 2 * float(normal @ lamp.direction) * normal - lamp.direction
    alignment = np.clip(-(away @ mirrored.astype(np.float32)), 0, 1)
    return np.asarray((quad.gloss * 220 * alignment**12).astype(np.float32))


def _shadows(
    casters: Sequence[Quad],
    rays: NDArray[np.float32],
    position: Points,
    lamp: Lamp,
    depth: NDArray[np.float32],
) -> NDArray[np.float32]:
    """How much of each pixel (h, w) of every second row and column, 0..1, lies in the shadow of a caster."""
    seen = np.isfinite(depth)
    points = rays * np.where(seen, depth, 0)[..., None] + position.astype(np.float32)
    dark = np.zeros(depth.shape, bool)
    for quad in casters:
        origin, right, down = (
            quad.corners[0],
            quad.corners[1] - quad.corners[0],
            quad.corners[3] - quad.corners[0],
        )
        normal = np.cross(right, down)
        slope = float(normal @ lamp.direction)
        if abs(slope) < 1e-9:
            continue
        offset = (origin - points) @ normal.astype(np.float32) / np.float32(slope)
        hit = points + offset[..., None] * lamp.direction.astype(np.float32) - origin.astype(np.float32)
        u = hit @ (right / (right @ right)).astype(np.float32)
        v = hit @ (down / (down @ down)).astype(np.float32)
        dark |= seen & (offset > 0.01) & (u > 0) & (u < 1) & (v > 0) & (v < 1)
    soft = dark.astype(np.float32)
    if lamp.softness > 0.3:
        soft = np.asarray(cv2.GaussianBlur(soft, (0, 0), lamp.softness / 2), np.float32)
    return soft


def _fitting(texture: Image, area: float) -> Image:
    """The texture with about as many pixels as the quad has in the image, so that it is not undersampled."""
    h, w = texture.shape[:2]
    scale = np.sqrt(area / (h * w))
    if scale > 0.8:
        return texture
    size = max(1, round(w * scale * 1.2)), max(1, round(h * scale * 1.2))
    return np.asarray(cv2.resize(texture, size, interpolation=cv2.INTER_AREA), np.uint8)


def box(
    centre: Points,
    size: Points,
    textures: Sequence[Image],
    body: int = 0,
    gloss: float = 0.0,
    shadow: bool = False,
    faces: str = "+x-x+y-y+z-z",
    closed: bool = True,
) -> list[Quad]:
    """The faces of a box along the axes.

    Args:
        centre: (3,) metres.
        size: (3,) metres.
        textures: One for all faces, or one for each of +x, -x, +y, -y, +z, -z.
        body: As :class:`Quad`.
        gloss: As :class:`Quad`.
        shadow: As :class:`Quad`.
        faces: Which faces to make.
        closed: As :class:`Quad`; False for boxes that are looked into.

    Returns:
        Quads whose textures stand upright for a viewer who has +y up (on the y faces: who looks from +z).
    """
    x, y, z = 0.5 * np.asarray(size, np.float64)
    corners = {
        "+x": [[x, y, z], [x, y, -z], [x, -y, -z], [x, -y, z]],
        "-x": [[-x, y, -z], [-x, y, z], [-x, -y, z], [-x, -y, -z]],
        "+y": [[-x, y, -z], [x, y, -z], [x, y, z], [-x, y, z]],
        "-y": [[-x, -y, z], [x, -y, z], [x, -y, -z], [-x, -y, -z]],
        "+z": [[-x, y, z], [x, y, z], [x, -y, z], [-x, -y, z]],
        "-z": [[x, y, -z], [-x, y, -z], [-x, -y, -z], [x, -y, -z]],
    }
    several = list(textures) if len(textures) == 6 else [textures[0]] * 6
    return [
        Quad(np.array(points, np.float64) + centre, texture, body, gloss, shadow, closed)
        for (name, points), texture in zip(corners.items(), several, strict=True)
        if name in faces
    ]
