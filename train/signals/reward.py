"""The reward of one interaction, worked out from touch and motion alone.

AtP trains its interaction network without part labels: an interaction is judged by whether the two grippers touched
something, by which pixels moved, and by what the agent's own part memory already holds. The pixels that moved come from
the simulator's exact flow (``info["privileged"]["flow"]``), not from an estimate of optical flow: rewards exist in
training alone, and an agent at play needs none.

Hold and push are judged apart; each gets 1, 0 or *nothing*. Nothing is written as NaN and means "no gradient here": the
interaction cannot tell whether this choice was good.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from assets.conventions import MIN_PART_PIXELS

Variant = Literal["touch", "no-touch", "no-hold", "touch-apart"]

VARIANTS: tuple[Variant, ...] = get_args(Variant)

# A motion is "a part already in the memory" when more than this share of it is labelled. Half: noisy memory
# masks spill over their neighbours, so a new part is rarely quite unlabelled, and a known one rarely all.
KNOWN_SHARE = 0.5

# no-hold only: at least this share of the object must have stayed for the motion to single out a part. Not
# zero, because flow is unsure at outlines and near the centre of a rotation.
OBJECT_STAYED_SHARE = 0.1

# touch-apart only: a motion of more than this share of the object is mostly its body and all that hangs on it, and is
# worth that much. It tells as much as the motion of the part that was held would have, but is seen far worse: with 40
# found objects and the simulator's state to choose by, mIoU is 0.77 where small things move and 0.55 where large ones.
LARGE_SHARE, LARGE_WORTH = 0.5, 0.3

# touch-apart only: a known part comes apart where at least this share of it moved and at least this share stayed.
APART_SHARE = 0.2

NOTHING = float("nan")


class Rewards(NamedTuple):
    """Reward of the hold and of the push: from 0.0 to 1.0, or NaN for nothing (no gradient)."""

    hold: float
    push: float


def interaction_reward(
    hold_touched: bool,
    push_touched: bool,
    moved: NDArray[np.bool_],
    hold: Sequence[int] | NDArray[np.integer],
    memory_labels: NDArray[np.uint8],
    variant: Variant = "touch",
    *,
    foreground: NDArray[np.bool_] | None = None,
    min_pixels: int = MIN_PART_PIXELS,
) -> Rewards:
    """Judge one interaction (AtP, arXiv 2105.01047, reward of the interaction network).

    ``touch`` follows this table:

    ======  ======  =======================================  =======  =======
    hold    push    what moved                               hold     push
    ======  ======  =======================================  =======  =======
    no      any     any                                      0        nothing
    any     no      any                                      nothing  0
    yes     yes     nothing                                  nothing  0
    yes     yes     the held place too                       0        0
    yes     yes     only a part already in the memory        0        0
    yes     yes     only a part not yet in the memory        1        1
    ======  ======  =======================================  =======  =======

    When neither gripper touched, both rows that apply are used: hold 0, push 0.

    ``no-touch`` has no touch bits and keeps what motion alone can tell. When nothing moved, the push failed,
    whether it missed the object or the hold blocked it: push 0. Whether the hold touched cannot be seen in
    any case, neither when nothing moved (hold: nothing) nor when something did (a hold beside the object
    leaves the held place as still as a good one does, and is rewarded like one). The last four rows
    stay, read as if both had touched.

    ``no-hold`` has no hold head and no held place: the hold gets nothing always, the push gets 0 when it
    missed, when nothing moved, or when a part already in the memory moved, else 1. The row of the held place
    becomes "all of the object moved too", which singles out no part: push 0. It needs ``foreground`` and is
    left out without it.

    ``touch-apart`` is ``touch`` with two more questions, both of what can be seen. A part in the memory of which a
    piece moves and another stays was several parts that moved together: that counts as a part not yet in the memory.
    And a new part that is more than half of the object, the body with all that hangs on it, is worth ``LARGE_WORTH``
    and not 1. It too needs ``foreground``, and leaves the second out without it.

    Args:
        hold_touched: Touch bit of the holding gripper.
        push_touched: Touch bit of the pushing gripper.
        moved: (H, W) bool, pixels of the image *before* the interaction that moved, from the simulator's flow.
        hold: Held pixel (row, col) in the image before the interaction.
        memory_labels: (H, W) uint8, the part memory before the interaction; 0 = no known part.
        variant: Which of the three rewards.
        foreground: (H, W) bool, pixels of the object before the interaction, from depth. Used by ``no-hold`` and
            ``touch-apart``.
        min_pixels: Fewer moved pixels than this mean that nothing moved.

    Returns:
        The two rewards.

    Raises:
        ValueError: If the images differ in shape, ``moved`` is not bool, the held pixel lies outside the
            image, or the variant is unknown.
    """
    if variant not in VARIANTS:
        raise ValueError(f"unknown reward variant {variant!r}: choose one of {', '.join(VARIANTS)}")
    moved = np.asarray(moved)
    known = np.asarray(memory_labels) > 0
    if moved.dtype != np.bool_ or moved.ndim != 2 or moved.shape != known.shape:
        raise ValueError(
            f"moved must be a bool (H, W) mask of the memory's shape {known.shape}, got {moved.dtype} {moved.shape}"
        )
    row, col = int(hold[0]), int(hold[1])
    if not (0 <= row < moved.shape[0] and 0 <= col < moved.shape[1]):
        raise ValueError(f"held pixel ({row}, {col}) lies outside the image of shape {moved.shape}")

    count = int(np.count_nonzero(moved))
    anything = count >= min_pixels
    is_new = bool(np.count_nonzero(moved & known) <= KNOWN_SHARE * count)

    if variant == "no-hold":
        if not push_touched or not anything:
            return Rewards(NOTHING, 0.0)
        return Rewards(NOTHING, float(is_new and not _all_moved(moved, foreground, min_pixels)))

    if variant.startswith("touch") and not (hold_touched and push_touched):
        return Rewards(NOTHING if hold_touched else 0.0, NOTHING if push_touched else 0.0)
    if not anything:
        return Rewards(NOTHING, 0.0)
    if variant == "touch-apart":
        is_new = is_new or _comes_apart(moved, memory_labels, min_pixels)
    value = float(is_new and not moved[row, col])
    if variant == "touch-apart" and _is_large(moved, foreground):
        value *= LARGE_WORTH
    return Rewards(value, value)


def _comes_apart(moved: NDArray[np.bool_], labels: NDArray[np.uint8], min_pixels: int) -> bool:
    """Whether a piece of a known part moved while another one stayed."""
    sizes = np.bincount(np.asarray(labels).ravel(), minlength=2)[1:]
    pieces = np.bincount(np.asarray(labels)[moved], minlength=len(sizes) + 1)[1:]
    least = np.maximum(APART_SHARE * sizes, min_pixels)
    return bool(((pieces >= least) & (sizes - pieces >= least)).any())


def _is_large(moved: NDArray[np.bool_], foreground: NDArray[np.bool_] | None) -> bool:
    """Whether most of the object moved; False where it is not known what the object is."""
    if foreground is None:
        return False
    seen = _checked(foreground, moved.shape)
    return bool(np.count_nonzero(moved & seen) > LARGE_SHARE * np.count_nonzero(seen))


def _all_moved(moved: NDArray[np.bool_], foreground: NDArray[np.bool_] | None, min_pixels: int) -> bool:
    """Whether too little of the object stayed for the motion to single out a part."""
    if foreground is None:
        return False
    seen = _checked(foreground, moved.shape)
    stayed = np.count_nonzero(seen & ~moved)
    return bool(stayed < max(min_pixels, OBJECT_STAYED_SHARE * np.count_nonzero(seen)))


def _checked(foreground: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """The mask of the object, if it is one."""
    foreground = np.asarray(foreground)
    if foreground.dtype != np.bool_ or foreground.shape != shape:
        raise ValueError(f"foreground must be a bool mask of shape {shape}, got {foreground.shape}")
    return foreground
