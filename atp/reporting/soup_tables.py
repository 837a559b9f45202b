"""A comparison as a table and as the paper's scatter: in-distribution against shifted accuracy."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assets.files import atomic_path
from atp.soups.ingredients import SoupError

#: Rows of single checkpoints; all but the best are one line of a table.
SINGLE = "ingredient"


def read_scores(paths: Sequence[Path], held_out: str, in_distribution: str) -> dict[str, Any]:
    """Scores that others computed, as a comparison.

    Args:
        paths: Files with a JSON object on each line: ``model_name``, and accuracies by the name of the set, as the
            authors of Model soups published them. Names with "soup" or "ensemble" in them are no single checkpoints.
        held_out: The set by which the best single checkpoint is chosen; it is not reported.
        in_distribution: The in-distribution test; all other sets are shifted tests.

    Returns:
        As :func:`atp.soups.comparison.compare`; ``held_out`` of a row is None where its file does not tell it.

    Raises:
        SoupError: A file cannot be read, a line is no such object, or there is no single checkpoint with both sets.
    """
    rows: list[dict[str, Any]] = []
    for path in paths:
        try:
            lines = [line for line in path.read_text("utf-8").splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError) as error:
            raise SoupError(f"{path}: cannot be read ({error})") from error
        for number, line in enumerate(lines, start=1):
            rows.append(_row(line, f"{path}, line {number}", held_out))
    singles = [row for row in rows if row["way"].startswith(SINGLE) and row["held_out"] is not None]
    if not singles or in_distribution not in singles[0]["tests"]:
        raise SoupError(f"{', '.join(map(str, paths))}: no single checkpoint with '{held_out}' and '{in_distribution}'")
    best = max(enumerate(singles), key=lambda item: (item[1]["held_out"], item[0]))[1]
    names = [row["way"].removeprefix(f"{SINGLE} ") for row in singles]
    others = [row for row in rows if not row["way"].startswith(SINGLE)]
    chosen = {**best, "way": "best single", "chosen": [names.index(best["way"].removeprefix(f"{SINGLE} "))]}
    return {
        "ingredients": names,
        "rows": [*singles, chosen, *others],
        "in_distribution": in_distribution,
        "shifted": [name for name in best["tests"] if name != in_distribution],
    }


def _row(line: str, where: str, held_out: str) -> dict[str, Any]:
    """A row of a comparison from a line of scores."""
    try:
        found = json.loads(line)
        name = str(found["model_name"])
        scores = {key: float(value) for key, value in found.items() if isinstance(value, int | float)}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise SoupError(f"{where}: is no JSON object with 'model_name' and accuracies ({error})") from error
    if not scores or not all(math.isfinite(value) for value in scores.values()):
        raise SoupError(f"{where}: has no accuracies, or some that are no numbers")
    single = not any(word in name.lower() for word in ("soup", "ensemble"))
    rest = {key: value for key, value in scores.items() if key != held_out}
    return {
        "way": f"{SINGLE} {name}" if single else name.replace("_", " "),
        "held_out": scores.get(held_out),
        "tests": rest,
        "chosen": [],
    }


def shifted_mean(result: dict[str, Any], row: dict[str, Any]) -> float | None:
    """Mean accuracy of a row over the shifted tests; None where one is missing."""
    values = [row["tests"].get(name) for name in result["shifted"]]
    return None if not values or None in values else sum(values) / len(values)


def comparison_markdown(result: dict[str, Any], singles: bool = False) -> str:
    """A comparison as a Markdown table, accuracies in percent.

    Args:
        result: As :func:`atp.soups.comparison.compare` returns it.
        singles: Whether every ingredient has a line.
    """
    shifted = result["shifted"]
    header = ["", "held-out", result["in_distribution"], *shifted]
    if len(shifted) > 1:
        header.append("shifted, mean")
    lines = [header, ["---"] * len(header)]
    for row in result["rows"]:
        if row["way"].startswith(SINGLE) and not singles:
            continue
        values = [
            row["held_out"],
            *(row["tests"].get(name) for name in (result["in_distribution"], *shifted)),
        ]
        if len(shifted) > 1:
            values.append(shifted_mean(result, row))
        lines.append([row["way"], *("-" if value is None else f"{100 * value:.2f}" for value in values)])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def over_seeds(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means and spreads of comparisons of several sweeps.

    Args:
        results: As :func:`atp.soups.comparison.compare` returns them, of one task.

    Returns:
        ``seeds``, how many; ``rows``, one for each way but single ingredients, with ``way``, ``held_out`` and ``tests``
        by name, each a mean and a standard deviation over the seeds, ``shifted`` the same of the mean over the shifted
        tests, ``gain``, its mean gain over the best single checkpoint on the in-distribution test and on the shifted
        ones, and ``paired``, McNemar's p by test and seed; ``in_distribution`` and ``shifted``; ``pairs``, those of all
        seeds with ``seed``, ``low`` (whether the learning rates of both lie in the lower half of their sweep) and
        ``high`` (in the upper half).
    """
    first = results[0]
    names = [first["in_distribution"], *first["shifted"]]
    rows = []
    for way in (row["way"] for row in first["rows"] if not row["way"].startswith(SINGLE)):
        same = [_of(result, way) for result in results]
        best = [_of(result, "best single") for result in results]
        gained = [a["tests"][names[0]] - b["tests"][names[0]] for a, b in zip(same, best, strict=True)]
        shifted, of_best = ([shifted_mean(first, row) or 0.0 for row in some] for some in (same, best))
        rows.append(
            {
                "way": way,
                "held_out": _spread([row["held_out"] for row in same]),
                "tests": {name: _spread([row["tests"][name] for row in same]) for name in names},
                "shifted": _spread(shifted),
                "gain": {
                    names[0]: _spread(gained),
                    "shifted": _spread([a - b for a, b in zip(shifted, of_best, strict=True)]),
                },
                "paired": {name: [row["paired"][name]["p"] for row in same] for name in names},
            }
        )
    return {
        "seeds": len(results),
        "rows": rows,
        "in_distribution": first["in_distribution"],
        "shifted": first["shifted"],
        "pairs": [pair for seed, result in enumerate(results) for pair in _told(result, seed)],
    }


def _told(result: dict[str, Any], seed: int) -> list[dict[str, Any]]:
    """The pairs of a comparison with their seed and in which half of the learning rates they lie."""
    pairs = result.get("pairs", [])
    if not pairs:
        return []
    median = statistics.median([recipe["learning_rate"] for recipe in result["recipes"]])
    return [
        {**pair, "seed": seed, "low": max(pair["rates"]) <= median, "high": min(pair["rates"]) > median}
        for pair in pairs
    ]


def pairs_markdown(result: dict[str, Any]) -> str:
    """Why soups work or fail, as a Markdown table: two fine-tunes half-way between each other, by their learning rates.

    Args:
        result: As :func:`over_seeds` returns it, with pairs.
    """
    header = ["two fine-tunes", "pairs", "angle (degrees)", "barrier (loss)", "soup minus ensemble (loss)"]
    lines = [[*header, "correlation with the paper's approximation"], ["---"] * (len(header) + 1)]
    for title, which in (("lower learning rates", "low"), ("higher learning rates", "high"), ("all", "")):
        some = [pair for pair in result["pairs"] if not which or pair[which]]
        if not some:
            continue
        means = [statistics.fmean(pair[name] for pair in some) for name in ("angle", "barrier", "difference")]
        related = _correlation(some)
        cells = [f"{means[0]:.0f}", f"{means[1]:+.4f}", f"{means[2]:+.4f}", f"{related:.2f}"]
        lines.append([title, str(len(some)), *cells])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _correlation(pairs: Sequence[dict[str, Any]]) -> float:
    """Of both sides of the approximation; NaN where one side never changes."""
    try:
        return statistics.correlation(*([p[name] for p in pairs] for name in ("difference", "approximation")))
    except statistics.StatisticsError:
        return math.nan


def draw_pairs(result: dict[str, Any], out: Path) -> None:
    """Draw what the paper's approximation says of pairs against what is so (Model soups, sec. 4).

    Args:
        result: As :func:`over_seeds` returns it, with pairs.
        out: A .png, .pdf or .svg file; replaced.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5), layout="constrained")
    panel = figure.subplots()
    for title, color, which in (("lower", "C0", "low"), ("higher", "C3", "high"), ("mixed", "0.7", "")):
        some = [p for p in result["pairs"] if (p[which] if which else not p["low"] and not p["high"])]
        sides = [[pair[name] for pair in some] for name in ("approximation", "difference")]
        panel.plot(*sides, "o", color=color, label=f"{title} learning rates", markersize=4)
    panel.axline((0, 0), slope=1, color="0.5", linewidth=1)
    panel.set(xlabel="approximation", ylabel="loss of the soup minus that of the ensemble")
    panel.grid(alpha=0.3)
    panel.legend(fontsize="small")
    with atomic_path(out) as temporary:
        figure.savefig(temporary, dpi=110)


def seeds_markdown(result: dict[str, Any], each: bool = True) -> str:
    """A comparison over seeds as a Markdown table, accuracies in percent with their standard deviations.

    Gains are over the best single checkpoint; McNemar's p is that of each seed on the in-distribution test, by pairs of
    answers to one example.

    Args:
        result: As :func:`over_seeds` returns it.
        each: Whether every shifted test has a column, and not only their mean.
    """
    first = result["in_distribution"]
    names = [first, *(result["shifted"] if each else [])]
    header = [
        "",
        "held-out",
        *names,
        "shifted, mean",
        "gain, in-distribution",
        "McNemar's p",
        "gain, shifted",
    ]
    lines = [header, ["---"] * len(header)]
    for row in result["rows"]:
        cells = [row["held_out"], *(row["tests"][name] for name in names), row["shifted"]]
        gain, shifted = (
            f"{100 * mean:+.1f} ± {100 * spread:.1f}" for mean, spread in (row["gain"][first], row["gain"]["shifted"])
        )
        chance = ", ".join(f"{p:.2g}" for p in row["paired"][first])
        lines.append(
            [
                row["way"],
                *(f"{100 * mean:.1f} ± {100 * spread:.1f}" for mean, spread in cells),
                gain,
                chance,
                shifted,
            ]
        )
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _of(result: dict[str, Any], way: str) -> dict[str, Any]:
    found: dict[str, Any] = next(row for row in result["rows"] if row["way"] == way)
    return found


def _spread(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation."""
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0


def draw_comparison(result: dict[str, Any], out: Path) -> None:
    """Draw in-distribution against mean shifted accuracy, a point for every row.

    Args:
        result: As :func:`atp.soups.comparison.compare` returns it, with a shifted test or more.
        out: A .png, .pdf or .svg file; replaced.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 5), layout="constrained")
    panel = figure.subplots()
    points = [
        (row["way"], 100 * row["tests"][result["in_distribution"]], 100 * mean)
        for row in result["rows"]
        if (mean := shifted_mean(result, row)) is not None
    ]
    singles = [point for point in points if point[0].startswith(SINGLE)]
    panel.plot([x for _, x, _ in singles], [y for *_, y in singles], "o", color="0.7", label="fine-tuned checkpoints")
    for number, (way, x, y) in enumerate(point for point in points if point not in singles):
        panel.plot(x, y, "*" if "soup" in way else "s", markersize=11, color=f"C{number % 10}", label=way)
    panel.set(xlabel=f"{result['in_distribution']} (%)", ylabel="shifted, mean (%)")
    panel.grid(alpha=0.3)
    panel.legend(fontsize="small")
    with atomic_path(out) as temporary:
        figure.savefig(temporary, dpi=110)
