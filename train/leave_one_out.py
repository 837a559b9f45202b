"""Leave-one-out augmentation ablation: the second stage of training, short, without one variation at a time.

    python -m train.leave_one_out --clips path/to/clips

A run that was stopped goes on, and one whose scores are in the file of results is not done again, so the command goes
on after any stop, on another machine too.
"""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import tyro

from atp.agent import Agent
from atp.benchmark.synthetic_robustness import score_variation
from atp.commands.clip import ClipOptions
from atp.commands.clip import run as run_clips
from atp.results import LeaveOneOutResult, LeaveOneOutRow, ResultError
from envs.image_pairs import ImagePairConfig
from train.config import LearnerConfig
from train.learning.second_stage import PerceptionConfig, PerceptionTrainer
from train.runs.command import run_command
from train.runs.run_folder import FREE_OPTIONS, jsonable

#: Every run by what is switched off in it.
SWITCHES = ("", *(entry.name for entry in fields(ImagePairConfig)))


@dataclass(frozen=True)
class SwitchesConfig:
    """Options.

    Attributes:
        out: Folder of the runs, one in it for each switch.
        json: File for the scores.
        clips: Real clips to score too; they are not trained with.
        scored: Synthetic image pairs to score with, of each kind.
        perception: Options of every run; ``out`` and the switch are set for each.
    """

    out: Path = Path("runs/switches")
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


class Switches:
    """Trains without one switch after another, and scores each run.

    Args:
        config: The options.

    Raises:
        ValueError: The file of results holds something else, or results with other options.
    """

    def __init__(self, config: SwitchesConfig) -> None:
        self.config = config
        self._rows = self._done()

    def run(self) -> bool:
        """Train and score what is left to do.

        Returns:
            True if all is done, False if it was interrupted and saved.
        """
        rows = self._rows
        command = shlex.join(["python", "-m", "train.leave_one_out", *sys.argv[1:]])
        for switch in SWITCHES[len(rows) :]:
            folder = self.config.out / (f"without-{switch}" if switch else "all")
            if not (folder / "weights").exists():
                print(f"training without {switch or 'nothing'}: {folder}", flush=True)
                if not self._train(folder, switch):
                    return False
            rows.append(self._score(folder, switch))
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
            raise ValueError(f"{file}: holds scores with other options; give those to go on, or another --json")
        return list(stored.rows)

    def _options(self) -> dict[str, Any]:
        """What decides the scores."""
        options = jsonable(self.config.perception)
        decisive = {name: value for name, value in options.items() if name not in {*FREE_OPTIONS, "pair_folder"}}
        return {"scored": self.config.scored, "clips": self.config.clips is not None, **decisive}

    def _train(self, folder: Path, switch: str) -> bool:
        pairs = replace(self.config.perception.pairs, **({switch: False} if switch else {}))
        trainer = PerceptionTrainer(replace(self.config.perception, out=folder, pairs=pairs))
        try:
            return trainer.run()
        finally:
            trainer.close()

    def _score(self, folder: Path, switch: str) -> LeaveOneOutRow:
        """Motion IoU with pairs of each kind (of its own and of all for a run without one), and with clips."""
        agent = Agent.from_pretrained(folder / "weights", "cpu").for_clips()
        kinds = (switch, "all") if switch else (*SWITCHES[1:], "all")
        size, count = agent.resolution, self.config.scored
        ious = {kind: score_variation(agent, kind, count, size).methods["agent"].motion_iou for kind in kinds}
        clips: dict[str, float | None] = {}
        if self.config.clips:
            found = run_clips(ClipOptions((self.config.clips,), out=folder / "clips"), agent)
            clips = {clip.name: clip.motion_iou for clip in found.clips}
        return LeaveOneOutRow(switch, ious, clips)


def main() -> int:
    """Entry point.

    Returns:
        The exit status, as :func:`train.runs.command.run_command`.
    """
    return run_command(
        lambda: Switches(tyro.cli(SwitchesConfig, description=__doc__, prog="python -m train.leave_one_out"))
    )


if __name__ == "__main__":
    sys.exit(main())
