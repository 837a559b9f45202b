"""``atp clip``: find what moved in real video clips, and score it where masks are there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol

import numpy as np
import tyro
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from atp.clip_pictures import METHODS, ClipResult, Pair, draw_strip, draw_video
from atp.clips import Clip, ClipError, ClipInteraction, find_clips, read_clip, read_frames
from atp.files import write_json
from atp.letterbox import Letterbox
from atp.metrics import mask_iou
from atp.perception import BASELINES
from atp.pictures import Picture, write_png, write_video

Mask = NDArray[np.bool_]
Iou = float | None
SCORES = ("motion_iou_before", "motion_iou_after", "motion_iou")
DEFAULT_RESOLUTION = 90
FPS = 25


class MotionSegmenter(Protocol):
    """What the command needs of an agent."""

    def segment_motion(
        self, before: dict[str, Any], after: dict[str, Any], action: NDArray[np.int64] | None
    ) -> Pair:
        """Return M_t and M_{t+1}, bool (H, W), for two observations."""
        ...


@dataclass(frozen=True)
class ClipOptions:
    """Find what moved in real video clips; score it where the clip has masks."""

    paths: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="PATH...")]
    """Clip folders (with a clip.json), folders of clip folders, or video files."""
    weights: str = "default"
    """Name of shipped weights, or a checkpoint folder."""
    out: Path = Path("runs/clip")
    """Folder for the pictures and videos."""
    json: Path | None = None
    """File for the scores; clips.json in the folder of the pictures if not given."""
    device: str = "auto"
    """auto, cpu or cuda."""
    seed: int = 0
    """Seed of PyTorch's random numbers."""


def run(options: ClipOptions, agent: MotionSegmenter | None = None) -> dict[str, Any]:
    """Segment and score clips; write a picture and a video for each, and the scores as JSON.

    IoU is computed at the network's resolution on the area that the frame covers, with the annotated masks
    brought there by area: they are drawn by hand and good to a few of its pixels. Frame difference and DIS
    flow see the same images, at their fixed thresholds.

    Args:
        options: What to read and where to write.
        agent: Used in place of the weights, at the resolution in its ``config`` (90 without one).

    Returns:
        What is written as JSON: ``weights``, ``resolution``, ``seed``; ``clips``, a list of ``name``,
        ``motion_iou_before`` (of M_t), ``motion_iou_after`` (of M_{t+1}), ``motion_iou`` (their mean),
        ``baselines`` (for ``frame_difference`` and ``dis_flow`` the same three), ``interactions``,
        ``picture`` and ``video``; ``mean_motion_iou`` over the clips and ``mean_baselines``. A score is None
        where there is no mask.

    Raises:
        ClipError: If a clip cannot be read.
        atp.checkpoint.CheckpointError: If the weights cannot be read.
    """
    clips = [read_clip(path) for path in find_clips(options.paths)]
    # Here, so that asking for help does not wait for PyTorch.
    import torch

    torch.manual_seed(options.seed)
    if agent is None:
        from atp.agent import Agent

        agent = Agent.from_pretrained(options.weights, device=options.device)
        agent.certainty = 0.0  # something did move in a clip
    resolution = int(getattr(agent, "config", {}).get("resolution", DEFAULT_RESOLUTION))
    entries = []
    for clip, stem in zip(clips, _unique([clip.name for clip in clips]), strict=True):
        results = _segment(clip, agent, resolution)
        picture, video = options.out / f"{stem}.png", options.out / f"{stem}.mp4"
        write_png(picture, draw_strip(clip, results, resolution))
        write_video(video, draw_video(clip, results, resolution), FPS)
        entries.append({**_entry(clip.name, results), "picture": str(picture), "video": str(video)})
    result = {
        "weights": options.weights,
        "resolution": resolution,
        "seed": options.seed,
        "clips": entries,
        "mean_motion_iou": _mean([entry["motion_iou"] for entry in entries]),
        "mean_baselines": {
            name: _mean([entry["baselines"][name]["motion_iou"] for entry in entries]) for name in BASELINES
        },
    }
    write_json(options.json or options.out / "clips.json", result)
    return result


def main(options: ClipOptions) -> None:
    """Run the command and print its scores."""
    report(run(options), Console())


def report(result: dict[str, Any], console: Console) -> None:
    """Print the scores of `run`: a table on a terminal, plain lines anywhere else."""
    lines = [
        (entry["name"], METHODS[method], *(_text(scores[key]) for key in SCORES))
        for entry in result["clips"]
        for method, scores in (("agent", entry), *entry["baselines"].items())
    ]
    means = (("agent", result["mean_motion_iou"]), *result["mean_baselines"].items())
    lines += [("mean", METHODS[method], "", "", _text(value)) for method, value in means]
    header = ("clip", "method", "IoU before", "IoU after", "mean IoU")
    if console.is_terminal:
        table = Table(*header, title="Motion in real clips")
        for line in lines:
            table.add_row(*line, end_section=line[1] == METHODS["dis_flow"])
        console.print(table)
    else:
        for line in (header, *lines):
            print("\t".join(line), file=console.file)
    for entry in result["clips"]:
        print(f"{entry['picture']}  {entry['video']}", file=console.file)


def _segment(clip: Clip, agent: MotionSegmenter, resolution: int) -> list[ClipResult]:
    box = Letterbox(*clip.shape, resolution)
    numbers = [number for found in clip.interactions for number in (found.before, found.after)]
    frames = read_frames(clip.video, numbers)
    results = []
    for interaction in clip.interactions:
        pair = frames[interaction.before], frames[interaction.after]
        before, after = (box.image(frame) for frame in pair)
        masks = {
            "agent": agent.segment_motion(
                _observation(before), _observation(after), _action(interaction, box)
            ),
            **{name: method(before, after) for name, method in BASELINES.items()},
        }
        valid = {name: (first & box.valid, second & box.valid) for name, (first, second) in masks.items()}
        truth = [
            None if mask is None else _true_mask(mask, box, clip)
            for mask in (interaction.moved_before, interaction.moved_after)
        ]
        ious = {
            name: (_iou(first, truth[0]), _iou(second, truth[1])) for name, (first, second) in valid.items()
        }
        results.append(ClipResult(interaction, pair, valid, ious))
    return results


def _observation(rgb: Picture) -> dict[str, Any]:
    """An observation of a camera alone: no depth, nothing known of touch."""
    return {"rgb": rgb, "depth": None, "touch": np.zeros(2, np.int8)}


def _action(interaction: ClipInteraction, box: Letterbox) -> NDArray[np.int64] | None:
    """The action in network pixels, if the clip tells all of it."""
    if interaction.hold is None or interaction.push is None or interaction.direction is None:
        return None
    hold, push = box.pixel(*interaction.hold), box.pixel(*interaction.push)
    return np.array([*hold, *push, interaction.direction], np.int64)


def _true_mask(mask: Mask, box: Letterbox, clip: Clip) -> Mask:
    small = box.mask(mask)
    if not small.any():
        raise ClipError(f"{clip.video.parent}: a mask vanishes at {box.resolution} x {box.resolution} pixels")
    return small


def _iou(found: Mask, true: Mask | None) -> Iou:
    return None if true is None else float(mask_iou(found, true))


def _mean(values: Iterable[Iou]) -> Iou:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _scores(pairs: Sequence[tuple[Iou, Iou]]) -> dict[str, Iou]:
    """The three scores of one method, over one or more interactions."""
    before, after = (_mean(pair[moment] for pair in pairs) for moment in (0, 1))
    return dict(zip(SCORES, (before, after, _mean([before, after])), strict=True))


def _entry(name: str, results: Sequence[ClipResult]) -> dict[str, Any]:
    def scored(some: Sequence[ClipResult]) -> dict[str, Any]:
        return {
            **_scores([result.ious["agent"] for result in some]),
            "baselines": {key: _scores([result.ious[key] for result in some]) for key in BASELINES},
        }

    numbers = [{"before": result.interaction.before, "after": result.interaction.after} for result in results]
    return {
        "name": name,
        **scored(results),
        "interactions": [{**pair, **scored([result])} for pair, result in zip(numbers, results, strict=True)],
    }


def _unique(names: Sequence[str]) -> list[str]:
    """File stems for clip names, with a number added to a name that was there already."""
    stems: list[str] = []
    for name in names:
        stem, number = name, 2
        while stem in stems:
            stem, number = f"{name}-{number}", number + 1
        stems.append(stem)
    return stems


def _text(value: Iou) -> str:
    return "-" if value is None else f"{value:.3f}"
