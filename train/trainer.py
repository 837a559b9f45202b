"""One training run: play, learn, log, checkpoint, and go on after any stop."""

from __future__ import annotations

import dataclasses
import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter

from atp import pictures
from atp.agent import Agent, pick_device
from atp.files import atomic_path, write_json
from train.collector import Collector, RoundStatistics
from train.config import TrainConfig
from train.learner import Learner
from train.replay import Replay
from train.rollouts import Rollouts

#: Options that may differ when a run goes on; all others decide what is learned.
FREE_OPTIONS = {"out", "device", "threads", "log_every"}


class Trainer:
    """Environments, replay, learner and log of one run.

    Args:
        config: The options.
        command: The command line, for the model's config.

    Raises:
        ValueError: ``config.out`` holds a run with other options.
    """

    def __init__(self, config: TrainConfig, command: str = "") -> None:
        self.config, self.command = config, command
        if config.threads:
            torch.set_num_threads(config.threads)
        self._check_options()
        device = pick_device(config.device)
        gradient_steps = (config.total_interactions - config.learning_starts) / config.interactions_per_step
        self.learner = Learner(config.learner, int(gradient_steps), device, config.seed)
        self.replay = Replay(
            config.out / "replay.npy",
            config.resolution,
            config.resolution,
            config.replay_size,
            slack=config.checkpoint_every + config.round_size,
        )
        self.rounds, self.seconds = 0, 0.0
        if self._checkpoint.exists():
            self._load()
        options = {
            "split": config.split,
            "category": config.category,
            "resolution": config.resolution,
            "interactions": config.interactions,
            "hold": config.hold,
            "renderer": config.renderer,
            "randomization": config.randomization,
        }
        self.rollouts = Rollouts(config.envs, options)
        self.collector = Collector(
            self.rollouts,
            config.interactions,
            config.reward,
            config.predicted_memory,
            config.temperature,
            device,
            config.seed,
        )
        self._writer = SummaryWriter(str(config.out / "tensorboard"), purge_step=self.replay.written)
        self._console = Console()

    def run(self) -> bool:
        """Play and learn until the planned interactions are reached or somebody asks to stop.

        Returns:
            True if the run is complete; its weights are then in ``out/weights``. False if it was interrupted by
            SIGINT or SIGTERM; everything is saved then.

        Raises:
            train.rollouts.WorkerLost: An environment worker died. The run can go on from its last checkpoint.
        """
        config, replay = self.config, self.replay
        saved = logged = start = replay.written
        began = time.monotonic()
        earlier = self.seconds
        recent: list[RoundStatistics] = []
        with _stop_requested() as stop, self._progress() as (report, note):
            while replay.written < config.total_interactions and not stop:
                recent.append(self.collector.play(self.learner.acting, replay, self.rounds, self.epsilon))
                self.rounds += 1
                scalars = self._learn()
                spent = time.monotonic() - began
                self.seconds = earlier + spent
                rate = (replay.written - start) / max(spent, 1e-9)
                report(replay.written, rate)
                if replay.written - logged >= config.log_every:
                    note(self._log(scalars, recent, rate))
                    logged, recent = replay.written, []
                if replay.written - saved >= config.checkpoint_every:
                    self.save()
                    saved = replay.written
        self.save()
        if replay.written < config.total_interactions:
            self._console.print(f"stopped at {replay.written} interactions; the same command goes on from here")
            return False
        self.agent().save_pretrained(config.out / "weights")
        self._console.print(f"weights: {config.out / 'weights'}")
        return True

    @property
    def epsilon(self) -> float:
        """Probability of a random action now."""
        config = self.config
        if self.replay.written < config.learning_starts:
            return 1.0
        span = max(1.0, config.epsilon_share * config.total_interactions)
        progress = min(1.0, (self.replay.written - config.learning_starts) / span)
        return config.epsilon_start + (config.epsilon_end - config.epsilon_start) * progress

    def agent(self) -> Agent:
        """The agent with the averaged weights."""
        interaction, part = self.learner.acting
        description = {
            "command": self.command,
            "seed": self.config.seed,
            "renderer": self.config.renderer,
            "resolution": self.config.resolution,
            "interactions_played": self.replay.written,
            "gradient_steps": self.learner.steps,
            "training_seconds": round(self.seconds),
            "options": _jsonable(self.config),
        }
        return Agent(interaction, part, description, device=str(self.learner.device.type))

    def save(self) -> None:
        """Write the checkpoint: a killed run goes on from here, exactly."""
        self.replay.flush()
        state = {
            "learner": self.learner.state_dict(),
            "written": self.replay.written,
            "rounds": self.rounds,
            "seconds": self.seconds,
        }
        with atomic_path(self._checkpoint) as temporary:
            torch.save(state, temporary)

    def close(self) -> None:
        """End the workers and the log."""
        self.rollouts.close()
        self._writer.close()

    @property
    def _checkpoint(self) -> Any:
        return self.config.out / "checkpoint.pt"

    def _check_options(self) -> None:
        """Refuse to go on with a run that was started with other options."""
        path, options = self.config.out / "options.json", _jsonable(self.config)
        if path.exists():
            stored = json.loads(path.read_text(encoding="utf-8"))
            changed = sorted(k for k in options if k not in FREE_OPTIONS and stored.get(k) != options[k])
            if changed:
                raise ValueError(
                    f"{path}: this run was started with other values of {', '.join(changed)}; "
                    "give the same ones to go on, or another --out to start anew"
                )
        write_json(path, options)

    def _load(self) -> None:
        state = torch.load(self._checkpoint, map_location="cpu", weights_only=True)
        self.learner.load_state_dict(state["learner"])
        self.replay.restore(state["written"])
        self.rounds, self.seconds = state["rounds"], state["seconds"]

    def _learn(self) -> dict[str, float]:
        """Make the gradient steps that are due; returns the last one's scalars."""
        due = (self.replay.written - self.config.learning_starts) / self.config.interactions_per_step
        scalars: dict[str, float] = {}
        while self.learner.steps < int(due):
            scalars = self.learner.step(self.replay)
        return scalars

    def _log(self, scalars: dict[str, float], recent: list[RoundStatistics], rate: float) -> str:
        """Write TensorBoard entries; returns a line for the terminal."""
        step = self.replay.written
        explored, optimal, effective, first = (
            np.concatenate([getattr(s, name) for s in recent]).astype(bool)
            for name in ("explored", "optimal", "effective", "first")
        )
        entries = dict(scalars)
        for kind, which in (("random", explored), ("policy", ~explored)):
            if which.any():
                entries[f"effective/{kind}"] = float(effective[which].mean())
            if (which & first).any():
                entries[f"optimal_first_n/{kind}"] = float(optimal[which & first].mean())
        ious = [iou for s in recent for iou in s.motion_iou]
        if ious:
            entries["motion_iou"] = float(np.mean(ious))
        entries |= {"epsilon": self.epsilon, "interactions_per_second": rate}
        for name, value in entries.items():
            self._writer.add_scalar(name, value, step)
        picture = recent[-1].picture
        if picture is not None:
            frames = [
                pictures.overlay_mask(picture[frame], picture[f"moved_{frame}"]) for frame in ("before", "after")
            ]
            self._writer.add_image("motion", np.concatenate(frames, axis=1), step, dataformats="HWC")
        shown = ("loss/part", "loss/interaction", "motion_iou", "optimal_first_n/random", "optimal_first_n/policy")
        return f"{step} " + " ".join(f"{name}={entries[name]:.3f}" for name in shown if name in entries)

    @contextmanager
    def _progress(self) -> Iterator[tuple[Any, Any]]:
        """A bar on a terminal, plain lines elsewhere: functions to report (interactions, rate) and to print."""
        if not self._console.is_terminal:
            yield (lambda done, rate: None), lambda line: print(line, flush=True)
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]:.1f} interactions/s"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task("training", total=self.config.total_interactions, rate=0.0)
            yield (lambda done, rate: progress.update(task, completed=done, rate=rate)), progress.console.print


@contextmanager
def _stop_requested() -> Iterator[list[int]]:
    """A list that is empty until SIGINT or SIGTERM arrives; a second one acts as usual."""
    received: list[int] = []
    previous: dict[int, Any] = {}

    def receive(number: int, frame: Any) -> None:
        received.append(number)
        for each, handler in previous.items():
            signal.signal(each, handler)

    for number in (signal.SIGINT, signal.SIGTERM):
        previous[number] = signal.signal(number, receive)
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _jsonable(config: TrainConfig) -> dict[str, Any]:
    options: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(config), default=str))
    return options
