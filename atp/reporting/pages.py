"""The documents that hold results: each block between two markers is written from the files in ``docs/results``.

A block begins with a line ``<!-- report: NAME -->`` and ends with ``<!-- end -->``; what is between them is replaced.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from atp.benchmark.ablations import VARIANTS
from atp.metrics import METRICS, shown_metrics
from atp.reporting import soup_pages as soups
from atp.reporting import speed_tables as speed
from atp.reporting.goals import goals_table
from atp.reporting.tables import (
    cross_table,
    format_value,
    markdown_table,
    mean_rows,
    perception_table,
    results_markdown,
)

BLOCK = re.compile(r"(<!-- report: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
RESULTS = Path("docs/results")
WEIGHTS = Path("assets/weights/default")
VIDEO_WEIGHTS = Path("assets/weights/video")
DOCUMENTS = (
    Path("README.md"),
    Path("docs/performance.md"),
    WEIGHTS / "README.md",
    VIDEO_WEIGHTS / "README.md",
)

#: Files of results of our policy by how it was trained.
TRAININGS = {
    "full": "ours: every interaction drawn four times, hindsight",
    "training-one-epoch": "every interaction drawn once",
    "training-no-hindsight": "rewards at the executed pixels alone",
}

#: Classical methods by name.
METHODS = {"frame_difference": "frame difference", "dis_flow": "DIS flow", "farneback": "Farneback flow"}

#: Metrics in which ablations and two trainings are compared.
COMPARED = ("miou", "optimal_rate_first_n", "motion_iou")

Result = dict[str, Any]


class Results:
    """The files of results of a repository.

    Args:
        root: Folder of the repository.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, name: str) -> Result:
        """Read ``docs/results/NAME.json``.

        Raises:
            ValueError: It is missing or no JSON; the message names the file.
        """
        return _read(self.root / RESULTS / f"{name}.json")

    def config(self, weights: Path = WEIGHTS) -> Result:
        """The config of shipped weights."""
        return _read(self.root / weights / "config.json")


def render(text: str, results: Results, name: str = "document") -> str:
    """Fill the blocks of a document.

    Args:
        text: The document.
        results: Where the figures come from.
        name: Of the document, for errors.

    Returns:
        The document with every block written anew.

    Raises:
        ValueError: A block has an unknown name, or its file is missing.
    """

    def fill(match: re.Match[str]) -> str:
        block = match[2]
        if block not in BLOCKS:
            raise ValueError(f"{name}: unknown block {block!r}: choose among {', '.join(BLOCKS)}")
        return f"{match[1]}{BLOCKS[block](results)}\n{match[3]}"

    return BLOCK.sub(fill, text)


def documents(root: Path) -> dict[Path, str]:
    """Every document with results as it should be, by path.

    Args:
        root: Folder of the repository.

    Raises:
        ValueError: A document or a file of results is missing.
    """
    results = Results(root)
    found: dict[Path, str] = {}
    for document in DOCUMENTS:
        path = root / document
        if not path.is_file():
            raise ValueError(f"{path}: missing; run this in a checkout of the repository, or give --root")
        found[path] = render(path.read_text(encoding="utf-8"), results, str(path))
    for file in sorted((root / RESULTS).glob("*.json")):
        result = _read(file)
        if {"rows", "weights_digest"} <= result.keys():  # scores of `atp eval`
            found[file.with_suffix(".md")] = results_markdown(result)
    return found


def _read(file: Path) -> Result:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{file}: missing; `make eval` writes the results") from None
    except (OSError, ValueError) as error:
        raise ValueError(f"{file}: cannot be read as JSON ({error})") from error
    if not isinstance(value, dict):
        raise ValueError(f"{file}: must hold a JSON object")
    return value


def _rows(result: Result, split: str) -> list[Result]:
    return [row for row in result["rows"] if row["split"] == split]


def _source(result: Result) -> str:
    """The command that made a result, and how long it takes."""
    seeds = len(result["seeds"])
    episodes = result["rows"][0]["episodes"]
    over = f", {seeds} seeds: mean ± standard deviation over them" if seeds > 1 else ""
    return f"`.venv/bin/{result['command']}` ({episodes} episodes for each entry{over})"


def _policy(row: Result) -> str:
    return str(row["policy"])


def _goals(results: Results) -> str:
    return goals_table(_rows(results.read("full"), "test"))


def _benchmark(results: Results) -> str:
    result = results.read("full")
    unseen, seen = _rows(result, "test"), _rows(result, "val")
    parts = [
        f"mIoU after five interactions. {_source(result)}.",
        f"Categories that were never trained on:\n\n{cross_table(unseen, 'miou', _policy)}",
        f"Rate of optimal steps over the first N interactions with objects of N parts:\n\n"
        f"{cross_table(unseen, 'optimal_rate_first_n', _policy)}",
    ]
    if seen:
        table = cross_table(seen, "miou", _policy)
        parts.append(f"mIoU with the training categories, objects that were not trained with:\n\n{table}")
    return "\n\n".join(parts)


def _perception(results: Results) -> str:
    rows = _rows(results.read("full"), "test")
    return perception_table([row for row in rows if row["policy"] == "ours"])


def _means(results: Results) -> str:
    """All scores of the policies, averaged over the unseen categories."""
    metrics = shown_metrics()
    rows = mean_rows(_rows(results.read("full"), "test"))
    lines = [[row["policy"], *(format_value(row.get(metric.key)) for metric in metrics)] for row in rows]
    return markdown_table(["", *(metric.heading for metric in metrics)], lines)


def _ablations(results: Results) -> str:
    result = results.read("ablations")
    means = {row["variant"]: row for row in mean_rows(result["rows"])}
    lines = [
        [VARIANTS[name].meaning if name else "ours", *(format_value(row.get(score)) for score in COMPARED)]
        for name, row in means.items()
    ]
    table = markdown_table(["unseen categories, mean", *(METRICS.get(score).title for score in COMPARED)], lines)
    return f"{_source(result)}.\n\n{table}"


def _training(results: Results) -> str:
    """Our policy trained in other ways, averaged over the unseen categories."""
    lines = []
    for name, meaning in TRAININGS.items():
        rows = [row for row in _rows(results.read(name), "test") if _policy(row) == "ours"]
        (mean,) = mean_rows(rows)
        lines.append([meaning, *(format_value(mean.get(score)) for score in COMPARED[:2])])
    return markdown_table(["unseen categories, mean", *(METRICS.get(score).title for score in COMPARED[:2])], lines)


def _stress(results: Results) -> str:
    result = results.read("stress")
    return f"{_source(result)}.\n\n{cross_table(result['rows'], 'miou', _policy)}"


def _clips(results: Results) -> str:
    result = results.read("clips")
    names = {name: title for name, title in METHODS.items() if name in result["mean_baselines"]}
    lines = [
        [
            clip["name"],
            format_value(clip["motion_iou"]),
            *(format_value(clip["baselines"][name]["motion_iou"]) for name in names),
        ]
        for clip in result["clips"]
    ]
    means = [format_value(result["mean_baselines"][name]) for name in names]
    lines.append(["mean", format_value(result["mean_motion_iou"]), *means])
    return markdown_table(["clip", "ours", *names.values()], lines)


def _shifts(results: Results) -> str:
    """Motion IoU with synthetic image pairs in which one thing varies, of both shipped weights."""
    result, before = results.read("shifts"), results.read("shifts-default")
    earlier = {row["shift"]: row["agent"]["motion_iou"] for row in before["shifts"]}
    methods = [name for name in METHODS if name in result["shifts"][0]]
    lines = [
        [
            row["shift"].replace("_", " "),
            *map(format_value, (row["agent"]["motion_iou"], earlier[row["shift"]])),
            *(format_value(row[method]["motion_iou"]) for method in methods),
        ]
        for row in result["shifts"]
    ]
    header = ["what varies", "`video`", "`default`", *(METHODS[name] for name in methods)]
    pairs = result["shifts"][0]["pairs"]
    return f"`.venv/bin/{result['command']}` ({pairs} pairs for each row).\n\n{markdown_table(header, lines)}"


def _switches(results: Results) -> str:
    """What each variation of synthetic image pairs brings: short trainings with all of them and without one."""
    result = results.read("switches")
    whole, *others = result["rows"]

    def clips(row: Result) -> str:
        values = [value for value in row["clips"].values() if value is not None]
        return format_value(sum(values) / len(values) if values else None)

    lines = [["nothing", "", "", format_value(whole["shifts"]["all"]), clips(whole)]]
    lines += [
        [
            row["without"].replace("_", " "),
            format_value(whole["shifts"][row["without"]]),
            format_value(row["shifts"][row["without"]]),
            format_value(row["shifts"]["all"]),
            clips(row),
        ]
        for row in others
    ]
    header = ["trained without", "its own pairs: trained with it", "without it", "all pairs", "clips"]
    return f"`{result['command']}` ({result['steps']} steps each):\n\n{markdown_table(header, lines)}"


def _sweep(name: str) -> Callable[[Results], str]:
    """A sweep's soups."""
    return lambda results: soups.sweep_soups(results.read(f"soup-{name}"))


def _weights(results: Results) -> str:
    config = results.config()
    minutes = config["training_seconds"] / 60
    return (
        f"Weights `default`: {config['interactions_played']:,} interactions and {config['gradient_steps']:,} "
        f"gradient steps of batch {config['options']['learner']['batch_size']} for each network, in {minutes:.0f} "
        f"minutes, by `{config['command']}` (seed {config['seed']})."
    )


def _second_stage(results: Results) -> str:
    stages, stage = [], results.config(VIDEO_WEIGHTS)["perception"]
    while stage is not None:
        stages.append(stage)
        stage = stage.get("before")
    lines = []
    for number, stage in enumerate(reversed(stages), start=1):
        learner, minutes = stage["options"]["learner"], stage["training_seconds"] / 60
        lines.append(
            f"{number}. {stage['gradient_steps']:,} steps, each with {learner['batch_size']} interactions of recorded "
            f"play and {learner['pairs']} of {stage['options']['drawn']:,} synthetic image pairs, "
            f"in {minutes:.0f} minutes "
            f"({stage['machine']}): `{stage['command']}`"
        )
    return "Weights `video`: further gradient steps of the part network of `default`.\n\n" + "\n".join(lines)


def _second_seed(results: Results) -> str:
    """Ours as shipped and trained anew with another seed, and how far apart the two are."""
    stated, again = _ours(results, "full"), _ours(results, "second-seed")
    within = ", ".join(
        f"{METRICS.get(score).title} in {sum(_agree(stated[name], again[name], score) for name in stated)}"
        for score in COMPARED
    )
    return (
        f"{_side_by_side(stated, again, ('shipped', 'second'))}\n\nCategories of {len(stated)} in which the two "
        f"differ by no more than the larger of their spreads: {within}."
    )


def _video_weights(results: Results) -> str:
    """What the second stage of training costs where the agent plays."""
    result = results.read("video")
    table = _side_by_side(_ours(results, "full"), _ours(results, "video"), ("`default`", "`video`"))
    return f"{_source(result)}.\n\n{table}"


def _ours(results: Results, name: str) -> dict[str, Result]:
    """Rows of our policy on the unseen categories in a file of results, by category."""
    return {row["category"]: row for row in _rows(results.read(name), "test") if _policy(row) == "ours"}


def _side_by_side(one: dict[str, Result], other: dict[str, Result], names: tuple[str, str]) -> str:
    """A table of rows by category of two trainings, with their means."""
    lines = [
        [
            category,
            *(
                format_value(found[category][score], found[category]["spread"][score])
                for score in COMPARED
                for found in (one, other)
            ),
        ]
        for category in one
    ]
    means = [sum(found[category][score] for category in one) / len(one) for score in COMPARED for found in (one, other)]
    lines.append(["mean", *map(format_value, means)])
    header = ["", *(f"{METRICS.get(score).title}, {which}" for score in COMPARED for which in names)]
    return markdown_table(header, lines)


def _agree(one: Result, other: Result, score: str) -> bool:
    """Whether two rows differ by no more than the larger of their spreads over evaluation seeds."""
    spread = max(one["spread"][score], other["spread"][score])
    return bool(abs(one[score] - other[score]) <= spread)


#: Blocks by name; each gives Markdown from the files of results.
BLOCKS: dict[str, Callable[[Results], str]] = {
    "goals": _goals,
    "benchmark": _benchmark,
    "means": _means,
    "perception": _perception,
    "ablations": _ablations,
    "training": _training,
    "stress": _stress,
    "clips": _clips,
    "shifts": _shifts,
    "switches": _switches,
    **{f"soup-{name}": _sweep(name) for name in soups.SWEEPS},
    "soup-batchnorm": lambda results: soups.batchnorm_soups(
        {name: results.read(f"soup-{name}") for name in soups.STATISTICS}
    ),
    "soup-agents": lambda results: soups.agent_soups(results.read("soup-agents")),
    "speed": lambda results: speed.speed_goals(results.read("bench")),
    "bench": lambda results: speed.speed_table(results.read("bench")),
    "endurance": lambda results: speed.endurance(results.read("endurance")),
    "weights": _weights,
    "second-seed": _second_seed,
    "second-stage": _second_stage,
    "video-weights": _video_weights,
}
