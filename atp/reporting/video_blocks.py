"""Blocks of ``docs/results/real-video.md``: how well motion is seen."""

from __future__ import annotations

from atp.reporting.result_files import Results, scores_source, source
from atp.reporting.tables import baselines_in, format_value, markdown_table, mean, method_title, perception_table
from atp.results.clip import ClipsResult
from atp.results.robustness import LeaveOneOutResult, LeaveOneOutRow, RobustnessResult


def perception(results: Results) -> str:
    """The part network and classical methods on the pairs of images that ours made in play."""
    table = perception_table(results.rows("full", "test", "ours"))
    return f"{scores_source('full', results.scores('full'))}\n\n{table}"


def clips(results: Results) -> str:
    """Real clips that nothing was chosen by."""
    return _clips_table(results, "clips")


def validation_clips(results: Results) -> str:
    """Real clips that the second look and the weights were chosen by."""
    return _clips_table(results, "validation-clips")


def _clips_table(results: Results, name: str) -> str:
    """Motion IoU in each clip, and what is said to have moved where nothing did."""
    result = results.read(ClipsResult, name)
    names = baselines_in(list(result.means))
    moving = [clip for clip in result.clips if clip.motion_iou is not None]
    lines = [
        [clip.name, *map(format_value, (clip.motion_iou, *(clip.baselines[name].motion_iou for name in names)))]
        for clip in moving
    ]
    lines.append(["mean", *(format_value(result.means[name].motion_iou) for name in ("agent", *names))])
    still = [clip for clip in result.clips if clip.false_motion is not None]
    lines += [
        [
            f"{clip.name}, false motion",
            *map(_percent, (clip.false_motion, *(clip.baselines[n].false_motion for n in names))),
        ]
        for clip in still
    ]
    table = markdown_table(["clip", "ours", *map(method_title, names)], lines)
    return f"{source(name, f'atp clip PATH --weights {result.weights}', 'mean IoU of both motion masks')}\n\n{table}"


def robustness(results: Results) -> str:
    """Motion IoU with synthetic image pairs in which one thing varies, of `default` and of what it started from."""
    result = results.read(RobustnessResult, "robustness")
    earlier = {row.variation: row for row in results.read(RobustnessResult, "robustness-four-categories").variations}
    first = result.variations[0]
    names = baselines_in(list(first.methods))
    lines = []
    for row in result.variations:
        methods = [row.methods["agent"], earlier[row.variation].methods["agent"], *(row.methods[n] for n in names)]
        lines.append([row.variation.replace("_", " "), *(format_value(scores.motion_iou) for scores in methods)])
    table = markdown_table(["what varies", "`default`", "`four-categories`", *map(method_title, names)], lines)
    more = f"{first.pairs} pairs for each row; `four-categories` from `robustness-four-categories.json`"
    return f"{source('robustness', result.command, more)}\n\n{table}"


def leave_one_out(results: Results) -> str:
    """What each variation of synthetic image pairs brings: short trainings with all of them and without one."""
    result = results.read(LeaveOneOutResult, "leave-one-out")
    whole, *others = result.rows
    lines = [["nothing", "", "", format_value(whole.variations["all"]), _of_clips(whole)]]
    lines += [
        [
            row.without.replace("_", " "),
            format_value(whole.variations[row.without]),
            format_value(row.variations[row.without]),
            format_value(row.variations["all"]),
            _of_clips(row),
        ]
        for row in others
    ]
    header = ["trained without", "its own pairs: trained with it", "without it", "all pairs", "clips"]
    origin = source("leave-one-out", result.command, f"{result.steps} steps each")
    return f"{origin}\n\n{markdown_table(header, lines)}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.2f} %"


def _of_clips(row: LeaveOneOutRow) -> str:
    return format_value(mean(list(row.clips.values())))
