"""The best action that the simulator's state allows: the upper bound on acting (gt-act). Privileged."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from assets.conventions import DIRECTIONS
from envs.truth import Outcome, View

#: Candidates tried at most, and good ones that are enough.
MAX_TRIES, ENOUGH = 40, 4


def best_action(
    view: View,
    moved_ever: NDArray[np.bool_],
    try_action: Callable[[NDArray[np.int64]], Outcome],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Search hold, push and direction by simulating candidates.

    Args:
        view: What the camera sees now.
        moved_ever: (``MAX_PARTS``,) bool, parts that have moved before.
        try_action: Simulates an action and undoes it.
        rng: Source of the candidates.

    Returns:
        (5,) int64 action. Optimal if one was found, else effective, else the first candidate; among equals the one
        that moves fewest parts at once, then the one that moves them farthest.
    """
    visible = np.flatnonzero(view.seen) + 1
    fresh = [label for label in visible if not moved_ever[label - 1]]
    targets = fresh or list(visible)
    if not targets:
        return np.zeros(5, np.int64)  # nothing to be seen: hold and push the corner, where nothing is
    pixels = {label: np.flatnonzero(view.labels.ravel() == label) for label in visible}
    best, best_score, good = np.zeros(5, np.int64), (-1.0, 0.0, 0.0), 0
    for attempt in range(MAX_TRIES):
        target = targets[attempt % len(targets)]
        others = [label for label in visible if label != target] or [target]
        held = others[int(rng.integers(len(others)))]
        push, hold = (int(rng.choice(pixels[label])) for label in (target, held))
        width = view.labels.shape[1]
        action = np.array([*divmod(hold, width), *divmod(push, width), rng.integers(DIRECTIONS)], np.int64)
        outcome = try_action(action)
        worth = 2.0 if outcome.optimal else float(outcome.effective)
        score = (worth, -float(outcome.moved_parts.sum()), outcome.displacement)
        if score > best_score:
            best, best_score = action, score
        good += worth == (2.0 if fresh else 1.0)
        if good >= ENOUGH:
            break
    return best
