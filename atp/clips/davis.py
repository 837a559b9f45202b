"""Sequences in the layout of DAVIS (images and label images) made into clip folders.

The layout is ``JPEGImages/<resolution>/<sequence>/*.jpg`` and ``Annotations/<resolution>/<sequence>/*.png``, or the
same without the folder of the resolution. A label image has the name of its image and the number of an object in each
pixel, 0 where there is none; not every image needs one.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from assets.files import atomic_folder
from atp.clips import ClipError, ClipInteraction
from atp.clips.image_folder import image_files, image_shape
from atp.clips.writing import ClipWriter
from atp.types import Labels

IMAGES, LABELS = "JPEGImages", "Annotations"
PREFERRED_RESOLUTION = "480p"
#: Marks pixels that nobody decided on, in label images with a palette; all of the object in those of two greys.
VOID = 255


@dataclass(frozen=True)
class DavisSequence:
    """A sequence.

    Attributes:
        name: Its name.
        images: Its images; their places are the frame numbers.
        labels: The label image of each frame number that has one.
        shape: (H, W) of the images.
    """

    name: str
    images: tuple[Path, ...]
    labels: dict[int, Path]
    shape: tuple[int, int]


def find_sequence(root: Path, name: str, resolution: str = "") -> DavisSequence:
    """Find the files of a sequence.

    Args:
        root: The folder with ``JPEGImages`` and ``Annotations``.
        name: Name of the sequence.
        resolution: Folder of the resolution; empty for that without one, else 480p, else the only one.

    Returns:
        The sequence.

    Raises:
        ClipError: Something is missing, or images differ in size.
    """
    for text in (name, resolution):
        if text in (".", "..") or Path(text).name != text:
            raise ClipError(f"{text}: must be the name of a folder, not a path")
    if not name:
        raise ClipError("the name of the sequence is empty")
    for folder in (root, root / IMAGES, root / LABELS):
        if not folder.is_dir():
            raise ClipError(f"{folder}: no such folder; the layout needs {IMAGES} and {LABELS}")
    inside = Path(resolution or _resolution(root, name)) / name
    images = image_files(root / IMAGES / inside)
    label_folder = root / LABELS / inside
    if not label_folder.is_dir():
        raise ClipError(f"{label_folder}: no such folder; the sequence has no label images")
    shape = image_shape(images[0])
    for image in images:
        if image_shape(image) != shape:
            raise ClipError(f"{image}: has {_size(image_shape(image))} pixels, {images[0].name} {_size(shape)}")
    found = {
        number: file for number, image in enumerate(images) if (file := label_folder / f"{image.stem}.png").is_file()
    }
    if len(found) < 2:
        raise ClipError(f"{label_folder}: needs label images (png) of two images or more, has {len(found)}")
    return DavisSequence(name, tuple(images), found, shape)


def read_labels(path: Path, shape: tuple[int, int]) -> Labels:
    """Read a label image: palette or grey; an image of black and white has one object, number 1.

    Args:
        path: The PNG.
        shape: (H, W) that it must have.

    Returns:
        uint8 (H, W), 0 where there is no object or nobody decided.

    Raises:
        ClipError: It is unreadable, of another kind or of another size.
    """
    size = image_shape(path)
    if size != shape:
        raise ClipError(f"{path}: has {_size(size)} pixels, its image {_size(shape)} (height x width)")
    try:
        with Image.open(path) as image:
            mode = image.mode
            values = np.asarray(image).astype(np.uint8) if mode in ("P", "L", "1") else None
    except (OSError, ValueError, SyntaxError) as error:
        raise ClipError(f"{path}: cannot be read as an image ({error})") from error
    if values is None:
        raise ClipError(f"{path}: must be a palette or grey image with object numbers, not {mode}")
    if mode != "P" and set(np.unique(values).tolist()) <= {0, VOID}:
        return (values > 0).astype(np.uint8)
    return np.where(values == VOID, 0, values).astype(np.uint8)


def import_sequence(
    sequence: DavisSequence,
    out: Path,
    before: int | None = None,
    after: int | None = None,
    objects: Collection[int] = (),
    source: str = "",
    licence: str = "",
) -> ClipInteraction:
    """Write a clip folder with all images of a sequence and one interaction.

    Args:
        sequence: The sequence.
        out: The folder to write; it must be missing or empty.
        before: Frame number before the interaction; None for the first that has labels.
        after: Frame number after it; None for the last that has labels.
        objects: The objects that moved; none means all.
        source: Where the sequence comes from.
        licence: Its licence.

    Returns:
        The interaction that was written; its masks are those of the objects. The clip's ``parts`` are all labels of
        the frame after.

    Raises:
        ClipError: A frame has no labels, an object is not there, or ``out`` is not empty.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ClipError(f"{out}: is there already and not empty; choose another folder with --out")
    before = min(sequence.labels) if before is None else before
    after = max(sequence.labels) if after is None else after
    if before >= after:
        raise ClipError(f"the frame before must come earlier than the one after, got {before} and {after}")
    labels = {number: _labels_of(sequence, number) for number in (before, after)}
    masks = []
    for number, image in labels.items():
        there = set(np.unique(image).tolist()) - {0}
        missing = sorted(set(objects) - there)
        if missing or not there:
            raise ClipError(
                f"{sequence.labels[number]}: has no object {', '.join(map(str, missing)) or 'at all'}; "
                f"its objects are {', '.join(map(str, sorted(there))) or 'none'}"
            )
        masks.append(np.isin(image, sorted(objects or there)))
    interaction = ClipInteraction(before, after, masks[0], masks[1])
    with atomic_folder(out) as stage:
        writer = ClipWriter(stage, None, source or f"sequence {sequence.name}", licence, "object masks of the sequence")
        (stage / "frames").mkdir()
        for file in sequence.images:
            shutil.copyfile(file, stage / "frames" / file.name)
        writer.add_interaction(interaction)
        writer.set_parts(labels[after])
    return interaction


def _labels_of(sequence: DavisSequence, number: int) -> Labels:
    if number not in sequence.labels:
        numbers = sorted(sequence.labels)
        shown = ", ".join(map(str, numbers)) if len(numbers) <= 10 else f"{numbers[0]} to {numbers[-1]}"
        reason = (
            "no label image"
            if 0 <= number < len(sequence.images)
            else f"not there: the sequence has {len(sequence.images)} images"
        )
        raise ClipError(f"{sequence.name}: frame {number}: {reason}; frames with labels: {shown}")
    return read_labels(sequence.labels[number], sequence.shape)


def _resolution(root: Path, name: str) -> str:
    """The folder of the resolution, empty where the layout has none."""
    if (root / IMAGES / name).is_dir():
        return ""
    found = sorted(folder.parent.name for folder in (root / IMAGES).glob(f"*/{name}") if folder.is_dir())
    if PREFERRED_RESOLUTION in found:
        return PREFERRED_RESOLUTION
    if len(found) > 1:
        raise ClipError(f"{root / IMAGES}: has {name} as {', '.join(found)}; choose one with --resolution")
    if not found:
        raise ClipError(f"{root / IMAGES}: has no sequence {name}")
    return found[0]


def _size(shape: tuple[int, int]) -> str:
    return f"{shape[0]} x {shape[1]}"
