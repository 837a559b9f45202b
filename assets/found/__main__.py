"""Make the set of found objects, from the sources that are here.

    python -m assets.found --out FOLDER

A run that was stopped goes on when the same command is given again.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import tyro
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from assets.found import sweethome, synthesizer
from assets.found.building import INDEX, LICENCES, Report, build
from assets.found.collection import FOUND_SPLITS, found_root
from assets.found.found_object import FoundObject, Offer, SourceMissing


@dataclass(frozen=True)
class FoundOptions:
    """Make the set of found objects: articulated ones that others made under free licences."""

    out: Path | None = None
    """Folder of the set. If not given: where the splits found and found-train look for it, which is the folder that
    ATP_FOUND names, else one in the cache."""
    seed: int = 0
    """Decides shapes and surfaces."""
    sweethome: Path | None = None
    """A furniture library of Sweet Home 3D (.sh3f, .jar, the .deb of Debian) or a folder of them; the package
    sweethome3d-furniture if not given."""


def run(options: FoundOptions, console: Console) -> Report:
    """Make the set and say what came of it.

    Raises:
        ValueError: No source is here, or one is broken; the message says what to do.
    """
    objects: list[FoundObject] = []
    missing = []
    sources: tuple[Callable[[], Offer], ...] = (
        partial(synthesizer.offer, options.seed),
        partial(sweethome.offer, options.seed, options.sweethome),
    )
    for source in sources:
        try:
            offer = source()
        except SourceMissing as error:
            missing.append(str(error))
            continue
        objects += offer.objects
        if offer.not_free:
            console.print(f"{offer.not_free} models are left out, for their licence is not free", highlight=False)
    for reason in missing:
        console.print(f"left out: {reason}", highlight=False, markup=False, soft_wrap=True)
    if not objects:
        raise ValueError("no source of objects is here: install one of those above")
    out = options.out or found_root()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("objects", total=len(objects))
        report = build(out, objects, options.seed, lambda name: bar.update(task, advance=1))
    _say(report, out, console)
    return report


def _say(report: Report, out: Path, console: Console) -> None:
    for reason in report.broken:
        console.print(f"left out: {reason}", highlight=False, markup=False, soft_wrap=True)
    for split in FOUND_SPLITS:
        counts = Counter(entry["category"] for entry in report.entries if entry["split"] == split)
        text = ", ".join(f"{category} {count}" for category, count in sorted(counts.items()))
        console.print(f"{split}: {counts.total()} objects: {text}", highlight=False, soft_wrap=True)
    console.print(f"{len(report.made)} made, {len(report.kept)} were there", highlight=False)
    console.print(f"{out / INDEX}  {out / LICENCES}", highlight=False, soft_wrap=True)


def main(arguments: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    options = tyro.cli(FoundOptions, args=arguments, description=__doc__, prog="python -m assets.found")
    try:
        run(options, Console())
    except (ValueError, OSError) as error:
        print(f"python -m assets.found: error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
