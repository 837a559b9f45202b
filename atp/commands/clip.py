"""``atp clip``: find what moved in real video clips, and score it where masks are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.table import Table

from atp.clips import find_clips, read_clip
from atp.clips.clip_joints import clip_model, frame_scale, scaled_model
from atp.clips.clip_results import clip_scores, clips_result, method_scores
from atp.clips.result_images import draw_strip, draw_video
from atp.clips.scoring import METHODS, MotionSegmenter, evaluate_clip
from atp.commands.loading import load_agent
from atp.drawing.export import write_png, write_video
from atp.drawing.film import FPS
from atp.jobs.progress import track
from atp.results.clip import ClipScores, ClipsResult

#: Columns of the table of clips by title, and those that are always there.
COLUMNS = {
    "IoU before": "motion_iou_before",
    "IoU after": "motion_iou_after",
    "mean IoU": "motion_iou",
    "without agent": "motion_iou_without_agent",
    "false motion": "false_motion",
    "mIoU": "miou",
    "MAPE": "mape",
    "dH95 (px)": "hd95",
}
ALWAYS = ("motion_iou_before", "motion_iou_after", "motion_iou")
#: Columns of the table of means.
MEANS = {"mean IoU": "motion_iou", "without agent": "motion_iou_without_agent", "false motion": "false_motion"}
DEFAULT_RESOLUTION = 90


@dataclass(frozen=True)
class ClipOptions:
    """Find what moved in real video clips; score it where the clip has masks."""

    paths: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="PATH...")]
    """Clip folders (with a clip.json), folders of clip folders, folders of images, or video files."""
    source: str = ""
    """Clip source that reads them, module:name for one of your own; the one that recognises a path if not given."""
    weights: str = "video"
    """Name of shipped weights, or a checkpoint folder."""
    out: Path = Path("runs/clip")
    """Folder for the images and videos."""
    json: Path | None = None
    """File for the scores; clips.json in the folder of the images if not given."""
    steadies: bool = True
    """Correct the camera's shaking and its exposure between the two frames."""
    depth: bool = True
    """Use the depth images of clips that have them."""
    model: bool = False
    """Also estimate the joints of what moved, in the plane of the image: NAME.articulation.json, and in the image."""
    second_look: bool = True
    """Look again, closer, at what was seen moving."""
    device: str = "auto"
    """auto, cpu or cuda."""
    seed: int = 0
    """Seed of PyTorch's random numbers."""


def run(options: ClipOptions, agent: MotionSegmenter | None = None) -> ClipsResult:
    """Segment and score clips; write an image and a video for each, and the scores as JSON.

    See :func:`atp.clips.scoring.evaluate_clip` for what is scored and how.

    Args:
        options: What to read and where to write.
        agent: Used in place of the weights, at the resolution in its ``config`` (90 without one).

    Returns:
        What is written as JSON.

    Raises:
        ClipError: If a clip cannot be read.
        atp.checkpoint.CheckpointError: If the weights cannot be read.
    """
    clips = [read_clip(path, options.source) for path in find_clips(options.paths, options.source)]
    # Here, so that asking for help does not wait for PyTorch.
    import torch

    torch.manual_seed(options.seed)
    if agent is None:
        agent = load_agent(options.weights, options.device).for_clips()
    resolution = int(getattr(agent, "config", {}).get("resolution", DEFAULT_RESOLUTION))
    entries = []
    console = Console(stderr=True)
    named = list(zip(clips, _unique([clip.name for clip in clips]), strict=True))
    for clip, stem in track(named, "clips", console=console):
        found = evaluate_clip(clip, agent, resolution, options.steadies, options.depth, options.second_look)
        image, video = options.out / f"{stem}.png", options.out / f"{stem}.mp4"
        model = clip_model(found, options.steadies) if options.model else None
        if model is not None:
            scaled_model(model, frame_scale(found)).write(options.out / f"{stem}.articulation.json")
        write_png(image, draw_strip(found, model))
        write_video(video, draw_video(found), FPS)
        entries.append(clip_scores(found, image, video))
    result = clips_result(options.weights, resolution, options.seed, entries)
    result.write(options.json or options.out / "clips.json")
    return result


def main(options: ClipOptions) -> None:
    """Run the command and print its scores."""
    report(run(options), Console())


def report(result: ClipsResult, console: Console) -> None:
    """Print the scores of `run`: tables on a terminal, plain lines anywhere else."""
    columns = {title: key for title, key in COLUMNS.items() if _has(result.clips, key)}
    lines: list[list[str]] = []
    for entry in result.clips:
        for method, title in METHODS.items():
            scores = method_scores(entry, method)
            values = {**vars(scores), **(vars(scores.parts) if scores.parts else {})}
            lines.append([entry.name, title, *(_text(key, values.get(key)) for key in columns.values())])
    for method, means in result.means.items():
        values = vars(means)
        lines.append(["mean", METHODS[method], *(_text(key, values.get(key)) for key in columns.values())])
    _print_table("Motion in real clips", ["clip", "method", *columns], lines, console)
    if len(result.clips) > 1:
        _print_table("Means over clips", *_means(result), console)
    for entry in result.clips:
        if entry.found:
            pairs = ", ".join(f"{pair.before} to {pair.after}" for pair in entry.interactions)
            print(f"{entry.name}: found between frames {pairs}", file=console.file)
        print(f"{entry.image}  {entry.video}", file=console.file)


def _means(result: ClipsResult) -> tuple[list[str], list[list[str]]]:
    """Header and lines of the table of groups of clips."""
    groups = [(f"all, {len(result.clips)} clips", result.means)]
    groups += [(f"{group.key.replace('_', ' ')}: {group.value}, {group.clips}", group.means) for group in result.groups]
    lines = []
    for name, means in groups:
        for method, mean in means.items():
            interval = "-" if mean.interval is None else "{:.2f} to {:.2f}".format(*mean.interval)
            values = (_text(key, getattr(mean, key)) for key in MEANS.values())
            lines.append([name, METHODS[method], next(values), interval, *values])
    first, *others = MEANS
    return ["clips", "method", first, "95 % interval", *others], lines


def _print_table(title: str, header: list[str], lines: list[list[str]], console: Console) -> None:
    """A table on a terminal, tab-separated lines anywhere else."""
    if not console.is_terminal:
        for line in (header, *lines):
            print("\t".join(line), file=console.file)
        return
    table = Table(*header, title=title)
    last = METHODS[list(METHODS)[-1]]
    for line in lines:
        table.add_row(*line, end_section=line[1] == last)
    console.print(table)


def _has(clips: Sequence[ClipScores], key: str) -> bool:
    """Whether a column says anything of any clip; those of motion are always there."""
    if key in ALWAYS:
        return True
    return any(getattr(clip, key, None) is not None or getattr(clip.parts, key, None) is not None for clip in clips)


def _unique(names: Sequence[str]) -> list[str]:
    """File stems for clip names, with a number added to a name that was there already."""
    stems: list[str] = []
    for name in names:
        stem, number = name, 2
        while stem in stems:
            stem, number = f"{name}-{number}", number + 1
        stems.append(stem)
    return stems


def _text(key: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{100 * value:.2f} %" if key == "false_motion" else f"{value:.3f}"
