"""Play with trained weights, stored for later stages of training; nothing is learned."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atp.agent import Agent
from train.config import RunConfig, check_range
from train.data.replay import Replay, room_needed
from train.learning.collector import Collector
from train.runs.loop import TrainingRun
from train.signals.reward import Variant


@dataclass(frozen=True)
class RecordConfig(RunConfig):
    """Options of a recording.

    Attributes:
        weights: Weights that play: a folder or the name of shipped weights.
        epsilon: Probability of a random action.
        temperature: Of the actions drawn from the reward maps.
        group_size: Environments that are acted for together, see :class:`train.learning.collector.Collector`.
        trials: Further actions that are simulated and undone in each state (:mod:`envs.trials`), and stored with it.
        guided: Share of the random actions that are the best of the trials, where one of these moved a part.
        reward: Variant of the reward that is stored; what holds nothing gets that of ``no-hold``.
    """

    out: Path = Path("runs/recorded")
    total_interactions: int = 14_000
    weights: str = "default"
    epsilon: float = 0.3
    temperature: float = 0.3
    group_size: int = 4
    trials: int = 0
    guided: float = 0.0
    reward: Variant = "touch"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, 0, 1, "epsilon", "guided")
        check_range(self, 0, None, "trials")
        check_range(self, 1, None, "group_size")
        if self.temperature <= 0:
            raise ValueError("--temperature must be above 0")
        if self.guided and not self.trials:
            raise ValueError("--guided takes the best of the trials: it needs --trials above 0")

    @property
    def environment(self) -> dict[str, Any]:
        """See :class:`train.config.RunConfig`."""
        return {**super().environment, **({"trials": self.trials} if self.trials else {})}


class Recorder(TrainingRun):
    """Plays whole episodes in all environments and stores the interactions.

    Args:
        config: The options.

    Raises:
        ValueError: An option cannot be used or does not go with the weights, or ``config.out`` holds a run with other
            options.
        atp.checkpoint.CheckpointError: The weights cannot be read.
        envs.parallel.pool.WorkerLost: An environment worker could not start.
    """

    activity = "playing"

    def __init__(self, config: RecordConfig) -> None:
        self.config, self.rounds = config, 0
        self._written = 0  # interactions at the checkpoint
        self.agent = Agent.from_pretrained(config.weights, config.device)
        if config.trials and not self.agent.options.hold:
            raise ValueError(f"{config.weights} holds nothing: --trials do not go with it")
        super().__init__(config)

    def _open(self, opened: ExitStack) -> None:
        config = self.config
        self._resume()
        path, side = config.out / "replay.npy", config.resolution
        capacity = config.total_interactions + config.envs * config.interactions
        if not self._written:
            self._note(room_needed(path, side, side, capacity, config.trials))
        self.replay = Replay(path, side, side, capacity=capacity, slack=0, written=self._written, trials=config.trials)
        pool = opened.enter_context(closing(config.make_pool()))
        self.collector = Collector(
            pool,
            config.interactions,
            config.reward if self.agent.options.hold else "no-hold",
            predicted_share=1.0,
            temperature=config.temperature,
            device=self.agent.device,
            seed=config.seed,
            see_memory=self.agent.options.see_memory,
            group_size=config.group_size,
            guided=config.guided,
        )

    @property
    def done(self) -> int:
        """Interactions stored so far."""
        return self.replay.written

    @property
    def total(self) -> int:
        """Interactions to store."""
        return self.config.total_interactions

    def _round(self) -> None:
        networks = (self.agent.interaction, self.agent.part)
        self.collector.play(networks, self.replay, self.rounds, self.config.epsilon)
        self.rounds += 1

    def _log(self, rate: float) -> None:
        self._note(f"{self.replay.written} interactions, {rate:.0f} a second")

    def _flush(self) -> None:
        self.replay.flush()

    def _state(self) -> dict[str, Any]:
        return {"written": self.replay.written, "rounds": self.rounds}

    def _restore(self, state: dict[str, Any]) -> None:
        self.rounds, self._written = int(state["rounds"]), int(state["written"])

    def _write_weights(self) -> None:
        self.agent.save_pretrained(self.config.out / "weights")
