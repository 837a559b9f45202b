"""Callbacks of training libraries that leave a soup of the run's checkpoints at its end.

They need no more than the library that they are of: ``trainer_callback`` that of Hugging Face, ``lightning_callback``
Lightning.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from atp.soups.checkpoints.checkpoint_folders import find_checkpoints
from atp.soups.ingredients import Ingredients
from atp.soups.mixing import Statistics
from atp.soups.soup_files import SoupFiles
from atp.soups.uniform import uniform_soup


def leave_soup(folder: Path, out: Path, last: int = 0, statistics: Statistics = None) -> Path | None:
    """The uniform soup of the checkpoints in a folder, in their form.

    Args:
        folder: Where a training left them.
        out: Folder for the soup and its report.
        last: How many of the last by the natural order of their names count; 0 takes all.
        statistics: Of BatchNorm, see :func:`atp.soups.mix`.

    Returns:
        The soup; None where there are fewer than two checkpoints.

    Raises:
        SoupError: They cannot be mixed.
    """
    paths = find_checkpoints([folder]).paths[-last:]
    if len(paths) < 2:
        return None
    ingredients = Ingredients(paths)
    files = SoupFiles(out, ingredients)
    place = files.keep("uniform soup", uniform_soup(ingredients, statistics), stem="uniform")
    files.finish("leave_soup")
    return place


def trainer_callback(last: int = 0, statistics: Statistics = None) -> Any:
    """A callback for ``transformers.Trainer``: the soup of its ``checkpoint-N`` lies in ``soup`` of the output folder.

    Args:
        last: As :func:`leave_soup`; ``save_total_limit`` decides how many are there.
        statistics: Of BatchNorm, see :func:`atp.soups.mix`.

    Raises:
        ImportError: transformers is not installed.
    """
    base = importlib.import_module("transformers").TrainerCallback

    def on_train_end(self: Any, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            leave_soup(Path(args.output_dir), Path(args.output_dir) / "soup", last, statistics)

    return type("SoupAtTheEnd", (base,), {"on_train_end": on_train_end})()


def lightning_callback(last: int = 0, statistics: Statistics = None) -> Any:
    """A callback for Lightning's ``Trainer``: the soup of what ``ModelCheckpoint`` kept lies in ``soup`` beside it.

    Args:
        last: As :func:`leave_soup`; ``save_top_k`` decides how many are there.
        statistics: Of BatchNorm, see :func:`atp.soups.mix`.

    Raises:
        ImportError: Neither ``lightning`` nor ``pytorch_lightning`` is installed.
    """
    try:
        base = importlib.import_module("lightning.pytorch").Callback
    except ImportError:
        base = importlib.import_module("pytorch_lightning").Callback

    def on_fit_end(self: Any, trainer: Any, pl_module: Any) -> None:
        folder = getattr(trainer.checkpoint_callback, "dirpath", None)
        if trainer.is_global_zero and folder:
            leave_soup(Path(folder), Path(folder) / "soup", last, statistics)

    return type("SoupAtTheEnd", (base,), {"on_fit_end": on_fit_end})()
