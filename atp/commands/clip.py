"""``atp clip``: find what moved in real video clips, and score it where masks are there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from atp.clips import find_clips, read_clip
from atp.clips.clip_joints import clip_model, frame_scale, scaled_model
from atp.clips.clip_masks import write_masks
from atp.clips.clip_results import clip_scores, clips_result, method_scores
from atp.clips.result_images import draw_strip, draw_video
from atp.clips.scoring import METHODS, MotionSegmenter, evaluate_clip
from atp.commands.loading import load_agent
from atp.commands.options.clip import ClipOptions
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


def run(options: ClipOptions, agent: MotionSegmenter | None = None) -> ClipsResult:
    """Segment and score clips; write an image, a video and a folder of masks for each, and the scores as JSON.

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
        write_masks(found, options.out / f"{stem}.masks")
        entries.append(clip_scores(found, image, video))
    result = clips_result(options.weights, resolution, options.seed, entries)
    result.write(options.json or options.out / "clips.json")
    return result


def main(options: ClipOptions) -> None:
    """Run the command and print its scores."""
    report(run(options), Console())


def report(result: ClipsResult, console: Console) -> None:
    """Print the scores of `run`: tables on a terminal, plain lines anywhere else; words where nothing is annotated."""
    if all(_is_plain(entry) for entry in result.clips):
        for entry in result.clips:
            _print_summary(entry, console)
        return
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
        print(_files(entry), file=console.file)


def _is_plain(entry: ClipScores) -> bool:
    """Whether nothing is annotated, so that there is no score."""
    methods = [method_scores(entry, method) for method in METHODS]
    return all(m.motion_iou is None and m.false_motion is None and m.parts is None for m in methods)


def _print_summary(entry: ClipScores, console: Console) -> None:
    """A clip without annotation: between which frames something moved, how much of the picture, and the files."""
    how = "found" if entry.found else "given"
    print(f"{entry.name}: {len(entry.interactions)} interactions ({how}), nothing to score by", file=console.file)
    for number, pair in enumerate(entry.interactions, start=1):
        shares = pair.moved_share or (0.0, 0.0)
        what = "nothing moved"
        if any(shares):
            what = f"{100 * shares[0]:.1f} % of the frame moved before, {100 * shares[1]:.1f} % after"
        print(f"  {number}. frames {pair.before} to {pair.after}: {what}", file=console.file)
    print(f"  {entry.parts_found} parts found", file=console.file)
    print(f"  {_files(entry)}", file=console.file)


def _files(entry: ClipScores) -> str:
    return f"{entry.image}  {entry.video}  {Path(entry.image).with_suffix('.masks')}"


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
