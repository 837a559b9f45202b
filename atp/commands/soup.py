"""``atp soup``: average fine-tuned checkpoints of any PyTorch model, and see whether it helps."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from assets.files import atomic_path, write_text
from atp.commands.arguments import command_line
from atp.results.soup import Comparison

if TYPE_CHECKING:
    from atp.soups import StateDict
    from atp.soups.comparison import Task

#: The soup that is made without a task.
UNIFORM = "uniform.safetensors"
#: Suffixes of checkpoints that are looked for in a folder.
SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")


@dataclass(frozen=True)
class SoupOptions:
    """Average fine-tuned checkpoints, and compare soups, ensembles and single ones on sets that chose nothing."""

    checkpoints: Annotated[tuple[Path, ...], tyro.conf.Positional] = ()
    """Checkpoints (safetensors, or PyTorch files of tensors alone), or folders of them."""
    task: str = ""
    """A function, as package.module:function, that returns an atp.soups.comparison.Task: the model, the held-out set
    and the tests. Without it only the uniform soup is made."""
    scores: tuple[Path, ...] = ()
    """In place of checkpoints: files with accuracies on each line, as published with the paper."""
    held_out: str = "ImageNet2p"
    """With --scores: the set that the best checkpoint is chosen by."""
    in_distribution: str = "ImageNet"
    """With --scores: the in-distribution test."""
    out: Path = Path("runs/soup")
    """Folder for soup.json, soup.md, soup.png and the soups."""
    methods: str = ""
    """Names of soup methods, with commas, also as module:name of your own (atp.soups.methods); empty takes all."""


def run(options: SoupOptions) -> Comparison:
    """Mix, compare and write.

    Args:
        options: What to mix.

    Returns:
        What is written as JSON; without a task nothing is, and it has no rows.

    Raises:
        ValueError: Nothing is given, or too much; a file cannot be used; or the task cannot be had.
    """
    from atp.reporting.soup_tables import comparison_markdown, draw_comparison, read_scores
    from atp.soups import Ingredients, uniform_soup
    from atp.soups.comparison import compare

    if bool(options.checkpoints) == bool(options.scores):
        raise ValueError("give checkpoints, or --scores FILE.jsonl, and not both")
    if options.scores:
        result = read_scores(options.scores, options.held_out, options.in_distribution)
    else:
        ingredients = Ingredients(find_checkpoints(options.checkpoints))
        if not options.task:
            _save(options.out / UNIFORM, uniform_soup(ingredients))
            return Comparison(list(ingredients), [], "", [])
        methods = [name.strip() for name in options.methods.split(",") if name.strip()]
        compared = compare(ingredients, load_task(options.task), _keeper(options.out), methods)
        result = Comparison.from_json(compared)
    result = replace(result, command=command_line())
    result.write(options.out / "soup.json")
    write_text(options.out / "soup.md", comparison_markdown(result, singles=True) + "\n")
    if result.shifted:
        draw_comparison(result, options.out / "soup.png")
    return result


def find_checkpoints(paths: tuple[Path, ...]) -> list[Path]:
    """Files, and those in folders by name.

    Raises:
        ValueError: A folder has none.
    """
    found = []
    for path in paths:
        inside = sorted(file for file in path.glob("*") if file.suffix in SUFFIXES) if path.is_dir() else [path]
        if not inside:
            raise ValueError(f"{path}: has no checkpoints ({', '.join(SUFFIXES)})")
        found += inside
    return found


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


def _keeper(folder: Path) -> Callable[[str, StateDict], None]:
    """Writes the soups of a comparison."""

    def keep(way: str, state: StateDict) -> None:
        _save(folder / f"{way.replace(' ', '-').lower()}.safetensors", state)

    return keep


def _save(path: Path, state: StateDict) -> None:
    from safetensors.torch import save_file

    with atomic_path(path) as temporary:
        save_file({name: tensor.clone().contiguous() for name, tensor in state.items()}, temporary)


def main(options: SoupOptions) -> None:
    """Run the command and print its table."""
    from atp.reporting.soup_tables import comparison_markdown

    result = run(options)
    if not result.rows:
        print(f"{len(result.ingredients)} checkpoints: {options.out / UNIFORM}")
        return
    print(comparison_markdown(result))
    print(options.out)
