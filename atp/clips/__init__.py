"""Real clips: reading, finding what happens in them, scoring, and writing them (`clip.json`)."""

from atp.clips.clip import CLIP_FILE, Clip, ClipInteraction
from atp.clips.errors import ClipError
from atp.clips.folder import find_clips, read_clip
from atp.clips.video import read_frames

__all__ = [
    "CLIP_FILE",
    "Clip",
    "ClipError",
    "ClipInteraction",
    "find_clips",
    "read_clip",
    "read_frames",
]
