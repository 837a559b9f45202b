"""``atp objects``: a contact sheet of the objects that come with the package."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import numpy as np
from rich.console import Console

import envs
from assets.catalog import instances, split_categories
from atp.commands.arguments import naming, split_names
from atp.commands.options.objects import ObjectsOptions
from atp.drawing.export import write_png
from atp.drawing.grid import strip
from atp.types import Image

#: What a sheet says of the categories of a split.
MEANINGS = {"train": "trained on", "test": "never trained on", "stress": "stress test"}


def run(options: ObjectsOptions) -> Path:
    """Draw the sheet.

    Args:
        options: What to draw and where.

    Returns:
        The path of the image.

    Raises:
        ValueError: There is no such split, or a number is out of its range.
    """
    if options.columns < 1:
        raise ValueError(f"--columns must be at least 1, not {options.columns}")
    rows: list[list[Image | None]] = []
    names = []
    for split in split_names(options.splits):
        with naming("--splits"):
            categories = split_categories(split)
        for category in categories:
            rows.append(_row(options, split, category))
            names.append(f"{category.replace('_', ' ')}\n({MEANINGS.get(split, split)})")
    write_png(options.out, strip(rows, row_captions=names, panel_size=options.resolution, text_size=13))
    return options.out


def main(options: ObjectsOptions) -> None:
    """Run the command and say where the image is."""
    Console().print(str(run(options)), highlight=False, soft_wrap=True)


def _row(options: ObjectsOptions, split: str, category: str) -> list[Image | None]:
    """Images of different instances; None where there are no more."""
    known = [instance.index for instance in instances(split, category)]
    chosen = np.random.default_rng(options.seed).permutation(known)[: options.columns]
    env = gym.make(
        envs.ENV_ID,
        split=split,
        category=category,
        resolution=options.resolution,
        randomization=options.randomization,
        disable_env_checker=True,
    )
    images: list[Image | None] = []
    try:
        for column, index in enumerate(chosen):
            observation, _ = env.reset(seed=options.seed + column, options={"index": int(index)})
            images.append(observation["rgb"])
    finally:
        env.close()
    return images + [None] * (options.columns - len(images))
