"""Recorded play: what is stored, and that a stopped run ends as one that was not."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from atp.agent import Agent
from train.data.records import judged
from train.learning.collector import Collector
from train.learning.recorder import RecordConfig, Recorder
from train.record import main
from train.runs.run_folder import open_recorded, read_run

SIDE = 48


@pytest.fixture(scope="module")
def options(weights) -> RecordConfig:
    return RecordConfig(
        total_interactions=30,
        envs=2,
        resolution=SIDE,
        category="knife",
        weights=str(weights),
        epsilon=0.5,
        checkpoint_every=10,
        device="cpu",
        threads=1,
    )


def record(config: RecordConfig) -> bool:
    recorder = Recorder(config)
    try:
        return recorder.run()
    finally:
        recorder.close()


def stored(folder: Path) -> np.ndarray:
    return np.load(folder / "replay.npy", allow_pickle=False)[:30]


def test_a_stopped_run_stores_what_one_that_was_not_stores(options, tmp_path, monkeypatch, capsys):
    whole, stopped = (replace(options, out=tmp_path / name) for name in ("whole", "stopped"))
    assert record(whole)
    records = stored(whole.out)
    assert (records["rgb"][:, 0] != 0).any((1, 2, 3)).all()
    assert records["depth"].any((1, 2, 3)).mean() > 0.5  # some episodes have none
    assert records["moved"].any()
    assert read_run(whole.out)[0] == 30
    before, after = (
        Agent.from_pretrained(name, "cpu").part.state_dict() for name in (options.weights, whole.out / "weights")
    )
    assert all(torch.equal(before[key], after[key]) for key in before)

    round_of = Collector.play

    def interrupted(self, networks, replay, index, *arguments):
        if index == 1:
            signal.raise_signal(signal.SIGINT)
        return round_of(self, networks, replay, index, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Collector, "play", interrupted)
        assert not record(stopped)
    assert "stopped at 20 interactions" in capsys.readouterr().out
    assert not (stopped.out / "weights").exists()
    assert record(stopped)
    assert stored(stopped.out).tobytes() == records.tobytes()


def test_bad_options_are_refused(options, tmp_path, capsys):
    assert main(["--weights", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert str(tmp_path) in capsys.readouterr().err
    with pytest.raises(ValueError, match="epsilon"):
        replace(options, epsilon=2.0)
    with pytest.raises(ValueError, match="temperature"):
        replace(options, temperature=0.0)


def test_trials_are_stored_and_can_be_learned_from(options, tmp_path, capsys):
    config = replace(options, out=tmp_path / "trials", total_interactions=10, trials=3, guided=1.0, epsilon=1.0)
    assert record(config)
    replay = open_recorded(config.out)
    records = replay.newest(10)
    assert records["trial_actions"].shape == (10, 3, 5)
    assert judged(records)[:, 1:].any()
    same = (records["action"][:, None] == records["trial_actions"]).all(-1).any(-1)
    assert same.any()  # the best trial was carried out where one moved a part


def test_options_of_trials_that_do_not_go_together_are_refused(options, tmp_path):
    with pytest.raises(ValueError, match="--trials above 0"):
        replace(options, guided=0.5)
    Agent.from_pretrained(options.weights, "cpu").replace(hold=False).save_pretrained(tmp_path / "pushes")
    with pytest.raises(ValueError, match="holds nothing"):
        Recorder(replace(options, weights=str(tmp_path / "pushes"), trials=2, out=tmp_path / "out"))
