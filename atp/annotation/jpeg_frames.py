"""Random access to the frames of a video or of a folder of images, as JPEG, in bounded memory."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np

from atp.clips import ClipError, read_frames
from atp.clips.image_folder import image_files, image_shape, read_image
from atp.clips.video import decode, open_video, upright, upright_shape
from atp.types import Image

CACHE_BYTES = 64 * 2**20
JPEG_QUALITY = 92
#: JpegFrames passed on the way to the one asked for that are kept, so that stepping backwards is quick.
KEPT_ON_THE_WAY = 8


class JpegFrames(ABC):
    """Numbered frames. Any thread may ask.

    Attributes:
        path: The video file or the folder of images.
        count: How many frames there are.
        shape: (H, W) of each.
    """

    def __init__(self, path: Path, count: int, shape: tuple[int, int]) -> None:
        self.path = path
        self.count = count
        self.shape = shape
        self._lock = threading.Lock()
        self._cache: OrderedDict[int, bytes] = OrderedDict()
        self._cached_bytes = 0

    def jpeg(self, number: int) -> bytes:
        """A frame as a JPEG file.

        Raises:
            ClipError: There is no such frame, or it cannot be read.
        """
        if not 0 <= number < self.count:
            raise ClipError(f"{self.path}: has the frames 0 to {self.count - 1}, asked for {number}")
        with self._lock:
            if number not in self._cache:
                for passed, rgb in self._read(number):
                    self._keep(passed, encode_jpeg(rgb))
            self._cache.move_to_end(number)
            return self._cache[number]

    def moved(self, path: Path) -> None:
        """Say that the file or folder, which is the same, has another name now."""
        with self._lock:
            self.path = path

    @abstractmethod
    def _read(self, number: int) -> Iterator[tuple[int, Image]]:
        """Yield a frame, RGB (H, W, 3), with its number; others may come before it."""

    def _keep(self, number: int, encoded: bytes) -> None:
        self._cached_bytes += len(encoded) - len(self._cache.pop(number, b""))
        self._cache[number] = encoded
        while self._cached_bytes > CACHE_BYTES and len(self._cache) > 1:
            self._cached_bytes -= len(self._cache.popitem(last=False)[1])


class VideoJpegFrames(JpegFrames):
    """The frames of a video, numbered as :func:`atp.clips.read_frames` numbers them.

    The video is decoded once to learn the time of each frame, because what a container says of its frames may be
    wrong; eight bytes a frame are kept. Later a frame is decoded from the key frame before it.

    Args:
        path: The video file.

    Raises:
        ClipError: It is missing or unreadable, or its frames change their size.
    """

    def __init__(self, path: Path) -> None:
        self._times = array("q")
        self._keys = array("q")
        self._container, self._stream = open_video(path)
        self._decoded = decode(self._container, self._stream)
        shape = (0, 0)
        seekable = True
        count = 0
        for frame in self._decoded:
            size = upright_shape(frame)
            if count and size != shape:
                raise ClipError(f"{path}: its frames change their size, from {shape} to {size} at {count}")
            shape = size
            pts = frame.pts
            if pts is None or (self._times and pts <= self._times[-1]):
                seekable = False
            elif seekable:
                self._times.append(pts)
                if frame.key_frame:
                    self._keys.append(count)
            count += 1
        if count == 0:
            raise ClipError(f"{path}: no frame of it can be read")
        self._seekable = seekable and len(self._keys) > 0
        self._next = count
        super().__init__(path, count, shape)

    def _read(self, number: int) -> Iterator[tuple[int, Image]]:
        if self._seekable:
            key = self._keys[max(0, bisect_right(self._keys, number) - 1)]
            if not key <= self._next <= number:
                self._container.seek(self._times[key], stream=self._stream)
                self._decoded = decode(self._container, self._stream)
            for frame in self._decoded:
                found = self._number(frame)
                if found is None:
                    continue
                self._next = found + 1
                if found > number:
                    break
                if found > number - KEPT_ON_THE_WAY:
                    yield found, upright(frame)
                if found == number:
                    return
            self._next = self.count  # so that the next one seeks
        yield number, read_frames(self.path, [number])[number]

    def _number(self, frame: av.VideoFrame) -> int | None:
        if frame.pts is None:
            return None
        place = bisect_left(self._times, frame.pts)
        return place if place < self.count and self._times[place] == frame.pts else None


class ImageFolderJpegFrames(JpegFrames):
    """The images of a folder, png and jpg, in the order of their names.

    Args:
        path: The folder.

    Raises:
        ClipError: There are none, one cannot be read, or they differ in size.
    """

    def __init__(self, path: Path) -> None:
        self.files = image_files(path)
        shape = image_shape(self.files[0])
        for file in self.files:
            if image_shape(file) != shape:
                raise ClipError(f"{file}: has {image_shape(file)} pixels (height, width), the images before it {shape}")
        super().__init__(path, len(self.files), shape)

    def moved(self, path: Path) -> None:
        """Say that the folder, which is the same, has another name now."""
        super().moved(path)
        self.files = [path / file.name for file in self.files]

    def _read(self, number: int) -> Iterator[tuple[int, Image]]:
        yield number, read_image(self.files[number])


def open_frames(path: Path) -> JpegFrames:
    """Open a video file or a folder of images.

    Raises:
        ClipError: It is missing or unreadable; the message names it.
    """
    return ImageFolderJpegFrames(path) if path.is_dir() else VideoJpegFrames(path)


def encode_jpeg(rgb: Image) -> bytes:
    """An image, RGB (H, W, 3) uint8, as the bytes of a JPEG file."""
    bgr = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2BGR)
    done, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise ClipError(f"a frame of {rgb.shape[0]} x {rgb.shape[1]} pixels cannot be written as JPEG")
    return encoded.tobytes()
