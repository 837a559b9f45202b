"""Make the image pairs of a second stage beforehand: what is there already is left, so it can be stopped at any time.

    python -m train.data --rendered 6000 --validation 150
    python -m train.data --rendered 6000 --validation 150 --sheet runs/pairs.png

The options of ``train.perception_train`` that decide the pairs have the same names, and the same defaults.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

#: Pairs on a sheet.
_SHOWN = 40

# Worker processes import this file again: what they do not need is imported in the function.


@dataclass(frozen=True)
class PairOptions:
    """Options.

    Attributes:
        rendered: Rendered pairs.
        validation: Rendered pairs to validate with.
        rendered_folder: Where they are kept; the cache if not given.
        workers: Processes that draw; OpenGL without a GPU has threads of its own.
        seed: Decides the pairs.
        sheet: File for an image of some of the pairs as they are trained with, cropped and filmed; none if not given.
        resolution: Image side in pixels there.
    """

    rendered: int = 6_000
    validation: int = 150
    rendered_folder: Path | None = None
    workers: int = 1
    seed: int = 0
    sheet: Path | None = None
    resolution: int = 90


def main(arguments: list[str] | None = None) -> int:
    """Entry point.

    Args:
        arguments: Command line; None takes the process's.

    Returns:
        The exit status: 1 where nothing can be drawn.
    """
    import numpy as np
    import tyro

    from atp.drawing.export import write_png
    from envs.parallel.pool import WorkerLost
    from envs.rendered_pairs import PicturesMissing
    from train.data.pair_framing import as_filmed, framed
    from train.data.pair_sheet import sheet
    from train.data.rendered_sets import training_pairs, validation_pairs

    options = tyro.cli(PairOptions, args=arguments, description=__doc__, prog="python -m train.data")
    where = (options.rendered_folder, options.workers)
    try:
        made = validation_pairs(options.validation, options.seed, *where)
        pairs = training_pairs(options.rendered, options.seed, *where)
    except (PicturesMissing, WorkerLost, ValueError) as error:
        print(f"python -m train.data: {error}", file=sys.stderr)
        return 1
    print(f"{len(pairs)} rendered pairs, and {len(made)} to validate with")
    if options.sheet is not None:
        rng = np.random.default_rng(options.seed)
        write_png(options.sheet, sheet(as_filmed(framed(pairs.sample(_SHOWN, rng), options.resolution, rng), rng)))
        print(options.sheet)
    return 0


if __name__ == "__main__":
    sys.exit(main())
