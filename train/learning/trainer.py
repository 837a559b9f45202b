"""One training run: both networks learn from what they play."""

from __future__ import annotations

import copy
from contextlib import ExitStack, closing
from functools import partial
from typing import Any

import torch
from torch import nn

from atp.agent import Agent, pick_device
from atp.agent_options import AgentOptions
from train.config import TrainConfig
from train.data.replay import Replay, room_needed
from train.learning.calibration import calibrated_motion_threshold
from train.learning.collector import Collector
from train.learning.learner import Learner
from train.runs.distributed import ProcessGroup, local_device
from train.runs.loop import TrainingRun, describe_machine
from train.runs.mirror import Mirror
from train.runs.training_log import TrainingLog


class Trainer(TrainingRun):
    """Environments, replay, learner and log of one run.

    Gradient steps are made while the environments are busy: a round is played by the weights as they were at its
    start, and the gradient steps that earlier rounds made due are made meanwhile, with the interactions of those
    rounds.

    Under `torchrun` every process has environments and interactions of its own, all of them count, and gradients are
    averaged.

    A resumed run ends with the very same weights as one that was never stopped: all random numbers come from the
    checkpoint or from the seed and the round's number. (On a GPU as far as its kernels give the same sums twice.)

    Args:
        config: The options.
        command: The command line, for the model's config.

    Raises:
        ValueError: An option cannot be used, or ``config.out`` holds a run with other options.
        envs.parallel.pool.WorkerLost: An environment worker could not start.
    """

    def __init__(self, config: TrainConfig, command: str = "") -> None:
        self.config = config
        self.rounds = 0
        self._written = 0  # interactions in this process's replay at the checkpoint
        torch.set_flush_denormal(True)  # else tiny gradients make a CPU's backward pass several times slower
        self._device = local_device(pick_device(config.device))
        super().__init__(config, command, ProcessGroup.join(self._device))

    def _open(self, opened: ExitStack) -> None:
        config, group = self.config, self.group
        self.learner = self._make_learner()
        self.mirror = Mirror(config.mirror, config.out, group.rank) if config.mirror else None
        fetched = group.any(bool(self.mirror and group.is_main_process and self.mirror.fetch()))
        if fetched:
            self.folder.check_options()
        self._resume()
        pool = opened.enter_context(closing(config.make_pool()))
        self.replay = self._open_replay(0 if fetched else self._written)
        if fetched and self.mirror:
            self.mirror.fill(self.replay, self._written)
        self.collector = Collector(
            pool,
            config.interactions,
            config.reward,
            config.predicted_memory,
            config.temperature,
            self._device,
            config.seed if group.size == 1 else (config.seed, group.rank),
            config.memory,
            config.group_size,
            config.guided,
        )
        folder = config.out / "tensorboard" if group.is_main_process else None
        self.log = opened.enter_context(closing(TrainingLog(folder, self.played)))

    def _make_learner(self) -> Learner:
        config = self.config
        gradient_steps = (config.total_interactions - config.learning_starts) / config.interactions_per_step
        networks: dict[str, nn.Module] = {}
        if config.part_weights:
            networks["part"] = Agent.from_pretrained(config.part_weights, "cpu").part
        elif config.weights:
            agent = Agent.from_pretrained(config.weights, "cpu")
            networks = {"interaction": agent.interaction.float(), "part": agent.part.float()}
        learns = ("interaction",) if config.part_weights or config.freeze_part else ("interaction", "part")
        return Learner(config.learner, int(gradient_steps), self._device, config.seed, networks, learns, self.group)

    def _open_replay(self, written: int) -> Replay:
        config = self.config
        path = config.out / ("replay.npy" if self.group.is_main_process else f"replay-{self.group.rank}.npy")
        side, trials = config.resolution, config.trials
        capacity = min(self._share(config.replay_size), self._share(config.total_interactions) + config.round_size)
        slack = self._share(config.checkpoint_every) + config.round_size
        if not written:
            self._note(room_needed(path, side, side, capacity + slack, trials))
        return Replay(path, side, side, capacity=capacity, slack=slack, written=written, trials=trials)

    @property
    def played(self) -> int:
        """Interactions played so far, by all processes together."""
        return self.replay.written * self.group.size

    @property
    def done(self) -> int:
        """Interactions played so far."""
        return self.played

    @property
    def total(self) -> int:
        """Interactions to play."""
        return self.config.total_interactions

    @property
    def complete(self) -> bool:
        """Whether all interactions are played and all gradient steps that they make due are made."""
        return self.played >= self.total and self.learner.steps >= self._steps_due()

    @property
    def epsilon(self) -> float:
        """Probability of a random action now."""
        config = self.config
        if self.played < config.learning_starts:
            return 1.0
        span = max(1.0, config.epsilon_share * config.total_interactions)
        progress = min(1.0, (self.played - config.learning_starts) / span)
        return config.epsilon_start + (config.epsilon_end - config.epsilon_start) * progress

    def agent(self) -> Agent:
        """The agent with the averaged weights."""
        interaction, part = self.learner.acting
        description = {
            "command": self.command,
            "seed": self.config.seed,
            "renderer": self.config.renderer,
            "resolution": self.config.resolution,
            "interactions_played": self.played,
            "gradient_steps": self.learner.steps,
            "training_seconds": round(self.seconds),
            "machine": describe_machine(self.learner.device),
            "options": self.folder.options,
        }
        options = AgentOptions(hold=self.config.reward != "no-hold", see_memory=self.config.memory)
        return Agent(interaction, part, description, self.learner.device.type, options)

    def save(self) -> None:
        """Write the checkpoint, and copy it where the run is mirrored."""
        super().save()
        if self.mirror:
            self.mirror.push_files()

    def _flush(self) -> None:
        self.replay.flush()
        self.log.flush()
        if self.mirror:
            self.mirror.push(self.replay)

    def _state(self) -> dict[str, Any]:
        return {"learner": self.learner.state_dict(), "written": self.replay.written, "rounds": self.rounds}

    def _restore(self, state: dict[str, Any]) -> None:
        self.learner.load_state_dict(state["learner"])
        self.rounds, self._written = state["rounds"], int(state["written"])

    def _round(self) -> None:
        due = self._steps_due()
        acting = copy.deepcopy(self.learner.acting)  # as it is now
        learn = partial(self._learn, due)
        statistics = self.collector.play(acting, self.replay, self.rounds, self.epsilon, learn)
        self.rounds += 1
        self.log.add_round(statistics)

    def _log(self, rate: float) -> None:
        self.log.write(self.played, {"epsilon": self.epsilon, "interactions_per_second": rate})

    def _catch_up(self) -> bool:
        return self._learn(self._steps_due())

    def _write_weights(self) -> None:
        agent = self.agent()
        threshold = round(calibrated_motion_threshold(agent, self.replay), 2)
        agent.replace(motion_threshold=threshold).save_pretrained(self.config.out / "weights")
        if self.mirror:
            self.mirror.push_weights()

    def _share(self, interactions: int) -> int:
        """This process's share of a number of interactions, rounded up."""
        return -(-interactions // self.group.size)

    def _steps_due(self) -> int:
        """Gradient steps that the interactions played so far ask for."""
        return int((self.played - self.config.learning_starts) / self.config.interactions_per_step)

    def _learn(self, due: int) -> bool:
        """Make one gradient step if fewer than ``due`` have been made; whether one was made."""
        if self.learner.steps >= due:
            return False
        self.log.add_step(self.learner.step(self.replay))
        return True
