"""A pinhole camera: where a pixel lies in the world, and where a point of the world lies in the image.

Conventions, for the whole of `envs`:

* World frame: metres, right-handed, z up, the ground at z = 0. Angles are radians.
* Camera frame: OpenCV's, x right, y down, z forward.
* A pixel is (row, col), row 0 at the top, col 0 at the left. Image coordinates are continuous; the centre of pixel
  (r, c) is at (r + 0.5, c + 0.5).
* Depth is z-depth: metres along the optical axis, not along the ray.
* Image vectors, such as flow, are (d col, d row): right and down are positive.
* The default camera looks straight down, with world +x to the right of the image and +y to its top, and shows one metre
  of the ground along the longer side.
* At an *elevation* below 90 degrees above the ground it stands on the side of -y: world +x is still to the right.
* Direction k of a push is k * 45 degrees counter-clockwise in the plane of the image, 0 to the right: see
  :func:`push_vector` for what that is in the world. Domain randomization tilts the camera a little further
  (:mod:`envs.randomization`), and directions stay those of the camera without that tilt.

>>> camera = Camera.above(90, 90)
>>> row, col, depth = camera.project(np.array([[0.25, 0.0, 0.0]]))
>>> [round(float(value[0]), 3) for value in (row, col, depth)]
[45.0, 67.5, 1.5]
>>> [round(value, 3) for value in camera.unproject_pixel(45, 67, 1.5)]
[0.25, -0.006, 0.0]
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.conventions import CAMERA_DISTANCE, DIRECTIONS, VIEW_WIDTH

NEAR, FAR = 0.2, 5.0

# Columns: the camera's right, down and forward axes in the world, for a camera that looks straight down
# with the world's +x to the right of the image and +y to its top.
_LOOK_DOWN = np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]])


@dataclass(frozen=True)
class Camera:
    """Intrinsics and pose of a pinhole camera.

    Attributes:
        height: Image rows.
        width: Image columns.
        focal: Focal length in pixels (square pixels; principal point at the image's centre).
        position: (3,) float64, the optical centre in world metres.
        rotation: (3, 3) float64, its columns are the camera's right, down and forward axes in the world.
        rays: (H, W, 3) float32, the world direction of each pixel, of length 1 along the optical axis.
    """

    height: int
    width: int
    focal: float
    position: NDArray[np.float64]
    rotation: NDArray[np.float64]
    rays: NDArray[np.float32] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        cols = (np.arange(self.width) + 0.5 - self.width / 2) / self.focal
        rows = (np.arange(self.height) + 0.5 - self.height / 2) / self.focal
        grid = np.stack(np.broadcast_arrays(cols[None, :], rows[:, None], np.ones(())), axis=-1)
        object.__setattr__(self, "rays", (grid @ self.rotation.T).astype(np.float32))

    @classmethod
    def above(
        cls,
        height: int,
        width: int,
        *,
        tilt: tuple[float, float] = (0.0, 0.0),
        distance: float = CAMERA_DISTANCE,
        offset: tuple[float, float] = (0.0, 0.0),
        elevation: float = math.pi / 2,
        target_height: float = 0.0,
    ) -> Camera:
        """Make a camera that looks at a point above the origin, from straight above or from the side of -y.

        Args:
            height: Image rows.
            width: Image columns. The longer side of the image shows ``VIEW_WIDTH`` metres of the ground.
            tilt: Rotations in radians about the point looked at: first about the world's x axis, then about its y axis.
            distance: Metres from the point looked at to the optical centre. The focal length does not change
                with it, so that a farther camera shows more.
            offset: World (x, y) in metres of the point looked at.
            elevation: Radians above the ground from which it looks, up to pi / 2; the tilt comes on top.
            target_height: World z in metres of the point looked at.

        Returns:
            The camera. With no tilt the image's right is world +x, and its top, from straight above, world +y.
        """
        focal = max(height, width) * CAMERA_DISTANCE / VIEW_WIDTH
        tilt = (tilt[0] + math.pi / 2 - elevation, tilt[1])
        (sx, cx), (sy, cy) = ((math.sin(t), math.cos(t)) for t in tilt)
        about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
        about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        rotation = about_y @ about_x @ _LOOK_DOWN
        target = np.array([offset[0], offset[1], target_height])
        return cls(height, width, focal, target - distance * rotation[:, 2], rotation)

    @classmethod
    def looking_at(
        cls,
        height: int,
        width: int,
        focal: float,
        position: NDArray[np.float64],
        target: NDArray[np.float64],
        up: NDArray[np.float64],
        roll: float = 0.0,
    ) -> Camera:
        """Make a camera anywhere that looks at a point.

        Args:
            height: Image rows.
            width: Image columns.
            focal: Focal length in pixels.
            position: (3,) optical centre in world metres.
            target: (3,) point in the middle of the image.
            up: (3,) world direction that is up in the image; not along the line of sight.
            roll: Radians by which the camera is rotated clockwise about the line of sight.

        Returns:
            The camera.

        Raises:
            ValueError: ``up`` is along the line of sight, or the two points are one.
        """
        forward = np.asarray(target, np.float64) - position
        right = np.cross(forward, up)
        if np.linalg.norm(right) < 1e-9:
            raise ValueError("the camera cannot look along its up direction, nor at its own position")
        forward, right = forward / np.linalg.norm(forward), right / np.linalg.norm(right)
        down = np.cross(forward, right)
        cosine, sine = math.cos(roll), math.sin(roll)
        axes = (cosine * right + sine * down, cosine * down - sine * right, forward)
        return cls(height, width, focal, np.asarray(position, np.float64), np.column_stack(axes))

    def unproject(
        self, rows: NDArray[np.integer], cols: NDArray[np.integer], depth: NDArray[np.floating]
    ) -> NDArray[np.float32]:
        """World points seen at whole pixels.

        Args:
            rows: (N,) integer rows.
            cols: (N,) integer columns.
            depth: (N,) z-depth in metres.

        Returns:
            (N, 3) float32 world points in metres, for the centres of the pixels.
        """
        rays = self.rays[rows, cols]
        points: NDArray[np.float32] = rays * np.asarray(depth, np.float32)[:, None]
        points += self.position.astype(np.float32)
        return points

    def unproject_pixel(self, row: int, col: int, depth: float) -> tuple[float, float, float]:
        """:meth:`unproject` for one pixel: a world point (x, y, z) in metres."""
        x, y, z = (self.rays[row, col] * np.float32(depth)).tolist()
        from_x, from_y, from_z = self.position.tolist()
        return x + from_x, y + from_y, z + from_z

    def flows_of(
        self, pixels: NDArray[np.integer], depth: NDArray[np.float32], motions: NDArray[np.float64]
    ) -> Iterator[NDArray[np.complex64]]:
        """Flow of pixels, were they of a rigid body that moves.

        Args:
            pixels: (N,) flat indices, row * W + col; at least one.
            depth: (N,) float32 z-depth in metres.
            motions: (K, 4, 4) homogeneous: a point x of the world goes to M x.

        Yields:
            For each motion, (N,) complex64, d col + i d row in pixels: one number is set faster than two.
        """
        centres, homogeneous = _pixel_centres(self.height, self.width)
        start, points = centres.take(pixels), homogeneous.take(pixels, axis=0)
        np.reciprocal(depth, out=points[:, 0, 2])
        for matrix in self._to_image @ motions @ self._from_image:
            yield cv2.perspectiveTransform(points, matrix).view(np.complex64).ravel() - start

    @cached_property
    def _to_image(self) -> NDArray[np.float64]:
        """From homogeneous world coordinates to homogeneous image coordinates, (3, 4)."""
        intrinsic = np.array([[self.focal, 0, self.width / 2], [0, self.focal, self.height / 2], [0, 0, 1.0]])
        rotate = intrinsic @ self.rotation.T
        return np.column_stack([rotate, -rotate @ self.position])

    @cached_property
    def _from_image(self) -> NDArray[np.float64]:
        """From (x, y, 1 / depth, 1) to homogeneous world coordinates, (4, 4): ray + position / depth, and 1 / depth."""
        x, y = self.width / 2, self.height / 2
        rays = self.rotation @ (np.array([[1.0, 0.0, -x], [0.0, 1.0, -y], [0.0, 0.0, self.focal]]) / self.focal)
        matrix = np.zeros((4, 4))
        matrix[:3, :2], matrix[:3, 2], matrix[:3, 3] = rays[:, :2], self.position, rays[:, 2]
        matrix[3, 2] = 1.0
        return matrix

    def project(self, points: NDArray[np.floating]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Image coordinates of world points.

        Args:
            points: (N, 3) world points in metres.

        Returns:
            rows, cols and depth, each (N,): rows and cols are continuous (a pixel's centre at + 0.5), depth in
            metres is positive in front of the camera.
        """
        in_camera = (points - self.position.astype(points.dtype)) @ self.rotation.astype(points.dtype)
        depth = in_camera[:, 2]
        rows = in_camera[:, 1] / depth * self.focal + self.height / 2
        cols = in_camera[:, 0] / depth * self.focal + self.width / 2
        return rows, cols, depth

    @cached_property
    def ground_depth(self) -> NDArray[np.float32]:
        """Depth of the ground plane z = 0: (H, W) float32 z-depth in metres.

        Pixels whose ray never meets the ground get ``FAR``.
        """
        fall = -self.rays[..., 2]
        depth = np.where(fall > 1e-6, self.position[2] / np.maximum(fall, 1e-6), FAR)
        return np.minimum(depth, FAR).astype(np.float32)

    @cached_property
    def view_matrix(self) -> list[float]:
        """OpenGL's view matrix as 16 floats in column-major order, as PyBullet takes it."""
        axes = self.rotation * np.array([1.0, -1.0, -1.0])  # OpenGL: y up, z backward
        view = np.eye(4)
        view[:3, :3] = axes.T
        view[:3, 3] = -axes.T @ self.position
        return list(view.T.ravel())

    @cached_property
    def projection_matrix(self) -> list[float]:
        """OpenGL's projection matrix as 16 floats in column-major order, as PyBullet takes it."""
        projection = np.zeros((4, 4))
        projection[0, 0] = 2 * self.focal / self.width
        projection[1, 1] = 2 * self.focal / self.height
        projection[2, 2] = -(FAR + NEAR) / (FAR - NEAR)
        projection[2, 3] = -2 * FAR * NEAR / (FAR - NEAR)
        projection[3, 2] = -1.0
        return list(projection.T.ravel())

    def projection_shifted(self, rows: float, cols: float) -> list[float]:
        """:attr:`projection_matrix` of an image in which everything lies so many pixels farther down and right."""
        matrix = list(self.projection_matrix)
        matrix[8] -= 2 * cols / self.width  # row 0, column 2
        matrix[9] += 2 * rows / self.height
        return matrix


def push_vector(direction: int, elevation: float = math.pi / 2) -> tuple[float, float, float]:
    """Where a push goes in the world: its direction in the plane of the image of a camera without further tilt.

    With the angle a = k * 45 degrees and the elevation e it is cos(a) right + sin(a) up, where right = (1, 0, 0) and
    up = (0, sin e, cos e). From straight above that is parallel to the ground; from the side, pushes to the top of the
    image lift too.

    Args:
        direction: k in 0..7.
        elevation: Of the camera, in radians.

    Returns:
        Unit vector (x, y, z).

    >>> [round(value, 2) for value in push_vector(2, math.radians(30))]
    [0.0, 0.5, 0.87]
    """
    angle = direction * 2 * math.pi / DIRECTIONS
    across, along = math.cos(angle), math.sin(angle)
    if elevation == math.pi / 2:
        return across, along, 0.0
    return across, along * math.sin(elevation), along * math.cos(elevation)


@lru_cache(maxsize=8)
def _pixel_centres(height: int, width: int) -> tuple[NDArray[np.complex64], NDArray[np.float32]]:
    """Image coordinates of the centres of all pixels: (H W,) x + i y, and (H W, 1, 3) x, y and 1."""
    rows, cols = np.divmod(np.arange(height * width), width)
    together = np.stack([cols + 0.5, rows + 0.5, np.ones_like(cols)], axis=1).astype(np.float32)
    return together[:, :2].copy().view(np.complex64).ravel(), together[:, None]
