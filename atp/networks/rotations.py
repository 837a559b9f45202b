"""How maps, pixels, directions and actions rotate and mirror: the one algebra that acting and training share.

Conventions: pixels are (row, col), rows grow downwards; pixel centres lie at whole numbers, so the centre of an image
of H x W pixels is ((H - 1) / 2, (W - 1) / 2). Direction k of a push is the angle of k * 45 degrees counter-clockwise
from image right. A transform mirrors left to right *first*, then rotates counter-clockwise:

    mirror:             (row, col) -> (row, W - 1 - col),    direction k -> 4 - k
    rotate by 90 deg:   (row, col) -> (W - 1 - col, row),    direction k -> k + 2     (the image becomes W x H)
    rotate by 45 deg:   about the centre, nearest pixel,     direction k -> k + 1     (square images alone)

>>> import torch
>>> quarter = Symmetry(quarters=1, mirrored=False)
>>> quarter.pixels(torch.tensor([[0, 9]]), (6, 10)).tolist()    # the upper right corner becomes the upper left one
[[0, 0]]
>>> quarter.actions(torch.tensor([[0, 9, 5, 0, 0]]), (6, 10)).tolist()    # a push to the right becomes one upwards
[[0, 0, 9, 5, 2]]
>>> tuple(quarter.maps(torch.zeros(1, 6, 10)).shape)
(1, 10, 6)
>>> eighth = Rotation.uniform(1, count=1)
>>> actions, inside = eighth.actions(torch.tensor([[4, 4, 4, 8, 0]]), 9)  # hold the centre, push the right edge
>>> actions.tolist(), inside.tolist()
([[4, 4, 1, 7, 1]], [True])
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from atp.networks.encoding import UNKNOWN_ACTION
from atp.types import DIRECTIONS


def rotate_directions(directions: Tensor, steps: int | Tensor, mirrored: bool | Tensor = False) -> Tensor:
    """Directions after a mirror image and a rotation.

    Args:
        directions: Integers, each a direction k (k * 45 degrees counter-clockwise from image right).
        steps: Rotation in steps of 45 degrees counter-clockwise, broadcast to ``directions``.
        mirrored: Whether the image is mirrored left to right before it is rotated, broadcast likewise.

    Returns:
        Integers of the same shape, 0 to 7.
    """
    flipped = torch.where(torch.as_tensor(mirrored, device=directions.device), 4 - directions, directions)
    return (flipped + steps) % DIRECTIONS


@dataclass(frozen=True)
class Symmetry:
    """A mirror image left to right, or none, and then quarter rotations: exact, for images of any shape.

    Attributes:
        quarters: Rotations by 90 degrees counter-clockwise, 0 to 3.
        mirrored: Whether it is mirrored first.
    """

    quarters: int
    mirrored: bool

    def maps(self, maps: Tensor) -> Tensor:
        """Transform (..., H, W) maps; H and W change places with an odd number of quarters."""
        return torch.rot90(maps.flip(-1) if self.mirrored else maps, self.quarters, (-2, -1))

    def undo_maps(self, maps: Tensor) -> Tensor:
        """Transform (..., H, W) maps back."""
        upright = torch.rot90(maps, -self.quarters, (-2, -1))
        return upright.flip(-1) if self.mirrored else upright

    def pixels(self, pixels: Tensor, shape: tuple[int, int]) -> Tensor:
        """Transform (B, 2) rows and columns of an upright image of ``shape`` (H, W) with it."""
        (row, col), (height, width) = pixels.unbind(1), shape
        if self.mirrored:
            col = width - 1 - col
        for _ in range(self.quarters):
            row, col, height, width = width - 1 - col, row, width, height
        return torch.stack([row, col], 1)

    def actions(self, actions: Tensor, shape: tuple[int, int]) -> Tensor:
        """Transform (B, 5) actions in an upright image of ``shape`` (H, W) with it; unknown ones stay so."""
        direction = rotate_directions(actions[:, 4], 2 * self.quarters, self.mirrored)
        hold, push = self.pixels(actions[:, :2], shape), self.pixels(actions[:, 2:4], shape)
        rotated = torch.cat([hold, push, direction[:, None]], 1)
        return torch.where(actions[:, 4:] == UNKNOWN_ACTION, actions, rotated)

    def undo_direction_maps(self, maps: Tensor) -> Tensor:
        """Order (B, 8, H, W) push maps of the transformed image by the directions of the upright one."""
        source = rotate_directions(torch.arange(DIRECTIONS), 2 * self.quarters, self.mirrored)
        return maps[:, source.to(maps.device)]


@dataclass(frozen=True)
class Rotation:
    """A mirror image (left to right, first) and a rotation by k * 45 degrees for each sample of a batch.

    Attributes:
        steps: (B,) int64, k of each sample: k * 45 degrees counter-clockwise, 0 to 7.
        mirrored: (B,) bool.
    """

    steps: Tensor
    mirrored: Tensor

    @staticmethod
    def random(count: int, generator: torch.Generator) -> Rotation:
        """One transform for each of ``count`` samples, uniform over the 16."""
        code = torch.randint(2 * DIRECTIONS, (count,), generator=generator)
        return Rotation(code % DIRECTIONS, code >= DIRECTIONS)

    @staticmethod
    def uniform(steps: int, count: int) -> Rotation:
        """The same rotation without a mirror image for ``count`` samples."""
        return Rotation(torch.full((count,), steps % DIRECTIONS), torch.zeros(count, dtype=torch.bool))

    def where(self, chosen: Tensor) -> Rotation:
        """The same transforms where ``chosen`` (B,) bool, and none elsewhere."""
        return Rotation(torch.where(chosen, self.steps, 0), self.mirrored & chosen)

    def maps(self, maps: Tensor) -> Tensor:
        """Transform (B, H, W) or (B, C, H, W) maps of any type about the image centre; H = W.

        Multiples of 90 degrees are exact. Others take the nearest pixel (labels stay labels, and pixels that are the
        same in two images stay the same); corners from outside repeat the nearest edge pixel.

        Raises:
            ValueError: If the maps are not square.
        """
        size = maps.shape[-1]
        if maps.shape[-2] != size:
            raise ValueError(f"only square images can be rotated; got {tuple(maps.shape)}")
        sources = _source_pixels(size)[self.steps + DIRECTIONS * self.mirrored]
        flat = maps.reshape(len(maps), -1, size * size)
        return flat.gather(2, sources[:, None].expand(-1, flat.shape[1], -1)).reshape(maps.shape)

    def actions(self, actions: Tensor, size: int) -> tuple[Tensor, Tensor]:
        """Transform (B, 5) actions of images of ``size`` x ``size`` pixels with the images.

        Returns:
            Transformed actions (B, 5), and (B,) bool: whether both pixels are still in the image (pixels that are not
            are clamped to it). Unknown actions stay so and count as in.
        """
        known = actions[:, 4] != UNKNOWN_ACTION
        rotated = actions.clone()
        for pixel in (slice(0, 2), slice(2, 4)):
            rotated[:, pixel] = self._pixels(actions[:, pixel], size)
        inside = ((rotated[:, :4] >= 0) & (rotated[:, :4] < size)).all(1)
        rotated[:, :4] = rotated[:, :4].clamp(0, size - 1)
        rotated[:, 4] = rotate_directions(actions[:, 4], self.steps, self.mirrored)
        return torch.where(known[:, None], rotated, actions), inside | ~known

    def direction_labels(self, labels: Tensor) -> Tensor:
        """Rotate the directions in (B, H, W) uint8 labels whose pixels were transformed; values past 7 stay."""
        rotated = rotate_directions(labels.long(), self.steps[:, None, None], self.mirrored[:, None, None])
        return torch.where(labels < DIRECTIONS, rotated.to(torch.uint8), labels)

    def _pixels(self, pixels: Tensor, size: int) -> Tensor:
        """Transform (B, 2) rows and columns, rounded to the nearest pixel; they may leave the image."""
        centre = (size - 1) / 2
        up = centre - pixels[:, 0].double()
        right = (pixels[:, 1].double() - centre) * torch.where(self.mirrored, -1, 1)
        cosine, sine = _cosine_sine(self.steps)
        rotated_right, rotated_up = cosine * right - sine * up, sine * right + cosine * up
        return torch.stack([centre - rotated_up, centre + rotated_right], 1).round().long()


def _cosine_sine(steps: Tensor) -> tuple[Tensor, Tensor]:
    """Cosine and sine of k * 45 degrees, exact for multiples of 90."""
    half = 0.5**0.5
    cosines = torch.tensor([1, half, 0, -half, -1, -half, 0, half], dtype=torch.float64)
    return cosines[steps], cosines[(steps + 6) % DIRECTIONS]


@lru_cache(maxsize=4)
def _source_pixels(size: int) -> Tensor:
    """For each of 16 transforms (step + 8 * mirrored) and each target pixel, the source pixel: (16, size^2)."""
    centre = (size - 1) / 2
    axis = torch.arange(size, dtype=torch.float64) - centre
    up, right = torch.meshgrid(-axis, axis, indexing="ij")
    cosine, sine = (x[:, None, None] for x in _cosine_sine(torch.arange(DIRECTIONS)))
    from_right, from_up = cosine * right + sine * up, cosine * up - sine * right
    rows = (centre - from_up).round().long().clamp(0, size - 1)
    tables = [rows * size + (centre + sign * from_right).round().long().clamp(0, size - 1) for sign in (1, -1)]
    return torch.cat(tables).flatten(1)
