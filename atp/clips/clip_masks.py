"""Masks of what was found in a clip, in files for other tools, at the size of its frames."""

from __future__ import annotations

from pathlib import Path

from atp.clips.letterbox import Letterbox
from atp.clips.scoring import ClipResult
from atp.drawing.mask_files import MaskFolder


def write_masks(result: ClipResult, folder: Path) -> None:
    """Write what the agent saw moving before and after each interaction, and the parts after the last.

    Files are named by the interaction's number, the moment and the frame's number, such as ``1-before-000012.png``.

    Args:
        result: What was found.
        folder: Where to; see :class:`atp.drawing.mask_files.MaskFolder`.

    Raises:
        ClipError: A frame cannot be read.
    """
    clip = result.clip
    found = [entry.interaction for entry in result.interactions]
    frames = dict(clip.footage.frames([number for each in found for number in (each.before, each.after)]))
    masks = MaskFolder(folder)
    for index, entry in enumerate(result.interactions, start=1):
        moments = {"before": entry.interaction.before, "after": entry.interaction.after}
        for (moment, number), mask in zip(moments.items(), entry.masks["agent"], strict=True):
            whole = Letterbox(*clip.shape, len(mask))  # of the frame itself: those in the result are reduced
            masks.moved(f"{index}-{moment}-{number:06d}", frames[number], whole.mask_to_frame(mask))
    last, labels = result.interactions[-1].interaction.after, result.parts["agent"]
    parts = Letterbox(*clip.shape, len(labels)).labels_to_frame(labels)
    masks.labelled(f"parts-{last:06d}", frames[last], parts)
    masks.finish()
