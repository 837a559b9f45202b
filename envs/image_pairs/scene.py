"""What an image pair shows: a still world, one rigid body that moves about a joint, and where to look from."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.image_pairs.renderer import Points, Quad

#: World up: scenes are built with y up and z towards who stands in front.
UP = np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True, eq=False)
class Scene:
    """A scene with one joint.

    Attributes:
        still: What does not move; body 0.
        moving: The moving body at joint position 0; body 1.
        motion: Joint position (radians or metres) to rigid motion, a (4, 4) matrix.
        limits: Lowest and highest joint position.
        centre: (3,) metres, the middle of the moving body at 0.
        size: Its diagonal in metres.
        reach: No camera may be nearer to the centre than this, in metres.
        azimuth: Range of the camera's direction about the vertical, radians; 0 is from the front.
        elevation: Range of its height above the horizon, radians.
    """

    still: list[Quad]
    moving: list[Quad]
    motion: Callable[[float], Points]
    limits: tuple[float, float]
    centre: Points
    size: float
    reach: float
    azimuth: tuple[float, float]
    elevation: tuple[float, float]

    def quads(self, position: float) -> list[Quad]:
        """Everything, with the joint at a position."""
        motion = self.motion(position)
        return self.still + [quad.moved(motion) for quad in self.moving]


def rotating(axis: Points, point: Points) -> Callable[[float], Points]:
    """Rotation by an angle in radians about a line through ``point`` along ``axis`` (right-handed)."""
    x, y, z = np.asarray(axis, np.float64) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])

    def motion(angle: float) -> NDArray[np.float64]:
        matrix = np.eye(4)
        matrix[:3, :3] += math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross
        matrix[:3, 3] = point - matrix[:3, :3] @ point
        return matrix

    return motion


def sliding(axis: Points) -> Callable[[float], Points]:
    """Translation along ``axis`` by metres."""
    direction = np.asarray(axis, np.float64) / np.linalg.norm(axis)

    def motion(distance: float) -> NDArray[np.float64]:
        matrix = np.eye(4)
        matrix[:3, 3] = distance * direction
        return matrix

    return motion
