"""From numpy observations to network tensors; the same code in training and in acting.

Conventions: every function takes one observation or a batch and always returns a batch, float32 (B, C, H, W). The
layout of channels is fixed here and nowhere else:

    image    0-2 red, green, blue in [-0.5, 0.5];  3 nearness in units of 0.1 m;  4 whether depth was read
    memory   0 a part is known here;  1 a border between labels
    action   0 the hold pixel;  1 the push pixel;  2, 3 the latter times cosine and sine of the direction

>>> rgb, depth = np.zeros((48, 64, 3), np.uint8), np.full((48, 64), 1.5, np.float32)
>>> depth[0, 0], depth[0, 1] = 1.25, 0.0  # a pixel 25 cm above the ground, and one without a reading
>>> image = image_tensor(rgb, depth)
>>> tuple(image.shape), image[0, 3:, 0, :3].tolist()
((1, 5, 48, 64), [[2.5, 0.0, 0.0], [1.0, 0.0, 1.0]])
>>> labels = np.zeros((48, 64), np.uint8)
>>> labels[:, 3:] = 1
>>> memory_tensor(labels)[0, :, 0, :5].tolist()
[[0.0, 0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0, 0.0]]
>>> maps = action_tensor([10, 20, 30, 40, 4], (48, 64))  # hold (10, 20), push (30, 40) to the left
>>> [round(value, 3) for value in maps[0, :, 30, 40].tolist()]
[0.0, 1.0, -1.0, -0.0]
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from atp.ground import ground_depth, ground_plane, has_reading
from atp.networks.blocks import gaussian_maps
from atp.types import DIRECTIONS

IMAGE_CHANNELS = 5
MEMORY_CHANNELS = 2
ACTION_CHANNELS = 4
NEARNESS_SCALE = 0.1  # metres per unit of the nearness channel
#: What lies outside is cut off. An object seen from above reaches 3, one seen from the side 9 and below the ground.
NEARNESS_RANGE = (-3.0, 9.0)
UNKNOWN_ACTION = -1  # a row of these in an action array: the action is not known


def image_tensor(
    rgb: NDArray[np.uint8], depth: NDArray[np.floating] | None = None, ground: ArrayLike | None = None
) -> Tensor:
    """Encode colour images and depth maps.

    Nearness is how much nearer a pixel is than the ground in the middle of the image, along the optical axis: from
    straight above it is the height above the ground.

    Args:
        rgb: (H, W, 3) or (B, H, W, 3) uint8.
        depth: (H, W) or (B, H, W) float metres along the optical axis; 0, negative, NaN or infinite is no
            reading. None, or a map without a reading: depth absent.
        ground: () or (B,) float metres, the depth of the ground in the middle of each image, where it is known already
            (:func:`atp.ground.ground_depth`).

    Returns:
        (B, 5, H, W) float32: rgb in [-0.5, 0.5]; nearness in units of 0.1 m, clipped to [-3, 9], 0 where there is no
        reading; 1 where there is a reading, else 0.

    Raises:
        ValueError: On a wrong shape or type.
    """
    rgb = np.asarray(rgb)
    if rgb.dtype != np.uint8 or rgb.ndim not in (3, 4) or rgb.shape[-1] != 3 or 0 in rgb.shape:
        raise ValueError(f"rgb must be uint8 (H, W, 3) or (B, H, W, 3); got {rgb.dtype} {rgb.shape}")
    if depth is not None:
        depth = np.asarray(depth)
        if depth.shape != rgb.shape[:-1] or not np.issubdtype(depth.dtype, np.floating):
            raise ValueError(
                f"depth must be float (metres) of shape {rgb.shape[:-1]}, as rgb is; got {depth.dtype} {depth.shape}"
            )
    batch = rgb.reshape(-1, *rgb.shape[-3:])
    encoded = np.zeros((len(batch), IMAGE_CHANNELS, *batch.shape[1:3]), np.float32)
    np.divide(batch.transpose(0, 3, 1, 2), np.float32(255), out=encoded[:, :3])
    encoded[:, :3] -= 0.5
    if depth is not None:
        maps = depth.reshape(batch.shape[:3]).astype(np.float32)
        grounds = [ground_depth(one, ground_plane(one)) for one in maps] if ground is None else ground
        encoded[:, 3], encoded[:, 4] = _nearness(maps, np.asarray(grounds, np.float32).reshape(-1))
    return torch.from_numpy(encoded)


def _nearness(depth: NDArray[np.float32], ground: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Nearness in units of 0.1 m and validity, both (B, H, W), of (B, H, W) depth and (B,) ground in metres."""
    valid = has_reading(depth)
    nearness = (ground[:, None, None] - np.where(valid, depth, 0)) / np.float32(NEARNESS_SCALE)
    return np.where(valid, np.clip(nearness, *NEARNESS_RANGE), 0).astype(np.float32), valid


def memory_tensor(labels: NDArray[np.integer]) -> Tensor:
    """Encode part memories without regard to the numbering of their parts.

    Args:
        labels: (H, W) or (B, H, W) integers, 0 where no part is known.

    Returns:
        (B, 2, H, W) float32: 1 where a part is known; 1 where one of the 4 neighbours has another label.

    Raises:
        ValueError: On a wrong shape or type.
    """
    labels = np.asarray(labels)
    if labels.ndim not in (2, 3) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels must be integers (H, W) or (B, H, W); got {labels.dtype} {labels.shape}")
    labels = labels.reshape(-1, *labels.shape[-2:])
    encoded = np.zeros((len(labels), MEMORY_CHANNELS, *labels.shape[1:]), np.float32)
    encoded[:, 0] = labels > 0
    down = labels[:, 1:] != labels[:, :-1]
    across = labels[:, :, 1:] != labels[:, :, :-1]
    borders = encoded[:, 1]
    borders[:, 1:][down] = 1
    borders[:, :-1][down] = 1
    borders[:, :, 1:][across] = 1
    borders[:, :, :-1][across] = 1
    return torch.from_numpy(encoded)


def action_tensor(actions: ArrayLike | Tensor | None, shape: tuple[int, int], count: int | None = None) -> Tensor:
    """Encode actions as maps for the part network.

    Args:
        actions: (5,) or (B, 5) integers: hold row, hold column, push row, push column, direction 0 to 7
            (k * 45 degrees counter-clockwise from image right). A row of -1, or None, is an unknown action.
        shape: (H, W) of the image.
        count: Number of actions; needed with None for more than one.

    Returns:
        (B, 4, H, W) float32: Gaussian at the hold pixel; Gaussian at the push pixel; the latter times the
        cosine and times the sine of the direction. Zeros where the action is unknown. Sigma is 2 pixels of
        an image whose smaller side is 90.

    Raises:
        ValueError: On a wrong shape, a pixel outside the image or a direction outside 0 to 7.
    """
    if actions is None:
        return torch.zeros(count or 1, ACTION_CHANNELS, *shape)
    rows = check_actions(actions, shape)
    if count is not None and len(rows) != count:
        raise ValueError(f"{count} actions expected, got {len(rows)}")
    known = rows[:, 4] != UNKNOWN_ACTION
    hold = gaussian_maps(rows[:, :2], shape, shape)
    push = gaussian_maps(rows[:, 2:4], shape, shape)
    angle = (rows[:, 4].to(torch.float32) * (np.pi / 4))[:, None, None]
    maps = torch.stack([hold, push, push * angle.cos(), push * angle.sin()], 1)
    return torch.where(known[:, None, None, None], maps, torch.zeros(()))


def check_actions(actions: ArrayLike | Tensor, shape: tuple[int, int]) -> Tensor:
    """Check actions against the image they are for.

    Args:
        actions: (5,) or (B, 5) integers; a row of -1 is an unknown action.
        shape: (H, W) of the image.

    Returns:
        (B, 5) int64 tensor.

    Raises:
        ValueError: On a wrong shape or type, a pixel outside the image or a direction outside 0 to 7.
    """
    rows = actions if isinstance(actions, Tensor) else torch.from_numpy(np.array(actions))
    if rows.ndim not in (1, 2) or rows.shape[-1] != 5 or rows.is_floating_point() or rows.is_complex():
        raise ValueError(f"actions must be integers (5,) or (B, 5); got {rows.dtype} {tuple(rows.shape)}")
    rows = rows.reshape(-1, 5).to(torch.int64)
    limits = rows.new_tensor([shape[0], shape[1], shape[0], shape[1], DIRECTIONS])
    bad = ((rows < 0) | (rows >= limits)).any(1) & ~(rows == UNKNOWN_ACTION).all(1)
    if bad.any():
        index = int(bad.nonzero()[0, 0])
        raise ValueError(
            f"action {rows[index].tolist()} (row {index}) is outside an image of {shape[0]} x {shape[1]} "
            "pixels with directions 0 to 7 (hold row, hold column, push row, push column, direction)"
        )
    return rows
