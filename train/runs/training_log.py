"""What a training run writes while it runs: TensorBoard, a learning curve, and lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from atp.drawing.primitives import overlay_mask
from train.runs.curve_file import Curve
from train.runs.round_statistics import RoundStatistics

#: Scalars in the line of an entry.
SHOWN = ("loss/part", "loss/interaction", "motion_iou", "optimal_first_n/random", "optimal_first_n/policy")


class TrainingLog:
    """Gathers rounds and gradient steps and writes their means.

    Args:
        folder: Of the TensorBoard files. The learning curve becomes ``curve.json`` beside it. None writes and prints
            nothing: another process does.
        start: Interactions played by earlier processes. Entries of theirs past it came after the checkpoint from which
            the run resumes, and are withdrawn.
    """

    def __init__(self, folder: Path | None, start: int) -> None:
        self._writer = SummaryWriter(str(folder), purge_step=start + 1) if folder else None
        self._curve = Curve(folder.with_name("curve.json"), start) if folder else None
        self._rounds: list[RoundStatistics] = []
        self._steps: list[Mapping[str, float | Tensor]] = []

    def add_step(self, scalars: Mapping[str, float | Tensor]) -> None:
        """Take in one gradient step."""
        self._steps.append(scalars)

    def add_round(self, statistics: RoundStatistics) -> None:
        """Take in one round."""
        self._rounds.append(statistics)

    def write(self, step: int, scalars: dict[str, float]) -> None:
        """Write an entry from what came in since the last one, and ``scalars``."""
        if self._writer is None or self._curve is None:
            self._rounds, self._steps = [], []
            return
        names: Iterable[str] = self._steps[0] if self._steps else ()
        entries = {name: float(np.mean([float(s[name]) for s in self._steps])) for name in names}
        rates = _step_rates(self._rounds)
        self._curve.add(step, rates)
        entries |= rates
        ious = [iou for s in self._rounds for iou in s.motion_iou]
        if ious:
            entries["motion_iou"] = float(np.mean(ious))
        entries |= scalars
        for name, value in entries.items():
            self._writer.add_scalar(name, value, step)
        images = self._rounds[-1].images
        if images is not None:
            frames = [overlay_mask(images[frame], images[f"moved_{frame}"]) for frame in ("before", "after")]
            self._writer.add_image("motion", np.concatenate(frames, axis=1), step, dataformats="HWC")
        shown = (f"{name}={entries[name]:.3f}" for name in SHOWN if name in entries)
        print(step, *shown, flush=True)
        self._rounds, self._steps = [], []

    def flush(self) -> None:
        """Write the entries to disk, so that what comes before a checkpoint is never lost."""
        if self._writer:
            self._writer.flush()

    def close(self) -> None:
        """Close the TensorBoard files."""
        if self._writer:
            self._writer.close()


def _step_rates(rounds: list[RoundStatistics]) -> dict[str, float]:
    """Shares of effective and of optimal steps, of random actions and of the policy's."""
    explored, optimal, effective, first = (
        np.concatenate([getattr(s, name) for s in rounds]).astype(bool)
        for name in ("explored", "optimal", "effective", "first")
    )
    rates = {}
    for kind, which in (("random", explored), ("policy", ~explored)):
        if which.any():
            rates[f"effective/{kind}"] = float(effective[which].mean())
        if (which & first).any():
            rates[f"optimal_first_n/{kind}"] = float(optimal[which & first].mean())
    return rates
