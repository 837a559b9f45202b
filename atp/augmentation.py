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

from atp.encoding import UNKNOWN_ACTION

RGB = slice(0, 3)
DEPTH = slice(3, 5)  # height and validity


@dataclass(frozen=True)
class Augmentation:
    """How much to augment; probabilities are per sample.

    Attributes:
        rotate: Rotate by a random multiple of 45 degrees, and flip.
        gain: Largest relative change of contrast, of all channels and of each.
        offset: Largest change of brightness, of 1.
        frame: Largest relative gain and offset between the frames of one sample (exposure control).
        noise: Standard deviation of pixel noise, of 1; drawn anew for each frame.
        no_depth: Probability that depth is absent.
        no_action: Probability that the action is unknown (part network).
    """

    rotate: bool = True
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


def augment_pair(
    before: Tensor,
    after: Tensor,
    moved_before: Tensor,
    moved_after: Tensor,
    actions: Tensor,
    generator: torch.Generator,
    config: Augmentation | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Augment samples of the part network.

    Args:
        before: (B, 5, H, W) image tensor of I_t.
        after: (B, 5, H, W) image tensor of I_{t+1}.
        moved_before: (B, H, W) mask M_t.
        moved_after: (B, H, W) mask M_{t+1}.
        actions: (B, 5) long; rows of -1 are unknown.
        generator: CPU generator; decides everything.
        config: How much; the default if None.

    Returns:
        The same five, new tensors. A sample whose action would leave the image is neither turned nor
        flipped; actions that are to be unknown are rows of -1.
    """
    config = config or Augmentation()
    if config.rotate:
        turn, actions = _turn(actions, before.shape[-1], generator)
        before, after = turn.maps(before), turn.maps(after)
        moved_before, moved_after = turn.maps(moved_before), turn.maps(moved_after)
    before, after = _disturb([before, after], generator, config)
    unknown = torch.rand(len(actions), 1, generator=generator) < config.no_action
    return before, after, moved_before, moved_after, torch.where(unknown, UNKNOWN_ACTION, actions)


def augment_interaction(
    image: Tensor,
    memory: Tensor,
    actions: Tensor,
    generator: torch.Generator,
    config: Augmentation | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Augment samples of the interaction network; the rewards stay as they are.

    Args:
        image: (B, 5, H, W) image tensor.
        memory: (B, 2, H, W) memory tensor.
        actions: (B, 5) long, all known.
        generator: CPU generator; decides everything.
        config: How much; the default if None.

    Returns:
        The same three, new tensors. A sample whose action would leave the image is neither turned nor
        flipped.
    """
    config = config or Augmentation()
    if config.rotate:
        turn, actions = _turn(actions, image.shape[-1], generator)
        image, memory = turn.maps(image), turn.maps(memory)
    return _disturb([image], generator, config)[0], memory, actions


def _turn(actions: Tensor, size: int, generator: torch.Generator) -> tuple[Turn, Tensor]:
    """Draw turns that keep the actions in the image; returns them and the turned actions."""
    turn = Turn.draw(len(actions), generator)
    turn = turn.keep(turn.actions(actions, size)[1])
    return turn, turn.actions(actions, size)[0]


def _disturb(frames: Sequence[Tensor], generator: torch.Generator, config: Augmentation) -> list[Tensor]:
    """Change the colours of (B, 5, H, W) frames, alike in the frames of a sample, and leave out depth."""
    count = len(frames[0])

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
