"""What a camera does between two frames and nobody means: it moves a little, and its exposure and colours drift."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from atp.types import Image, Mask

Affine = NDArray[np.float64]

#: Between these grey levels a camera's pixels are neither lost in the dark nor clipped.
LEAST_GREY, MOST_GREY = 16, 240
#: Gains that are corrected, and the step between those tried, as natural logarithms.
MOST_GAIN, GAIN_STEP = 1.0, 0.02
#: Features looked for, and how many of them must agree on the camera's motion.
FEATURES, LEAST_AGREEING = 1000, 20
#: The camera's motion that is corrected: shift as a share of the longer side, turn in radians, change of scale.
MOST_SHIFT, MOST_TURN, MOST_SCALE = 0.06, 0.07, 0.06
#: A motion smaller than this share of the longer side at every corner is left alone.
LEAST_SHIFT = 0.004
#: Share of the frame's sides that its border takes: there is the background, if anywhere.
BORDER = 0.12
#: What the border must differ less by for a correction to be believed.
GAIN_OF_CORRECTION = 0.9


def match_light(first: Image, second: Image) -> Image:
    """Give a frame the exposure and white balance of another one.

    Each channel is scaled by the ratio that most pixels agree on, so that what moved does not count.

    Args:
        first: uint8 (H, W, 3), the frame to match.
        second: uint8 (H, W, 3), the frame to change.

    Returns:
        uint8 (H, W, 3): the second frame in the light of the first.
    """
    steps = np.arange(-MOST_GAIN, MOST_GAIN + GAIN_STEP, GAIN_STEP)
    table = np.arange(256.0)
    tables = []
    for channel in range(3):
        one, two = (frame[..., channel].ravel() for frame in (first, second))
        good = (one > LEAST_GREY) & (one < MOST_GREY) & (two > LEAST_GREY) & (two < MOST_GREY)
        gain = 1.0
        if good.sum() >= 0.1 * good.size:
            ratios = np.log(one[good].astype(np.float32) / two[good])
            counts = np.convolve(np.histogram(ratios, steps)[0], np.ones(5), "same")
            best = int(np.argmax(counts))
            near = ratios[np.abs(ratios - (steps[best] + GAIN_STEP / 2)) <= 3 * GAIN_STEP]
            gain = float(np.exp(np.median(near))) if len(near) else 1.0
        tables.append(np.clip(np.rint(table * gain), 0, 255).astype(np.uint8))
    return np.stack([tables[channel][second[..., channel]] for channel in range(3)], axis=-1)


def camera_motion(first: Image, second: Image) -> Affine | None:
    """How the camera moved between two frames, where it moved a little.

    Features of both are matched, and the similarity that most agree on is believed if it is small and makes the borders
    of the frames alike: an object that moves in front of a plain background does not.

    Args:
        first: uint8 (H, W, 3).
        second: uint8 (H, W, 3).

    Returns:
        2 x 3 float64: takes (x, y) of the second frame to the first; None where nothing is to be corrected.
    """
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (first, second)]
    finder = cv2.ORB.create(FEATURES)
    (points, described), (others, also) = (finder.detectAndCompute(image, None) for image in grey)
    if described is None or also is None:
        return None
    matches = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(also, described)
    if len(matches) < LEAST_AGREEING:
        return None
    source = np.array([others[match.queryIdx].pt for match in matches])
    target = np.array([points[match.trainIdx].pt for match in matches])
    side = max(first.shape[:2])
    found, agree = cv2.estimateAffinePartial2D(
        source, target, method=cv2.RANSAC, ransacReprojThreshold=max(1.0, side / 300)
    )
    motion = np.asarray(found, np.float64)
    if found is None or int(agree.sum()) < LEAST_AGREEING or not _small(motion, first.shape[:2]):
        return None
    before = _border_difference(grey[0], grey[1])
    after = _border_difference(grey[0], _warp(grey[1], motion))
    return motion if after < GAIN_OF_CORRECTION * before else None


def steady(image: NDArray[Any], motion: Affine) -> NDArray[Any]:
    """Bring an image (H, W, 3), or depth (H, W), of the second frame to where the first one's camera was."""
    return np.asarray(_warp(image, motion, cv2.INTER_LINEAR if image.ndim == 3 else cv2.INTER_NEAREST))


def unsteady_mask(mask: Mask, motion: Affine) -> Mask:
    """Bring a mask (H, W) found in a steadied image back to the second frame."""
    back = cv2.invertAffineTransform(motion)
    moved = cv2.warpAffine(mask.astype(np.uint8) * 255, back, mask.shape[::-1], flags=cv2.INTER_LINEAR)
    result: Mask = np.asarray(moved) >= 128
    return result


def _warp(image: NDArray[Any], motion: Affine, flags: int = cv2.INTER_LINEAR) -> NDArray[Any]:
    size = image.shape[1::-1]
    return np.asarray(cv2.warpAffine(image, motion, size, flags=flags, borderMode=cv2.BORDER_REPLICATE))


def _small(motion: Affine, shape: tuple[int, ...]) -> bool:
    """Whether a motion is one of a hand that holds a camera: not none, and not more."""
    height, width = shape[:2]
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]])
    shifts = np.hypot(*(corners @ motion.T - corners[:, :2]).T) / max(height, width)
    scale = float(np.hypot(motion[0, 0], motion[1, 0]))
    turn = float(abs(np.arctan2(motion[1, 0], motion[0, 0])))
    centre = np.array([width / 2, height / 2, 1])
    shift = float(np.hypot(*(motion @ centre - centre[:2]))) / max(height, width)
    within = shift < MOST_SHIFT and turn < MOST_TURN and abs(scale - 1) < MOST_SCALE
    return bool(within and shifts.max() > LEAST_SHIFT)


def _border_difference(one: NDArray[Any], two: NDArray[Any]) -> float:
    """Mean difference of two grey images near the border of the frame, without its very edge."""
    height, width = one.shape
    outer, inner = (max(1, round(share * min(height, width))) for share in (0.02, BORDER))
    ring = np.zeros(one.shape, bool)
    ring[outer:-outer, outer:-outer] = True
    ring[inner:-inner, inner:-inner] = False
    return float(cv2.absdiff(one, two)[ring].mean()) if ring.any() else 0.0
