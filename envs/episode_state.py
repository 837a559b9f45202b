"""Where an episode is: all that decides how it goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.importing.prepare import PreparedObject
from envs.randomization import SampledScene
from envs.truth import View


@dataclass(frozen=True, eq=False)
class EpisodeState:
    """What `envs.play.ArticulatedPlay.get_state` returns. Nothing in it changes; it can be pickled.

    Attributes:
        model: The object; its files lie in this machine's cache.
        scene: Camera, light, ground and friction.
        joints: (joint index, position in rad or m) of every joint that can move, those of the table included.
        tints: Red, green, blue in 0..1 by link index.
        view: The noise-free view of now.
        rgb: (H, W, 3) uint8, the image observed last.
        poses: (P, 4, 4) float64, poses of the parts in the world, metres.
        moved_ever: (15,) bool, parts that have moved in this episode.
        num_parts: Parts that showed at reset.
        steps: Interactions so far.
        last_action: (5,) int64, None before the first.
        generator: State of the environment's generator.
    """

    model: PreparedObject
    scene: SampledScene
    joints: tuple[tuple[int, float], ...]
    tints: dict[int, tuple[float, float, float]]
    view: View
    rgb: NDArray[np.uint8]
    poses: NDArray[np.float64]
    moved_ever: NDArray[np.bool_]
    num_parts: int
    steps: int
    last_action: NDArray[np.int64] | None
    generator: dict[str, Any]
