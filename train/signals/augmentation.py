"""Batch augmentation: rotation and flip of images together with actions, colour, missing inputs.

Rotation replaces AtP's 8 rotated copies: a sample rotated by k * 45 degrees teaches the push maps of all
directions what one direction has shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from atp.networks.encoding import UNKNOWN_ACTION, action_tensor
from atp.networks.rotations import Rotation

RGB = slice(0, 3)
DEPTH = slice(3, 5)  # height and validity
IMAGES = ("before", "after")
ROTATED = (*IMAGES, "memory", "moved_before", "moved_after", "agent_before", "agent_after")


@dataclass(frozen=True)
class AugmentationConfig:
    """How much to augment; probabilities are per sample.

    Attributes:
        rotate: Rotate by a random multiple of 45 degrees, and flip.
        upright: Flip alone, left to right: images of rooms have an up and a down.
        gain: Largest relative change of contrast, of all channels and of each.
        offset: Largest change of brightness, of 1.
        per_image: Largest relative gain and offset between the images of one sample (exposure control).
        noise: Standard deviation of pixel noise, of 1; sampled anew for each image.
        no_depth: Probability that depth is absent.
        no_action: Probability that the action is unknown (part network).
    """

    rotate: bool = True
    upright: bool = False
    gain: float = 0.3
    offset: float = 0.15
    per_image: float = 0.03
    noise: float = 0.02
    no_depth: float = 0.25
    no_action: float = 0.25


def augment(batch: dict[str, Tensor], config: AugmentationConfig, generator: torch.Generator) -> dict[str, Tensor]:
    """Augment a batch of interactions.

    Args:
        batch: "action" (B, 5) long, all known; and any of "before", "after" (B, 5, H, W) image tensors,
            "memory" (B, 2, H, W), "moved_before", "moved_after", "agent_before", "agent_after" (B, H, W), "hindsight"
            (B, H, W) uint8 codes of `train.signals.hindsight`. Other entries pass unchanged.
        config: How much.
        generator: CPU generator; decides everything.

    Returns:
        A new batch, with "action_maps" (B, 4, H, W) for the part network added. A sample whose action would
        leave the image is neither rotated nor mirrored.
    """
    batch = dict(batch)
    actions = batch["action"]
    shape = next((batch[name].shape[-2], batch[name].shape[-1]) for name in ROTATED if name in batch)
    if config.rotate:
        rotation = Rotation.random(len(actions), generator)
        if config.upright:
            rotation = Rotation(torch.zeros_like(rotation.steps), rotation.mirrored)
        rotation = rotation.where(rotation.actions(actions, shape[-1])[1])
        actions = rotation.actions(actions, shape[-1])[0]
        batch |= {name: rotation.maps(batch[name]) for name in ROTATED if name in batch}
        if "hindsight" in batch:
            batch["hindsight"] = rotation.direction_labels(rotation.maps(batch["hindsight"]))
    images = [name for name in IMAGES if name in batch]
    batch |= dict(zip(images, _disturb([batch[name] for name in images], generator, config), strict=True))
    unknown = torch.rand(len(actions), 1, generator=generator) < config.no_action
    maps = action_tensor(torch.where(unknown, UNKNOWN_ACTION, actions), shape)
    return batch | {"action": actions, "action_maps": maps}


def _disturb(images: Sequence[Tensor], generator: torch.Generator, config: AugmentationConfig) -> list[Tensor]:
    """Change the colours of (B, 5, H, W) images, alike in the images of a sample, and leave out depth."""
    count = len(images[0]) if images else 0

    def uniform(limit: float, channels: int) -> Tensor:
        return limit * (2 * torch.rand(count, channels, 1, 1, generator=generator) - 1)

    gain = (1 + uniform(config.gain, 1)) * (1 + uniform(config.gain / 2, 3))
    offset = uniform(config.offset, 1)
    depth = (torch.rand(count, 1, 1, 1, generator=generator) >= config.no_depth).float()
    disturbed = []
    for image in images:
        own_gain, own_offset = 1 + uniform(config.per_image, 1), uniform(config.per_image, 1)
        noise = config.noise * torch.randn(image[:, RGB].shape, generator=generator)
        rgb = (image[:, RGB] * gain * own_gain + offset + own_offset + noise).clamp(-0.5, 0.5)
        disturbed.append(torch.cat([rgb, image[:, DEPTH] * depth], 1))
    return disturbed
