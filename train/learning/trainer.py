"""One training run: play, learn, log, checkpoint, and go on after any stop."""

from __future__ import annotations

import copy
import os
import time
from contextlib import ExitStack, closing
from functools import partial

import torch

from atp.agent import Agent, pick_device
from atp.agent_options import AgentOptions
from train.config import TrainConfig
from train.data.replay import Replay
from train.learning.collector import Collector
from train.learning.learner import Learner
from train.runs.distributed import ProcessGroup, local_device
from train.runs.mirror import Mirror
from train.runs.run_folder import RunFolder
from train.runs.stopping import stop_requested
from train.runs.training_log import TrainingLog


class Trainer:
    """Environments, replay, learner and log of one run.

    Learning goes on while the environments are busy: a round is played by the weights as they were at its start, and
    the gradient steps that earlier rounds made due are made meanwhile, with the interactions of those rounds.

    Under `torchrun` every process has environments and interactions of its own, all of them count, and gradients are
    averaged.

    A run that goes on from its checkpoint ends with the very same weights as one that was never stopped: all random
    numbers come from the checkpoint or from the seed and the round's number. (On a GPU as far as its kernels give the
    same sums twice.)

    Args:
        config: The options.
        command: The command line, for the model's config.

    Raises:
        ValueError: An option cannot be used, or ``config.out`` holds a run with other options.
        envs.parallel.pool.WorkerLost: An environment worker could not start.
    """

    def __init__(self, config: TrainConfig, command: str = "") -> None:
        self.config, self.command = config, command
        if config.threads:
            torch.set_num_threads(config.threads)
        torch.set_flush_denormal(True)  # else tiny gradients make a CPU's backward pass several times slower
        device = local_device(pick_device(config.device))
        with ExitStack() as opened:
            self.group = ProcessGroup.join(device)
            opened.callback(self.group.leave)
            self.folder = opened.enter_context(closing(RunFolder(config, self.group.is_main_process)))
            gradient_steps = (config.total_interactions - config.learning_starts) / config.interactions_per_step
            part = Agent.from_pretrained(config.part_weights, "cpu").part if config.part_weights else None
            self.learner = Learner(
                config.learner,
                int(gradient_steps),
                device,
                config.seed,
                {"part": part} if part else None,
                ("interaction",) if part else ("interaction", "part"),
                self.group,
            )
            self.rounds, self.seconds = 0, 0.0
            self.mirror = Mirror(config.mirror, config.out, self.group.rank) if config.mirror else None
            fetched = self.group.any(bool(self.mirror and self.group.is_main_process and self.mirror.fetch()))
            if fetched:
                self.folder.check_options()
            written = self._load()
            pool = opened.enter_context(closing(config.make_pool()))
            self.replay = Replay(
                config.out / ("replay.npy" if self.group.is_main_process else f"replay-{self.group.rank}.npy"),
                config.resolution,
                config.resolution,
                capacity=min(
                    self._share(config.replay_size),
                    self._share(config.total_interactions) + config.round_size,
                ),
                slack=self._share(config.checkpoint_every) + config.round_size,
                written=0 if fetched else written,
            )
            if fetched and self.mirror:
                self.mirror.fill(self.replay, written)
            self.collector = Collector(
                pool,
                config.interactions,
                config.reward,
                config.predicted_memory,
                config.temperature,
                device,
                config.seed if self.group.size == 1 else (config.seed, self.group.rank),
                config.memory,
                config.group_size,
            )
            self.folder.write_options()
            self.log = opened.enter_context(
                closing(
                    TrainingLog(
                        config.out / "tensorboard" if self.group.is_main_process else None,
                        self.played,
                        config.total_interactions,
                    )
                )
            )
            self._opened = opened.pop_all()

    def run(self) -> bool:
        """Play and learn until the planned interactions are reached or somebody asks to stop.

        Returns:
            True if the run is complete; its weights are then in ``out/weights``. False if it was interrupted by
            SIGINT or SIGTERM; everything is saved then.

        Raises:
            envs.parallel.pool.WorkerLost: An environment worker was lost. The run can go on from its last checkpoint.
        """
        config, replay = self.config, self.replay
        start, began, earlier = self.played, time.monotonic(), self.seconds
        with stop_requested() as stop, self.log.bar():
            stopping = self.group.any(bool(stop))
            while self.played < config.total_interactions and not stopping:
                before = self.played
                due = self._steps_due()
                acting = copy.deepcopy(self.learner.acting)  # as it is now
                statistics = self.collector.play(acting, replay, self.rounds, self.epsilon, partial(self._learn, due))
                self.rounds += 1
                spent = time.monotonic() - began
                self.seconds = earlier + spent
                rate = (self.played - start) / max(spent, 1e-9)
                self.log.add_round(statistics, self.played, rate)
                # at multiples, so that a run that was stopped logs and saves where one that was not does
                if self.played // config.log_every > before // config.log_every:
                    self.log.write(self.played, {"epsilon": self.epsilon, "interactions_per_second": rate})
                if self.played // config.checkpoint_every > before // config.checkpoint_every:
                    self.save()
                stopping = self.group.any(bool(stop))
            while self.played >= config.total_interactions and not stopping and self._learn(self._steps_due()):
                stopping = self.group.any(bool(stop))
            self.save()
        if self.played < config.total_interactions or self.learner.steps < self._steps_due():
            self.log.note(f"stopped at {self.played} interactions; the same command goes on from here")
            return False
        if self.group.is_main_process:
            self.agent().save_pretrained(config.out / "weights")
            if self.mirror:
                self.mirror.push_weights()
        self.log.note(f"weights: {config.out / 'weights'}")
        return True

    @property
    def played(self) -> int:
        """Interactions played so far, by all processes together."""
        return self.replay.written * self.group.size

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
        """Write the checkpoint: a killed run goes on from here, exactly."""
        self.replay.flush()
        self.log.flush()
        if self.mirror:
            self.mirror.push(self.replay)
        self.group.wait()  # until the interactions of all are there
        self.folder.save(
            {
                "processes": self.group.size,
                "learner": self.learner.state_dict(),
                "written": self.replay.written,
                "rounds": self.rounds,
                "seconds": self.seconds,
            }
        )
        if self.mirror:
            self.mirror.push_files()

    def close(self) -> None:
        """End the workers and the log, and unlock the folder."""
        self._opened.close()

    def _load(self) -> int:
        """Go back to the checkpoint, if there is one; returns the interactions played until then."""
        state = self.folder.load()
        if state is None:
            return 0
        try:
            self.learner.load_state_dict(state["learner"])
        except (RuntimeError, KeyError) as error:
            raise ValueError(
                f"{self.folder.path}: its checkpoint is of other networks, made by another version; "
                "choose another --out to start anew"
            ) from error
        if state.get("processes", 1) != self.group.size:
            raise ValueError(
                f"{self.folder.path}: {state.get('processes', 1)} processes played here, not {self.group.size}; "
                "go on with as many or choose another --out"
            )
        self.rounds, self.seconds = state["rounds"], state["seconds"]
        return int(state["written"])

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


def describe_machine(device: torch.device) -> str:
    """What a run computes with, for the model's config."""
    cores = f"{len(os.sched_getaffinity(0))} CPU cores"
    return cores if device.type == "cpu" else f"{cores}, {torch.cuda.get_device_name(device)}"
