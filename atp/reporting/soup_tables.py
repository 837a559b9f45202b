"""A comparison as a table and as the paper's scatter: in-distribution against shifted accuracy."""

from __future__ import annotations

import json
import math
import re
import statistics
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from assets.files import atomic_path
from atp.reporting.tables import markdown_table
from atp.results.schema import Spread
from atp.results.soup import Comparison, ComparisonRow, FineTunePair, SweepPair, SweepResult, SweepRow
from atp.soups.checkpoints.soup_errors import SoupError, SoupWarning

#: Rows of single checkpoints; all but the best are one line of a table.
SINGLE = "ingredient"


def read_scores(
    paths: Sequence[Path],
    held_out: str,
    in_distribution: str,
    shifted: Sequence[str] | None = None,
    lower_is_better: bool = False,
) -> Comparison:
    """Scores that others computed, as a comparison.

    Args:
        paths: Files with a JSON object on each line: ``model_name``, and accuracies by the name of the set, as the
            authors of Model soups published them. Names with "soup" or "ensemble" in them are no single checkpoints.
        held_out: The set by which the best single checkpoint is chosen; it is not reported.
        in_distribution: The in-distribution test.
        shifted: The shifted tests; None takes all further numbers that are accuracies, in 0..1 in every line, and
            whose names are not those of options of a training. A warning says what is left out.
        lower_is_better: Whether the held-out set's number is a loss.

    Returns:
        The comparison; ``held_out`` of a row is None where its file does not have it.

    Raises:
        SoupError: A file cannot be read, a line is no such object, there is no single checkpoint with both sets, a
            shifted test is in no line, or the held-out set is named as a loss and that lower is better was not said.
    """
    if not lower_is_better and LOSS.search(held_out):
        raise SoupError(f"--held-out {held_out} looks like a loss, of which the lowest is best: say --lower-is-better")
    rows: list[ComparisonRow] = []
    for path in paths:
        try:
            lines = [line for line in path.read_text("utf-8").splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError) as error:
            raise SoupError(f"{path}: cannot be read ({error})") from error
        for number, line in enumerate(lines, start=1):
            rows.append(_row(line, f"{path}, line {number}", held_out))
    singles = [row for row in rows if row.way.startswith(SINGLE) and row.held_out is not None]
    if not singles or any(in_distribution not in row.tests for row in singles):
        raise SoupError(f"{', '.join(map(str, paths))}: no single checkpoint with '{held_out}' and '{in_distribution}'")
    tests = [in_distribution, *_shifted_tests(rows, in_distribution, shifted)]
    rows = [replace(row, tests={name: row.tests[name] for name in tests if name in row.tests}) for row in rows]
    singles = [row for row in rows if row.way.startswith(SINGLE) and row.held_out is not None]
    sign = -1.0 if lower_is_better else 1.0
    best = max(enumerate(singles), key=lambda item: (sign * (item[1].held_out or 0.0), item[0]))[1]
    names = [row.way.removeprefix(f"{SINGLE} ") for row in singles]
    others = [row for row in rows if not row.way.startswith(SINGLE)]
    chosen = replace(best, way="best single", chosen=[names.index(best.way.removeprefix(f"{SINGLE} "))])
    return Comparison(names, [*singles, chosen, *others], in_distribution, tests[1:])


#: Names of numbers of which the lowest is best.
LOSS = re.compile(r"loss|error|perplexity|(^|_)(ppl|nll|wer|cer|mse|rmse|mae|err)(_|$)", re.IGNORECASE)
#: Names of what a line says of a training rather than of a test.
OF_TRAINING = re.compile(
    r"(^|_)(epochs?|steps?|iters?|iteration|lr|rate|decay|wd|seed|dropout|smoothing|mixup|cutmix|batch|size|time|"
    r"seconds|warmup|momentum|temperature|alpha|beta|beta1|beta2|eps|index|id|number|rank|params|flops|best)(_|$)|^is_",
    re.IGNORECASE,
)


def _shifted_tests(rows: Sequence[ComparisonRow], in_distribution: str, asked: Sequence[str] | None) -> list[str]:
    """The shifted tests among the numbers of all rows, in their order."""
    names = [name for name in dict.fromkeys(name for row in rows for name in row.tests) if name != in_distribution]
    if asked is not None:
        missing = [name for name in asked if name not in names]
        if missing:
            raise SoupError(f"--shifted {missing[0]}: is in no line; there are {', '.join(names) or 'no others'}")
        return list(asked)
    of_singles = {name for row in rows if row.way.startswith(SINGLE) for name in row.tests}
    left_out = [
        name
        for name in names
        if OF_TRAINING.search(name)
        or LOSS.search(name)
        or name not in of_singles
        or any(not 0 <= row.tests[name] <= 1 for row in rows if name in row.tests)
    ]
    if left_out:
        warnings.warn(
            f"taken for no accuracies of shifted tests, and left out: {', '.join(left_out)} (--shifted names tests)",
            SoupWarning,
            stacklevel=4,
        )
    return [name for name in names if name not in left_out]


def _row(line: str, where: str, held_out: str) -> ComparisonRow:
    """A row of a comparison from a line of scores."""
    try:
        found = json.loads(line)
        name = str(found["model_name"])
        scores = {
            key: float(value)
            for key, value in found.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise SoupError(f"{where}: is no JSON object with 'model_name' and accuracies ({error})") from error
    if not scores or not all(math.isfinite(value) for value in scores.values()):
        raise SoupError(f"{where}: has no accuracies, or some that are no numbers")
    single = not any(word in name.lower() for word in ("soup", "ensemble"))
    rest = {key: value for key, value in scores.items() if key != held_out}
    return ComparisonRow(f"{SINGLE} {name}" if single else name.replace("_", " "), scores.get(held_out), rest)


def shifted_mean(result: Comparison, row: ComparisonRow) -> float | None:
    """Mean accuracy of a row over the shifted tests; None where one is missing."""
    values = [row.tests[name] for name in result.shifted if name in row.tests]
    return sum(values) / len(values) if values and len(values) == len(result.shifted) else None


def comparison_markdown(result: Comparison, singles: bool = False) -> str:
    """A comparison as a Markdown table, accuracies in percent.

    Args:
        result: The comparison.
        singles: Whether every ingredient has a line.
    """
    tests = [result.in_distribution, *result.shifted]
    means = ["shifted, mean"] if len(result.shifted) > 1 else []
    lines = []
    for row in result.rows:
        if row.way.startswith(SINGLE) and not singles:
            continue
        values = [row.held_out, *(row.tests.get(name) for name in tests)]
        if means:
            values.append(shifted_mean(result, row))
        lines.append([row.way, *(map(_cell, values))])
    return markdown_table(["", "held-out", *tests, *means], lines)


def _cell(value: float | None) -> str:
    """An accuracy in percent; what is no share, such as a loss, as it is."""
    if value is None:
        return "-"
    return f"{100 * value:.2f}" if 0 <= value <= 1 else f"{value:.4g} (no share)"


def over_seeds(results: Sequence[Comparison], command: str = "") -> SweepResult:
    """Means and spreads of comparisons of several sweeps.

    Args:
        results: Of one task.
        command: That made them.
    """
    first = results[0]
    tests = [first.in_distribution, *first.shifted]
    best = [_of(result, "best single") for result in results]
    rows = []
    for way in (row.way for row in first.rows if not row.way.startswith(SINGLE)):
        same = [_of(result, way) for result in results]
        gained = [a.tests[tests[0]] - b.tests[tests[0]] for a, b in zip(same, best, strict=True)]
        shifted, of_best = ([shifted_mean(first, row) or 0.0 for row in some] for some in (same, best))
        rows.append(
            SweepRow(
                way=way,
                held_out=_spread([row.held_out or 0.0 for row in same]),
                tests={name: _spread([row.tests[name] for row in same]) for name in tests},
                shifted=_spread(shifted),
                gain={
                    tests[0]: _spread(gained),
                    "shifted": _spread([a - b for a, b in zip(shifted, of_best, strict=True)]),
                },
                paired={name: [row.paired[name].p for row in same] for name in tests},
            )
        )
    pairs = [pair for seed, result in enumerate(results) for pair in _placed(result, seed)]
    return SweepResult(command, len(results), rows, first.in_distribution, first.shifted, pairs)


def _placed(result: Comparison, seed: int) -> list[SweepPair]:
    """The pairs of a comparison with their seed and in which half of the learning rates they lie."""
    if not result.pairs:
        return []
    median = statistics.median([recipe["learning_rate"] for recipe in result.recipes])
    return [
        SweepPair(**vars(pair), seed=seed, low=max(pair.rates) <= median, high=min(pair.rates) > median)
        for pair in result.pairs
    ]


def pairs_markdown(result: SweepResult) -> str:
    """Why soups work or fail, as a Markdown table: two fine-tunes half-way between each other, by their learning rates.

    Args:
        result: With pairs.
    """
    header = ["two fine-tunes", "pairs", "angle (degrees)", "barrier (loss)", "soup minus ensemble (loss)"]
    lines = []
    groups = {
        "lower learning rates": [pair for pair in result.pairs if pair.low],
        "higher learning rates": [pair for pair in result.pairs if pair.high],
        "all": result.pairs,
    }
    for title, some in groups.items():
        if not some:
            continue
        angle, barrier, difference = (
            statistics.fmean(getattr(pair, name) for pair in some) for name in ("angle", "barrier", "difference")
        )
        cells = [f"{angle:.0f}", f"{barrier:+.4f}", f"{difference:+.4f}", f"{_correlation(some):.2f}"]
        lines.append([title, str(len(some)), *cells])
    return markdown_table([*header, "correlation with the paper's approximation"], lines)


def _correlation(pairs: Sequence[FineTunePair]) -> float:
    """Of both sides of the approximation; NaN where one side never changes."""
    try:
        return statistics.correlation([p.difference for p in pairs], [p.approximation for p in pairs])
    except statistics.StatisticsError:
        return math.nan


def draw_pairs(result: SweepResult, out: Path) -> None:
    """Draw what the paper's approximation says of pairs against what is so (Model soups, sec. 4).

    Args:
        result: With pairs.
        out: A .png, .pdf or .svg file; replaced.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5), layout="constrained")
    panel = figure.subplots()
    groups = {
        ("lower", "C0"): [pair for pair in result.pairs if pair.low],
        ("higher", "C3"): [pair for pair in result.pairs if pair.high],
        ("mixed", "0.7"): [pair for pair in result.pairs if not pair.low and not pair.high],
    }
    for (title, color), some in groups.items():
        sides = [pair.approximation for pair in some], [pair.difference for pair in some]
        panel.plot(*sides, "o", color=color, label=f"{title} learning rates", markersize=4)
    panel.axline((0, 0), slope=1, color="0.5", linewidth=1)
    panel.set(xlabel="approximation", ylabel="loss of the soup minus that of the ensemble")
    panel.grid(alpha=0.3)
    panel.legend(fontsize="small")
    with atomic_path(out) as temporary:
        figure.savefig(temporary, dpi=110)


def seeds_markdown(result: SweepResult, each: bool = True) -> str:
    """A comparison over seeds as a Markdown table, accuracies in percent with their standard deviations.

    Gains are over the best single checkpoint; McNemar's p is that of each seed on the in-distribution test, by pairs of
    answers to one example.

    Args:
        result: The comparison.
        each: Whether every shifted test has a column, and not only their mean.
    """
    first = result.in_distribution
    tests = [first, *(result.shifted if each else [])]
    header = ["", "held-out", *tests, "shifted, mean", "gain, in-distribution", "McNemar's p", "gain, shifted"]
    lines = []
    for row in result.rows:
        cells = [row.held_out, *(row.tests[name] for name in tests), row.shifted]
        gain, shifted = (
            f"{100 * mean:+.1f} ± {100 * spread:.1f}" for mean, spread in (row.gain[first], row.gain["shifted"])
        )
        chance = ", ".join(f"{p:.2g}" for p in row.paired[first])
        lines.append([row.way, *map(percent, cells), gain, chance, shifted])
    return markdown_table(header, lines)


def percent(value: Spread) -> str:
    """A share and its standard deviation in percent."""
    return f"{100 * value[0]:.1f} ± {100 * value[1]:.1f}"


def _of(result: Comparison, way: str) -> ComparisonRow:
    return next(row for row in result.rows if row.way == way)


def _spread(values: Sequence[float]) -> Spread:
    """Mean and standard deviation."""
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0


def draw_comparison(result: Comparison, out: Path) -> None:
    """Draw in-distribution against mean shifted accuracy, a point for every row.

    Args:
        result: With a shifted test or more.
        out: A .png, .pdf or .svg file; replaced.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 5), layout="constrained")
    panel = figure.subplots()
    points = [
        (row.way, 100 * row.tests[result.in_distribution], 100 * mean)
        for row in result.rows
        if (mean := shifted_mean(result, row)) is not None
    ]
    singles = [point for point in points if point[0].startswith(SINGLE)]
    panel.plot([x for _, x, _ in singles], [y for *_, y in singles], "o", color="0.7", label="fine-tuned checkpoints")
    for number, (way, x, y) in enumerate(point for point in points if point not in singles):
        panel.plot(x, y, "*" if "soup" in way else "s", markersize=11, color=f"C{number % 10}", label=way)
    panel.set(xlabel=f"{result.in_distribution} (%)", ylabel="shifted, mean (%)")
    panel.grid(alpha=0.3)
    panel.legend(fontsize="small")
    with atomic_path(out) as temporary:
        figure.savefig(temporary, dpi=110)
