"""Options of a training run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from atp.reward import Variant
from envs.simulator import Hold, Renderer


@dataclass(frozen=True)
class LearnerConfig:
    """How the networks are trained.

    Attributes:
        width: Channels of the networks at stride 2.
        batch_size: Interactions in a gradient step.
        learning_rate: Peak learning rate of AdamW.
        weight_decay: Of AdamW.
        warmup: Gradient steps until the peak is reached.
        ema: Decay of the averaged weights, which act and are shipped.
        moved_share: Share of the part network's batch in which something moved.
        hindsight: Weight of the labels of pixels that were not touched (:mod:`atp.hindsight`); 0 trains at the executed
            pixels alone, as AtP does.
        bfloat16: Autocast forward passes to bfloat16.
    """

    width: int = 32
    batch_size: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    warmup: int = 100
    ema: float = 0.998
    moved_share: float = 0.75
    hindsight: float = 0.5
    bfloat16: bool = True


@dataclass(frozen=True)
class TrainConfig:
    """Options of a training run.

    Attributes:
        out: Folder of the run: checkpoint, log, weights.
        total_interactions: Interactions to play.
        envs: Environments, one worker process each.
        split: Split of the objects played with.
        category: Keep to one category; None takes all of the split.
        resolution: Image side in pixels.
        interactions: Interactions in an episode.
        hold: How the hold gripper holds.
        renderer: Renderer of the environments.
        randomization: Domain randomisation.
        reward: Variant of the reward.
        learning_starts: Interactions before the first gradient step; drawn at random.
        interactions_per_step: Interactions played for every gradient step.
        replay_size: Interactions that can be drawn.
        epsilon_start: Probability of a random action when learning starts.
        epsilon_end: The same at the end of the schedule.
        epsilon_share: Share of the run over which it falls.
        temperature: Of the actions drawn from the reward maps.
        predicted_memory: Share of the environments whose part memory comes from predicted motion masks.
        learner: Options of the networks and the optimiser.
        device: Where to compute.
        threads: CPU threads of PyTorch; 0 leaves its default.
        seed: Decides everything.
        checkpoint_every: Interactions between checkpoints.
        log_every: Interactions between entries of the log.
    """

    out: Path = Path("runs/train")
    total_interactions: int = 60_000
    envs: int = 8
    split: str = "train"
    category: str | None = None
    resolution: int = 90
    interactions: int = 5
    hold: Hold = "fixed"
    renderer: Renderer = "tiny"
    randomization: bool = True
    reward: Variant = "touch"
    learning_starts: int = 2_000
    interactions_per_step: float = 10.0
    replay_size: int = 40_000
    epsilon_start: float = 1.0
    epsilon_end: float = 0.15
    epsilon_share: float = 0.5
    temperature: float = 0.3
    predicted_memory: float = 0.5
    learner: LearnerConfig = field(default_factory=LearnerConfig)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = 0
    seed: int = 0
    checkpoint_every: int = 2_000
    log_every: int = 400

    def __post_init__(self) -> None:
        for name in ("total_interactions", "envs", "interactions", "checkpoint_every", "log_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name.replace('_', '-')} must be at least 1, not {getattr(self, name)}")
        if self.interactions_per_step <= 0 or self.temperature <= 0:
            raise ValueError("--interactions-per-step and --temperature must be above 0")

    @property
    def round_size(self) -> int:
        """Interactions of one round: an episode in every environment."""
        return self.envs * self.interactions
