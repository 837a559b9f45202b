"""Whether workers grow: play for hours, and watch the memory of each.

python -m train.bench.endurance --interactions 1000000 --hours 2
"""

from __future__ import annotations

import os
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from atp.jobs.progress import Progress
from atp.results.bench import EnduranceResult
from envs.parallel.pool import play_pool
from train.runs.stopping import stop_requested


@dataclass(frozen=True)
class EnduranceOptions:
    """How long to play, and where to write."""

    out: Path = Path("runs/endurance.json")
    """File for the figures; it is written at every sample."""
    interactions: int = 1_000_000
    """Interactions to play, resets not counted."""
    hours: float = 2.0
    """Most hours to play."""
    envs: int = 8
    """Environments."""
    workers: int = 0
    """Their workers; 0 takes one for each core."""
    samples: int = 100
    """How often memory is looked at."""
    warm_up: float = 0.1
    """Share of the samples until caches are filled; growth counts from there."""
    seed: int = 0
    """Decides objects and actions."""


def run(options: EnduranceOptions) -> EnduranceResult | None:
    """Play and write what the memory was.

    Args:
        options: How long, and where to write.

    Returns:
        What was written last; None if it was stopped before the first sample.
    """
    rng = np.random.default_rng(options.seed)
    began = time.monotonic()
    step, played, resets = options.interactions / options.samples, 0, options.envs
    result: EnduranceResult | None = None
    with (
        closing(play_pool(options.envs, options.workers or None, randomization=True)) as pool,
        stop_requested() as stop,
        Progress(options.interactions, "interactions", "playing", lines=False) as progress,
    ):
        megabytes: list[list[float]] = [[] for _ in pool.pids]
        for index in range(pool.count):
            pool.reset_async(index, int(rng.integers(2**31)))
        while played < options.interactions and not stop:
            for index, answer in pool.wait().items():
                played += 1
                resets += answer.done
                pixels = np.clip(rng.normal(45, 12, 4), 0, 89).astype(np.int64)
                pool.step_async(index, np.append(pixels, rng.integers(8)), int(rng.integers(2**31)))
            if played >= step * (len(megabytes[0]) + 1):
                for pid, samples in zip(pool.pids, megabytes, strict=True):
                    samples.append(_resident(pid))
                seconds = time.monotonic() - began
                result = EnduranceResult(played, resets, round(seconds), growth(megabytes, options.warm_up), megabytes)
                result.write(options.out)
                progress.update(played)
                print(f"{played} interactions, {[samples[-1] for samples in megabytes]} MB", flush=True)
                if seconds > 3600 * options.hours:
                    break
    return result


def growth(megabytes: list[list[float]], warm_up: float) -> float | None:
    """Largest relative growth over the workers after the warm-up, see :class:`atp.results.bench.EnduranceResult`."""
    count = len(megabytes[0])
    first, tenth = round(warm_up * count), max(1, count // 10)
    if count < first + 2 * tenth:
        return None
    ratios = [np.mean(each[-tenth:]) / np.mean(each[first : first + tenth]) for each in megabytes]
    return round(float(max(ratios)) - 1, 4)


def _resident(pid: int) -> float:
    """Resident memory of a process in megabytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


def main() -> None:
    """Entry point."""
    result = run(tyro.cli(EnduranceOptions, description=__doc__, prog="python -m train.bench.endurance"))
    if result is not None:
        grown = "not known yet" if result.growth is None else f"{result.growth:.1%}"
        print(f"growth {grown} over {result.interactions} interactions")


if __name__ == "__main__":
    main()
