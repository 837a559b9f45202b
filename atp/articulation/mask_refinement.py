r"""What moved, by the one rigid motion that a part has: where there is depth.

The part network says pixel by pixel what moved. Where a surface shows nothing, as on a plain door, it guesses. But what
its masks agree on mostly has one rigid motion T in space (:mod:`atp.articulation.rigid_motion`), and a pixel that moved
by T should be found again where T takes it, as a pixel that stayed should be found where it is. So each pixel has two
costs, for M = T and for M = I:

    c_M = min((d / s_d)^2 / 2, CAP) + min((g / s_g)^2 / 2, CAP)

with d the distance in metres along the optical axis from the depths seen around where M takes it, and g the difference
in colour; ``HIDDEN`` where something nearer is seen there, or outside the image; ``CAP + MISSING`` where one looks
through the place where it should be. The difference c_I - c_T is a log-likelihood ratio, which is averaged over 3 x 3
pixels and added to the network's logit l. T is found for all of the masks, and for what is surer in them; of the two
the likelier one is taken, by the sum over the object's pixels in both images of

    log(p exp(-c_T) + (1 - p) exp(-c_I)),    p = 1 / (1 + exp(-l)).

 Pixels off the object can only lose. Parts that moved in other ways fit
neither, and the network's word stands.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from atp.articulation.observations import Frame, Intrinsics
from atp.articulation.rigid_motion import IDENTITY, MovedPart, PartView, inverse, rigid_motion
from atp.ground import ground_normal, has_reading
from atp.part_memory.evidence import SURE
from atp.perception.depth_refinement import fit_motion
from atp.types import Image, Mask

Logits = NDArray[np.float32]  # (H, W)

#: Standard deviations of depth in metres and of colour in grey levels.
DEPTH_SIGMA, COLOUR_SIGMA = 0.006, 14.0
#: Largest cost of either, cost of what may be hidden, and what is added where one looks through it.
CAP, HIDDEN, MISSING = 3.0, 2.0, 3.0
#: Metres by which something is nearer or farther than expected, and so another thing.
APART = 0.012
#: Logit from which on a pixel of a mask is among the surer ones.
SURER = 2.3
#: Side in pixels of the square over which the ratio is averaged.
AVERAGED = 3

_NEXT = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, eq=False)
class View:
    """One image and what the network says of it.

    Attributes:
        rgb: (H, W, 3) uint8.
        depth: (H, W) float32 metres along the optical axis; 0 or not finite is no reading. None: there is no depth.
        plane: (3,) the ground, of :func:`atp.ground.ground_plane`; None where it is not known.
        foreground: (H, W) bool, the object; all False where it is not known.
        logits: (H, W) float32 of having moved.
    """

    rgb: Image
    depth: NDArray[np.float32] | None
    plane: NDArray[np.float64] | None
    foreground: Mask
    logits: Logits


def refine_by_motion(before: View, after: View, focal: float) -> tuple[Logits, Logits]:
    """Logits of having moved that the motion of what moved was taken into account for.

    Args:
        before: The image before the interaction.
        after: The image after it, of the same shape.
        focal: Focal length of the camera that both were taken with, in units of the longer side of the image.

    Returns:
        Logits for the image before and for the image after, each (H, W) float32; as they were where there is no depth,
        or too little moved to tell how.
    """
    if before.depth is None or after.depth is None:
        return before.logits, after.logits
    shape = (before.logits.shape[0], before.logits.shape[1])
    camera = Intrinsics.centred(shape, focal * max(shape))
    up = None if before.plane is None else ground_normal(before.plane, shape, camera.focal, camera.row, camera.col)
    views = (before, before.depth), (after, after.depth)
    one, other = (_surface(view, depth) for view, depth in views)
    best: tuple[float, tuple[Logits, Logits]] = (-np.inf, (before.logits, after.logits))
    for least in (0.0, SURER):
        found = rigid_motion(MovedPart(*(_part(view, depth, least, camera) for view, depth in views)), up)
        if found is not None:
            first = _judge(before, one, other, found.matrix, camera)
            second = _judge(after, other, one, inverse(found.matrix), camera)
            best = max(best, (first[0] + second[0], (first[1], second[1])), key=lambda trial: trial[0])
    return best[1]


def _part(view: View, depth: NDArray[np.float32], least: float, camera: Intrinsics) -> PartView:
    """What moved in an image by logits above a least one."""
    moved = fit_motion(view.logits > 0, view.foreground) & (view.logits > least)
    nothing = np.zeros(moved.shape, np.uint8)
    return PartView(Frame(view.rgb, depth, nothing, nothing > 0), moved, camera)


@dataclass(frozen=True, eq=False)
class _Surface:
    """What an image shows, with what is beside each pixel: edges are not exact.

    Attributes:
        depth: (H, W) float32 metres, 0 where there is no reading.
        nearest: (H, W) float32, the least depth of the 3 x 3 pixels around; infinite where there is none.
        farthest: (H, W) float32, the largest.
        colour: (H, W, 3) float32, a little blurred.
    """

    depth: NDArray[np.float32]
    nearest: NDArray[np.float32]
    farthest: NDArray[np.float32]
    colour: NDArray[np.float32]


def _surface(view: View, depth: NDArray[np.float32]) -> _Surface:
    read = has_reading(depth)
    known = np.where(read, depth, 0).astype(np.float32)
    nearest = cv2.erode(np.where(read, known, np.float32(np.inf)), _NEXT)
    colour = cv2.GaussianBlur(view.rgb.astype(np.float32), (3, 3), 0)
    return _Surface(known, np.asarray(nearest), np.asarray(cv2.dilate(known, _NEXT)), np.asarray(colour))


def _judge(
    view: View, here: _Surface, there: _Surface, motion: NDArray[np.float64], camera: Intrinsics
) -> tuple[float, Logits]:
    """How likely an image is, given the motion that takes what moved to the other one; and its logits then."""
    stayed, moved = (_costs(here, there, each, camera) for each in (IDENTITY, motion))
    logits = np.clip(view.logits, -SURE, SURE)
    on_object = view.foreground if view.foreground.any() else np.ones(logits.shape, bool)
    likely = np.logaddexp(-np.logaddexp(0, -logits) - moved, -np.logaddexp(0, logits) - stayed)
    changed = logits + cv2.blur(stayed - moved, (AVERAGED, AVERAGED))
    refined: Logits = np.where(on_object, changed, np.minimum(logits, changed)).astype(np.float32)
    return float(likely[on_object].sum()), refined


def _costs(here: _Surface, there: _Surface, motion: NDArray[np.float64], camera: Intrinsics) -> NDArray[np.float32]:
    """What it costs to say of each pixel (H, W) that it was moved by a motion (3, 4); 0 where depth says nothing."""
    height, width = here.depth.shape
    rows, cols = np.divmod(np.arange(height * width), width)
    points = motion[:, :3] @ camera.points(rows, cols, here.depth.ravel()) + motion[:, 3:]
    depth = points[2].reshape(height, width)
    to_row, to_col = (each.reshape(height, width) for each in camera.project(points))
    outside = (to_row < 0) | (to_row > height) | (to_col < 0) | (to_col > width)
    place = (to_col - 0.5).astype(np.float32), (to_row - 0.5).astype(np.float32)
    seen, nearest, farthest = (
        cv2.remap(each, *place, cv2.INTER_NEAREST) for each in (there.depth, there.nearest, there.farthest)
    )
    colour = cv2.remap(there.colour, *place, cv2.INTER_LINEAR)

    off = np.maximum(0, np.maximum(nearest - depth, depth - farthest))
    cost = _capped(off / DEPTH_SIGMA) + _capped(np.abs(colour - here.colour).mean(axis=-1) / COLOUR_SIGMA)
    cost = np.where((depth - farthest > APART) | outside, HIDDEN, cost)
    cost = np.where(~outside & (nearest - depth > APART), CAP + MISSING, cost)
    silent = (here.depth == 0) | (~outside & (seen == 0))
    return np.asarray(np.where(silent, 0.0, cost), np.float32)


def _capped(residuals: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.minimum(residuals**2 / 2, CAP)
