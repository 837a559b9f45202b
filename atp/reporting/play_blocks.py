"""Blocks of ``docs/results/benchmark.md``: how well policies play."""

from __future__ import annotations

from collections.abc import Sequence

from atp.benchmark.ablations import ABLATIONS
from atp.benchmark.suites import UPPER_BOUND
from atp.metrics import METRICS, shown_metrics
from atp.reporting.goals import goals_table
from atp.reporting.result_files import Results, scores_count, scores_source
from atp.reporting.tables import cells, cross_table, format_value, joints_table, markdown_table, mean, mean_rows
from atp.results.clip import ClipsResult
from atp.results.eval import ALL_INTERACTIONS, EvalRow

#: Files of results of our policy by how it was trained.
TRAININGS = {
    "four-categories": "ours: every interaction learned from four times, hindsight",
    "training-one-epoch": "every interaction learned from once",
    "training-no-hindsight": "rewards at the executed pixels alone",
}
#: Metrics in which ablations and two trainings are compared.
COMPARED = ("miou", "optimal_rate_first_n", "motion_iou")
#: Splits of the summary, the files that hold them, and what the summary calls them.
SUMMARY = (
    ("full", "test", "unseen categories, mIoU"),
    ("full", "val", "training categories, unseen objects, mIoU"),
    ("stress", "stress", "stress categories, mIoU"),
    ("found", "found", "objects that others made, mIoU"),
)


def titles(keys: Sequence[str]) -> list[str]:
    """What tables call metrics."""
    return [METRICS.get(key).title for key in keys]


def policy_of(row: EvalRow) -> str:
    """What a table calls the line of a policy."""
    return row.policy


def summary(results: Results) -> str:
    """The few figures of the front page."""
    policies = ("ours", "act-random", UPPER_BOUND)
    lines, there = [], [row for row in SUMMARY if results.has(row[0])]
    for name, split, title in there:
        scores = [mean([row.scores["miou"] for row in results.rows(name, split, policy)]) for policy in policies]
        lines.append([title, *map(format_value, scores)])
    if results.has("joints"):
        rows = results.rows("joints", "test")
        ours_rate, bound = (success_rate(rows, policy) for policy in ("ours", UPPER_BOUND))
        lines.append(["unseen categories, joints right", format_value(ours_rate), "-", format_value(bound)])
    clips = results.read(ClipsResult, "clips")
    lines.append(["real clips, motion IoU", format_value(clips.mean_motion_iou), "-", "-"])
    table = markdown_table(["mean over", "ours", "act-random", f"upper bound ({UPPER_BOUND})"], lines)
    counts: dict[str, list[str]] = {}
    for name in dict.fromkeys(name for name, _, _ in there):
        counts.setdefault(scores_count(results.scores(name)), []).append(f"`{name}.json`")
    captions = [f"{' and '.join(names)}: {count}." for count, names in counts.items()]
    pairs = sum(len(clip.interactions) for clip in clips.clips)
    captions.append(f"`clips.json`: {len(clips.clips)} clips with {pairs} interactions in all.")
    return f"{' '.join(captions)}\n\n{table}"


def goals(results: Results) -> str:
    """What is to be reached, and what is."""
    return goals_table(results.rows("full", "test"))


def benchmark(results: Results) -> str:
    """Every policy in every category."""
    unseen, seen = results.rows("full", "test"), results.rows("full", "val")
    parts = [
        f"mIoU after the last interaction. {scores_source('full', results.scores('full'))}",
        f"Categories that were never trained on:\n\n{cross_table(unseen, 'miou', policy_of)}",
        f"Rate of optimal steps over the first N interactions with objects of N parts:\n\n"
        f"{cross_table(unseen, 'optimal_rate_first_n', policy_of)}",
    ]
    if seen:
        table = cross_table(seen, "miou", policy_of)
        parts.append(f"mIoU with the training categories, objects that were not trained with:\n\n{table}")
    return "\n\n".join(parts)


def means(results: Results) -> str:
    """All scores of the policies, averaged over the unseen categories."""
    metrics = shown_metrics()
    rows = mean_rows(results.rows("full", "test"))
    lines = [[row.policy, *cells(row, [metric.key for metric in metrics])] for row in rows]
    return markdown_table(["", *(metric.heading for metric in metrics)], lines)


def ablations(results: Results) -> str:
    """What the agent does beyond the paper, each taken away."""
    result = results.scores("ablations")
    lines = [
        [ABLATIONS.get(row.variant).meaning if row.variant else "ours", *cells(row, COMPARED)]
        for row in mean_rows(result.rows)
    ]
    table = markdown_table(["unseen categories, mean", *titles(COMPARED)], lines)
    return f"{scores_source('ablations', result)}\n\n{table}"


def training(results: Results) -> str:
    """Our policy trained in other ways, averaged over the unseen categories."""
    shown = COMPARED[:2]
    lines = []
    for name, meaning in TRAININGS.items():
        (row,) = mean_rows(results.rows(name, "test", "ours"))
        lines.append([meaning, *cells(row, shown)])
    files = ", ".join(f"`{name}.json`" for name in TRAININGS)
    counts = "; ".join(dict.fromkeys(scores_count(results.scores(name)) for name in TRAININGS))
    return f"From {files} ({counts}).\n\n{markdown_table(['unseen categories, mean', *titles(shown)], lines)}"


def stress(results: Results) -> str:
    """The stress categories."""
    result = results.scores("stress")
    return f"{scores_source('stress', result)}\n\n{cross_table(result.rows, 'miou', policy_of)}"


def second_seed(results: Results) -> str:
    """Ours trained on the four categories, and trained anew with another seed, and how far apart the two are."""
    stated, again = ours(results, "four-categories"), ours(results, "second-seed")
    within = ", ".join(
        f"{METRICS.get(score).title} in {sum(_agree(stated[name], again[name], score) for name in stated)}"
        for score in COMPARED
    )
    return (
        f"{scores_source('second-seed', results.scores('second-seed'))}\n\n"
        f"{side_by_side(stated, again, ('first', 'second'))}\n\nCategories of {len(stated)} in which the two "
        f"differ by no more than the larger of their spreads: {within}."
    )


def default_weights(results: Results) -> str:
    """What further training on many more kinds of objects changes where the agent plays."""
    names = ("`four-categories`", "`default`")
    table = side_by_side(ours(results, "four-categories"), ours(results, "default"), names)
    return f"{scores_source('default', results.scores('default'))}\n\n{table}"


def success_rate(rows: Sequence[EvalRow], policy: str) -> float | None:
    """Share of all joints of a policy's rows that succeed, from all interactions; None where none was asked for."""
    found = [row.joints[ALL_INTERACTIONS] for row in rows if row.policy == policy and row.joints is not None]
    total = sum(summary.joints for summary in found)
    return sum(summary.joints * (summary.success or 0.0) for summary in found) / total if total else None


def joints(results: Results) -> str:
    """A block of ``docs/joints.md``: the joints of the unseen categories."""
    result = results.scores("joints")
    return (
        f"{scores_source('joints', result)} Errors are median / 90th percentile over joints of the right type.\n\n"
        f"{joints_table(result.rows)}"
    )


def ours(results: Results, name: str) -> dict[str, EvalRow]:
    """Rows of our policy on the unseen categories in a file of results, by category."""
    return {row.category: row for row in results.rows(name, "test", "ours")}


def side_by_side(one: dict[str, EvalRow], other: dict[str, EvalRow], names: tuple[str, str]) -> str:
    """A table of rows by category of two trainings, with their means."""
    places = [(score, found) for score in COMPARED for found in (one, other)]
    lines = [
        [category, *(format_value(found[category].scores[s], found[category].spread.get(s)) for s, found in places)]
        for category in one
    ]
    averages = [mean([found[category].scores[score] for category in one]) for score, found in places]
    lines.append(["mean", *map(format_value, averages)])
    header = ["", *(f"{title}, {which}" for title in titles(COMPARED) for which in names)]
    return markdown_table(header, lines)


def _agree(one: EvalRow, other: EvalRow, score: str) -> bool:
    """Whether two rows differ by no more than the larger of their spreads over evaluation seeds."""
    a, b = one.scores[score], other.scores[score]
    spread = max(one.spread.get(score) or 0.0, other.spread.get(score) or 0.0)
    return a is not None and b is not None and abs(a - b) <= spread
