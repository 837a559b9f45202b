"""Finding interactions in footage: two still moments, and something that moved in between.

A person's hands come into view, move something, rest, and leave. So the moments in which nothing changes are looked
for, those in which something reaches into the image that is neither there before nor after are left out, and moments
that look alike are one. All of it happens on small images, some in a second, corrected for light and a shaking
camera.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from atp.clips.clip import ClipInteraction
from atp.clips.errors import ClipError
from atp.clips.footage import Footage, Thumbnail
from atp.clips.steadying import match_light
from atp.types import Image, Mask

#: Thumbnails: longer side in pixels, and how many in a second.
SIDE, RATE = 80, 8.0
#: Grey levels (0..255, the largest of the three channels) by which a pixel changes.
CHANGE = 18
#: Still: less than this share of the image changes from one thumbnail to the next, for so many seconds.
STILL_SHARE, STILL_SECONDS = 0.012, 0.3
#: Two moments differ where something of more than this share of the image does.
DIFFERENT_SHARE = 0.01
#: A hand or stick rests for less than this many seconds, or shows skin in this share of what it covers.
REST_SECONDS, SKIN_SHARE = 1.5, 0.3
#: A moment is compared with so many before it and after it.
NEAR = 3
#: The camera's shaking that is corrected for, in pixels of a thumbnail.
MOST_SHIFT = 4.0
#: Thumbnails thinner than this are compared as they are.
LEAST_SIDE = 8


@dataclass(frozen=True, eq=False)
class _Moment:
    """A time in which nothing changes.

    Attributes:
        view: The thumbnail that stands for it.
        seconds: How long it is; 0 for an end of the footage at which something is moving.
    """

    view: Thumbnail
    seconds: float


def find_interactions(footage: Footage) -> tuple[ClipInteraction, ...]:
    """Find the frames before and after each interaction.

    Args:
        footage: The frames.

    Returns:
        One or more interactions in order of time. Where nothing is found there is one, from the first to the last
        frame.

    Raises:
        ClipError: There are fewer than two readable frames.
    """
    views = list(footage.thumbnails(SIDE, float("inf") if footage.moments else RATE))
    if footage.moments:
        moments = [_Moment(view, STILL_SECONDS) for view in views]
    else:
        moments = _without_passing(_still_moments(views))
    if len(views) < 2:
        raise ClipError(f"{footage.path}: needs two readable frames or more, this has {len(views)}")
    numbers = [moment.view.number for moment in _distinct(moments)]
    if len(numbers) < 2:
        numbers = [views[0].number, views[-1].number]
    return tuple(ClipInteraction(*pair) for pair in pairwise(numbers))


def _still_moments(views: Sequence[Thumbnail]) -> list[_Moment]:
    """Stretches in which nothing changes, and both ends of the footage."""
    if not views:
        return []
    moments = []
    start = 0
    for end in range(1, len(views) + 1):
        if end < len(views) and _changed(views[end - 1], views[end]).mean() < STILL_SHARE:
            continue
        seconds = views[end - 1].time - views[start].time
        if seconds >= STILL_SECONDS:
            moments.append(_Moment(views[(start + end - 1) // 2], seconds))
        elif start == 0 or end == len(views):
            moments.append(_Moment(views[0 if start == 0 else -1], 0.0))
        start = end
    return moments


def _without_passing(moments: list[_Moment]) -> list[_Moment]:
    """Leave out moments in which a hand, a stick or somebody reaches into the image, worst first."""
    moments = list(moments)
    while len(moments) > 2:
        shares = [_passing_share(moments, index) for index in range(len(moments))]
        worst = int(np.argmax(shares))
        if shares[worst] < DIFFERENT_SHARE:
            break
        del moments[worst]
    return moments


def _passing_share(moments: Sequence[_Moment], index: int) -> float:
    """Share of the image that something takes which is there in this moment alone and reaches in from outside."""
    moment = moments[index]
    inner = 0 < index < len(moments) - 1
    if not inner and moment.seconds > 0:
        return 0.0  # nothing tells what comes after
    around = [k for k in range(max(0, index - NEAR), min(len(moments), index + NEAR + 1)) if k != index]
    views = {k: moments[k].view for k in around}
    differs = {k: _changed(view, moment.view) for k, view in views.items()}
    alone = np.zeros(moment.view.rgb.shape[:2], bool)
    for first, second in combinations(around, 2):
        if not inner or first < index < second:
            alone |= differs[first] & differs[second] & ~_changed(views[first], views[second])
    reaching = _pieces_at_border(alone)
    if not reaching.any():
        return 0.0
    rests = inner and moment.seconds < REST_SECONDS
    if rests or _skin(moment.view.rgb)[reaching].mean() > SKIN_SHARE:
        return float(reaching.mean())
    return 0.0


def _distinct(moments: Sequence[_Moment]) -> list[_Moment]:
    """Of moments that follow each other and look alike, the longest."""
    kept: list[_Moment] = []
    for moment in moments:
        if kept and _largest_share(_changed(kept[-1].view, moment.view)) < DIFFERENT_SHARE:
            longest = max(kept[-1], moment, key=lambda other: other.seconds)
            kept[-1] = replace(longest, seconds=kept[-1].seconds + moment.seconds)
        else:
            kept.append(moment)
    return kept


def _changed(first: Thumbnail, second: Thumbnail) -> Mask:
    """Where two thumbnails differ, in the pixels of the second, bool (h, w)."""
    one, two = first.rgb, second.rgb
    two = match_light(one, two)
    difference = _difference(one, two)
    shift = _shift(one, two)
    if shift is not None:
        moved = cv2.warpAffine(one, shift, one.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
        other = _difference(np.asarray(moved, np.uint8), two)
        if (other > CHANGE).sum() < (difference > CHANGE).sum():
            difference = other
    mask: Mask = cv2.morphologyEx((difference > CHANGE).astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2))) > 0
    return mask


def _shift(one: Image, two: Image) -> NDArray[np.float32] | None:
    """How the camera moved from one thumbnail to the other, 2 x 3; None where it did not, or too far."""
    if min(one.shape[:2]) < LEAST_SIDE:
        return None
    grey = [cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32) for rgb in (one, two)]
    window = cv2.createHanningWindow(grey[0].shape[::-1], cv2.CV_32F)
    (dx, dy), _ = cv2.phaseCorrelate(grey[0], grey[1], window)
    return np.array([[1, 0, dx], [0, 1, dy]], np.float32) if 0.1 < np.hypot(dx, dy) < MOST_SHIFT else None


def _difference(one: Image, two: Image) -> Image:
    blurred = [cv2.GaussianBlur(rgb, (3, 3), 0) for rgb in (one, two)]
    return np.asarray(cv2.absdiff(*blurred).max(axis=2))


def _largest_share(mask: Mask) -> float:
    _, _, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    return float(max(statistics[1:, cv2.CC_STAT_AREA], default=0)) / mask.size


def _pieces_at_border(mask: Mask) -> Mask:
    """The connected pieces of a mask that touch the border of the image."""
    _, pieces = cv2.connectedComponents(mask.astype(np.uint8))
    edges = (pieces[:2], pieces[-2:], pieces[:, :2], pieces[:, -2:])
    touching = np.unique(np.concatenate([edge.ravel() for edge in edges]))
    return mask & np.isin(pieces, touching[touching > 0])


def _skin(rgb: Image) -> Mask:
    """Pixels with the colour of skin: chroma in the box of Chai and Ngan (1999)."""
    _, red, blue = np.moveaxis(cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb), -1, 0)
    skin: Mask = (red >= 133) & (red <= 173) & (blue >= 77) & (blue <= 127)
    return skin
