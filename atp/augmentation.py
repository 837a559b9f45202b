"""Batch augmentation: rotation and flip of images together with actions, colour, missing inputs.

Rotation replaces AtP's 8 rotated copies: a sample turned by k * 45 degrees teaches the push maps of all
directions what one direction has shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from atp.encoding import UNKNOWN_ACTION, action_tensor
from atp.hindsight import turn_codes

RGB = slice(0, 3)
DEPTH = slice(3, 5)  # height and validity
FRAMES = ("before", "after")
TURNED = (*FRAMES, "memory", "moved_before", "moved_after")


@dataclass(frozen=True)
class AugmentationConfig:
    """How much to augment; probabilities are per sample.

    Attributes:
        rotate: Rotate by a random multiple of 45 degrees, and flip.
        upright: Flip alone, left to right: rooms have an up and a down.
        gain: Largest relative change of contrast, of all channels and of each.
        offset: Largest change of brightness, of 1.
        frame: Largest relative gain and offset between the frames of one sample (exposure control).
        noise: Standard deviation of pixel noise, of 1; drawn anew for each frame.
        no_depth: Probability that depth is absent.
        no_action: Probability that the action is unknown (part network).
    """

    rotate: bool = True
    upright: bool = False
    gain: float = 0.3
    offset: float = 0.15
    frame: float = 0.03
    noise: float = 0.02
    no_depth: float = 0.25
    no_action: float = 0.25


@dataclass(frozen=True)
class Turn:
    """A flip (left to right, first) and a rotation by k * 45 degrees counter-clockwise, for each sample.

    Attributes:
        rotations: (B,) long, 0 to 7.
        flips: (B,) bool.
    """

    rotations: Tensor
    flips: Tensor

    @staticmethod
    def draw(count: int, generator: torch.Generator) -> Turn:
        """Draw one turn for each of ``count`` samples, uniform over the 16."""
        code = torch.randint(16, (count,), generator=generator)
        return Turn(code % 8, code >= 8)

    def keep(self, turned: Tensor) -> Turn:
        """The same turns where ``turned`` (B,) bool, and none elsewhere."""
        return Turn(torch.where(turned, self.rotations, 0), self.flips & turned)

    def maps(self, maps: Tensor) -> Tensor:
        """Turn (B, H, W) or (B, C, H, W) maps of any type about the image centre; H = W.

        Multiples of 90 degrees are exact. Others take the nearest pixel (labels stay labels, and pixels that
        are the same in two frames stay the same); corners from outside repeat the nearest edge pixel.

        Raises:
            ValueError: If the maps are not square.
        """
        size = maps.shape[-1]
        if maps.shape[-2] != size:
            raise ValueError(f"only square images can be turned; got {tuple(maps.shape)}")
        sources = _sources(size)[self.rotations + 8 * self.flips]
        flat = maps.reshape(len(maps), -1, size * size)
        return flat.gather(2, sources[:, None].expand(-1, flat.shape[1], -1)).reshape(maps.shape)

    def actions(self, actions: Tensor, size: int) -> tuple[Tensor, Tensor]:
        """Turn (B, 5) actions of images of ``size`` x ``size`` pixels with the images.

        Returns:
            Turned actions (B, 5), and (B,) bool: whether both pixels are still in the image (pixels that are
            not are clamped to it). Unknown actions stay so and count as in.
        """
        known = actions[:, 4] != UNKNOWN_ACTION
        turned = actions.clone()
        for pixel in (slice(0, 2), slice(2, 4)):
            turned[:, pixel] = self._pixels(actions[:, pixel], size)
        inside = ((turned[:, :4] >= 0) & (turned[:, :4] < size)).all(1)
        turned[:, :4] = turned[:, :4].clamp(0, size - 1)
        flipped = torch.where(self.flips, 4 - actions[:, 4], actions[:, 4])
        turned[:, 4] = (flipped + self.rotations) % 8
        return torch.where(known[:, None], turned, actions), inside | ~known

    def _pixels(self, pixels: Tensor, size: int) -> Tensor:
        centre = (size - 1) / 2
        up = centre - pixels[:, 0].double()
        right = (pixels[:, 1].double() - centre) * torch.where(self.flips, -1, 1)
        cosine, sine = _cosine_sine(self.rotations)
        turned_right, turned_up = cosine * right - sine * up, sine * right + cosine * up
        return torch.stack([centre - turned_up, centre + turned_right], 1).round().long()


def _cosine_sine(rotations: Tensor) -> tuple[Tensor, Tensor]:
    """Cosine and sine of k * 45 degrees, exact for multiples of 90."""
    half = 0.5**0.5
    cosines = torch.tensor([1, half, 0, -half, -1, -half, 0, half], dtype=torch.float64)
    return cosines[rotations], cosines[(rotations + 6) % 8]


@lru_cache(maxsize=4)
def _sources(size: int) -> Tensor:
    """For each of 16 turns (rotation + 8 * flip) and each target pixel, the source pixel: (16, size^2)."""
    centre = (size - 1) / 2
    axis = torch.arange(size, dtype=torch.float64) - centre
    up, right = torch.meshgrid(-axis, axis, indexing="ij")
    cosine, sine = (x[:, None, None] for x in _cosine_sine(torch.arange(8)))
    from_right, from_up = cosine * right + sine * up, cosine * up - sine * right
    rows = (centre - from_up).round().long().clamp(0, size - 1)
    tables = [
        rows * size + (centre + sign * from_right).round().long().clamp(0, size - 1) for sign in (1, -1)
    ]
    return torch.cat(tables).flatten(1)


def augment(
    batch: dict[str, Tensor], config: AugmentationConfig, generator: torch.Generator
) -> dict[str, Tensor]:
    """Augment a batch of interactions.

    Args:
        batch: "action" (B, 5) long, all known; and any of "before", "after" (B, 5, H, W) image tensors,
            "memory" (B, 2, H, W), "moved_before", "moved_after" (B, H, W), "hindsight" (B, H, W) uint8
            codes of `atp.hindsight`. Other entries pass unchanged.
        config: How much.
        generator: CPU generator; decides everything.

    Returns:
        A new batch, with "action_maps" (B, 4, H, W) for the part network added. A sample whose action would
        leave the image is neither turned nor flipped.
    """
    batch = dict(batch)
    actions = batch["action"]
    shape = next((batch[name].shape[-2], batch[name].shape[-1]) for name in TURNED if name in batch)
    if config.rotate:
        turn = Turn.draw(len(actions), generator)
        if config.upright:
            turn = Turn(torch.zeros_like(turn.rotations), turn.flips)
        turn = turn.keep(turn.actions(actions, shape[-1])[1])
        actions = turn.actions(actions, shape[-1])[0]
        batch |= {name: turn.maps(batch[name]) for name in TURNED if name in batch}
        if "hindsight" in batch:
            batch["hindsight"] = turn_codes(turn.maps(batch["hindsight"]), turn.rotations, turn.flips)
    frames = [name for name in FRAMES if name in batch]
    batch |= dict(zip(frames, _disturb([batch[name] for name in frames], generator, config), strict=True))
    unknown = torch.rand(len(actions), 1, generator=generator) < config.no_action
    maps = action_tensor(torch.where(unknown, UNKNOWN_ACTION, actions), shape)
    return batch | {"action": actions, "action_maps": maps}


def _disturb(
    frames: Sequence[Tensor], generator: torch.Generator, config: AugmentationConfig
) -> list[Tensor]:
    """Change the colours of (B, 5, H, W) frames, alike in the frames of a sample, and leave out depth."""
    count = len(frames[0]) if frames else 0

    def uniform(limit: float, channels: int) -> Tensor:
        return limit * (2 * torch.rand(count, channels, 1, 1, generator=generator) - 1)

    gain = (1 + uniform(config.gain, 1)) * (1 + uniform(config.gain / 2, 3))
    offset = uniform(config.offset, 1)
    depth = (torch.rand(count, 1, 1, 1, generator=generator) >= config.no_depth).float()
    disturbed = []
    for frame in frames:
        frame_gain, frame_offset = 1 + uniform(config.frame, 1), uniform(config.frame, 1)
        noise = config.noise * torch.randn(frame[:, RGB].shape, generator=generator)
        rgb = (frame[:, RGB] * gain * frame_gain + offset + frame_offset + noise).clamp(-0.5, 0.5)
        disturbed.append(torch.cat([rgb, frame[:, DEPTH] * depth], 1))
    return disturbed
