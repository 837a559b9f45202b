"""A training run of seconds, and whether two runs are the same to the bit."""

from __future__ import annotations

import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from train.config import LearnerConfig, TrainConfig
from train.learning.trainer import Trainer

#: Rounds of 10 interactions; learning from 20 on; checkpoints at 30, 60, 90 and 120; the ring of 40 wraps.
TINY = TrainConfig(
    total_interactions=120,
    envs=2,
    resolution=48,
    learning_starts=20,
    interactions_per_step=5,
    replay_size=40,
    checkpoint_every=30,
    log_every=20,
    threads=1,
    device="cpu",
    learner=LearnerConfig(width=8, batch_size=4),
)


def run(config):
    trainer = Trainer(config)
    try:
        return trainer.run()
    finally:
        trainer.close()


def flatten(value, name=""):
    if isinstance(value, dict):
        return {k: v for key, each in value.items() for k, v in flatten(each, f"{name}/{key}").items()}
    if isinstance(value, list):
        return flatten(dict(enumerate(value)), name)
    return {name: value}


def assert_same_run(folder, wanted):
    """Weights, averages, optimisers, random states, counters, replay, shipped weights and log are the same."""
    mine, theirs = (flatten(torch.load(path / "checkpoint.pt", weights_only=True)) for path in (folder, wanted))
    assert mine.keys() == theirs.keys()
    assert mine["/written"] == 120
    assert mine["/rounds"] == 12
    assert mine["/learner/steps"] == 20
    for name in mine.keys() - {"/seconds"}:
        same = torch.equal if isinstance(mine[name], torch.Tensor) else lambda a, b: a == b
        assert same(mine[name], theirs[name]), name
    assert (folder / "replay.npy").read_bytes() == (wanted / "replay.npy").read_bytes()
    for name in ("interaction.safetensors", "part.safetensors"):
        assert (folder / "weights" / name).read_bytes() == (wanted / "weights" / name).read_bytes()
    assert logged(folder) == logged(wanted)


def logged(folder):
    """Step and value of the entries that do not depend on where a run was stopped."""
    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    steps = {name: [e.step for e in events.Scalars(name)] for name in ("epsilon", "learning_rate", "loss/part")}
    return steps, [e.value for e in events.Scalars("epsilon")], [e.step for e in events.Images("motion")]
