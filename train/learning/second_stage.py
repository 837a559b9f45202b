"""The second stage of training: one of the networks is trained further, with stored play and with image pairs."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from atp.agent import Agent, pick_device
from atp.benchmark.synthetic_robustness import score_variation
from atp.networks import PartNetwork, extended
from atp.networks.blocks import MIN_SIZE
from envs.image_pairs import ImagePairConfig
from envs.rendered_pairs import PicturesMissing
from train.config import LearnerConfig, check_range
from train.data.image_pair_files import ImagePairFiles
from train.data.joined_replays import JoinedReplays
from train.data.pair_framing import as_filmed, framed
from train.data.pair_sources import DrawnPairs
from train.data.rendered_sets import training_pairs, validation_pairs, whole_pairs
from train.data.replay import StoredPlay
from train.learning.calibration import calibrated_motion_threshold
from train.learning.learner import Learner
from train.learning.pair_scores import score_pairs
from train.learning.photograph_features import load_imagenet
from train.runs.loop import TrainingRun, describe_machine
from train.runs.run_folder import open_recorded

#: Where a model's config has the second stage of each network; ``before`` in it is the stage before.
ENTRIES = {"part": "perception", "interaction": "acting"}


@dataclass(frozen=True)
class DesignConfig:
    """What the part network gets in addition, if it has not got it already (:class:`atp.networks.PartNetwork`).

    Attributes:
        agent: It also segments hands, arms and robots.
        matching: It matches cells over the whole image.
        appearance: It sees features of each image alone: those of ImageNet (extra ``pictures``), or some that start at
            random; none: it does not.
        appearance_learns: Those features are trained too. Frozen, they stay those of photographs, and cost less.
    """

    agent: bool = False
    matching: bool = False
    appearance: Literal["none", "random", "imagenet"] = "none"
    appearance_learns: bool = False


@dataclass(frozen=True)
class PerceptionConfig:
    """Options of the second stage.

    The weights `default` went through it several times: with these defaults, and then with more and more play.

    Attributes:
        play: Folder of a complete run of ``train.atp_train`` or ``train.record``, with its stored interactions; None:
            there is no play in the batch, and ``weights`` must be given.
        more_play: Folders of further ones; all interactions are equally likely.
        learns: The network that is trained further; the other one stays as it is. The interaction network learns from
            play alone: from what was done and from the trials, where there are any.
        out: Folder of this run: checkpoint, log, weights.
        weights: Weights whose network is trained further, a folder or the name of shipped ones; empty: those that
            played.
        steps: Gradient steps.
        drawn: Image pairs that are synthesized.
        pair_folder: Where they are kept, for other runs too.
        rendered: Image pairs that are rendered of real assets (``python -m train.data`` makes them beforehand).
        rendered_folder: Where they are kept; the cache if not given.
        workers: Processes that make pairs.
        validation: Pairs that are synthesized beside, to be scored at each checkpoint, and rendered, where those are
            trained with.
        resolution: Image side in pixels, if it is not that of the weights; with play it is that of the play.
        device: Where to compute.
        threads: CPU threads of PyTorch; 0 leaves its default.
        seed: Decides everything.
        checkpoint_every: Gradient steps between checkpoints.
        log_every: Gradient steps between entries of the log.
        learner: Options of the optimiser; ``batch_size`` interactions, ``pairs`` synthesized and ``rendered`` rendered
            pairs make a batch.
        pairs: What varies in synthesized pairs.
        design: What the part network gets in addition.
    """

    play: Path | None = Path("runs/recorded")
    more_play: tuple[Path, ...] = ()
    learns: Literal["part", "interaction"] = "part"
    out: Path = Path("runs/perception")
    weights: str = ""
    steps: int = 5_000
    drawn: int = 30_000
    pair_folder: Path = Path("runs/pairs")
    rendered: int = 6_000
    rendered_folder: Path | None = None
    workers: int = 2
    validation: int = 150
    resolution: int | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = 0
    seed: int = 0
    checkpoint_every: int = 500
    log_every: int = 50
    learner: LearnerConfig = field(
        default_factory=lambda: LearnerConfig(batch_size=12, pairs=28, optimizer="muon", learning_rate=2.5e-3)
    )
    pairs: ImagePairConfig = field(default_factory=ImagePairConfig)
    design: DesignConfig = field(default_factory=DesignConfig)

    def __post_init__(self) -> None:
        check_range(self, 1, None, "steps", "drawn", "workers", "checkpoint_every", "log_every", "validation")
        check_range(self, 1, None, "rendered")
        check_range(self, 0, None, "threads", "seed")
        if self.resolution is not None:
            check_range(self, MIN_SIZE, None, "resolution")
        if self.play is None and not self.weights:
            raise ValueError("--weights must be given where there is no --play")
        if self.play is None and (self.more_play or self.learns == "interaction"):
            raise ValueError("--more-play and --learns interaction need --play")
        if self.play is None and not self.learner.pairs + self.learner.rendered:
            raise ValueError("without --play, --learner.pairs or --learner.rendered must be above 0")


class PerceptionTrainer(TrainingRun):
    """Trains a network of a run further. A resumed run ends as one that was never stopped.

    Args:
        config: The options.
        command: The command line, for the model's config.

    Raises:
        ValueError: An option cannot be used, a folder of play is not a complete run, or pairs cannot be rendered here.
        atp.checkpoint.CheckpointError: Weights cannot be read.
        envs.parallel.pool.WorkerLost: A process that makes pairs was lost.
    """

    unit = "gradient steps"
    activity = "perception"

    def __init__(self, config: PerceptionConfig, command: str = "") -> None:
        self.config = config
        torch.set_flush_denormal(True)
        self._start = self._player = Agent.from_pretrained(
            config.weights if config.play is None else config.play / "weights", "cpu"
        )
        if config.weights:
            self._start = Agent.from_pretrained(config.weights, "cpu")
        self._losses: list[torch.Tensor] = []  # of the network that learns, since the last entry of the log
        self._scalars: dict[str, torch.Tensor] = {}  # of the last step
        super().__init__(config, command)

    def _open(self, opened: ExitStack) -> None:
        config = self.config
        self.replay = self._open_play()
        networks: dict[str, nn.Module] = {"interaction": self._player.interaction, "part": self._start.part}
        if config.learns == "part":
            networks["part"] = self._part_network()
        else:
            networks["interaction"] = self._start.interaction
        device = pick_device(config.device)
        self.learner = Learner(config.learner, config.steps, device, config.seed, networks, learns=(config.learns,))
        self._resume()
        own = self._player.resolution if config.resolution is None else config.resolution
        self.resolution = own if self.replay is None else self.replay.shape[0]
        self.drawn: ImagePairFiles | None = None
        self.rendered: ImagePairFiles | None = None
        if config.learns == "part" and config.learner.pairs:
            source = DrawnPairs(self.resolution, config.pairs)
            self.drawn = ImagePairFiles(config.pair_folder, source, config.drawn, config.seed, config.workers)
        if config.learns == "part" and config.learner.rendered:
            self._open_rendered()
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

    def _open_play(self) -> StoredPlay | None:
        """The interactions of all runs."""
        config = self.config
        if config.play is None:
            return None
        replays = [open_recorded(folder) for folder in (config.play, *config.more_play)]
        return replays[0] if len(replays) == 1 else JoinedReplays(replays)

    def agent(self) -> Agent:
        """The agent with the averaged network."""
        interaction, part = self.learner.acting
        entry = ENTRIES[self.config.learns]
        stage = {
            "command": self.command,
            "gradient_steps": self.learner.steps,
            "training_seconds": round(self.seconds),
            "machine": describe_machine(self.learner.device),
            "options": self.folder.options,
            "before": self._start.config.get(entry),
        }
        device = self.learner.device.type
        base = self._player.config if self.config.learns == "part" else self._start.config
        made = {**base, "resolution": self.resolution, entry: stage}
        return Agent(interaction, part, made, device=device)

    def _flush(self) -> None:
        self._writer.flush()

    def _state(self) -> dict[str, Any]:
        return {"learner": self.learner.state_dict()}

    def _restore(self, state: dict[str, Any]) -> None:
        self.learner.load_state_dict(state["learner"])

    def _part_network(self) -> PartNetwork:
        """The part network to start with; what it gets in addition depends on the seed."""
        design, start = self.config.design, self._start.part
        torch.manual_seed(self.config.seed)
        network = extended(start, design.agent, design.matching, design.appearance != "none")
        if network.config.get("appearance"):
            if design.appearance == "imagenet" and not start.config.get("appearance"):
                load_imagenet(network.appearance)
            network.appearance.requires_grad_(design.appearance_learns)
        return network

    def _open_rendered(self) -> None:
        """The rendered pairs, to train and to validate with."""
        config = self.config
        where = (config.seed, config.rendered_folder, config.workers)
        try:
            self.rendered = training_pairs(config.rendered, *where)
            held_out = validation_pairs(config.validation, *where)[: config.validation]
        except PicturesMissing as error:
            raise ValueError(f"no pairs can be rendered: {error}") from error
        self.held_out = whole_pairs(held_out, self.resolution)

    def _round(self) -> None:
        rng = np.random.default_rng([self.config.seed, 3, self.learner.steps])
        batch = []
        if self.drawn is not None:
            batch.append(self.drawn.sample(self.config.learner.pairs, rng))
        if self.rendered is not None:
            batch.append(framed(self.rendered.sample(self.config.learner.rendered, rng), self.resolution, rng))
        pairs = as_filmed(np.concatenate(batch), rng) if batch else None
        self._scalars = self.learner.step(self.replay, pairs)
        self._losses.append(self._scalars[f"loss/{self.config.learns}"])

    def _log(self, rate: float) -> None:
        mean = torch.stack(self._losses).mean()
        self._write({**self._scalars, f"loss/{self.config.learns}": mean, "steps_per_second": rate})
        self._losses = []

    def _checkpoint(self) -> None:
        if self.config.learns == "part":
            self._write(self._validate())
        self.save()

    def _write_weights(self) -> None:
        agent = self.agent()
        if self.replay is not None and self.config.learns == "part":
            agent = agent.replace(motion_threshold=round(calibrated_motion_threshold(agent, self.replay), 2))
        agent.save_pretrained(self.config.out / "weights")

    def _validate(self) -> dict[str, float]:
        """Scores with pairs that are not trained with."""
        agent = self.agent().for_clips()
        scores: dict[str, float | None] = {}
        if self.drawn is not None:
            row = score_variation(agent, "all", self.config.validation, self.resolution)
            scores |= {f"pairs/{name}": value for name, value in vars(row.methods["agent"]).items()}
        if self.rendered is not None:
            scores |= {f"rendered/{name}": value for name, value in score_pairs(agent, self.held_out).items()}
        return {name: value for name, value in scores.items() if value is not None}

    def _write(self, scalars: dict[str, Any]) -> None:
        for name, value in scalars.items():
            self._writer.add_scalar(name, float(value), self.learner.steps)
        shown = (f"{name}={float(value):.3f}" for name, value in scalars.items() if name not in ("learning_rate",))
        print(self.learner.steps, *shown, flush=True)
