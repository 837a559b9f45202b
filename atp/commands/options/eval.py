"""The options of ``atp eval``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Optional


@dataclass(frozen=True)
class EvalOptions:
    """Score policies on objects of a split, or a suite: a table, JSON, Markdown and a plot.

    An evaluation that was stopped is resumed when the same command is given again.
    """

    suite: str = ""
    """full (every policy on nine categories), stress, ablations or joints, in place of a split and its categories."""
    policies: str = ""
    """Names of policies, with commas, module:name for one of your own; empty: ours, act-random, gt-act and gt-act-mot,
    or all of a suite."""
    split: str = "test"
    """train, val, test, stress, mix, found-train or found (after `make found`), or partnet-train, partnet-val or
    partnet-test."""
    categories: str = ""
    """Categories of the split, with commas, module:name for one of your own; empty takes all."""
    objects: tuple[Path, ...] = ()
    """Objects of your own in place of a split: URDF files, folders of one, or folders of object folders."""
    metrics: str = ""
    """Modules of your own, with commas, that register further metrics (atp.metrics.register)."""
    episodes: int = 100
    """Episodes for each policy and category, shared out among the seeds."""
    seeds: int = 1
    """How many seeds; scores are means over them, with their spread."""
    seed: int = 0
    """The first seed."""
    weights: str = "default"
    """Name of shipped weights, or a checkpoint folder."""
    view: str = "auto"
    """From where to look at objects: auto, top, or elevation,azimuth in degrees, such as 40,-60."""
    randomization: bool = False
    """Evaluate under domain randomisation."""
    workers: int = 0
    """Processes; 0 takes one for each core."""
    ray: bool = False
    """Play on a Ray cluster (extra ray), the one that RAY_ADDRESS names if it does."""
    device: str = "cpu"
    """auto, cpu or cuda."""
    out: Path = Path("runs/eval")
    """Folder for the results."""
    json: Optional[Path] = None
    """File for the results; eval.json in the folder if not given."""
