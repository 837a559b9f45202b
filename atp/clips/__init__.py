"""Real clips: reading, finding what happens in them, scoring, and writing them (`clip.json`).

Importing it registers the clip sources of the package.
"""

from atp.clips import clip_folder, image_folder, video  # noqa: F401  each registers a clip source
from atp.clips.clip import CLIP_FILE, Clip, ClipInteraction
from atp.clips.errors import ClipError
from atp.clips.sources import CLIP_SOURCES, find_clips, read_clip
from atp.clips.video import read_frames

__all__ = [
    "CLIP_FILE",
    "CLIP_SOURCES",
    "Clip",
    "ClipError",
    "ClipInteraction",
    "find_clips",
    "read_clip",
    "read_frames",
]
