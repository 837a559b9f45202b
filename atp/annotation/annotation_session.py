"""A clip folder that is being annotated: opening it, and saving what was drawn."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from assets.files import atomic_folder, copy_files, write_json
from atp.annotation.jpeg_frames import ImageFolderJpegFrames, JpegFrames, open_frames
from atp.annotation.polygons import (
    ANNOTATION_FILE,
    Annotation,
    AnnotationError,
    DrawnInteraction,
    label_image,
    parse_annotation,
    rasterise,
    read_json,
)
from atp.clips import CLIP_FILE, ClipInteraction
from atp.clips.writing import ClipWriter

FORMAT = 1
METHOD = "polygons drawn by hand with atp annotate"
MASKS = ("moved_before", "moved_after")
#: Keys of clip.json that saving writes anew; every other one is kept.
OWN_KEYS = ("video", "frames", "interactions", "parts", "annotation")


class ConflictError(ValueError):
    """Another page saved since this one was opened.

    Attributes:
        revision: The revision that is saved.
    """

    def __init__(self, revision: int) -> None:
        super().__init__("another page has saved since this one was opened")
        self.revision = revision


class AnnotationSession:
    """One video under annotation.

    Args:
        path: A video file, a folder of images, or a clip folder. One that was annotated here is opened for
            editing; of one with other masks only the frame numbers and actions are taken, to another folder.
        out: The clip folder to write; None for the clip folder that ``path`` is.
        source: Where the video comes from; empty keeps what the clip says.
        licence: Its licence; empty keeps what the clip says.

    Attributes:
        frames: The video's frames.
        folder: The clip folder to write.
        annotation: What is drawn, as last saved.
        revision: How often it was saved in this session.
        lock: Held while saving.

    Raises:
        ValueError: Something is missing or broken, or the folder holds what would be lost; the message names it.
    """

    frames: JpegFrames

    def __init__(self, path: Path, out: Path | None = None, source: str = "", licence: str = "") -> None:
        if path.name == CLIP_FILE:
            path = path.parent
        if not path.exists():
            raise AnnotationError(f"{path}: no such video file or folder")
        self._texts = {"source": source, "licence": licence}
        self._origin = path.resolve() if (path / CLIP_FILE).is_file() else None
        self.folder = self._target(path, out)
        self.revision = 0
        self.lock = threading.Lock()
        if self._origin is None:
            self.frames = open_frames(path.resolve())
            self.annotation = self._blank()
        else:
            clip = read_json(self._origin / CLIP_FILE)
            self.frames = open_frames(_media(self._origin, clip))
            self.annotation = self._drawn(self._origin, clip)

    def state(self) -> dict[str, Any]:
        """What the page needs to start: name, frames, height, width, revision and the annotation."""
        with self.lock:
            return {
                "name": self.folder.name,
                "frames": self.frames.count,
                "height": self.frames.shape[0],
                "width": self.frames.shape[1],
                "revision": self.revision,
                "annotation": self.annotation.as_json(),
            }

    def save(self, data: Any) -> int:
        """Check what the page sent and write the clip folder anew.

        Args:
            data: ``revision`` that the page started from, and what :func:`parse_annotation` reads.

        Returns:
            The new revision.

        Raises:
            AnnotationError: The data are wrong. Nothing is written.
            ConflictError: The revision is an old one. Nothing is written.
            OSError: It cannot be written. The folder is as it was.
        """
        if not isinstance(data, dict):
            raise AnnotationError("annotation: must be an object")
        drawn = {key: value for key, value in data.items() if key != "revision"}
        annotation = parse_annotation(drawn, self.frames.shape, self.frames.count)
        with self.lock:
            if data.get("revision") != self.revision:
                raise ConflictError(self.revision)
            self._write(annotation)
            self.annotation = annotation
            self.revision += 1
            return self.revision

    def _write(self, annotation: Annotation) -> None:
        base = self.folder if (self.folder / CLIP_FILE).is_file() else self._origin
        clip = read_json(base / CLIP_FILE) if base else {}
        texts = {key: text or str(clip.get(key) or "") for key, text in self._texts.items()}
        images = isinstance(self.frames, ImageFolderJpegFrames)
        inside = self.frames.path.is_relative_to(self.folder)
        with atomic_folder(self.folder) as stage:
            if base:
                copy_files(base, stage, _own_files(clip), link=base == self.folder)
            writer = ClipWriter(stage, None if images else self.frames.path, **texts, annotation=METHOD)
            if isinstance(self.frames, ImageFolderJpegFrames):
                others = {file.name for file in self.frames.path.iterdir()}
                others -= {file.name for file in self.frames.files}
                copy_files(self.frames.path, stage / "frames", others, link=inside)
            for drawn in annotation.interactions:
                writer.add_interaction(self._with_masks(drawn))
            if annotation.parts:
                writer.set_parts(label_image(annotation.parts, self.frames.shape))
            written = read_json(stage / CLIP_FILE)
            kept = {key: value for key, value in clip.items() if key not in OWN_KEYS}
            write_json(stage / CLIP_FILE, kept | written)
            write_json(stage / ANNOTATION_FILE, {"format": FORMAT, **annotation.as_json()})
        if inside:
            self.frames.moved(_media(self.folder, written))

    def _with_masks(self, drawn: DrawnInteraction) -> ClipInteraction:
        before, after = (
            rasterise(polygons, self.frames.shape) if polygons else None
            for polygons in (drawn.polygons_before, drawn.polygons_after)
        )
        return ClipInteraction(drawn.before, drawn.after, before, after, drawn.action)

    def _target(self, path: Path, out: Path | None) -> Path:
        """The folder to write, once it is sure that nothing in it would be lost."""
        if out is None:
            if self._origin is None:
                raise AnnotationError(f"{path}: name the clip folder to write with --out")
            return self._origin
        target = out.resolve()
        if target == self._origin:
            return target
        if (target / ANNOTATION_FILE).is_file():
            raise AnnotationError(f"{out}: holds an annotation already; continue it with `atp annotate {out}`")
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise AnnotationError(f"{out}: is there already and not empty; choose another folder with --out")
        if target.is_relative_to(path.resolve()):
            raise AnnotationError(f"{out}: lies in {path}; choose a folder outside of it with --out")
        return target

    def _blank(self) -> Annotation:
        if self.frames.count < 2:
            raise AnnotationError(f"{self.frames.path}: needs two frames or more, this has one")
        return Annotation((DrawnInteraction(0, self.frames.count - 1),))

    def _drawn(self, folder: Path, clip: dict[str, Any]) -> Annotation:
        file = folder / ANNOTATION_FILE
        if file.is_file():
            data = read_json(file)
            if data.pop("format", None) != FORMAT:
                raise AnnotationError(f"{file}: 'format' must be {FORMAT}; another version of atp wrote it")
            return parse_annotation(data, self.frames.shape, self.frames.count, str(file))
        entries = clip.get("interactions")
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise AnnotationError(f"{folder / CLIP_FILE}: 'interactions' must be a list of objects")
        masks = clip.get("parts") is not None or any(entry.get(name) for entry in entries for name in MASKS)
        if masks and self.folder == folder:
            raise AnnotationError(
                f"{folder}: has masks that were not drawn here and would be lost; "
                "choose another folder for the new ones with --out"
            )
        if not entries:
            return self._blank()
        known = ("before", "after", "hold", "push", "direction")
        actions = [{key: entry[key] for key in known if key in entry} for entry in entries]
        where = str(folder / CLIP_FILE)
        return parse_annotation({"interactions": actions}, self.frames.shape, self.frames.count, where)


def _media(folder: Path, clip: dict[str, Any]) -> Path:
    """The video or the folder of frames that a clip.json names, which may not lead out of its folder."""
    key = "video" if clip.get("video") is not None else "frames"
    name = clip.get(key)
    if not isinstance(name, str) or not name or "\0" in name:
        raise AnnotationError(f"{folder / CLIP_FILE}: needs a 'video' or a folder of 'frames'")
    path = (folder / name).resolve()
    if not path.is_relative_to(folder) or path == folder:
        raise AnnotationError(f"{folder / CLIP_FILE}: '{key}' leads out of the clip's folder: {name}")
    return path


def _own_files(clip: dict[str, Any]) -> set[str]:
    """Names of the files in a clip folder that saving writes anew."""
    entries = [entry for entry in clip.get("interactions", []) if isinstance(entry, dict)]
    named = [clip.get(key) for key in ("video", "frames", "parts")]
    named += [entry.get(name) for entry in entries for name in MASKS]
    return {CLIP_FILE, ANNOTATION_FILE, *(name.rstrip("/") for name in named if isinstance(name, str))}
