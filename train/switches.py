"""What each kind of variation in drawn pairs brings: the second stage of training, short, without one at a time.

    python -m train.switches --clips path/to/clips

Every run is resumed or skipped when it was done before, so the command goes on after any stop.
"""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import tyro

from atp.agent import Agent
from atp.benchmark.shifts import score_shift
from atp.commands.clip import ClipOptions
from atp.commands.clip import run as run_clips
from atp.files import write_json
from envs.pairs import PairsConfig
from train.command import run_command
from train.config import LearnerConfig
from train.perception import PerceptionConfig, PerceptionTrainer

#: Every run by what is switched off in it.
SWITCHES = ("", *(entry.name for entry in fields(PairsConfig)))


@dataclass(frozen=True)
class SwitchesConfig:
    """Options.

    Attributes:
        out: Folder of the runs, one in it for each switch.
        json: File for the scores.
        clips: Real clips to score too; they are not trained with.
        scored: Drawn pairs to score with, of each kind.
        perception: Options of every run; ``out`` and the switch are set for each.
    """

    out: Path = Path("runs/switches")
    json: Path = Path("docs/results/switches.json")
    clips: Path | None = None
    scored: int = 200
    perception: PerceptionConfig = field(
        default_factory=lambda: PerceptionConfig(
            steps=400, drawn=6_000, learner=LearnerConfig(batch_size=8, pairs=24, learning_rate=7e-4)
        )
    )


class Switches:
    """Trains without one switch after another, and scores each run.

    Args:
        config: The options.
    """

    def __init__(self, config: SwitchesConfig) -> None:
        self.config = config

    def run(self) -> bool:
        """Train and score what is left to do.

        Returns:
            True if all is done, False if it was interrupted and saved.
        """
        rows = []
        for switch in SWITCHES:
            folder = self.config.out / (f"without-{switch}" if switch else "all")
            if not (folder / "weights").exists():
                print(f"training without {switch or 'nothing'}: {folder}", flush=True)
                if not self._train(folder, switch):
                    return False
            rows.append({"without": switch, **self._score(folder, switch)})
            command = shlex.join(["python", "-m", "train.switches", *sys.argv[1:]])
            write_json(
                self.config.json, {"command": command, "steps": self.config.perception.steps, "rows": rows}
            )
        return True

    def close(self) -> None:
        """Nothing is left open."""

    def _train(self, folder: Path, switch: str) -> bool:
        pairs = replace(self.config.perception.pairs, **({switch: False} if switch else {}))
        trainer = PerceptionTrainer(replace(self.config.perception, out=folder, pairs=pairs))
        try:
            return trainer.run()
        finally:
            trainer.close()

    def _score(self, folder: Path, switch: str) -> dict[str, Any]:
        """Motion IoU with pairs of each kind (of its own and of all for a run without a switch), and with clips."""
        agent = Agent.from_pretrained(folder / "weights", "cpu")
        agent.certainty = 0.0
        kinds = (switch, "all") if switch else (*SWITCHES[1:], "all")
        size = int(agent.config["resolution"])
        shifts = {
            kind: score_shift(agent, kind, self.config.scored, size)["agent"]["motion_iou"] for kind in kinds
        }
        clips: dict[str, float | None] = {}
        if self.config.clips:
            found = run_clips(ClipOptions((self.config.clips,), out=folder / "clips"), agent)
            clips = {clip["name"]: clip["motion_iou"] for clip in found["clips"]}
        return {"shifts": shifts, "clips": clips}


def main() -> int:
    """Entry point.

    Returns:
        The exit status, as :func:`train.command.run_command`.
    """
    return run_command(
        lambda: Switches(tyro.cli(SwitchesConfig, description=__doc__, prog="python -m train.switches"))
    )


if __name__ == "__main__":
    sys.exit(main())
