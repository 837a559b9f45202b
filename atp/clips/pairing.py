"""Two frames of a camera as the agent gets them, and its masks back in those frames."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from atp.clips.letterbox import Letterbox, Window
from atp.clips.steadying import Affine, camera_motion, match_light, steady, unsteady_mask
from atp.part_memory.evidence import Chance, Evidence, both_chances
from atp.types import Image, Mask, Observation

#: Longer side in pixels to which larger frames are reduced; the network sees fewer.
WORKING_SIDE = 640


@dataclass(frozen=True, eq=False)
class View:
    """A frame, reduced.

    Attributes:
        rgb: uint8 (h, w, 3), 640 pixels at most.
        image: uint8 (R, R, 3), the frame at the network's resolution.
        depth: float32 (h, w) metres, 0 where there is no reading; None without.
        box: Between ``rgb`` and ``image``.
    """

    rgb: Image
    image: Image
    depth: NDArray[np.float32] | None
    box: Letterbox

    @classmethod
    def of(cls, frame: Image, resolution: int, depth: NDArray[np.float32] | None = None) -> View:
        """Reduce a frame.

        Args:
            frame: uint8 (H, W, 3).
            resolution: Side R of the network's image.
            depth: float32 (H, W) metres.
        """
        height, width = frame.shape[:2]
        scale = min(1.0, WORKING_SIDE / max(height, width))
        size = [max(1, round(scale * side)) for side in (width, height)]
        rgb = frame if scale == 1 else np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA))
        if depth is not None and scale < 1:  # no means over edges
            depth = np.asarray(cv2.resize(depth, size, interpolation=cv2.INTER_NEAREST), np.float32)
        image = Letterbox(height, width, resolution).image(frame)
        return cls(np.asarray(rgb, np.uint8), image, depth, Letterbox(size[1], size[0], resolution))

    @property
    def observation(self) -> Observation:
        """What an agent gets of it: nothing is known of touch."""
        return _observation(self.image, None if self.depth is None else self.box.depth(self.depth))


@dataclass(frozen=True, eq=False)
class ViewPair:
    """Two views of one camera.

    Attributes:
        first: Before.
        second: After.
        motion: How the camera moved in between, if it did; see :func:`atp.clips.steadying.camera_motion`.
        corrected: The observation after, from where the camera was before, and in the same light.
        steadied: Whether camera and light were corrected.
    """

    first: View
    second: View
    motion: Affine | None
    corrected: Observation
    steadied: bool = True

    @classmethod
    def of(cls, first: View, second: View, steadies: bool = True) -> ViewPair:
        """Correct the camera's motion and light between two views, if that is wanted."""
        if not steadies:
            return cls(first, second, None, second.observation, steadied=False)
        motion = camera_motion(first.rgb, second.rgb)
        image, depth, box = second.image, second.depth, second.box
        if motion is not None:
            image = box.image(np.asarray(steady(second.rgb, motion), np.uint8))
            depth = None if depth is None else np.asarray(steady(depth, motion), np.float32)
        seen = None if depth is None else box.depth(depth)
        return cls(first, second, motion, _observation(match_light(first.image, image), seen))

    def images(self, side: int) -> tuple[Image, Image]:
        """The two frames at another resolution, uint8 (side, side, 3), the second corrected as the observation is."""
        box = Letterbox(self.first.box.height, self.first.box.width, side)
        first, second = box.image(self.first.rgb), box.image(self._steadied)
        return first, match_light(first, second) if self.steadied else second

    def closer(self, window: Window, size: int) -> tuple[Observation, Observation]:
        """A square of both without depth, the second one corrected as the observation is.

        Args:
            window: The square, in the network's pixels.
            size: Side of the images, pixels.
        """
        frames = self.first.rgb, self._steadied
        if self.steadied:
            frames = frames[0], match_light(*frames)
        box = self.first.box
        first, second = (_observation(box.closer(frame, window, size), None) for frame in frames)
        return first, second

    @property
    def _steadied(self) -> Image:
        """The second frame from where the camera was before."""
        return self.second.rgb if self.motion is None else np.asarray(steady(self.second.rgb, self.motion), np.uint8)

    def in_frames(self, moved_before: Mask, moved_after: Mask) -> tuple[Mask, Mask]:
        """Masks (R, R) seen in the corrected pair as they are in the frames, without what lies in the border."""
        box = self.second.box
        if self.motion is not None:
            moved_after = box.mask(unsteady_mask(box.mask_to_frame(moved_after), self.motion))
        return moved_before & self.first.box.valid, moved_after & box.valid

    def chances(self, before: Evidence, after: Evidence) -> tuple[Chance, Chance] | None:
        """How sure masks of the pair are, as in the simulator: where there is depth and the camera stood still.

        None otherwise: chances of a corrected image are of other pixels, and video without depth is less sure of all.
        """
        still = self.motion is None and self.second.depth is not None
        return both_chances(before, after) if still else None


def _observation(image: Image, depth: NDArray[np.float32] | None) -> Observation:
    return {"rgb": image, "depth": depth, "touch": np.zeros(2, np.int8)}
