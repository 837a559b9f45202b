"""``atp soup``: average fine-tuned checkpoints of any PyTorch model, and see whether it helps."""

from __future__ import annotations

import importlib
import sys
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from assets.files import write_text
from atp.commands.arguments import command_line, split_names
from atp.results.soup import Comparison

if TYPE_CHECKING:
    from atp.soups import Ingredients
    from atp.soups.comparison import Task
    from atp.soups.soup_files import SoupFiles

#: What is made where neither a method nor a task is named.
USUAL = ("uniform",)
DTYPES = Literal["", "float64", "float32", "float16", "bfloat16"]


@dataclass(frozen=True)
class SoupOptions:
    """Average fine-tuned checkpoints, and compare soups, ensembles and single ones on sets that chose nothing."""

    checkpoints: Annotated[tuple[Path, ...], tyro.conf.Positional] = ()
    """Checkpoints as training leaves them (safetensors, PyTorch files, folders of Hugging Face, PEFT adapters), or
    folders of them."""
    method: Annotated[str, tyro.conf.arg(aliases=["--methods"])] = ""
    """Soup methods, with commas: uniform, linear, greedy, learned, wise-ft, model-stock, task-arithmetic, ties, dare,
    slerp, fisher, or module:name of your own (atp.soups.methods). Empty is uniform; with --task all that compare."""
    weights: tuple[float, ...] = ()
    """One for each checkpoint, in their order: for linear (they sum to 1), task-arithmetic, ties, dare, fisher."""
    alpha: float | None = None
    """Share of the fine-tune (wise-ft), of the second checkpoint (slerp); factor of the sum (task-arithmetic, ties)."""
    density: float | None = None
    """Share of what fine-tunes changed that is kept (ties, dare)."""
    trim: Literal["tensor", "model"] = "tensor"
    """Whether ties keeps the largest changes of each tensor or of the whole network."""
    initial: Path | None = None
    """What the checkpoints were fine-tuned from: for wise-ft, model-stock, task-arithmetic, ties, dare."""
    fisher: tuple[Path, ...] = ()
    """Fisher information of each checkpoint, in files with tensors of the same names."""
    seed: int = 0
    """Decides what dare drops."""
    dtype: DTYPES = ""
    """Of what is written; checkpoints of different types need it."""
    key: str = ""
    """Where in PyTorch files the weights are, as state_dict_ema or a.b; empty looks for them."""
    strip_prefix: str = ""
    """A prefix to take off the names of tensors; those without it are left out."""
    statistics: Literal["", "average", "keep"] = ""
    """Statistics of BatchNorm: the mean, or the first checkpoint's; empty averages and warns where they differ."""
    shard_gigabytes: float = 5.0
    """Most of a file in folders that are written."""
    score_command: str = ""
    """A command with {checkpoint} in it that prints a number: it chooses in place of a task."""
    lower_is_better: bool = False
    """The number of --score-command, or the held-out set of --scores, is a loss."""
    task: str = ""
    """A function, as package.module:function, that returns an atp.soups.comparison.Task: the model, the held-out set
    and the tests."""
    leave_out: str = ""
    """With --task: rows that are left out, with commas: soup methods, or ensembles."""
    scores: tuple[Path, ...] = ()
    """In place of checkpoints: files with accuracies on each line, as published with the paper."""
    held_out: str = "ImageNet2p"
    """With --scores: the set that the best checkpoint is chosen by."""
    in_distribution: str = "ImageNet"
    """With --scores: the in-distribution test."""
    shifted: str = ""
    """With --scores: the shifted tests, with commas; empty takes all that look like accuracies."""
    out: Path = Path("runs/soup")
    """Folder for the soups and soup-report.json; with a task or scores also soup.json, soup.md, soup.png, and what is
    kept of a comparison so that the same command resumes."""


def run(options: SoupOptions) -> Comparison:
    """Mix, compare and write.

    Args:
        options: What to mix.

    Returns:
        What is written as JSON; without a task nothing is, and it has no rows.

    Raises:
        ValueError: Nothing is given, or too much; a file cannot be used; or the task cannot be had.
    """
    from atp.soups import SoupWarning

    if bool(options.checkpoints) == bool(options.scores):
        raise ValueError("give checkpoints, or --scores FILE.jsonl, and not both")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", SoupWarning)
        try:
            return _of_scores(options) if options.scores else _of_checkpoints(options)
        finally:
            for text in dict.fromkeys(str(each.message) for each in caught):
                print(f"warning: {text}", file=sys.stderr)


def _of_scores(options: SoupOptions) -> Comparison:
    """Of scores that others computed."""
    from atp.reporting.soup_tables import read_scores

    tests = split_names(options.shifted) or None
    result = read_scores(options.scores, options.held_out, options.in_distribution, tests, options.lower_is_better)
    return _written(result, options.out)


def _of_checkpoints(options: SoupOptions) -> Comparison:
    import torch

    from atp.soups import Ingredients, ReadOptions
    from atp.soups.checkpoints.checkpoint_folders import find_checkpoints
    from atp.soups.soup_files import SoupFiles

    found = find_checkpoints(options.checkpoints)
    dtype = getattr(torch, options.dtype) if options.dtype else None
    ingredients = Ingredients(found.paths, dtype, ReadOptions(options.key, options.strip_prefix))
    if len(ingredients) == 1 and options.initial is None and not options.task:
        left = f"; left out: {'; '.join(found.left_out)}" if found.left_out else ""
        raise ValueError(f"{ingredients[0]}: is one checkpoint alone, there is nothing to average{left}")
    files = SoupFiles(options.out, ingredients, int(1e9 * options.shard_gigabytes))
    files.say(found.left_out)
    for note in files.notes:
        print(f"note: {note}")
    result = _compared(options, ingredients, files) if options.task else _made(options, ingredients, files)
    files.finish(command_line())
    return result


def _compared(options: SoupOptions, ingredients: Ingredients, files: SoupFiles) -> Comparison:
    """With a task: the soups beside single checkpoints and ensembles."""
    from atp.soups.comparison import compare
    from atp.soups.methods import method_names

    if options.score_command:
        raise ValueError("--task and --score-command both choose; give one")
    task = load_task(options.task)
    methods, left_out = split_names(options.method), set(split_names(options.leave_out))
    if left_out:
        some = methods or method_names()
        unknown = sorted(left_out - {*some, "ensembles"})
        if unknown:
            raise ValueError(f"--leave-out {unknown[0]}: is not compared; choose of {', '.join(some)}, ensembles")
        task = replace(task, ensembles=task.ensembles and "ensembles" not in left_out)
    compared = compare(
        ingredients,
        task,
        files.keep,
        methods,
        _tell,
        _method_options(options),
        folder=options.out,
        still=files.still,
        leave_out=left_out,
    )
    return _written(Comparison.from_json(compared), options.out)


def _made(options: SoupOptions, ingredients: Ingredients, files: SoupFiles) -> Comparison:
    """Without a task: the soups alone, with scores of the user's command if there is one."""
    from atp.soups import SoupInputs, make_soups
    from atp.soups.score_command import ScoreCommand

    inputs = replace(SoupInputs(ingredients), **_method_options(options))
    scorer = None
    if options.score_command:
        journal = options.out / "scores.journal"
        scorer = ScoreCommand(options.score_command, files.candidate, journal, options.lower_is_better)
        scores = []
        for index, path in enumerate(ingredients.sources):
            assert isinstance(path, Path)
            scores.append(scorer.of_path(path))
            files.score(ingredients[index], scorer.number(scores[-1]))
            print(f"{ingredients[index]}: {scorer.number(scores[-1]):g}", flush=True)
        best = max(range(len(scores)), key=lambda index: (scores[index], index))
        inputs = replace(inputs, scores=scores, score=scorer.of_state, best=best)
    for soup in make_soups(inputs, split_names(options.method) or USUAL):
        place = files.keep(soup.name, soup.state, soup.chosen, soup.name.removesuffix(" soup"))
        if scorer is not None:
            files.score(soup.name, scorer.number(scorer.of_state(soup.state)))
            print(f"{soup.name}: {files.scores[soup.name]:g}", flush=True)
        print(f"{soup.name} of {len(ingredients)} checkpoints: {place}")
    return Comparison(list(ingredients), [], "", [])


def _method_options(options: SoupOptions) -> dict[str, Any]:
    """Fields of what methods are given that were asked for; a task has some of its own."""
    given: dict[str, Any] = {
        "weights": list(options.weights) or None,
        "alpha": options.alpha,
        "density": options.density,
        "trim": options.trim,
        "seed": options.seed,
        "information": options.fisher,
        "statistics": options.statistics or None,
        "initial": options.initial,
    }
    return {name: value for name, value in given.items() if value is not None}


def _tell(way: str) -> None:
    """Progress, a line for each row."""
    print(f"compared: {way}", file=sys.stderr, flush=True)


def _written(result: Comparison, out: Path) -> Comparison:
    """A comparison with its command, written as JSON, table and scatter."""
    from atp.reporting.soup_tables import comparison_markdown, draw_comparison

    result = replace(result, command=command_line())
    result.write(out / "soup.json")
    write_text(out / "soup.md", comparison_markdown(result, singles=True) + "\n")
    if result.shifted:
        draw_comparison(result, out / "soup.png")
    return result


def load_task(name: str) -> Task:
    """Call the function that gives the task.

    Raises:
        ValueError: There is no such function, or it gives something else.
    """
    from atp.soups.comparison import Task

    module, _, function = name.partition(":")
    sys.path.insert(0, "")  # modules in the current folder, as with python -m
    try:
        task = getattr(importlib.import_module(module), function)()
    except (ImportError, AttributeError, TypeError) as error:
        raise ValueError(f"--task {name}: is no package.module:function that can be called ({error})") from error
    finally:
        sys.path.remove("")
    if not isinstance(task, Task):
        raise ValueError(f"--task {name}: gives a {type(task).__name__}, not an atp.soups.comparison.Task")
    return task


def main(options: SoupOptions) -> None:
    """Run the command and print its table."""
    from atp.reporting.soup_tables import comparison_markdown

    result = run(options)
    if result.rows:
        print(comparison_markdown(result))
        print(options.out)
