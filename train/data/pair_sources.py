"""Where image pairs come from: synthesized of boxes, or rendered of real assets. Both know what moved, and agents."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from atp.clips.steadying import match_light
from envs.image_pairs import ImagePairConfig, synthesize_pair
from envs.rendered_pairs import Library, RenderedPairConfig, render_pair, training_library

#: Side in pixels of rendered pairs, of which crops are shown too.
RENDERED_SIDE = 180
#: Seeds tried for a rendered pair before it is given up.
TRIALS = 5
#: Rendered pairs of another version are not read: raised when what is drawn changes.
RENDERED_VERSION = 1


def pair_type(resolution: int) -> np.dtype:
    """The dtype of a pair: rgb (2, H, W, 3) uint8, moved and agent (2, H, W) bool; each before and after."""
    mask = (2, resolution, resolution)
    return np.dtype([("rgb", np.uint8, (*mask, 3)), ("moved", np.bool_, mask), ("agent", np.bool_, mask)])


class PairSource(Protocol):
    """What makes pairs; other processes get a copy of it."""

    @property
    def resolution(self) -> int:
        """Image side in pixels."""
        ...

    def options(self) -> dict[str, Any]:
        """What decides the pairs beside their seeds, as JSON values."""
        ...

    def make(self, seed: tuple[int, int, int]) -> NDArray[Any]:
        """Make a pair, () of :func:`pair_type`; ``seed`` is that of the set, the number of the file and of the pair."""
        ...


@dataclass(frozen=True)
class DrawnPairs:
    """Synthetic image pairs of :mod:`envs.image_pairs`.

    Attributes:
        resolution: Image side in pixels.
        config: What varies.
    """

    resolution: int
    config: ImagePairConfig = field(default_factory=ImagePairConfig)

    def options(self) -> dict[str, Any]:
        """See :class:`PairSource`."""
        return {"resolution": self.resolution, "agents": True, **asdict(self.config)}

    def make(self, seed: tuple[int, int, int]) -> NDArray[Any]:
        """See :class:`PairSource`."""
        pair = synthesize_pair(np.random.default_rng(seed), self.config, self.resolution)
        if seed[-1] % 2:  # as clips are looked at; the environment's images are not matched
            pair.rgb[1] = match_light(*pair.rgb)
        return _stored(pair.rgb, pair.moved, pair.agent)


@dataclass(frozen=True)
class RenderedPairs:
    """Pairs that look like photographs, of :mod:`envs.rendered_pairs`: of what is installed on this machine.

    Attributes:
        config: What varies.
        resolution: Image side in pixels.
    """

    config: RenderedPairConfig = field(default_factory=RenderedPairConfig)
    resolution: int = RENDERED_SIDE

    def options(self) -> dict[str, Any]:
        """See :class:`PairSource`."""
        return {"resolution": self.resolution, "rendered": RENDERED_VERSION, **asdict(self.config)}

    def make(self, seed: tuple[int, int, int]) -> NDArray[Any]:
        """See :class:`PairSource`.

        Raises:
            envs.rendered_pairs.PicturesMissing: Nothing can be drawn here.
            RuntimeError: No seed gave a view of anything that moves.
        """
        for trial in range(TRIALS):
            try:
                pair = render_pair(np.random.default_rng([*seed, trial]), _library(), self.config, self.resolution)
            except RuntimeError:
                if trial + 1 == TRIALS:
                    raise
            else:
                return _stored(pair.rgb, pair.moved, pair.agent)
        raise AssertionError("unreachable")


@lru_cache(maxsize=1)
def _library() -> Library:
    """What is drawn; read once in each process."""
    return training_library()


def _stored(rgb: NDArray[np.uint8], moved: NDArray[np.bool_], agent: NDArray[np.bool_]) -> NDArray[Any]:
    pair = np.zeros((), pair_type(rgb.shape[1]))
    pair["rgb"], pair["moved"], pair["agent"] = rgb, moved & ~agent, agent
    return pair
