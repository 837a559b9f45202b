"""The spaces of the environment, and its options that are numbers."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from gymnasium import spaces

from assets.conventions import MAX_PARTS
from envs.camera import FAR
from envs.trials import trials_space

#: Pixels a side. Beyond the most an image takes seconds in the software renderer, and the agent minutes to look at it.
LEAST_SIDE, MOST_SIDE = 16, 1024


def image_sides(resolution: Any) -> tuple[int, int]:
    """Height and width in pixels of an option: one number or two.

    Raises:
        ValueError: It is neither, or too few or too many pixels.
    """
    try:
        height, width = (resolution, resolution) if np.ndim(resolution) == 0 else resolution
        height, width = operator.index(height), operator.index(width)
    except (TypeError, ValueError):
        raise ValueError(f"resolution must be a whole number or two, not {resolution!r}") from None
    if min(height, width) < LEAST_SIDE or max(height, width) > MOST_SIDE:
        raise ValueError(
            f"resolution must be between {LEAST_SIDE} and {MOST_SIDE} pixels a side, not {resolution}: "
            "larger images take seconds each"
        )
    return height, width


def whole_number(name: str, value: Any, least: int) -> int:
    """An option that is a whole number.

    Raises:
        ValueError: It is none, or less than ``least``; the message names the option.
    """
    try:
        whole = operator.index(value)
    except TypeError:
        raise ValueError(f"{name} must be a whole number, not {value!r}") from None
    if whole < least:
        raise ValueError(f"{name} must be at least {least}, not {value}")
    return whole


def observation_space(height: int, width: int) -> spaces.Dict:
    """The space of observations; see :class:`ArticulatedPlay`."""
    return spaces.Dict(
        {
            "rgb": spaces.Box(0, 255, (height, width, 3), np.uint8),
            "depth": spaces.Box(0.0, FAR, (height, width), np.float32),
            "touch": spaces.MultiBinary(2),
        }
    )


def privileged_space(height: int, width: int, trials: int = 0) -> spaces.Dict:
    """The space of ``info["privileged"]``; see :class:`ArticulatedPlay`."""
    return spaces.Dict(
        {
            "labels": spaces.Box(0, MAX_PARTS, (height, width), np.uint8),
            "moved_before": spaces.Box(0, 1, (height, width), np.bool_),
            "moved_after": spaces.Box(0, 1, (height, width), np.bool_),
            "flow": spaces.Box(-np.inf, np.inf, (height, width, 2), np.float32),
            "moved_parts": spaces.Box(0, 1, (MAX_PARTS,), np.bool_),
            "seen_parts": spaces.Box(0, 1, (MAX_PARTS,), np.bool_),
            "held_part": spaces.Discrete(MAX_PARTS + 1),
            "pushed_part": spaces.Discrete(MAX_PARTS + 1),
            "effective": spaces.Box(0, 1, (), np.bool_),
            "optimal": spaces.Box(0, 1, (), np.bool_),
            "num_parts": spaces.Discrete(MAX_PARTS + 1),
            **trials_space(trials, height, width),
        }
    )
