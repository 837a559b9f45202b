"""The second stage of training: the part network is trained further with stored play and synthetic image pairs."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch.utils.tensorboard import SummaryWriter

from atp.agent import Agent, pick_device
from atp.benchmark.synthetic_robustness import score_variation
from envs.image_pairs import ImagePairConfig
from train.config import LearnerConfig, check_range
from train.data.image_pair_files import ImagePairFiles, as_filmed
from train.learning.calibration import calibrated_motion_threshold
from train.learning.learner import Learner
from train.runs.loop import TrainingRun, describe_machine
from train.runs.run_folder import open_recorded


@dataclass(frozen=True)
class PerceptionConfig:
    """Options of the second stage.

    The weights `video` went through it four times: with these defaults, and then with more and more play.

    Attributes:
        play: Folder of a complete run of ``train.atp_train`` or ``train.record``, with its stored interactions.
        out: Folder of this run: checkpoint, log, weights.
        weights: Weights whose part network is trained further, a folder or the name of shipped ones; empty: those that
            played.
        steps: Gradient steps.
        drawn: Image pairs that are synthesized.
        pair_folder: Where they are kept, for other runs too.
        workers: Processes that synthesize them.
        validation: Pairs that are synthesized beside, to be scored at each checkpoint.
        device: Where to compute.
        threads: CPU threads of PyTorch; 0 leaves its default.
        seed: Decides everything.
        checkpoint_every: Gradient steps between checkpoints.
        log_every: Gradient steps between entries of the log.
        learner: Options of the optimiser; ``batch_size`` interactions and ``pairs`` pairs make a batch.
        pairs: What varies in synthetic image pairs.
    """

    play: Path = Path("runs/recorded")
    out: Path = Path("runs/perception")
    weights: str = ""
    steps: int = 5_000
    drawn: int = 30_000
    pair_folder: Path = Path("runs/pairs")
    workers: int = 2
    validation: int = 150
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = 0
    seed: int = 0
    checkpoint_every: int = 500
    log_every: int = 50
    learner: LearnerConfig = field(
        default_factory=lambda: LearnerConfig(batch_size=12, pairs=28, optimizer="muon", learning_rate=2.5e-3)
    )
    pairs: ImagePairConfig = field(default_factory=ImagePairConfig)

    def __post_init__(self) -> None:
        check_range(self, 1, None, "steps", "drawn", "workers", "checkpoint_every", "log_every", "validation")
        check_range(self, 0, None, "threads", "seed")


class PerceptionTrainer(TrainingRun):
    """Trains the part network of a run further. A resumed run ends as one that was never stopped.

    Args:
        config: The options.
        command: The command line, for the model's config.

    Raises:
        ValueError: An option cannot be used, or ``config.play`` is not a complete run.
        atp.checkpoint.CheckpointError: Weights cannot be read.
        envs.parallel.pool.WorkerLost: A process that synthesizes pairs was lost.
    """

    unit = "gradient steps"
    activity = "perception"

    def __init__(self, config: PerceptionConfig, command: str = "") -> None:
        self.config = config
        torch.set_flush_denormal(True)
        self._player = Agent.from_pretrained(config.play / "weights", "cpu")
        self._start = Agent.from_pretrained(config.weights, "cpu") if config.weights else self._player
        self._losses: list[torch.Tensor] = []  # of the part network, since the last entry of the log
        self._scalars: dict[str, torch.Tensor] = {}  # of the last step
        super().__init__(config, command)

    def _open(self, opened: ExitStack) -> None:
        config = self.config
        self.replay = open_recorded(config.play)
        networks: dict[str, torch.nn.Module] = {"interaction": self._player.interaction, "part": self._start.part}
        device = pick_device(config.device)
        self.learner = Learner(config.learner, config.steps, device, config.seed, networks, learns=("part",))
        self._resume()
        resolution = self.replay.shape[0]
        self.pairs = ImagePairFiles(
            config.pair_folder, config.drawn, resolution, config.pairs, config.seed, config.workers
        )
        self._writer = SummaryWriter(str(config.out / "tensorboard"), purge_step=self.learner.steps + 1)
        opened.callback(self._writer.close)

    @property
    def done(self) -> int:
        """Gradient steps made so far."""
        return self.learner.steps

    @property
    def total(self) -> int:
        """Gradient steps to make."""
        return self.config.steps

    def agent(self) -> Agent:
        """The agent with the averaged part network."""
        interaction, part = self.learner.acting
        perception = {
            "command": self.command,
            "gradient_steps": self.learner.steps,
            "training_seconds": round(self.seconds),
            "machine": describe_machine(self.learner.device),
            "options": self.folder.options,
            "before": self._start.config.get("perception"),
        }
        device = self.learner.device.type
        return Agent(interaction, part, {**self._player.config, "perception": perception}, device=device)

    def _flush(self) -> None:
        self._writer.flush()

    def _state(self) -> dict[str, Any]:
        return {"learner": self.learner.state_dict()}

    def _restore(self, state: dict[str, Any]) -> None:
        self.learner.load_state_dict(state["learner"])

    def _round(self) -> None:
        rng = np.random.default_rng([self.config.seed, 3, self.learner.steps])
        pairs = as_filmed(self.pairs.sample(self.config.learner.pairs, rng), rng)
        self._scalars = self.learner.step(self.replay, pairs)
        self._losses.append(self._scalars["loss/part"])

    def _log(self, rate: float) -> None:
        mean = torch.stack(self._losses).mean()
        self._write({**self._scalars, "loss/part": mean, "steps_per_second": rate})
        self._losses = []

    def _checkpoint(self) -> None:
        self._write(self._validate())
        self.save()

    def _write_weights(self) -> None:
        agent = self.agent()
        agent = agent.replace(motion_threshold=round(calibrated_motion_threshold(agent, self.replay), 2))
        agent.save_pretrained(self.config.out / "weights")

    def _validate(self) -> dict[str, float]:
        """Scores with pairs that are not trained with."""
        agent = self.agent().for_clips()
        row = score_variation(agent, "all", self.config.validation, self.replay.shape[0])
        scores = vars(row.methods["agent"])
        return {f"pairs/{name}": value for name, value in scores.items() if value is not None}

    def _write(self, scalars: dict[str, Any]) -> None:
        for name, value in scalars.items():
            self._writer.add_scalar(name, float(value), self.learner.steps)
        shown = (f"{name}={float(value):.3f}" for name, value in scalars.items() if name not in ("learning_rate",))
        print(self.learner.steps, *shown, flush=True)
