"""Actions that are tried and undone: what else could have been done in a state, for training. Privileged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from assets.conventions import DIRECTIONS
from envs.truth import Outcome, View

#: Simulates an action and undoes it: its outcome, and the flow (N, 2) of the pixels that show a part.
TryAction = Callable[[NDArray[np.int64]], tuple[Outcome, NDArray[np.float32]]]


@dataclass(frozen=True, eq=False)
class Trials:
    """What N actions would do in one state.

    Attributes:
        actions: (N, 5) int64.
        touch: (N, 2) bool, whether hold and push touch the object.
        worth: (N,) int8, 2 for an optimal step, 1 for an effective one, else 0.
        flow: (N, H, W, 2) float32, (d col, d row) in pixels, 0 off the object.
    """

    actions: NDArray[np.int64]
    touch: NDArray[np.bool_]
    worth: NDArray[np.int8]
    flow: NDArray[np.float32]

    @classmethod
    def none(cls, count: int, height: int, width: int) -> Trials:
        """Of a state in which nothing is tried: all 0."""
        return cls(
            np.zeros((count, 5), np.int64),
            np.zeros((count, 2), bool),
            np.zeros(count, np.int8),
            np.zeros((count, height, width, 2), np.float32),
        )

    def as_privileged(self) -> dict[str, NDArray[np.generic]]:
        """As entries of ``info["privileged"]``, see :func:`trials_space`."""
        return {f"trial_{name}": getattr(self, name) for name in ("actions", "touch", "worth", "flow")}


def trials_space(count: int, height: int, width: int) -> dict[str, spaces.Space[NDArray[np.generic]]]:
    """Spaces of what ``count`` trials add to ``info["privileged"]``; nothing for none."""
    if not count:
        return {}
    side = max(height, width)
    return {
        "trial_actions": spaces.Box(0, max(side, DIRECTIONS), (count, 5), np.int64),
        "trial_touch": spaces.Box(0, 1, (count, 2), np.bool_),  # type: ignore[arg-type]
        "trial_worth": spaces.Box(0, 2, (count,), np.int8),
        "trial_flow": spaces.Box(-np.inf, np.inf, (count, height, width, 2), np.float32),
    }


def try_some(
    count: int, view: View, moved_ever: NDArray[np.bool_], try_action: TryAction, rng: np.random.Generator
) -> Trials:
    """Try actions: every other one anywhere on the object, the others on a part that never moved, holding another.

    Args:
        count: How many.
        view: What the camera sees now.
        moved_ever: (``MAX_PARTS``,) bool, parts that have moved before.
        try_action: See :data:`TryAction`.
        rng: Source of the actions.

    Returns:
        The trials; those of an object that is out of sight are all 0.
    """
    height, width = view.labels.shape
    trials = Trials.none(count, height, width)
    if not len(view.pixels):
        return trials
    for k in range(count):
        hold, push = rng.choice(view.pixels, 2)
        if k % 2:
            hold, push = _apart(view, moved_ever, rng)
        action = np.array([*divmod(hold, width), *divmod(push, width), rng.integers(DIRECTIONS)], np.int64)
        outcome, flow = try_action(action)
        trials.actions[k] = action
        trials.touch[k] = view.links[action[0], action[1]] >= 0, view.links[action[2], action[3]] >= 0
        trials.worth[k] = 2 if outcome.optimal else int(outcome.effective)
        trials.flow[k].reshape(-1, 2)[view.pixels] = flow
    return trials


def _apart(view: View, moved_ever: NDArray[np.bool_], rng: np.random.Generator) -> tuple[np.intp, np.intp]:
    """A pixel to hold, and one to push on another part, that never moved where there is such a one."""
    labels = np.unique(view.parts)
    fresh = labels[~moved_ever[labels - 1]]
    pushed = rng.choice(fresh if len(fresh) else labels)
    others = labels[labels != pushed]
    held = rng.choice(others if len(others) else labels)
    hold, push = (rng.choice(view.pixels[view.parts == label]) for label in (held, pushed))
    return hold, push
