"""Many fine-tunes from one initialisation, with recipes drawn at random; resumes where it was stopped."""

from __future__ import annotations

import dataclasses
import importlib
import json
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from assets.files import atomic_path, write_json
from atp.jobs.processes import map_unordered
from atp.jobs.progress import Progress
from atp.soups import StateDict
from train.finetuning.fine_tune import fine_tune, probe
from train.finetuning.ray_tune import tune_all
from train.finetuning.recipe import Recipe, SearchSpace
from train.finetuning.task import FineTuningTask


@dataclass(frozen=True)
class SweepConfig:
    """Options of a sweep.

    Attributes:
        task: A function, as package.module:function, that returns a :class:`train.finetuning.task.FineTuningTask`.
        out: Folder for ``initial.safetensors``, the fine-tunes and their recipes.
        runs: Fine-tunes.
        seed: Decides the recipes and the initialisation.
        workers: Processes; each computes on one core.
        ray: Let Ray Tune run them on a cluster instead (extra ``ray``).
        storage: Folder or fsspec address for Tune's logs and checkpoints, which all nodes reach; ``tune`` in ``out`` if
            not given.
        space: Ranges of the recipes.
    """

    task: str
    out: Path = Path("runs/sweep")
    runs: int = 8
    seed: int = 0
    workers: int = 1
    ray: bool = False
    storage: str = ""
    space: SearchSpace = field(default_factory=SearchSpace)


def sweep(config: SweepConfig) -> list[Path]:
    """Fine-tune as often as asked; what is there already is not done again.

    Args:
        config: The options.

    Returns:
        Files of the fine-tunes, in the order of their numbers.

    Raises:
        ValueError: The folder holds a sweep with other options, or the task cannot be had.
    """
    options = _options(config)
    _check(config.out / "sweep.json", options)
    write_json(config.out / "sweep.json", options)  # before anything that depends on them
    initial = config.out / "initial.safetensors"
    if not initial.exists():
        _save(initial, probe(load_task(config.task)))
    files = [config.out / f"{number:03}.safetensors" for number in range(config.runs)]
    missing = [number for number, file in enumerate(files) if not file.exists()]
    with Progress(config.runs, "fine-tunes", "fine-tuning", config.runs - len(missing), lines=False) as progress:

        def keep(number: int, state: StateDict) -> None:
            _save(files[number], state)
            progress.advance()
            print(f"fine-tune {number} of {config.runs}: {files[number]}", flush=True)

        if config.ray:
            drawn = {number: config.space.draw(config.seed, number) for number in missing}
            storage = config.storage or str((config.out / "tune").resolve())
            tune_all(partial(_fine_tune, config.task), load_file(initial), drawn, storage, keep)
        else:
            for number, state in map_unordered(partial(_run, config), missing, config.workers):
                keep(number, state)
    return files


def recipes(config: SweepConfig) -> list[dict[str, Any]]:
    """The recipes of a sweep, by number."""
    return [dataclasses.asdict(config.space.draw(config.seed, number)) for number in range(config.runs)]


@cache
def load_task(name: str) -> FineTuningTask:
    """Call the function that gives the task; once in a process.

    Raises:
        ValueError: There is no such function, or it gives something else.
    """
    module, _, function = name.partition(":")
    try:
        task = getattr(importlib.import_module(module), function)()
    except (ImportError, AttributeError) as error:
        raise ValueError(f"--sweep.task {name}: is no package.module:function ({error})") from error
    if not isinstance(task, FineTuningTask):
        raise ValueError(f"--sweep.task {name}: gives a {type(task).__name__}, not a FineTuningTask")
    return task


def _run(config: SweepConfig, number: int) -> StateDict:
    """One fine-tune, in whatever process."""
    if config.workers > 1:
        torch.set_num_threads(1)
    initial = load_file(config.out / "initial.safetensors")
    return _fine_tune(config.task, initial, config.space.draw(config.seed, number))


def _fine_tune(task: str, initial: StateDict, recipe: Recipe) -> StateDict:
    return fine_tune(load_task(task), initial, recipe)


def _options(config: SweepConfig) -> dict[str, Any]:
    """What decides the fine-tunes."""
    decisive: dict[str, Any] = json.loads(
        json.dumps({"task": config.task, "seed": config.seed, "space": dataclasses.asdict(config.space)})
    )
    return decisive


def _check(file: Path, options: dict[str, Any]) -> None:
    if not file.exists():
        return
    try:
        stored = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{file}: is not JSON ({error}); choose another --out") from error
    if stored != options:
        raise ValueError(f"{file}: holds a sweep with other options; give those to resume, or another --out")


def _save(path: Path, state: StateDict) -> None:
    with atomic_path(path) as temporary:
        save_file({name: tensor.clone().contiguous() for name, tensor in state.items()}, temporary)
