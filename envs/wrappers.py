"""Views of the environment that other libraries take better."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

#: Depths in metres that are distinguished; nearer and farther ones are cut to them.
NEAREST, FARTHEST = 1.0, 2.0


class DepthAsImage(gym.ObservationWrapper[dict[str, NDArray[Any]], NDArray[np.int64], dict[str, NDArray[Any]]]):
    """Depth as an 8-bit image, which stable-baselines3 gives to a CNN instead of flattening it.

    ``depth`` becomes uint8 (H, W, 1): 0 where there is no reading, else 1 (2 m and farther) to 255 (1 m and nearer).

    Args:
        env: An ``ArticulatedPlay`` environment.
    """

    def __init__(self, env: gym.Env[dict[str, NDArray[Any]], NDArray[np.int64]]) -> None:
        super().__init__(env)
        inner = env.observation_space
        assert isinstance(inner, spaces.Dict)
        shape = inner["depth"].shape
        assert shape is not None
        self.observation_space = spaces.Dict({**inner.spaces, "depth": spaces.Box(0, 255, (*shape, 1), np.uint8)})

    def observation(self, observation: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Convert the depth of an observation; the rest stays."""
        return {**observation, "depth": depth_image(observation["depth"])}


class TouchAsBox(gym.ObservationWrapper[dict[str, NDArray[Any]], NDArray[np.int64], dict[str, NDArray[Any]]]):
    """Touch as a box of two numbers: stable-baselines3's ``VecFrameStack`` stacks boxes alone.

    ``touch`` becomes float32 (2,), 0 or 1.

    Args:
        env: An ``ArticulatedPlay`` environment.
    """

    def __init__(self, env: gym.Env[dict[str, NDArray[Any]], NDArray[np.int64]]) -> None:
        super().__init__(env)
        inner = env.observation_space
        assert isinstance(inner, spaces.Dict)
        self.observation_space = spaces.Dict({**inner.spaces, "touch": spaces.Box(0.0, 1.0, (2,), np.float32)})

    def observation(self, observation: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Convert the touch of an observation; the rest stays."""
        return {**observation, "touch": observation["touch"].astype(np.float32)}


def depth_image(depth: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Depth (H, W) in metres as uint8 (H, W, 1), see :class:`DepthAsImage`."""
    nearness = 1 + 254 * np.clip((FARTHEST - depth) / (FARTHEST - NEAREST), 0, 1)
    return np.where(depth > 0, np.rint(nearness), 0).astype(np.uint8)[..., None]
