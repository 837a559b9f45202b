"""Training against its two parts alone: playing, and learning."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

import torch

from atp.results.bench import TrainingTimes
from train.bench.measuring import in_turns, median_rate, median_ratio
from train.config import read_config
from train.learning.trainer import Trainer

CONFIG = Path(__file__).parents[1] / "configs" / "default.toml"


def bench_training(repeats: int, rounds: int, device: Literal["auto", "cpu", "cuda"] = "cpu") -> TrainingTimes:
    """Rounds of play with the gradient steps that are due, both and each alone, in turns.

    Args:
        repeats: Measurements; medians are reported.
        rounds: Rounds of a measurement; a round is an episode in every environment.
        device: Where to compute.

    Returns:
        ``over_sum`` and ``over_larger``: wall-clock of training over the sum, and over the larger, of playing alone
        (with its forward passes) and of learning alone; and the rates of each.
    """
    with tempfile.TemporaryDirectory() as folder:
        config = replace(read_config(CONFIG), out=Path(folder) / "run", device=device, replay_size=4_000)
        with closing(Trainer(config)) as trainer:
            interactions = rounds * config.round_size
            steps = int(interactions / config.interactions_per_step)
            number = iter(range(10**9))

            def play() -> None:
                for _ in range(rounds):
                    _round(trainer, next(number))

            def learn() -> None:
                for _ in range(steps):
                    trainer.learner.step(trainer.replay)

            def both() -> None:
                start = trainer.learner.steps
                for index in range(rounds):
                    _round(trainer, next(number), start + steps * (index + 1) // rounds)

            measures = {
                name: partial(_timed, work)
                for name, work in (("playing", play), ("learning", learn), ("training", both))
            }
            play()
            learn()  # both warm up
            seconds = in_turns(measures, repeats)
    sums = [a + b for a, b in zip(seconds["playing"], seconds["learning"], strict=True)]
    largest = [max(a, b) for a, b in zip(seconds["playing"], seconds["learning"], strict=True)]
    seconds |= {"sum": sums, "larger": largest}
    return TrainingTimes(
        device=device,
        over_sum=median_ratio(seconds, "training", "sum"),
        over_larger=median_ratio(seconds, "training", "larger"),
        interactions_per_second=median_rate(seconds, "training", interactions),
        interactions_per_second_playing_alone=median_rate(seconds, "playing", interactions),
        interactions_per_second_learning_alone=median_rate(seconds, "learning", interactions),
        gradient_steps_per_second=median_rate(seconds, "learning", steps),
    )


def _round(trainer: Trainer, number: int, due: int = 0) -> None:
    """One round, with the gradient steps that lead to ``due``."""

    def learn() -> bool:
        if trainer.learner.steps >= due:
            return False
        trainer.learner.step(trainer.replay)
        return True

    trainer.collector.play(trainer.learner.acting, trainer.replay, number, 0.5, learn)


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began
