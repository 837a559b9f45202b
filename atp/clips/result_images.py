"""What was found in a clip, as a strip and a video."""

from __future__ import annotations

from collections.abc import Iterator

from atp.articulation.articulated_model import Articulation
from atp.clips.scoring import METHODS, ClipResult, InteractionResult, MaskScore
from atp.drawing.interactions import Found, ShownInteraction, comparison_strip, motion_video
from atp.types import Image, Mask


def draw_strip(result: ClipResult, model: Articulation | None = None) -> Image:
    """A grid with two rows for each interaction and a column for each method, uint8 (H, W, 3).

    A last row shows the parts, where there were several interactions or the parts are annotated, or where there is a
    model, whose joints are drawn into the agent's (:func:`atp.clips.clip_joints.clip_model`).
    """
    return comparison_strip(shown_interactions(result, model), title=result.clip.name)


def draw_video(result: ClipResult) -> Iterator[Image]:
    """Frames of a video, uint8 (H, W, 3): of each interaction the frame before, then after, with the agent's masks."""
    return motion_video(shown_interactions(result))


def shown_interactions(result: ClipResult, model: Articulation | None = None) -> list[ShownInteraction]:
    """What is shown of each interaction: masks and parts are brought from the network's pixels to the frames'."""
    with_parts = len(result.interactions) > 1 or result.part_scores is not None or model is not None
    shown = []
    for entry in result.interactions:
        last = with_parts and entry is result.interactions[-1]
        interaction = entry.interaction
        shown.append(
            ShownInteraction(
                *entry.frames,
                {
                    title: _found(result, entry, method, last, model if method == "agent" else None)
                    for method, title in METHODS.items()
                },
                interaction.action,
                result.clip.shape,
                interaction.moved_before,
                interaction.moved_after,
                result.clip.parts if last else None,
                (interaction.before, interaction.after),
            )
        )
    return shown


def _found(
    result: ClipResult, entry: InteractionResult, method: str, with_parts: bool, model: Articulation | None
) -> Found:
    before, after = (result.box.mask_to_frame(mask) for mask in entry.masks[method])
    notes = [_note(score) for score in entry.scores[method]]
    parts = result.box.labels_to_frame(result.parts[method]) if with_parts else None
    scores = result.part_scores[method] if with_parts and result.part_scores else None
    texts = (notes[0], notes[1], f"mIoU {scores['miou']:.2f}" if scores else "")
    agents: list[Mask | None] = [None, None]
    if method == "agent" and entry.agents is not None:
        agents = [result.box.mask_to_frame(mask) for mask in entry.agents]
    return Found(before, after, parts, texts, model if with_parts else None, *agents)


def _note(score: MaskScore) -> str:
    if score.false_motion is not None:
        return f"false {100 * score.false_motion:.1f} %"
    return "" if score.iou is None else f"IoU {score.iou:.2f}"
