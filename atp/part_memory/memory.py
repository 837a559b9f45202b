"""Part memory: the parts found so far, put together from motion masks (AtP, arXiv 2105.01047, history aggregation).

After each interaction the memory gets two masks, what moved in the image before it and the same in the image
after it, and carries its parts over to the new image. What was moved decides what happens:

- nothing, or less than a set size: the memory stays as it is;
- something seen in the image after alone: the hidden part, if there is exactly one; else, where mostly nothing is
  known, a new part;
- something seen in the image before alone: if it touches the border, the known parts that it is left the image and
  are forgotten; if not, the mask after is missing and the memory stays as it is;
- something on no known part: a new part;
- one known part: it moves along, and its mask becomes the one seen;
- a piece of a known part, while much of it stayed: the piece becomes a part of its own;
- several known parts: they move together and nothing is merged;
- known parts and much that is unknown: likewise, and what is unknown becomes a new part.

Each part keeps an *amodal mask*: the pixels it is thought to cover in the present image, visible or not. So
a part that another one slides over is whole again when it is uncovered.

Masks are never exact, so every "much" is a share (:class:`_Shares`) of an area A( ), the largest region of a set of
pixels without the rims along the mask that explains them, and along other parts where it is what of a part stayed
(:mod:`atp.part_memory.rims`). Let B and B' be what moved in the image before and after, P the visible pixels of a known
part, and, where it is known how sure the masks are (:mod:`atp.part_memory.evidence`), S what surely moved of B and Q
what did not surely stay (else S = Q = B). Then P is

- affected when |P & B| >= affected * min(|P|, |B|), where affected is smaller if nearly all of P & B is in S;
- whole, and moves, when it is affected and min(A(P - Q), |P| - |P & B| - (|B'| - |B|)) < stayed * |P|;
- split otherwise, P & B moving, when |P & S| >= ``PIECE_SHARE`` * |P|;

and B less all moving parts is a new part when A(S - these) >= unknown * their smallest area. What of B' lies on parts
that stayed, and where by its shape before nothing of the moving parts can be, is a spill and stays theirs.

Where there is depth, parts that move together, and what is hidden of one that moves, are carried along by rigid motions
in space (:mod:`atp.part_memory.motion_in_space`); what comes to light behind them, and is in no part, belongs to the
part that stayed nearest to it in space, unless what of the object is in no part yet is nearer; and what shows another
depth than before is no spill. Without depth, or where no motion fits, outlines in the image say where parts are.

>>> bar = np.zeros((20, 30), bool)
>>> bar[4:8, 2:12] = True
>>> memory = PartMemory((20, 30))
>>> memory.update(bar, np.roll(bar, 9, axis=0))  # it moved down by 9 pixels
>>> memory.num_parts, np.array_equal(memory.labels == 1, np.roll(bar, 9, axis=0))
(1, True)
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from atp.part_memory.evidence import Chance, Doubts, Evidence
from atp.part_memory.motion_in_space import Space, motions_in_space, nearest_still
from atp.part_memory.registration import Affine, register, warp
from atp.part_memory.rims import beyond_rim, largest_region, regions, without_rims
from atp.types import MAX_PARTS, MIN_PART_PIXELS, Labels, Mask

# Specks of a motion mask below this many pixels are dropped; larger ones below `min_pixels` are kept beside a
# large one only (a part seen through the arms of another can fall into small bits). Neither scales with the resolution.
SPECK_PIXELS = 5

# A piece to be split off has this share of the part at least, and twice `min_pixels`: smaller ones are more
# often noise on a part than a part.
PIECE_SHARE = 0.05

# Registration is needed for one part only when some of it is hidden: it was before, or its visible area
# changed by more than this share.
AREA_CHANGE = 0.03

# Something that appears is a new part when less than this share of it lies on known parts.
APPEARED_KNOWN_SHARE = 0.5

# Beside whole parts that move, a piece has at least this share of the smallest of them; below, it is a spill of
# the mask.
PIECE_OF_SMALLEST = 0.5


# The motion of a part is sure where this share of its pixels in the mask surely moved: the spill of a mask is not.
SURE_SHARE = 0.95


@dataclass(frozen=True)
class _Shares:
    """Shares of areas that decide what a motion did. The surer the masks are, the smaller they may be.

    Attributes:
        affected: A part is affected by a motion when this share of the part, or of the motion, lies on the other.
            Below, the motion mask merely spills onto a neighbour.
        stayed: This much of a part has to stay for the rest to be split off, by both motion masks. A mask before of low
            recall leaves some of a moved part behind, but mostly its rim and scattered bits (so what is beyond the rim
            of the mask counts, and of that the largest region), and the mask after is then the larger one.
        unknown: Unknown pixels that move along with known parts are a part of their own when, beyond the rims of these,
            they have this share of the smallest one's area. Below, they correct the known part's mask.
    """

    affected: float
    stayed: float
    unknown: float


# Where nobody says how sure the masks are, and where only what is sure is counted.
_CAUTIOUS = _Shares(affected=0.4, stayed=0.25, unknown=0.6)
_SURE = _Shares(affected=0.26, stayed=0.15, unknown=0.4)


@dataclass
class _Mover:
    """A known part, or a piece of one, that moves."""

    part: int  # label after the motion
    visible: Mask  # its pixels in the image before
    amodal: Mask  # the same with what is hidden
    source: int  # label before the motion


@dataclass
class _Placed:
    """Where a part is in the image after."""

    visible: Mask
    amodal: Mask


class PartMemory:
    """The parts found so far, aligned with the present image.

    Args:
        shape: (H, W) of the images.
        min_pixels: Motions and parts smaller than this many pixels are noise.

    Raises:
        ValueError: If the shape is not two positive sizes.
    """

    def __init__(self, shape: tuple[int, int], min_pixels: int = MIN_PART_PIXELS) -> None:
        if len(shape) != 2 or min(shape) < 1:
            raise ValueError(f"shape must be two positive sizes (H, W), got {shape}")
        self.shape = (int(shape[0]), int(shape[1]))
        self.min_pixels = int(min_pixels)
        self.reset()

    def reset(self) -> None:
        """Forget all parts."""
        self._labels: Labels = np.zeros(self.shape, np.uint8)
        self._doubts = Doubts(self.shape)
        self._amodal: dict[int, Mask] = {}  # in the order of placing: the last is on top

    def copy(self) -> PartMemory:
        """A memory with the same parts that changes on its own."""
        twin = PartMemory(self.shape, self.min_pixels)
        twin._labels = self._labels.copy()
        twin._doubts = self._doubts.copy()
        twin._amodal = {part: amodal.copy() for part, amodal in self._amodal.items()}
        return twin

    @property
    def labels(self) -> Labels:
        """(H, W) uint8, visible part of each pixel of the present image; a copy.

        0 where none is known: on the ground, and on the object where nothing has moved yet.
        """
        return self._labels.copy()

    @property
    def doubts(self) -> Doubts:
        """How far pixels of no part may have moved after all, and with which; not a copy."""
        return self._doubts

    @property
    def num_parts(self) -> int:
        """Number of parts found so far."""
        return len(self._amodal)

    def update(
        self,
        moved_before: Mask,
        moved_after: Mask,
        chances: tuple[Chance, Chance] | None = None,
        space: Space | None = None,
    ) -> None:
        """Carry the memory over one interaction.

        Args:
            moved_before: (H, W) bool, what moved, in the image before (the one ``labels`` is aligned with).
            moved_after: (H, W) bool, the same things in the image after.
            chances: Two (H, W) float32, how sure the masks are, see :mod:`atp.part_memory.evidence`; for exact masks
                the masks themselves. None where nobody can say: parts are then split with more caution.
            space: Depth of both images, by which parts are carried along in space where it shows how they moved
                (:mod:`atp.part_memory.motion_in_space`). None, or where it does not: by their outlines in the image.

        Raises:
            ValueError: If a mask is not bool, or something is not of the memory's shape.
        """
        self.check(moved_before, moved_after, chances)
        first, second = chances or (None, None)
        before = Evidence(self._clean(moved_before), first)
        after = Evidence(self._clean(moved_after), second)
        if not before.moved.any():
            self._appear(after.moved)
        elif not after.moved.any():
            self._vanish(before.moved)
        else:
            self._move(before, after, space)
            self._doubts.add(before, after, self._labels)

    def check(self, moved_before: Mask, moved_after: Mask, chances: tuple[Chance, Chance] | None = None) -> None:
        """See that masks can be taken in.

        Args:
            moved_before: As for :meth:`update`.
            moved_after: As there.
            chances: As there.

        Raises:
            ValueError: If a mask is not bool, or something is not of the memory's shape.
        """
        for name, mask in (("moved_before", moved_before), ("moved_after", moved_after)):
            if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != self.shape:
                found = f"{mask.dtype} {mask.shape}" if isinstance(mask, np.ndarray) else type(mask).__name__
                raise ValueError(f"{name} must be a bool array of shape {self.shape}, got {found}")
        for chance in chances or ():
            if chance.shape != self.shape:
                raise ValueError(f"chances must be arrays of shape {self.shape}, got {chance.shape}")

    def _clean(self, mask: Mask) -> Mask:
        """Drop specks; drop everything when not one connected region has ``min_pixels``."""
        numbers, areas = regions(mask)
        if areas.max() < self.min_pixels:
            return np.zeros(self.shape, bool)
        keep = areas >= SPECK_PIXELS
        keep[0] = False
        return np.asarray(keep[numbers])

    def _appear(self, after: Mask) -> None:
        """Something moved into sight that was not visible before: a hidden part, else a new one."""
        if not after.any():
            return
        hidden = [p for p in self._amodal if np.count_nonzero(self._labels == p) < self.min_pixels]
        if len(hidden) == 1:
            self._place({hidden[0]: _Placed(after, after)}, left=after)
        elif np.count_nonzero(after & (self._labels > 0)) < APPEARED_KNOWN_SHARE * np.count_nonzero(after):
            self._place({self._free_label(): _Placed(after, after)}, left=after)

    def _vanish(self, before: Mask) -> None:
        """Something moved out of sight. It left the image, or else the mask after is missing and it stays."""
        border = before.copy()
        border[1:-1, 1:-1] = False
        if not border.any():
            return
        for mover in self._movers(Evidence(before), Evidence(before)) or ():
            if mover.part == mover.source:
                nowhere = np.zeros(self.shape, bool)
                self._place({mover.part: _Placed(nowhere, nowhere)}, left=before | mover.visible)

    def _move(self, first: Evidence, second: Evidence, space: Space | None) -> None:
        """Something moved that is visible in both images."""
        movers = self._movers(first, second)
        if movers is None:
            return
        before = first.moved
        unknown = self._moved_unknown(first, movers) if movers else before
        if unknown.any():
            movers.append(_Mover(self._free_label([m.part for m in movers]), unknown, unknown, 0))
        left = np.logical_or.reduce([before, *(m.visible for m in movers)])
        still = (self._labels > 0) & ~left
        if space is not None:
            still &= ~space.changed
        for mover in movers:
            if mover.source not in (0, mover.part):
                self._amodal[mover.source] &= ~mover.visible
        if len(movers) == 1:
            placed = {movers[0].part: self._place_one(movers[0], before, second.moved, still, space)}
        else:
            placed = _move_together(movers, second.moved, still, space)
        self._place(placed, left)
        if space is not None:
            moved = np.logical_or.reduce([second.maybe, *(place.amodal for place in placed.values())])
            self._uncover(left & ~moved & (self._labels == 0), moved, space)

    def _uncover(self, uncovered: Mask, moved: Mask, space: Space) -> None:
        """Give what came to light, and of which nothing is known, to the nearest part that stayed."""
        found = nearest_still(space, uncovered, self._labels, moved)
        for part in np.unique(found[found > 0]).tolist():
            self._amodal[part] |= found == part
        self._labels[found > 0] = found[found > 0]

    def _movers(self, first: Evidence, second: Evidence) -> list[_Mover] | None:
        """Known parts and pieces that a motion affects; none: a new part; None: noise on a known part."""
        before = first.moved
        shares = _CAUTIOUS if first.chance is None else _SURE
        moved, moved_after = int(np.count_nonzero(before)), int(np.count_nonzero(second.moved))
        whole: list[_Mover] = []
        pieces: list[tuple[int, _Mover]] = []
        on_known = 0
        for part, amodal in self._amodal.items():
            visible = self._labels == part
            area = int(np.count_nonzero(visible))
            overlap = int(np.count_nonzero(visible & before))
            on_known += overlap
            sure = np.count_nonzero(visible & first.surely) >= SURE_SHARE * overlap
            least = shares.affected if sure else _CAUTIOUS.affected
            if area == 0 or overlap < max(least * min(area, moved), 1):
                continue
            others = (self._labels > 0) & ~visible
            stayed = min(
                largest_region(without_rims(visible & ~first.maybe, before | others)),
                area - (moved_after - moved + overlap),
            )
            if stayed < max(shares.stayed * area, self.min_pixels):
                whole.append(_Mover(part, visible, amodal | visible, part))
            elif overlap >= shares.affected * moved:
                piece = visible & before
                if np.count_nonzero(piece & first.surely) >= max(PIECE_SHARE * area, 2 * self.min_pixels):
                    pieces.append((overlap, _Mover(0, piece, piece, part)))
        if whole:
            smallest = min(np.count_nonzero(m.visible) for m in whole)
            pieces = [p for p in pieces if p[0] >= PIECE_OF_SMALLEST * smallest]
        for _, mover in pieces:
            mover.part = self._free_label(taken=[m.part for m in whole])
            if mover.part:
                whole.append(mover)
        if not whole and moved - on_known < self.min_pixels:
            return None
        return whole

    def _moved_unknown(self, first: Evidence, movers: list[_Mover]) -> Mask:
        """Moved pixels of no mover, when too many surely moved to be a correction of the movers' masks; else none."""
        share = (_CAUTIOUS if first.chance is None else _SURE).unknown
        known = np.logical_or.reduce([m.visible for m in movers])
        smallest = min(np.count_nonzero(m.visible) for m in movers)
        if largest_region(without_rims(first.surely, known)) < max(share * smallest, self.min_pixels):
            return np.zeros(self.shape, bool)
        return np.asarray(first.moved & ~known)

    def _place_one(self, mover: _Mover, before: Mask, after: Mask, still: Mask, space: Space | None) -> _Placed:
        """Where a single moved part is: where it was seen, less what spills onto still parts; and what is hidden."""
        hidden = mover.amodal & ~mover.visible
        seen, seen_after = np.count_nonzero(before), np.count_nonzero(after)
        all_seen = not hidden.any() and seen - seen_after < AREA_CHANGE * seen
        if all_seen and np.count_nonzero(after & still) < self.min_pixels:
            return _Placed(after, after)
        template = before | hidden
        found = None if space is None else motions_in_space(space, [before], after)
        (motion,) = register([template], after, still) if found is None else found.affines
        moved = warp(template, motion)
        after = _without_spill(after, still, moved)
        return _Placed(after, after if all_seen else after | without_rims(moved, after))

    def _place(self, placed: dict[int, _Placed], left: Mask) -> None:
        """Put moved parts into the present image, on top, and uncover what they left."""
        placed = {part: place for part, place in placed.items() if part}  # 0: no label was free
        labels = self._labels
        left = left | np.isin(labels, list(placed))
        labels[left] = 0
        for part, amodal in self._amodal.items():
            if part not in placed:
                labels[left & amodal] = part
        for part, place in placed.items():
            labels[place.visible] = part
            self._amodal.pop(part, None)
            self._amodal[part] = place.amodal
        for part in [p for p, amodal in self._amodal.items() if np.count_nonzero(amodal) < self.min_pixels]:
            del self._amodal[part]
            labels[labels == part] = 0

    def _free_label(self, taken: list[int] | None = None) -> int:
        """Lowest label not in use, 0 when all are."""
        used = {*self._amodal, *(taken or [])}
        return next((label for label in range(1, MAX_PARTS + 1) if label not in used), 0)


def _move_together(movers: list[_Mover], after: Mask, still: Mask, space: Space | None) -> dict[int, _Placed]:
    """Places of several movers after a common motion; each pixel seen goes to the nearest of them."""
    masks = [m.visible for m in movers]
    whole = [m.amodal for m in movers]
    found = None if space is None else motions_in_space(space, masks, after)
    motions = register(whole, after, still) if found is None else found.affines
    moved = [warp(mask, motion) for mask, motion in zip(whole, motions, strict=True)]
    nearest = _nearest_in_image(masks, moved, motions) if found is None else found.nearest
    after = _without_spill(after, still, np.logical_or.reduce(moved))
    placed = {}
    for k, mover in enumerate(movers):
        seen = after & (nearest == k)
        placed[mover.part] = _Placed(seen, seen | without_rims(moved[k], seen))
    return placed


def _nearest_in_image(masks: list[Mask], moved: list[Mask], motions: list[Affine]) -> NDArray[np.intp]:
    """For each pixel the mover whose moved visible pixels are nearest, or next to it those that are hidden."""
    distances = []
    for mask, amodal, motion in zip(masks, moved, motions, strict=True):
        distances.append(np.minimum(_distance(warp(mask, motion)), _distance(amodal) + 1.0))
    return np.asarray(np.argmin(distances, axis=0))


def _without_spill(after: Mask, still: Mask, moved: Mask) -> Mask:
    """A mask after without what lies on still parts where, by their shapes, the movers are not: they keep it."""
    return np.asarray(after & ~beyond_rim(after & still, moved))


def _distance(mask: Mask) -> NDArray[np.float32]:
    """Distance of each pixel to the nearest pixel of the mask."""
    if not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    return np.asarray(cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5), np.float32)
