"""Soups of many checkpoints against reading their files once."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from atp.results.bench import SoupTimes
from atp.soups import uniform_soup
from train.bench.measuring import in_turns, median_ratio

#: Checkpoints, and tensors of a megabyte in each.
FILES, TENSORS = 16, 20


def bench_soups(repeats: int, seed: int) -> SoupTimes:
    """Time of a uniform soup over that of reading the files, and over that of loading and copying their tensors.

    Args:
        repeats: Measurements; medians are reported.
        seed: Decides the weights.

    Returns:
        ``uniform_over_reading``, ``uniform_over_loading``, ``files``, ``megabytes`` of each.
    """
    generator = torch.Generator().manual_seed(seed)
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{number}.safetensors" for number in range(FILES)]
        for file in files:
            save_file({f"{k}.weight": torch.randn(512, 512, generator=generator) for k in range(TENSORS)}, file)

        def read() -> None:
            for file in files:
                file.read_bytes()

        def load() -> None:
            for file in files:
                for tensor in load_file(file).values():  # mapped: read only when copied
                    tensor.clone()

        def seconds_of(work: Callable[[], object]) -> float:
            began = time.perf_counter()
            work()
            return time.perf_counter() - began

        measures = {
            "reading": lambda: seconds_of(read),
            "loading": lambda: seconds_of(load),
            "uniform": lambda: seconds_of(lambda: uniform_soup(files)),
        }
        seconds = in_turns(measures, repeats)
    return SoupTimes(
        uniform_over_reading=median_ratio(seconds, "uniform", "reading"),
        uniform_over_loading=median_ratio(seconds, "uniform", "loading"),
        files=FILES,
        megabytes=TENSORS,
    )
