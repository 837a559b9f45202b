"""Options of a training run."""

from __future__ import annotations

import math
import sys
import tomllib
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from envs.parallel.pool import Backend, EnvironmentPool, play_pool
from envs.simulator import HoldConstraint, Renderer
from train.signals.reward import Variant


@dataclass(frozen=True)
class LearnerConfig:
    """How the networks are trained.

    Attributes:
        width: Channels of the networks at stride 2.
        batch_size: Interactions in a gradient step; in :mod:`train.learning.second_stage` there are none without play.
        optimizer: AdamW, or Muon for matrices (:mod:`train.learning.optimizer`), which learns faster at first.
        learning_rate: Peak learning rate.
        weight_decay: Of the optimiser.
        warmup: Gradient steps until the peak is reached.
        ema: Decay of the averaged weights, which act and are shipped.
        moved_share: Share of the part network's batch in which something moved.
        pairs: Synthetic image pairs (:mod:`envs.image_pairs`) added to each batch of the part network in
            :mod:`train.learning.second_stage`; play has none.
        rendered: Likewise, pairs that look like photographs (:mod:`envs.rendered_pairs`).
        agent: Weight of the loss of agents, in a part network that segments them.
        hindsight: Weight of the labels of pixels that were not touched (:mod:`train.signals.hindsight`); 0 trains at
            the executed pixels alone, as AtP does.
        bfloat16: Autocast forward passes to bfloat16; None where the device computes in it natively: elsewhere it is
            ten times slower than float32.
        compile: Compile the networks that learn (`torch.compile`): a minute or two at the start, then faster
            steps.
    """

    FLAG_PREFIX: ClassVar[str] = "learner."

    width: int = 32
    batch_size: int = 32
    optimizer: Literal["adamw", "muon"] = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    warmup: int = 100
    ema: float = 0.998
    moved_share: float = 0.75
    pairs: int = 0
    rendered: int = 0
    agent: float = 1.0
    hindsight: float = 0.5
    bfloat16: bool | None = None
    compile: bool = False

    def __post_init__(self) -> None:
        check_range(self, 1, None, "width", "batch_size")
        check_range(self, 0, None, "learning_rate", "weight_decay", "warmup", "hindsight", "pairs", "rendered", "agent")
        check_range(self, 0, 1, "ema", "moved_share")


@dataclass(frozen=True)
class RunConfig:
    """Options of every training run.

    Attributes:
        out: Folder of the run: checkpoint, log, weights.
        total_interactions: Interactions to play.
        envs: Environments.
        workers: Processes that they live in; 0 takes one for each core.
        ray: Whether those are actors of a Ray cluster (extra ``ray``), which `RAY_ADDRESS` names.
        split: Split of the objects played with.
        category: Keep to one category; None takes all of the split.
        resolution: Image side in pixels.
        interactions: Interactions in an episode.
        hold: How the hold gripper holds.
        view: From where to look at objects: auto, or top.
        renderer: Renderer of the environments.
        randomization: Domain randomization.
        device: Where to compute.
        threads: CPU threads of PyTorch; 0 leaves its default.
        seed: Decides everything.
        checkpoint_every: Interactions between checkpoints.
        log_every: Interactions between entries of the log.
    """

    out: Path = Path("runs/train")
    total_interactions: int = 60_000
    envs: int = 8
    workers: int = 0
    ray: bool = False
    split: str = "train"
    category: str | None = None
    resolution: int = 90
    interactions: int = 5
    hold: HoldConstraint = "fixed"
    view: Literal["auto", "top"] = "auto"
    renderer: Renderer = "tiny"
    randomization: bool = True
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = 0
    seed: int = 0
    checkpoint_every: int = 2_000
    log_every: int = 400

    def __post_init__(self) -> None:
        counts = ("total_interactions", "envs", "interactions", "checkpoint_every", "log_every")
        check_range(self, 1, None, *counts)
        check_range(self, 0, None, "threads", "seed", "workers")
        if self.workers > self.envs:
            raise ValueError(f"--workers must be at most --envs, {self.envs}, not {self.workers}")

    def make_pool(self) -> EnvironmentPool:
        """Start the environments.

        Raises:
            ValueError: One of their options cannot be used.
            envs.parallel.pool.WorkerLost: A worker could not start.
        """
        backend: Backend = "ray" if self.ray else "processes"
        return play_pool(self.envs, self.workers or None, backend, **self.environment)

    @property
    def environment(self) -> dict[str, Any]:
        """Keyword arguments of the environments."""
        names = ("split", "category", "resolution", "interactions", "hold", "view", "renderer", "randomization")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class TrainConfig(RunConfig):
    """Options of a training run of the agent.

    Attributes:
        reward: Variant of the reward.
        memory: Whether the interaction network sees the part memory; without it, it sees an empty one.
        learning_starts: Interactions before the first gradient step; drawn at random.
        interactions_per_step: Interactions played for every gradient step.
        replay_size: Interactions that can be drawn.
        epsilon_start: Probability of a random action when learning starts.
        epsilon_end: The same at the end of the schedule.
        epsilon_share: Share of the run over which it falls.
        temperature: Of the actions drawn from the reward maps.
        group_size: Environments that are acted for together, see :class:`train.learning.collector.Collector`.
        trials: Further actions that are simulated and undone in each state (:mod:`envs.trials`), from which the
            interaction network learns too: nothing is played for them, and they are no interactions.
        guided: Share of the random actions that are the best of the trials, where one of these moved a part.
        predicted_memory: Share of the environments whose part memory comes from predicted motion masks.
        weights: Weights that both networks start from: a folder or the name of shipped weights. None starts afresh.
        freeze_part: Keep the part network of ``weights`` as it is, so that only the interaction network learns on.
        part_weights: Weights whose part network is taken as it is, so that only the interaction network learns, from
            nothing: a folder or the name of shipped weights. None trains both.
        learner: Options of the networks and the optimiser.
        mirror: A place that fsspec knows (s3://, gs://, file://), to which checkpoints and interactions are copied; a
            run without a checkpoint in ``out`` resumes from there. Empty for none.
    """

    reward: Variant = "touch"
    memory: bool = True
    learning_starts: int = 2_000
    interactions_per_step: float = 10.0
    replay_size: int = 40_000
    epsilon_start: float = 1.0
    epsilon_end: float = 0.15
    epsilon_share: float = 0.5
    temperature: float = 0.3
    group_size: int = 4
    trials: int = 0
    guided: float = 0.0
    predicted_memory: float = 0.5
    weights: str | None = None
    freeze_part: bool = False
    part_weights: str | None = None
    learner: LearnerConfig = field(default_factory=LearnerConfig)
    mirror: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, 1, None, "replay_size", "group_size")
        check_range(self, 0, None, "learning_starts", "trials")
        check_range(self, 0, 1, "epsilon_start", "epsilon_end", "epsilon_share", "guided", "predicted_memory")
        if self.freeze_part and not self.weights:
            raise ValueError("--freeze-part keeps the part network of --weights: give them")
        if self.guided and not self.trials:
            raise ValueError("--guided takes the best of the trials: it needs --trials above 0")
        if self.trials and self.reward == "no-hold":
            raise ValueError("--trials hold something: they do not go with --reward no-hold")
        if self.weights and self.part_weights:
            raise ValueError("--weights starts both networks and --part-weights keeps one: give one of them")
        if not (0 < self.interactions_per_step < math.inf and 0 < self.temperature < math.inf):
            raise ValueError("--interactions-per-step and --temperature must be above 0")

    @property
    def environment(self) -> dict[str, Any]:
        """See :class:`RunConfig`."""
        return {**super().environment, **({"trials": self.trials} if self.trials else {})}

    @property
    def round_size(self) -> int:
        """Interactions of one round: an episode in every environment."""
        return self.envs * self.interactions


#: Options of :class:`TrainConfig` that are tables in a file.
TABLES: dict[str, Any] = {"learner": LearnerConfig}
#: Files of options that come with the package.
CONFIGS = Path(__file__).parent / "configs"


def read_config(path: Path) -> TrainConfig:
    """Read options from a TOML file; the learner's stand in a table ``[learner]``.

    Args:
        path: A file, or the name of one of `train/configs` (``default``, ``mix``, ``policy``) from any folder.

    Raises:
        ValueError: The file is missing or is not TOML, or an option does not exist or has a wrong value; the message
            names the file and the option.
    """
    shipped = CONFIGS / f"{path}.toml"
    if not path.is_file() and path.name == str(path) and shipped.is_file():
        path = shipped
    try:
        options = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read as TOML: {error}") from error
    tables = {name: options.pop(name, {}) for name in TABLES}
    try:
        for name, table in tables.items():
            if not isinstance(table, dict):
                raise ValueError(f"{name} must be a table: [{name}]")
        nested = {name: kind(**_typed(kind, tables[name])) for name, kind in TABLES.items()}
        return TrainConfig(**_typed(TrainConfig, options), **nested)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _typed(kind: type, options: dict[str, Any]) -> dict[str, Any]:
    """Check options from TOML against the fields of a dataclass."""
    hints = {name: hint for name, hint in typing.get_type_hints(kind).items() if name != "FLAG_PREFIX"}
    unknown = sorted(set(options) - set(hints))
    if unknown:
        raise ValueError(f"unknown option {', '.join(unknown)}; options: {', '.join(hints)}")
    for name, value in options.items():
        if not _fits(value, hints[name]):
            raise ValueError(f"{name} = {value!r} is not {_describe(hints[name])}")
    return {name: Path(value) if hints[name] is Path else value for name, value in options.items()}


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value from TOML is of the type of a field."""
    origin = typing.get_origin(hint)
    if origin is Literal:
        return value in typing.get_args(hint)
    if origin is types.UnionType:
        return any(_fits(value, each) for each in typing.get_args(hint))
    accepted = {float: (int, float), Path: (str,)}.get(hint, (hint,))
    return type(value) in accepted  # not isinstance: True is no number here


def _describe(hint: Any) -> str:
    """The type of a field in words."""
    if typing.get_origin(hint) is Literal:
        return "one of " + ", ".join(typing.get_args(hint))
    return "of type " + ("str" if hint is Path else getattr(hint, "__name__", str(hint)))


def check_range(config: Any, least: float, most: float | None, *names: str) -> None:
    """Raise a ValueError unless the named options are at least ``least`` and at most ``most``.

    The message names the flag as it is typed: options in a table of their own have the prefix ``FLAG_PREFIX``.
    """
    for name in names:
        value = getattr(config, name)
        if not least <= value <= (sys.float_info.max if most is None else most):  # NaN is neither
            limits = f"at least {least}" if most is None else f"between {least} and {most}"
            flag = f"--{getattr(config, 'FLAG_PREFIX', '')}{name.replace('_', '-')}"
            raise ValueError(f"{flag} must be {limits}, not {value}")
