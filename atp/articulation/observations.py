"""What interactions say: images, depth and part labels over time, and what moved in between.

Conventions of this folder: images are (H, W), pixels (row, col), pixel centres at .5; depth is in metres along the
optical axis. The camera frame has x right, y down, z forward. Metres and radians throughout. A motion is a 3 x 4
matrix (R | t) that takes a point x to R x + t.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from atp.types import Image, Labels, Mask

Array = NDArray[np.float64]

#: Label of what of the object is in no part because it never moved.
REST = 0
#: Where most of a part lies in a motion mask it moved.
MOVED_SHARE = 0.5


@dataclass(frozen=True)
class Intrinsics:
    """A pinhole camera with square pixels.

    Attributes:
        focal: Focal length in pixels.
        row: Principal point, continuous row.
        col: Principal point, continuous column.

    Raises:
        ValueError: The focal length is not positive, or a number is not finite.
    """

    focal: float
    row: float
    col: float

    def __post_init__(self) -> None:
        if not (np.isfinite([self.focal, self.row, self.col]).all() and self.focal > 0):
            raise ValueError(f"intrinsics must be finite and the focal length positive, not {self}")

    @classmethod
    def centred(cls, shape: tuple[int, int], focal: float) -> Intrinsics:
        """With the principal point in the middle of an image (H, W); ``focal`` in pixels."""
        return cls(focal, shape[0] / 2, shape[1] / 2)

    def points(self, rows: NDArray[np.integer], cols: NDArray[np.integer], depth: NDArray[np.floating]) -> Array:
        """Points (3, n) in the camera frame, in metres, seen at whole pixels (n,) at depths (n,)."""
        x = (cols + 0.5 - self.col) / self.focal * depth
        y = (rows + 0.5 - self.row) / self.focal * depth
        return np.stack([x, y, depth]).astype(np.float64)

    def project(self, points: Array) -> tuple[Array, Array]:
        """Continuous rows and columns of points (..., 3, n): each (..., n)."""
        scale = self.focal / np.maximum(points[..., 2, :], 1e-3)
        return points[..., 1, :] * scale + self.row, points[..., 0, :] * scale + self.col


@dataclass(frozen=True, eq=False)
class Frame:
    """One image of the object at rest, and the parts known in it.

    Attributes:
        rgb: (H, W, 3) uint8.
        depth: (H, W) float32 metres; 0, negative, NaN or infinite is no reading. None: there is no depth.
        labels: (H, W) uint8, parts that were seen to move; a part keeps its label.
        rest: (H, W) bool, what of the object is in none of them.
    """

    rgb: Image
    depth: NDArray[np.float32] | None
    labels: Labels
    rest: Mask

    def mask(self, part: int) -> Mask:
        """(H, W) bool, visible pixels of a part, or of ``REST``."""
        return self.rest if part == REST else self.labels == part


@dataclass(frozen=True, eq=False)
class Interaction3D:
    """What one part did in one interaction, by its pixels.

    Attributes:
        step: Number of the interaction from 0.
        before: (H, W) bool, the part in the image before.
        after: (H, W) bool, the same part in the image after.
    """

    step: int
    before: Mask
    after: Mask


@dataclass(eq=False)
class PlayRecord:
    """All frames of an episode, and what moved between them.

    Attributes:
        intrinsics: Of the camera; None where they are not known: there is nothing in metres then.
        frames: One more than there were interactions.
        moved: For each interaction (H, W) bool, what moved in the image before and in the image after.
        origins: The part that a part was thought to belong to before it was seen to move on its own, by label.
    """

    intrinsics: Intrinsics | None
    frames: list[Frame]
    moved: list[tuple[Mask, Mask]] = field(default_factory=list)
    origins: dict[int, int] = field(default_factory=dict)

    def add(self, moved_before: Mask, moved_after: Mask, frame: Frame) -> None:
        """Take in an interaction.

        Args:
            moved_before: (H, W) bool, what moved, in the last frame.
            moved_after: (H, W) bool, the same in the new frame.
            frame: The new one.

        Raises:
            ValueError: Something has another shape than the first frame.
        """
        shape = self.frames[0].labels.shape
        for what in (moved_before, moved_after, frame.labels, frame.rest, frame.rgb[..., 0], frame.depth):
            if what is not None and what.shape != shape:
                raise ValueError(f"all images of a record have one shape {shape}, not {what.shape}")
        last = self.frames[-1]
        for part in self._parts_of(frame):
            if part not in self.origins:
                self.origins[part] = self._origin(part, last, frame, moved_before, moved_after)
        self.frames.append(frame)
        self.moved.append((moved_before, moved_after))

    def of_step(self, step: int) -> PlayRecord:
        """One interaction alone, with the parts that are known after it."""
        first, second = self.frames[step : step + 2]
        origins = {part: self.origins[part] for part in self._parts_of(second)}
        return PlayRecord(self.intrinsics, [first, second], [self.moved[step]], origins)

    @property
    def parts(self) -> list[int]:
        """Labels of all parts ever seen to move, and ``REST`` first where there is a rest in the last frame.

        ``REST`` also where no frame shows one, as without depth: it is the surroundings then, which stay.
        """
        rest = self.frames[-1].rest.any() or not any(frame.rest.any() for frame in self.frames)
        return ([REST] if rest else []) + sorted(self.origins)

    def born(self, part: int) -> int:
        """Number of the first interaction that moved a part on its own."""
        return next((k for k in range(len(self.moved)) if (self.frames[k + 1].labels == part).any()), len(self.moved))

    def identity(self, part: int, step: int) -> int:
        """Under which label a part went in an interaction: its own from its first motion on."""
        while part != REST and step < self.born(part):
            part = self.origins[part]
        return part

    def regions(self, part: int, step: int) -> Interaction3D | None:
        """The pixels of a part in an interaction that moved it, none after one in which it left the image.

        None where it stayed.

        Args:
            part: A label under which it went then.
            step: Number of the interaction.
        """
        first, second = self.frames[step], self.frames[step + 1]
        moved_before, moved_after = self.moved[step]
        if part == REST or not moved_before.any():
            return None
        after = second.labels == part
        seen = int(np.count_nonzero(after))
        left = (first.labels == part) & moved_before
        if not seen and np.count_nonzero(left) > MOVED_SHARE * np.count_nonzero(first.labels == part):
            return Interaction3D(step, left, after)
        if int(np.count_nonzero(after & moved_after)) < MOVED_SHARE * max(seen, 1):
            return None
        after = after & moved_after
        before = (first.labels == part) & moved_before
        if not before.any():  # it was part of another one, or unknown
            movers = [p for p in np.unique(second.labels[moved_after]).tolist() if p not in (0, part)]
            before = moved_before & ~np.isin(first.labels, movers)
        return Interaction3D(step, before, after)

    @staticmethod
    def _parts_of(frame: Frame) -> list[int]:
        return [int(part) for part in np.unique(frame.labels) if part > 0]

    @staticmethod
    def _origin(part: int, last: Frame, frame: Frame, moved_before: Mask, moved_after: Mask) -> int:
        """The known part that most of a new part's pixels lay on before, ``REST`` where on none."""
        movers = [p for p in np.unique(frame.labels[moved_after]).tolist() if p not in (0, part)]
        below = last.labels[moved_before & ~np.isin(last.labels, movers)]
        return int(np.bincount(below, minlength=1).argmax()) if below.size else REST
