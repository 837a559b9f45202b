"""Frames of a clip, from a video or from a folder of pictures, one at a time: never is a whole video in memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import av
import av.container
import av.error
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from atp.clips.errors import ClipError

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg")
#: Frames a second of pictures, and of videos that do not tell.
USUAL_RATE = 25.0

Frame = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """A frame, reduced.

    Attributes:
        number: Of the frame.
        time: Of the frame, seconds.
        rgb: uint8 (h, w, 3).
    """

    number: int
    time: float
    rgb: Frame


class Footage(ABC):
    """Numbered frames of one size.

    Attributes:
        path: The video, or the folder of pictures.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """(H, W) of the frames, upright."""

    @abstractmethod
    def frames(self, numbers: Iterable[int]) -> Iterator[tuple[int, Frame]]:
        """Yield frames, uint8 (H, W, 3) RGB with their numbers, in order of the numbers.

        Raises:
            ClipError: A number is negative or past the end, a frame cannot be read or differs in size.
        """

    @abstractmethod
    def thumbnails(self, side: int, rate: float) -> Iterator[Thumbnail]:
        """Yield sound frames at most ``rate`` times a second, the last one too, reduced to ``side`` pixels at most."""


class VideoFootage(Footage):
    """The frames of a video, counted from 0 as they come out of the decoder.

    What the container says of their number can be wrong (an edit list hides frames), so it is not asked. Frames that
    cannot be decoded are left out, and a file that was cut short has the frames that are left.

    Args:
        path: The file.

    Raises:
        ClipError: The file is missing, or no frame of it can be read.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        _, first = next(_decode(path))
        self._shape = upright_shape(first)

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) of the first frame, upright."""
        return self._shape

    def frames(self, numbers: Iterable[int]) -> Iterator[tuple[int, Frame]]:
        """See :meth:`Footage.frames`; the video is decoded up to the last number."""
        wanted = _checked(self.path, numbers)
        number = -1
        for number, frame in _decode(self.path) if wanted else ():
            if number == wanted[0]:
                if upright_shape(frame) != self.shape:
                    raise ClipError(
                        f"{self.path}: its frames change their size: {self.shape} at first, "
                        f"{upright_shape(frame)} at frame {number}"
                    )
                yield number, upright(frame)
                wanted.pop(0)
                if not wanted:
                    return
        if wanted:
            raise ClipError(
                f"{self.path}: frame {wanted[0]} is past the end, the last readable frame is {number}"
            )

    def thumbnails(self, side: int, rate: float) -> Iterator[Thumbnail]:
        """See :meth:`Footage.thumbnails`; frames that the decoder calls corrupt are left out."""
        due, shown, last = -np.inf, -1, None
        scale = min(1.0, side / max(self.shape))
        for number, frame in _decode(self.path):
            if frame.is_corrupt or upright_shape(frame) != self.shape:
                continue
            last = number, frame.time if frame.time is not None else number / USUAL_RATE, frame
            if last[1] >= due:
                yield Thumbnail(*last[:2], upright(frame, scale))
                # Half a frame early, so that a rate that the video's is a multiple of is met.
                due, shown = last[1] + 1 / rate - 0.5 / USUAL_RATE, number
        if last and last[0] != shown:
            yield Thumbnail(*last[:2], upright(last[2], scale))


class PictureFootage(Footage):
    """The pictures of a folder as frames, sorted by name and counted from 0.

    Args:
        path: The folder.

    Raises:
        ClipError: There is no picture in it, or the first one cannot be read.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.files = list_pictures(path)
        if not self.files:
            raise ClipError(f"{path}: there is no picture (png or jpg) in it")

    @cached_property
    def shape(self) -> tuple[int, int]:
        """(H, W) of the first picture."""
        height, width = read_picture(self.files[0]).shape[:2]
        return height, width

    def frames(self, numbers: Iterable[int]) -> Iterator[tuple[int, Frame]]:
        """See :meth:`Footage.frames`."""
        for number in _checked(self.path, numbers):
            if number >= len(self.files):
                raise ClipError(
                    f"{self.path}: frame {number} is past the end, the last picture is {len(self.files) - 1}"
                )
            yield number, read_picture(self.files[number], self.shape)

    def thumbnails(self, side: int, rate: float) -> Iterator[Thumbnail]:
        """See :meth:`Footage.thumbnails`; pictures that cannot be read are left out."""
        scale = min(1.0, side / max(self.shape))
        every = max(1, round(USUAL_RATE / rate))
        numbers = sorted({*range(0, len(self.files), every), len(self.files) - 1})
        for number in numbers:
            try:
                rgb = read_picture(self.files[number], self.shape)
            except ClipError:
                continue
            yield Thumbnail(number, number / USUAL_RATE, _reduced(rgb, scale))


class DepthImages:
    """The depth images of a clip's frames: 16-bit pictures, sorted by name, one for each frame.

    Args:
        folder: Where they are.
        scale: Metres of one unit.
        count: How many frames the clip has; None: not known.

    Raises:
        ClipError: Their number is another.
    """

    def __init__(self, folder: Path, scale: float, count: int | None = None) -> None:
        self.folder, self.scale = folder, scale
        self.files = [file for file in list_pictures(folder) if file.suffix.lower() == ".png"]
        if not self.files or (count is not None and len(self.files) != count):
            raise ClipError(
                f"{folder}: must have a 16-bit PNG for each frame, has {len(self.files)}"
                + (f" for {count} frames" if count is not None else "")
            )

    def read(self, number: int, shape: tuple[int, int]) -> NDArray[np.float32]:
        """The depth of a frame.

        Args:
            number: Of the frame.
            shape: (H, W) of the frame.

        Returns:
            float32 (H, W) metres, 0 where there is no reading.

        Raises:
            ClipError: There is no such image, or it does not fit the frame.
        """
        if not 0 <= number < len(self.files):
            raise ClipError(f"{self.folder}: has no depth image for frame {number}")
        stored = cv2.imread(str(self.files[number]), cv2.IMREAD_UNCHANGED)
        if stored is None or stored.dtype != np.uint16 or stored.shape != shape:
            raise ClipError(
                f"{self.files[number]}: must be a 16-bit grey PNG of {shape[0]} x {shape[1]} pixels like its frame"
            )
        return stored.astype(np.float32) * np.float32(self.scale)


def list_pictures(folder: Path) -> list[Path]:
    """The pictures of a folder, sorted by name; hidden files are not taken for any."""
    if not folder.is_dir():
        return []
    found = (file for file in folder.iterdir() if file.suffix.lower() in PICTURE_SUFFIXES)
    return sorted(file for file in found if file.is_file() and not file.name.startswith("."))


def read_frames(video: str | Path, indices: Iterable[int]) -> dict[int, Frame]:
    """Read some frames of a video, decoding it frame by frame up to the last one asked for.

    Args:
        video: The file.
        indices: Frame numbers from 0, counted as they come out of the decoder; in any order.

    Returns:
        uint8 (H, W, 3) RGB for each number, turned upright where the file says that it was taken sideways.

    Raises:
        ClipError: If the file is missing or unreadable, a number is negative or past the end, or
            the frames differ in size.
    """
    return dict(VideoFootage(Path(video)).frames(indices))


def _checked(path: Path, numbers: Iterable[int]) -> list[int]:
    """Frame numbers in order, each once."""
    wanted = sorted({int(number) for number in numbers})
    if wanted and wanted[0] < 0:
        raise ClipError(f"{path}: frame numbers start at 0, asked for {wanted[0]}")
    return wanted


def decode(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    """Yield the readable frames from where a container stands; those that cannot be decoded are left out."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError:
            return  # a file cut short: what came before is still good
        if packet is None:
            return
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            continue
        yield from (frame for frame in frames if isinstance(frame, av.VideoFrame))


def open_video(path: Path) -> tuple[av.container.InputContainer, av.VideoStream]:
    """Open a video file and its first video stream.

    Raises:
        ClipError: It is missing, no video, or has no picture in it.
    """
    if not path.is_file():
        raise ClipError(f"{path}: no such video file")
    try:
        container = av.open(str(path))
    except (av.error.FFmpegError, OSError) as error:
        raise ClipError(f"{path}: cannot be read as a video ({error})") from error
    if not container.streams.video:
        container.close()
        raise ClipError(f"{path}: has no video stream")
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    return container, stream


def _decode(video: Path) -> Iterator[tuple[int, av.VideoFrame]]:
    """Yield the readable frames of a video, numbered from 0."""
    container, stream = open_video(video)
    number = -1
    with container:
        for number, frame in enumerate(decode(container, stream)):
            yield number, frame
    if number < 0:
        raise ClipError(f"{video}: no frame of it can be read")


def upright_shape(frame: av.VideoFrame) -> tuple[int, int]:
    """(H, W) of a frame once it is upright."""
    turned = round(frame.rotation / 90) % 2 == 1
    return (frame.width, frame.height) if turned else (frame.height, frame.width)


def upright(frame: av.VideoFrame, scale: float = 1.0) -> Frame:
    """The frame as uint8 RGB (H, W, 3), upright: phones store how they were held beside the pixels."""
    width, height = (max(1, round(scale * side)) for side in (frame.width, frame.height))
    rgb = frame.to_ndarray(format="rgb24", width=width, height=height, interpolation="AREA")
    return np.ascontiguousarray(np.rot90(rgb, round(frame.rotation / 90)))


def read_picture(file: Path, shape: tuple[int, int] | None = None) -> Frame:
    """Read a picture as uint8 (H, W, 3) RGB.

    Raises:
        ClipError: It cannot be read, or is not of the shape that is asked for.
    """
    try:
        with Image.open(file) as image:
            rgb = np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ClipError(f"{file}: cannot be read as an image ({error})") from error
    if shape is not None and rgb.shape[:2] != shape:
        raise ClipError(
            f"{file}: has {rgb.shape[0]} x {rgb.shape[1]} pixels (height x width), "
            f"the first picture of the clip has {shape[0]} x {shape[1]}"
        )
    return rgb


def _reduced(rgb: Frame, scale: float) -> Frame:
    if scale >= 1:
        return rgb
    size = tuple(max(1, round(scale * side)) for side in rgb.shape[1::-1])
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
