"""Reading clip folders: footage of somebody moving parts, with masks of what moved.

A clip folder holds a video, or a folder of images, and a ``clip.json``::

    {"video": "video.mp4", "source": "...", "licence": "...", "annotation": "...",
     "interactions": [{"before": 0, "after": 153,
                       "moved_before": "before.png", "moved_after": "after.png",
                       "agent_before": "hand_before.png", "agent_after": "hand_after.png",
                       "hold": [row, col], "push": [row, col], "direction": 0}],
     "depth": "depth", "depth_scale": 0.001, "parts": "parts.png", "kind": "drawer", "agent_in_view": "in",
     "still": false}

Only ``video`` is needed; ``frames``, the folder of images, may stand in its place. Where ``interactions`` are not named
they are found; of each, ``before`` and ``after`` are needed. Frame numbers count, from 0, the frames that come out of
the decoder, or the images in the order of their names. Masks have the size of the frames. ``moved_*`` are what moved,
without hands and robots; an empty one says that nothing did, and ``still`` that nothing did in any interaction without
masks. ``agent_*`` are where hands and robots are, coarsely: scores are given with these pixels left out as well; where
the only interaction names none, files called ``agent_before.png`` and ``agent_after.png`` are taken. ``kind`` and
``agent_in_view`` are groups in tables of clips. Hold and push are pixels of the frame before. ``depth`` is a folder of
16-bit images, one for each frame, ``depth_scale`` the metres of one unit, 0 no reading. ``parts`` is a label image of
the frame after the last interaction: 0 background, another value a part.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from atp.clips.clip import CLIP_FILE, Clip, ClipInteraction
from atp.clips.errors import ClipError
from atp.clips.footage import Footage
from atp.clips.image_folder import DepthImages, ImageFolderFootage
from atp.clips.interaction_finding import find_interactions
from atp.clips.sources import CLIP_SOURCES
from atp.clips.video import VideoFootage
from atp.frame_action import FrameAction
from atp.types import DIRECTIONS, MAX_PARTS, Labels, Mask

#: Metres of one unit of a depth image where ``clip.json`` does not say: millimetres.
DEPTH_SCALE = 0.001
#: Keys that are texts; anything else in them is passed over.
TEXTS = ("source", "licence", "kind", "agent_in_view")
#: Masks of an interaction: those of what moved, those of the agent.
MASKS = ("moved_before", "moved_after", "agent_before", "agent_after")


class ClipFolderSource:
    """Clip folders, as this module describes them."""

    def recognises(self, path: Path) -> bool:
        """Whether it is a folder with a clip.json, or that file."""
        return path.name == CLIP_FILE or (path / CLIP_FILE).exists()

    def read(self, path: Path) -> Clip:
        """See :meth:`atp.clips.sources.ClipSource.read`."""
        return _read_folder(path.parent if path.name == CLIP_FILE else path)


CLIP_SOURCES.add("clip folder", ClipFolderSource())


def _read_folder(folder: Path) -> Clip:
    file = folder / CLIP_FILE
    data = _read_json(file)
    named = [key for key in ("video", "frames") if data.get(key) is not None]
    if len(named) != 1:
        raise ClipError(f"{file}: must name either 'video', a file, or 'frames', a folder of images")
    footage: Footage
    if named == ["video"]:
        footage = VideoFootage(_inside(folder, data["video"], file, "video"))
    else:
        footage = ImageFolderFootage(_inside(folder, data["frames"], file, "frames", folder=True))
    entries = data.get("interactions")
    if entries is not None and (not isinstance(entries, list) or not entries):
        raise ClipError(f"{file}: 'interactions' must be a list with one entry or more; without it they are found")
    still = data.get("still", False)
    if not isinstance(still, bool):
        raise ClipError(f"{file}: 'still' must be true or false, got {still!r}")
    interactions = (
        find_interactions(footage)
        if entries is None
        else tuple(
            _read_interaction(folder, file, entry, f"interactions[{index}]", footage.shape, still)
            for index, entry in enumerate(_with_agent_files(folder, entries))
        )
    )
    parts = None
    if data.get("parts") is not None:
        parts = _read_labels(_inside(folder, data["parts"], file, "parts"), footage.shape)
    texts = {key: value for key in TEXTS if isinstance(value := data.get(key), str)}
    return Clip(
        folder.resolve().name,
        folder,
        footage,
        interactions,
        found=entries is None,
        depth=_depth(folder, file, data, footage),
        parts=parts,
        **texts,
    )


def _read_json(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ClipError(f"{file}: missing; a clip folder needs one, or images") from error
    except OSError as error:
        raise ClipError(f"{file}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise ClipError(f"{file}: is not JSON ({error})") from error
    if not isinstance(data, dict):
        raise ClipError(f"{file}: must hold a JSON object, not a {type(data).__name__}")
    return data


def _depth(folder: Path, file: Path, data: dict[str, Any], footage: Footage) -> DepthImages | None:
    if data.get("depth") is None:
        return None
    scale = data.get("depth_scale", DEPTH_SCALE)
    if isinstance(scale, bool) or not isinstance(scale, int | float) or not 0 < scale < 1:
        raise ClipError(f"{file}: 'depth_scale' must be the metres of one unit, between 0 and 1, got {scale!r}")
    return DepthImages(_inside(folder, data["depth"], file, "depth", folder=True), float(scale), footage.count)


def _with_agent_files(folder: Path, entries: list[Any]) -> list[Any]:
    """The entry of the only interaction with the masks of the agent that lie in the folder, unless it names others."""
    if len(entries) != 1 or not isinstance(entries[0], dict):
        return entries
    files = {key: f"{key}.png" for key in MASKS[2:] if (folder / f"{key}.png").is_file()}
    return [{**files, **entries[0]}]


def _read_interaction(
    folder: Path, file: Path, entry: Any, where: str, shape: tuple[int, int], still: bool
) -> ClipInteraction:
    if not isinstance(entry, dict):
        raise ClipError(f"{file}: {where} must be a JSON object")
    before, after = (_integer(entry.get(key), file, f"{where}.{key}") for key in ("before", "after"))
    if not 0 <= before < after:
        raise ClipError(
            f"{file}: {where}: 'before' and 'after' must be frame numbers from 0, the second the larger, "
            f"got {before} and {after}"
        )
    masks: dict[str, Mask | None] = {
        key: None if entry.get(key) is None else _read_mask(_inside(folder, entry[key], file, f"{where}.{key}"), shape)
        for key in MASKS
    }
    for key in MASKS[:2]:
        if still and masks[key] is None:
            masks[key] = np.zeros(shape, bool)
    pixels = [
        None if entry.get(key) is None else _pixel(entry[key], file, f"{where}.{key}", shape)
        for key in ("hold", "push")
    ]
    direction = None
    if entry.get("direction") is not None:
        direction = _integer(entry["direction"], file, f"{where}.direction")
        if not 0 <= direction < DIRECTIONS:
            raise ClipError(f"{file}: {where}.direction must be in 0..{DIRECTIONS - 1}, got {direction}")
    return ClipInteraction(before, after, action=FrameAction(pixels[0], pixels[1], direction), **masks)


def _inside(base: Path, name: Any, file: Path, where: str, folder: bool = False) -> Path:
    """Resolve the name of a file or folder from clip.json, which may not lead out of the clip's folder."""
    if not isinstance(name, str) or not name or "\0" in name:
        raise ClipError(f"{file}: '{where}' must be a file name, got {name!r}")
    path = base / name
    try:
        inside = path.resolve().is_relative_to(base.resolve())
        there = path.is_dir() if folder else path.is_file()
    except (OSError, RuntimeError) as error:  # a name too long, a loop of links
        raise ClipError(f"{file}: '{where}' cannot be followed: {name[:80]!r} ({error})") from error
    if not inside:
        raise ClipError(f"{file}: '{where}' leads out of the clip's folder: {name}")
    if not there:
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
        raise ClipError(f"{file}: '{where}' [{row}, {col}] lies outside of the frame of {shape[0]} x {shape[1]}")
    return row, col


def _read_mask(path: Path, shape: tuple[int, int]) -> Mask:
    """Read a mask: pixels brighter than half of the brightest, so that 0/1 and 0/255 files both work."""
    values = _read_image(path, shape, "mask", lambda image: image.mode.startswith(("I", "F")))
    mask: Mask = values > values.max() / 2
    return mask


def _read_labels(path: Path, shape: tuple[int, int]) -> Labels:
    """Read a label image: uint8 (H, W), 0 background, parts as 1, 2, .. in the order of their values."""
    values = _read_image(path, shape, "label image", lambda image: image.mode in ("P", "I;16", "I"))
    found, index = np.unique(values, return_inverse=True)
    if len(found) - (found[0] == 0) > MAX_PARTS or len(found) < 2:
        raise ClipError(
            f"{path}: a label image has 0 for the background and another value for each of 1 to {MAX_PARTS} parts, "
            f"this has {len(found)} values"
        )
    labels: Labels = (index.reshape(values.shape) + (found[0] != 0)).astype(np.uint8)
    return labels


def _read_image(
    path: Path, shape: tuple[int, int], what: str, as_stored: Callable[[Image.Image], bool]
) -> NDArray[Any]:
    """Read an image of one channel, as grey unless it is to be taken as stored."""
    try:
        with Image.open(path) as image:
            size = (image.height, image.width)
            if size == shape:
                values = np.asarray(image if as_stored(image) else image.convert("L"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ClipError(f"{path}: cannot be read as an image ({error})") from error
    if size != shape:
        raise ClipError(
            f"{path}: the {what} has {size[0]} x {size[1]} pixels (height x width), "
            f"the video's frames have {shape[0]} x {shape[1]}"
        )
    return values
