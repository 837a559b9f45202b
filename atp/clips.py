"""Reading real clips: videos of somebody moving a part, with masks of what moved.

A clip folder holds a video and a ``clip.json``::

    {"video": "video.mp4", "source": "...", "licence": "...", "annotation": "...",
     "interactions": [{"before": 0, "after": 153,
                       "moved_before": "before.png", "moved_after": "after.png",
                       "hold": [row, col], "push": [row, col], "direction": 0}]}

Only ``video``, ``interactions``, ``before`` and ``after`` are needed. Frame numbers count, from 0, the frames
that come out of the decoder; what the container says of their number can be wrong (an edit list hides
frames), so it is not asked. Masks have the size of the video's frames; hold and push are pixels of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from numpy.typing import NDArray
from PIL import Image

CLIP_FILE = "clip.json"

Frame = NDArray[np.uint8]
Mask = NDArray[np.bool_]


class ClipError(ValueError):
    """A clip cannot be read. The message names the file."""


@dataclass(frozen=True, eq=False)
class ClipInteraction:
    """Two frames of a clip with an interaction between them.

    Attributes:
        before: Frame number before the interaction.
        after: Frame number after it.
        moved_before: bool (H, W) of the frame's size: what moved, in the frame before; None if not annotated.
        moved_after: The same in the frame after.
        hold: (row, col) in the frame where the object was held; None if not known.
        push: (row, col) where it was pushed; None if not known.
        direction: Push direction in 0..7; None if not known.
    """

    before: int
    after: int
    moved_before: Mask | None = None
    moved_after: Mask | None = None
    hold: tuple[int, int] | None = None
    push: tuple[int, int] | None = None
    direction: int | None = None


@dataclass(frozen=True, eq=False)
class Clip:
    """A video with its interactions.

    Attributes:
        name: Name of the folder, or of the video file without its suffix.
        video: The video file.
        shape: (H, W) of its frames.
        interactions: One or more.
        source: Where the video comes from; may be empty.
        licence: Its licence; may be empty.
    """

    name: str
    video: Path
    shape: tuple[int, int]
    interactions: tuple[ClipInteraction, ...]
    source: str = ""
    licence: str = ""


def find_clips(paths: Iterable[str | Path]) -> list[Path]:
    """Resolve what a user gave to clip folders and video files.

    Args:
        paths: Clip folders, folders of clip folders, or video files.

    Returns:
        The clip folders and files, in the given order; those of one folder sorted by name.

    Raises:
        ClipError: If a path is missing or holds no clip, or no path is given.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_file() or (path / CLIP_FILE).is_file():
            found.append(path)
        elif path.is_dir():
            inside = sorted(file.parent for file in path.glob(f"*/{CLIP_FILE}"))
            if not inside:
                raise ClipError(f"{path}: neither it nor a folder in it has a {CLIP_FILE}")
            found.extend(inside)
        else:
            raise ClipError(f"{path}: no such file or folder")
    if not found:
        raise ClipError("no clip given")
    return found


def read_clip(path: str | Path) -> Clip:
    """Read a clip folder, or a bare video file.

    Args:
        path: A folder with a clip.json, that file itself, or a video. A bare video gives one interaction,
            from its first to its last readable frame, without masks.

    Returns:
        The clip, with its masks; frames are read later, by `read_frames`.

    Raises:
        ClipError: If anything is missing, broken, or does not fit together.
    """
    path = Path(path)
    if path.name == CLIP_FILE:
        path = path.parent
    if path.is_dir():
        return _read_folder(path)
    last, shape = -1, (0, 0)
    for last, frame in _decode(path):
        if last == 0:
            shape = _to_rgb(frame).shape[:2]
    if last < 1:
        raise ClipError(f"{path}: a video needs two readable frames or more, this has {last + 1}")
    return Clip(path.stem, path, shape, (ClipInteraction(0, last),))


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
    video = Path(video)
    wanted = {int(index) for index in indices}
    if any(index < 0 for index in wanted):
        raise ClipError(f"{video}: frame numbers start at 0, asked for {min(wanted)}")
    frames: dict[int, Frame] = {}
    if not wanted:
        return frames
    number = -1
    for number, frame in _decode(video):
        if number in wanted:
            frames[number] = _to_rgb(frame)
            shapes = {found.shape[:2] for found in frames.values()}
            if len(shapes) > 1:
                raise ClipError(
                    f"{video}: its frames change their size, up to frame {number}: {sorted(shapes)}"
                )
            if len(frames) == len(wanted):
                return frames
    missing = min(wanted - frames.keys())
    raise ClipError(f"{video}: frame {missing} is past the end, the last readable frame is {number}")


def _decode(video: Path) -> Iterator[tuple[int, av.VideoFrame]]:
    """Yield the readable frames of a video, numbered from 0. Frames that cannot be decoded are left out."""
    if not video.is_file():
        raise ClipError(f"{video}: no such video file")
    number = 0
    try:
        with av.open(str(video)) as container:
            if not container.streams.video:
                raise ClipError(f"{video}: has no video stream")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            packets = container.demux(stream)
            while True:
                try:
                    packet = next(packets, None)
                except av.error.FFmpegError:
                    break  # a file cut short: what came before is still good
                if packet is None:
                    break
                try:
                    decoded = packet.decode()
                except av.error.FFmpegError:
                    continue
                for frame in decoded:
                    yield number, frame
                    number += 1
    except (av.error.FFmpegError, OSError) as error:
        raise ClipError(f"{video}: cannot be read as a video ({error})") from error
    if number == 0:
        raise ClipError(f"{video}: no frame of it can be read")


def _to_rgb(frame: av.VideoFrame) -> Frame:
    """The frame as uint8 RGB (H, W, 3), upright: phones store how they were held beside the pixels."""
    rgb = frame.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(rgb, round(frame.rotation / 90)))


def _read_folder(folder: Path) -> Clip:
    file = folder / CLIP_FILE
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ClipError(f"{file}: missing; a clip folder needs one") from error
    except OSError as error:
        raise ClipError(f"{file}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise ClipError(f"{file}: is not JSON ({error})") from error
    if not isinstance(data, dict):
        raise ClipError(f"{file}: must hold a JSON object, not a {type(data).__name__}")
    entries = data.get("interactions")
    if not isinstance(entries, list) or not entries:
        raise ClipError(f"{file}: 'interactions' must be a list with one entry or more")
    video = _inside(folder, data.get("video"), file, "video")
    shape = read_frames(video, [0])[0].shape[:2]
    interactions = tuple(
        _read_interaction(folder, file, entry, f"interactions[{index}]", shape)
        for index, entry in enumerate(entries)
    )
    texts = [value if isinstance(value := data.get(key), str) else "" for key in ("source", "licence")]
    return Clip(folder.resolve().name, video, shape, interactions, *texts)


def _read_interaction(
    folder: Path, file: Path, entry: Any, where: str, shape: tuple[int, int]
) -> ClipInteraction:
    if not isinstance(entry, dict):
        raise ClipError(f"{file}: {where} must be a JSON object")
    before, after = (_integer(entry.get(key), file, f"{where}.{key}") for key in ("before", "after"))
    if not 0 <= before < after:
        raise ClipError(
            f"{file}: {where}: 'before' and 'after' must be frame numbers from 0, the second the larger, "
            f"got {before} and {after}"
        )
    masks = [
        None
        if entry.get(key) is None
        else _read_mask(_inside(folder, entry[key], file, f"{where}.{key}"), shape)
        for key in ("moved_before", "moved_after")
    ]
    pixels = [
        None if entry.get(key) is None else _pixel(entry[key], file, f"{where}.{key}", shape)
        for key in ("hold", "push")
    ]
    direction = None
    if entry.get("direction") is not None:
        direction = _integer(entry["direction"], file, f"{where}.direction")
        if not 0 <= direction <= 7:
            raise ClipError(f"{file}: {where}.direction must be in 0..7, got {direction}")
    return ClipInteraction(before, after, masks[0], masks[1], pixels[0], pixels[1], direction)


def _inside(folder: Path, name: Any, file: Path, where: str) -> Path:
    """Resolve a file name from clip.json, which may not lead out of the clip's folder."""
    if not isinstance(name, str) or not name or "\0" in name:
        raise ClipError(f"{file}: '{where}' must be a file name, got {name!r}")
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ClipError(f"{file}: '{where}' leads out of the clip's folder: {name}")
    if not path.is_file():
        raise ClipError(f"{path}: missing; '{where}' in {file} names it")
    return path


def _integer(value: Any, file: Path, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ClipError(f"{file}: '{where}' must be a whole number, got {value!r}")
    return value


def _pixel(value: Any, file: Path, where: str, shape: Sequence[int]) -> tuple[int, int]:
    if not isinstance(value, list) or len(value) != 2:
        raise ClipError(f"{file}: '{where}' must be [row, col], got {value!r}")
    row, col = (_integer(number, file, where) for number in value)
    if not (0 <= row < shape[0] and 0 <= col < shape[1]):
        raise ClipError(
            f"{file}: '{where}' [{row}, {col}] lies outside of the frame of {shape[0]} x {shape[1]}"
        )
    return row, col


def _read_mask(path: Path, shape: tuple[int, int]) -> Mask:
    """Read a mask: pixels brighter than half of the brightest, so that 0/1 and 0/255 files both work."""
    try:
        with Image.open(path) as image:
            size = (image.height, image.width)
            if size == shape:
                values = np.asarray(image if image.mode.startswith(("I", "F")) else image.convert("L"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ClipError(f"{path}: cannot be read as an image ({error})") from error
    if size != shape:
        raise ClipError(
            f"{path}: the mask has {size[0]} x {size[1]} pixels (height x width), "
            f"the video's frames have {shape[0]} x {shape[1]}"
        )
    mask: Mask = values > values.max() / 2
    if not mask.any():
        raise ClipError(f"{path}: the mask is empty; leave it out of {CLIP_FILE} if nothing is annotated")
    return mask
