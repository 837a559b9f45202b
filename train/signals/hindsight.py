"""What one interaction says about pixels that were not touched: more labels from the same flow, without part labels.

AtP trains its reward maps at the executed pixels alone. A rigid part that rotated or slid says more: pushing any other
of its pixels along that pixel's own flow would have moved it in the same way, pushing across the flow would not; the
ground cannot be pushed or held; and while the same place is held, pushing what stayed does nothing.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from train.signals.reward import Rewards

#: Codes 0..7: pushing this pixel in direction k would have had the reward 1.
GROUND = 8  # nothing to touch here
USELESS = 9  # pushing here has no reward, in any direction
UNKNOWN = 255
#: A pixel that moved by fewer pixels than this is near the centre of the rotation: its lever is too short to tell.
#: Chosen at 90 x 90 pixels, as is ``HELD_RADIUS``; neither scales with the resolution.
MIN_LEVER_FLOW = 4.0
#: A push of a larger reward would have had it at the part's other pixels too; one of a smaller is better left.
WORTH_REPEATING = 0.5
#: Pixels at most this many away from the held one belong to the held link.
HELD_RADIUS = 5


def hindsight_codes(
    rewards: Rewards,
    flow: NDArray[np.float32],
    moved: NDArray[np.bool_],
    hold: NDArray[np.integer],
    touched: tuple[bool, bool],
    foreground: NDArray[np.bool_],
) -> NDArray[np.uint8]:
    """Label the pixels of the image before an interaction.

    Args:
        rewards: Of the interaction.
        flow: (H, W, 2) float32, (d col, d row) in pixels.
        moved: (H, W) bool, pixels that the flow moves.
        hold: (2,) held row and col.
        touched: Touch bits of hold and push.
        foreground: (H, W) bool from depth; all False where there is no depth, then nothing is said of the ground.

    Returns:
        (H, W) uint8 codes: direction 0..7, ``GROUND``, ``USELESS`` or ``UNKNOWN``.
    """
    codes = np.full(moved.shape, UNKNOWN, np.uint8)
    if foreground.any():
        codes[~foreground & ~moved] = GROUND
    if not touched[0]:
        return codes
    held_stayed = not moved[hold[0], hold[1]]
    rows, cols = np.ogrid[: moved.shape[0], : moved.shape[1]]
    near = (rows - hold[0]) ** 2 + (cols - hold[1]) ** 2 <= HELD_RADIUS**2
    if held_stayed:
        codes[near & ~moved & (codes != GROUND)] = USELESS
    if touched[1] and moved.any() and held_stayed:
        codes[foreground & ~moved] = USELESS
        if rewards.push > WORTH_REPEATING:
            size = np.hypot(flow[..., 0], flow[..., 1])
            direction = np.round(np.arctan2(-flow[..., 1], flow[..., 0]) / (np.pi / 4)).astype(int) % 8
            lever = moved & (size > MIN_LEVER_FLOW)
            codes[lever] = direction[lever]
        else:
            codes[moved] = USELESS  # a part that is known already
    return codes


def hindsight_loss(hold_logits: Tensor, push_logits: Tensor, codes: Tensor) -> Tensor:
    """Binary cross-entropy at the pixels with a code; every kind of label weighs the same.

    Args:
        hold_logits: (B, H, W).
        push_logits: (B, 8, H, W), conditioned on the executed holds.
        codes: (B, H, W) uint8.

    Returns:
        Scalar.
    """
    terms = []
    batch, rows, cols = (codes < 8).nonzero(as_tuple=True)
    if len(batch):
        direction = codes[batch, rows, cols].long()
        along = push_logits[batch, direction, rows, cols]
        across = torch.cat([push_logits[batch, (direction + turn) % 8, rows, cols] for turn in (2, 6)])
        terms += [F.softplus(-along).mean(), F.softplus(across).mean()]
    strongest = F.softplus(push_logits).mean(1)
    for code in (GROUND, USELESS):
        there = codes == code
        if there.any():
            terms.append(strongest[there].mean())
    ground = codes == GROUND
    if ground.any():
        terms.append(F.softplus(hold_logits[ground]).mean())
    return torch.stack(terms).sum() if terms else push_logits.sum() * 0
