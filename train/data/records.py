"""One stored interaction: its fields on disk, and as the tensors that networks learn from."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from atp.networks import encoding

#: Depth is stored in tenths of a millimetre, so that 16 bits reach 6.5 m.
DEPTH_UNIT = 1e-4
#: Fields of the action that was carried out, and of trials.
_OF_TRIALS = {"action": "trial_actions", "rewards": "trial_rewards", "hindsight": "trial_hindsight"}


def record_type(height: int, width: int, trials: int = 0) -> np.dtype:
    """The dtype of one stored interaction for images of ``height`` x ``width``, and with K ``trials``.

    Fields: rgb (2, H, W, 3) uint8, depth (2, H, W) uint16 (tenths of a millimetre) and ground (2,) float32 (metres,
    :func:`atp.ground.ground_depth`) before and after; memory (H, W) uint8 before; moved (2, H, W) bool before and
    after; action (5,) int16; rewards (2,) float32, hold and push, NaN for nothing; hindsight (H, W) uint8 codes of
    ``train.signals.hindsight``. With trials, what other actions would have done in the image before
    (:mod:`envs.trials`): trial_actions (K, 5) int16, trial_rewards (K, 2) float32 and trial_hindsight (K, H, W) uint8.
    """
    tried: list[tuple[str, type, tuple[int, ...]]] = [
        ("trial_actions", np.int16, (trials, 5)),
        ("trial_rewards", np.float32, (trials, 2)),
        ("trial_hindsight", np.uint8, (trials, height, width)),
    ]
    return np.dtype(
        [
            ("rgb", np.uint8, (2, height, width, 3)),
            ("depth", np.uint16, (2, height, width)),
            ("ground", np.float32, (2,)),
            ("memory", np.uint8, (height, width)),
            ("moved", np.bool_, (2, height, width)),
            ("action", np.int16, (5,)),
            ("rewards", np.float32, (2,)),
            ("hindsight", np.uint8, (height, width)),
            *(tried if trials else []),
        ]
    )


def judged(records: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether hold or push got a reward: (B, 1 + K) bool, of the action that was carried out and of each trial."""
    executed: NDArray[np.bool_] = ~np.isnan(records["rewards"]).all(axis=-1)[:, None]
    if "trial_rewards" not in (records.dtype.names or ()):
        return executed
    return np.concatenate([executed, ~np.isnan(records["trial_rewards"]).all(axis=-1)], axis=1)


def with_trials(records: NDArray[Any], trials: int) -> NDArray[Any]:
    """Records (B,) with room for ``trials`` trials; those that they have not got are without a reward.

    Raises:
        ValueError: They have more.
    """
    height, width = records["memory"].shape[1:]
    kind = record_type(height, width, trials)
    had = records["trial_rewards"].shape[1] if "trial_rewards" in (records.dtype.names or ()) else 0
    if had > trials:
        raise ValueError(f"records with {had} trials do not fit in {trials}")
    if records.dtype == kind:
        return records
    wider = np.zeros(len(records), kind)
    for name in records.dtype.names or ():
        if name in _OF_TRIALS.values():
            wider[name][:, :had] = records[name]
        else:
            wider[name] = records[name]
    wider["trial_rewards"][:, had:] = np.nan
    return wider


def draw_actions(records: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """Put in place of each record's action one of its trials, or leave it: all that got a reward are equally likely.

    Args:
        records: (B,) of :func:`record_type`; they stay as they are.
        rng: Source of randomness.

    Returns:
        (B,) records whose action, rewards and hindsight are those of the chosen one.
    """
    choices = judged(records)
    if choices.shape[1] == 1:
        return records
    drawn = records.copy()
    chosen = np.where(choices, rng.random(choices.shape), -1.0).argmax(axis=1) - 1
    for i in np.flatnonzero(chosen >= 0):
        for name, trials in _OF_TRIALS.items():
            drawn[name][i] = records[trials][i, chosen[i]]
    return drawn


def pack_depth(depth: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Metres to tenths of a millimetre; what lies past 6.5 m becomes 'no reading'."""
    units = np.nan_to_num(depth, nan=0.0, posinf=0.0, neginf=0.0) / DEPTH_UNIT
    return np.where(units < np.iinfo(np.uint16).max, units, 0).astype(np.uint16)


def unpack_depth(depth: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Tenths of a millimetre to metres."""
    return depth.astype(np.float32) * np.float32(DEPTH_UNIT)


def decode(records: NDArray[Any]) -> dict[str, Tensor]:
    """Stored interactions as a batch of tensors, on the CPU and not augmented.

    Args:
        records: (B,) of :func:`record_type`.

    Returns:
        ``before`` and ``after`` (B, 5, H, W) and ``memory`` (B, 2, H, W), float32 of :mod:`atp.networks.encoding`;
        ``moved_before`` and ``moved_after`` (B, H, W) float32, 1 where it moved; ``agent_before`` and ``agent_after``
        likewise, 1 where there is a hand, an arm or a robot: nowhere, for the simulator's grippers have no body;
        ``action`` (B, 5) int64; ``rewards`` (B, 2) float32, hold and push, NaN for none; ``hindsight`` (B, H, W) uint8
        codes of :mod:`train.signals.hindsight`.
    """
    depth = unpack_depth(records["depth"])
    nobody = torch.zeros(records["memory"].shape)
    return {
        "before": encoding.image_tensor(records["rgb"][:, 0], depth[:, 0], records["ground"][:, 0]),
        "after": encoding.image_tensor(records["rgb"][:, 1], depth[:, 1], records["ground"][:, 1]),
        "memory": encoding.memory_tensor(records["memory"]),
        "moved_before": torch.from_numpy(records["moved"][:, 0].astype(np.float32)),
        "moved_after": torch.from_numpy(records["moved"][:, 1].astype(np.float32)),
        "agent_before": nobody,
        "agent_after": nobody.clone(),
        "action": torch.from_numpy(records["action"].astype(np.int64)),
        "rewards": torch.from_numpy(records["rewards"].copy()),
        "hindsight": torch.from_numpy(records["hindsight"].copy()),
    }


def decode_pairs(pairs: NDArray[Any]) -> dict[str, Tensor]:
    """Image pairs as a batch of tensors for the part network, on the CPU and not augmented.

    Args:
        pairs: (B,) of :func:`train.data.pair_sources.pair_type`.

    Returns:
        What :func:`decode` gives of images and masks, without depth, and ``action`` (B, 5), not known.
    """
    masks = {
        f"{name}_{moment}": torch.from_numpy(pairs[name][:, index].astype(np.float32))
        for name in ("moved", "agent")
        for index, moment in enumerate(("before", "after"))
    }
    return {
        "before": encoding.image_tensor(pairs["rgb"][:, 0]),
        "after": encoding.image_tensor(pairs["rgb"][:, 1]),
        "action": torch.full((len(pairs), 5), encoding.UNKNOWN_ACTION, dtype=torch.int64),
        **masks,
    }
