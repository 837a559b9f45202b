"""The frames of a video, decoded one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import av.container
import av.error
import numpy as np

from atp.clips.clip import Clip
from atp.clips.errors import ClipError
from atp.clips.footage import USUAL_RATE, Footage, Thumbnail, checked_numbers
from atp.clips.interaction_finding import find_interactions
from atp.clips.sources import CLIP_SOURCES
from atp.types import Image

#: Endings by which a video is known beside its masks in a folder; any file may be tried as one.
VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".ts", ".mpg")


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

    def frames(self, numbers: Iterable[int]) -> Iterator[tuple[int, Image]]:
        """See :meth:`Footage.frames`; the video is decoded up to the last number."""
        wanted = checked_numbers(self.path, numbers)
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
            raise ClipError(f"{self.path}: frame {wanted[0]} is past the end, the last readable frame is {number}")

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


class VideoSource:
    """Clips that are a bare video file; interactions are found in them."""

    def recognises(self, path: Path) -> bool:
        """Whether it is a file: whatever its ending, the decoder says whether it is a video."""
        return path.is_file()

    def read(self, path: Path) -> Clip:
        """See :meth:`atp.clips.sources.ClipSource.read`."""
        footage = VideoFootage(path)
        return Clip(path.stem, path, footage, find_interactions(footage), found=True)


CLIP_SOURCES.add("video", VideoSource())


def read_frames(video: str | Path, indices: Iterable[int]) -> dict[int, Image]:
    """Read some frames of a video, decoding it frame by frame up to the last one asked for.

    Args:
        video: The file.
        indices: Image numbers from 0, counted as they come out of the decoder; in any order.

    Returns:
        uint8 (H, W, 3) RGB for each number, rotated upright where the file says that it was taken sideways.

    Raises:
        ClipError: If the file is missing or unreadable, a number is negative or past the end, or
            the frames differ in size.
    """
    return dict(VideoFootage(Path(video)).frames(indices))


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
        ClipError: It is missing, no video, or has no video stream.
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
    sideways = round(frame.rotation / 90) % 2 == 1
    return (frame.width, frame.height) if sideways else (frame.height, frame.width)


def upright(frame: av.VideoFrame, scale: float = 1.0) -> Image:
    """The frame as uint8 RGB (H, W, 3), upright: phones store how they were held beside the pixels."""
    width, height = (max(1, round(scale * side)) for side in (frame.width, frame.height))
    rgb = frame.to_ndarray(format="rgb24", width=width, height=height, interpolation="AREA")
    return np.ascontiguousarray(np.rot90(rgb, round(frame.rotation / 90)))
