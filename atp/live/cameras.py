"""Where images of a real object come from: a folder that receives them, a camera, or a RealSense."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from atp.clips import ClipError
from atp.clips.image_folder import list_images, read_image
from atp.types import Image

#: Seconds between two looks into a folder.
POLL = 0.1
#: Seconds after which an image that cannot be read is taken for broken rather than for one that is being written.
PATIENCE = 5.0
#: Frames that a camera may have kept from before, to be thrown away.
STALE_FRAMES = 5
#: What comes behind the name of an image in that of its depth image.
DEPTH_NAMES = (".depth.npy", ".depth.png")


@dataclass(frozen=True, eq=False)
class Shot:
    """An image.

    Attributes:
        rgb: uint8 (H, W, 3).
        depth: float32 (H, W) metres, 0 where there is no reading; None without.
    """

    rgb: Image
    depth: NDArray[np.float32] | None = None


class Camera(Protocol):
    """Gives images, one for each time the person is done."""

    def take(self) -> Shot:
        """Wait until there is a new image and return it.

        Raises:
            ClipError: It cannot be read, or none comes.
        """
        ...

    def close(self) -> None:
        """Let go of the camera."""
        ...


class WatchedFolder:
    """Images that somebody or something puts into a folder, in the order of their names.

    Beside ``0003.png`` or ``0003.jpg`` there may be a depth image: ``0003.depth.png``, 16 bits of millimetres, or
    ``0003.depth.npy``, float32 metres. It has to be there before its image.

    Args:
        folder: The folder; it may come later.
        timeout: Seconds to wait for an image.
        skip: Images at the beginning that were taken already.

    Raises:
        ClipError: The timeout is no number of seconds.
    """

    def __init__(self, folder: Path, timeout: float = 600.0, skip: int = 0) -> None:
        if not 0 < timeout < math.inf:  # nor NaN, which no time is ever beyond
            raise ClipError(f"--timeout must be a number of seconds above 0, not {timeout}")
        self.folder, self.timeout = folder, timeout
        self._taken = skip

    def take(self) -> Shot:
        """See :meth:`Camera.take`: the first image, by name, after those that were taken."""
        begin, file, size, seen = time.monotonic(), None, -1, 0.0
        while True:
            now = time.monotonic()
            images = [image for image in list_images(self.folder) if ".depth." not in image.name]
            if len(images) > self._taken:
                newest = images[self._taken]
                found = newest.stat().st_size
                if newest != file or found != size:
                    file, size, seen = newest, found, now
                else:
                    try:
                        shot = _read_shot(newest)
                    except ClipError:
                        if now - seen > PATIENCE:
                            raise
                    else:
                        self._taken += 1
                        return shot
            elif now - begin > self.timeout:
                raise ClipError(f"{self.folder}: no new image came in {self.timeout:.0f} seconds")
            time.sleep(POLL)

    def close(self) -> None:
        """Nothing to let go of."""


class Webcam:
    """A webcam, or the stream at a URL, by OpenCV.

    Args:
        camera: Number of the camera, or the URL.
        ready: Waits until the person is done; reads a line from the terminal, for one.

    Raises:
        ClipError: It cannot be opened.
    """

    def __init__(self, camera: str, ready: Callable[[], object]) -> None:
        self.camera, self._ready = camera, ready
        self._capture = cv2.VideoCapture(int(camera) if camera.isdecimal() else camera)
        if not self._capture.isOpened():
            raise ClipError(f"camera {camera}: cannot be opened; is it there, and free?")

    def take(self) -> Shot:
        """See :meth:`Camera.take`."""
        self._ready()
        for _ in range(STALE_FRAMES):
            self._capture.grab()
        read, bgr = self._capture.read()
        if not read or bgr is None:
            raise ClipError(f"camera {self.camera}: gives no image; is it still there?")
        return Shot(np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8))

    def close(self) -> None:
        """Let go of the camera."""
        self._capture.release()


class RealSense:
    """An Intel RealSense camera: colour, and depth brought to the colour camera's view.

    Args:
        ready: Waits until the person is done.

    Raises:
        ClipError: ``pyrealsense2`` is not installed, or there is no camera.
    """

    def __init__(self, ready: Callable[[], object]) -> None:
        try:
            import pyrealsense2
        except ImportError as error:
            raise ClipError("RealSense cameras need pyrealsense2: pip install 'act-the-part[realsense]'") from error
        self._ready = ready
        self._pipeline: Any = pyrealsense2.pipeline()
        wanted = pyrealsense2.config()
        wanted.enable_stream(pyrealsense2.stream.color, 640, 480, pyrealsense2.format.rgb8, 30)
        wanted.enable_stream(pyrealsense2.stream.depth, 640, 480, pyrealsense2.format.z16, 30)
        try:
            profile = self._pipeline.start(wanted)
        except RuntimeError as error:
            raise ClipError(f"RealSense camera: cannot be started ({error})") from error
        self._scale = float(profile.get_device().first_depth_sensor().get_depth_scale())
        self._align: Any = pyrealsense2.align(pyrealsense2.stream.color)

    def take(self) -> Shot:
        """See :meth:`Camera.take`."""
        self._ready()
        try:
            for _ in range(STALE_FRAMES):
                self._pipeline.wait_for_frames()
            frames = self._align.process(self._pipeline.wait_for_frames())
        except RuntimeError as error:
            raise ClipError(f"RealSense camera: gives no image ({error})") from error
        rgb = np.array(frames.get_color_frame().get_data(), np.uint8)
        depth = np.asarray(frames.get_depth_frame().get_data(), np.float32) * np.float32(self._scale)
        return Shot(rgb, depth)

    def close(self) -> None:
        """Let go of the camera."""
        self._pipeline.stop()


def _read_shot(file: Path) -> Shot:
    """An image with its depth image, if there is one."""
    rgb = read_image(file)
    beside = [file.with_name(file.stem + ending) for ending in DEPTH_NAMES]
    found = next((path for path in beside if path.is_file()), None)
    if found is None:
        return Shot(rgb)
    try:
        if found.suffix == ".npy":
            depth = np.load(found, allow_pickle=False)
        else:
            stored = cv2.imread(str(found), cv2.IMREAD_UNCHANGED)
            if stored is None or stored.dtype != np.uint16:
                raise ValueError("not a 16-bit PNG")
            depth = stored * np.float32(0.001)
        if depth.shape != rgb.shape[:2] or not np.issubdtype(depth.dtype, np.floating):
            raise ValueError(f"{depth.dtype} {depth.shape}, the image has {rgb.shape[:2]} pixels")
    except (OSError, ValueError, EOFError) as error:
        raise ClipError(f"{found}: cannot be read as the depth of {file.name} ({error})") from error
    return Shot(rgb, np.where(np.isfinite(depth), depth, 0).astype(np.float32))
