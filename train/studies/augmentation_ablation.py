"""Leave-one-out augmentation ablation: short second stages of training, without one variation at a time."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from atp.agent import Agent
from atp.benchmark.synthetic_robustness import score_variation
from atp.clips import find_clips, read_clip
from atp.clips.scoring import Iou, evaluate_clip
from atp.results.robustness import LeaveOneOutResult, LeaveOneOutRow
from atp.results.schema import ResultError
from envs.image_pairs import ImagePairConfig
from train.config import LearnerConfig
from train.learning.second_stage import PerceptionConfig, PerceptionTrainer
from train.runs.run_folder import FREE_OPTIONS, jsonable

#: Every run by the variation that is left out of it.
VARIATIONS = ("", *(entry.name for entry in fields(ImagePairConfig)))


@dataclass(frozen=True)
class AblationConfig:
    """Options.

    Attributes:
        out: Folder of the runs, one in it for each variation.
        json: File for the scores.
        clips: Real clips to score too; they are not trained with.
        scored: Synthetic image pairs to score with, of each kind.
        perception: Options of every run; ``out`` and the variation are set for each.
    """

    out: Path = Path("runs/leave-one-out")
    json: Path = Path("docs/results/leave-one-out.json")
    clips: Path | None = None
    scored: int = 120
    perception: PerceptionConfig = field(
        default_factory=lambda: PerceptionConfig(
            steps=200,
            drawn=3_000,
            learner=LearnerConfig(batch_size=8, pairs=24, optimizer="muon", learning_rate=2.5e-3),
        )
    )


class AugmentationAblation:
    """Trains without one variation after another, and scores each run.

    Args:
        config: The options.

    Raises:
        ValueError: The file of results holds something else, or results with other options.
    """

    def __init__(self, config: AblationConfig) -> None:
        self.config = config
        self._rows = self._done()

    def run(self) -> bool:
        """Train and score what is left to do.

        Returns:
            True if all is done, False if it was interrupted and saved.
        """
        rows = self._rows
        command = shlex.join(["python", "-m", "train.leave_one_out", *sys.argv[1:]])
        for variation in VARIATIONS[len(rows) :]:
            folder = self.config.out / (f"without-{variation}" if variation else "all")
            if not (folder / "weights").exists():
                print(f"training without {variation or 'nothing'}: {folder}", flush=True)
                if not self._train(folder, variation):
                    return False
            rows.append(self._score(folder, variation))
            steps = self.config.perception.steps
            LeaveOneOutResult(command, steps, self._options(), rows).write(self.config.json)
        return True

    def close(self) -> None:
        """Nothing is left open."""

    def _done(self) -> list[LeaveOneOutRow]:
        """Rows of an earlier run of the command.

        Raises:
            ValueError: The file is no such one, or its options were others.
        """
        file = self.config.json
        if not file.exists():
            return []
        try:
            stored = LeaveOneOutResult.read(file)
        except ResultError as error:
            raise ValueError(f"{error}; choose another --json") from error
        if stored.options != self._options():
            raise ValueError(f"{file}: holds scores with other options; give those to resume, or another --json")
        return list(stored.rows)

    def _options(self) -> dict[str, Any]:
        """What decides the scores."""
        options = jsonable(self.config.perception)
        decisive = {name: value for name, value in options.items() if name not in {*FREE_OPTIONS, "pair_folder"}}
        return {"scored": self.config.scored, "clips": self.config.clips is not None, **decisive}

    def _train(self, folder: Path, variation: str) -> bool:
        pairs = replace(self.config.perception.pairs, **({variation: False} if variation else {}))
        trainer = PerceptionTrainer(replace(self.config.perception, out=folder, pairs=pairs))
        try:
            return trainer.run()
        finally:
            trainer.close()

    def _score(self, folder: Path, variation: str) -> LeaveOneOutRow:
        """Motion IoU with pairs of each kind (of its own and of all for a run without one), and with clips."""
        agent = Agent.from_pretrained(folder / "weights", "cpu").for_clips()
        kinds = (variation, "all") if variation else (*VARIATIONS[1:], "all")
        size, count = agent.resolution, self.config.scored
        variations = {kind: score_variation(agent, kind, count, size).methods["agent"].motion_iou for kind in kinds}
        clips: dict[str, float | None] = {}
        if self.config.clips:
            torch.manual_seed(0)
            for path in find_clips((self.config.clips,)):
                found = evaluate_clip(read_clip(path), agent, size)
                scores = [entry.scores["agent"] for entry in found.interactions]
                clips[found.clip.name] = _mean([_mean([pair[moment].iou for pair in scores]) for moment in (0, 1)])
        return LeaveOneOutRow(variation, variations, clips)


def _mean(values: Iterable[Iou]) -> Iou:
    """Mean of the scores that are known; None where there is none."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
