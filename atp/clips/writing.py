"""Writing clip folders, the format that :mod:`atp.clips.clip_folder` reads."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.files import atomic_path, write_json
from atp.clips.clip import CLIP_FILE, ClipInteraction
from atp.clips.errors import ClipError
from atp.clips.image_folder import list_images
from atp.types import Image, Labels

#: Metres of one unit of a stored depth image: tenths of a millimetre, so that 16 bits hold 6.5 m.
DEPTH_SCALE = 0.0001


class ClipWriter:
    """A clip folder that grows while somebody plays or annotates; it can be read after every call.

    With a video, the folder gets a copy of it. Without, its frames are images of their own::

        clip/clip.json  clip/frames/000000.png  clip/depth/000000.png  clip/moved_before_0.png ...

    Args:
        folder: Where to; made if it is not there.
        video: A video to copy into the folder; None for images that :meth:`add_frame` adds.
        source: Where the video comes from.
        licence: Its licence.
        annotation: How masks were made.

    Raises:
        ClipError: The folder has a clip in it already, or the video is missing; the message names it.
    """

    def __init__(
        self,
        folder: str | Path,
        video: str | Path | None = None,
        source: str = "",
        licence: str = "",
        annotation: str = "",
    ) -> None:
        self.folder = Path(folder)
        if (self.folder / CLIP_FILE).exists():
            raise ClipError(f"{self.folder / CLIP_FILE}: there is a clip already; choose another folder")
        self._data: dict[str, Any] = {"frames": "frames"}
        if video is not None:
            video = Path(video)
            if not video.is_file():
                raise ClipError(f"{video}: no such video file")
            name = f"video{video.suffix.lower()}"
            self._data = {"video": name}
            with atomic_path(self.folder / name) as temporary:
                shutil.copyfile(video, temporary)
        texts = {"source": source, "licence": licence, "annotation": annotation}
        self._data |= {key: text for key, text in texts.items() if text}
        self._data["interactions"] = []
        self._frames = 0

    @classmethod
    def reopen(cls, folder: str | Path) -> ClipWriter:
        """Resume a clip of images.

        Args:
            folder: The clip folder.

        Returns:
            A writer that adds to what is there. Images that belong to no interaction are removed: whoever wrote them
            may have been stopped between an image and its depth.

        Raises:
            ClipError: There is no such clip, or it is one of a video.
        """
        file = Path(folder) / CLIP_FILE
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ClipError(f"{file}: cannot be read ({error})") from error
        if not isinstance(data, dict) or data.get("frames") != "frames":
            raise ClipError(f"{file}: is not a clip of images that can be resumed")
        writer = cls.__new__(cls)
        writer.folder, writer._data = Path(folder), data
        entries = data.setdefault("interactions", [])
        writer._frames = max((entry["after"] + 1 for entry in entries), default=0)
        for kind in ("frames", "depth"):
            for image in list_images(writer.folder / kind)[writer._frames :]:
                image.unlink()
        return writer

    @property
    def frames(self) -> int:
        """How many frames there are."""
        return self._frames

    def add_frame(self, rgb: Image, depth: NDArray[np.float32] | None = None) -> int:
        """Add an image.

        Args:
            rgb: (H, W, 3) uint8.
            depth: (H, W) metres, 0 where there is no reading; kept to a tenth of a millimetre, up to 6.5 m. Every frame
                has one, or none has.

        Returns:
            The number of the frame, from 0.

        Raises:
            ValueError: The folder is that of a video, or only some frames have depth.
        """
        if "video" in self._data:
            raise ValueError(f"{self.folder}: is the clip of a video, which has its frames")
        if self._frames and (depth is not None) != ("depth" in self._data):
            raise ValueError(f"{self.folder}: either every frame has a depth image or none")
        number = self._frames
        _write_image(self.folder / "frames" / f"{number:06}.png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        if depth is not None:
            readings = np.where(np.isfinite(depth), depth, 0) / DEPTH_SCALE
            stored = np.clip(np.rint(readings), 0, 65_535).astype(np.uint16)
            _write_image(self.folder / "depth" / f"{number:06}.png", stored)
            self._data |= {"depth": "depth", "depth_scale": DEPTH_SCALE}
        self._frames += 1
        return number

    def add_interaction(self, interaction: ClipInteraction) -> None:
        """Add an interaction, with its masks where it has any, and write ``clip.json`` anew."""
        entry: dict[str, Any] = {"before": interaction.before, "after": interaction.after}
        index = len(self._data["interactions"])
        for name in ("moved_before", "moved_after"):
            mask = getattr(interaction, name)
            if mask is not None and mask.any():
                entry[name] = f"{name}_{index}.png"
                _write_image(self.folder / entry[name], mask.astype(np.uint8) * 255)
        entry |= interaction.action.to_json()
        self._data["interactions"].append(entry)
        self._write()

    def set_parts(self, labels: Labels) -> None:
        """Keep the true parts of the last interaction's frame after, (H, W) uint8, 0 background."""
        _write_image(self.folder / "parts.png", labels)
        self._data["parts"] = "parts.png"
        self._write()

    def _write(self) -> None:
        write_json(self.folder / CLIP_FILE, self._data)


def _write_image(path: Path, image: NDArray[Any] | Sequence[Any]) -> None:
    """Write a PNG under a temporary name, then rename it."""
    done, encoded = cv2.imencode(".png", np.asarray(image))
    if not done:
        raise ValueError(f"{path}: the image cannot be written as PNG")
    with atomic_path(path) as temporary:
        temporary.write_bytes(encoded.tobytes())
