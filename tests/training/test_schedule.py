"""The learning rates: warm-up to the peak, and a cosine to zero."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from train.config import LearnerConfig
from train.data.records import record_type
from train.data.replay import Replay
from train.learning.learner import Learner
from train.learning.schedule import lr_at, lr_share_at

CONFIG = LearnerConfig(width=8, batch_size=2, learning_rate=0.01, warmup=4)


def test_the_rate_rises_to_the_peak_and_falls_to_zero():
    rates = [lr_at(step, CONFIG, 100) for step in range(101)]
    assert rates[0] == pytest.approx(0.01 / 4)
    assert np.argmax(rates) == 3  # the last step of the warm-up
    assert rates[3] == pytest.approx(0.01, rel=0.01)
    assert rates[50] == pytest.approx(0.005)
    assert rates[100] == 0
    assert (np.diff(rates[3:]) < 0).all()
    assert lr_at(0, LearnerConfig(warmup=0, learning_rate=0.01), 100) == 0.01
    assert lr_at(500, CONFIG, 100) == 0  # past the end it does not rise again


def test_fine_tunes_of_other_networks_reach_the_whole_peak():
    shares = [lr_share_at(step, 50) for step in range(51)]
    assert shares[:6] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0])
    assert shares[50] == pytest.approx(0)
    assert (np.diff(shares[5:]) < 0).all()


def test_the_learner_makes_its_steps_by_it(tmp_path):
    replay = Replay(tmp_path / "replay.npy", 48, 48, 4, 1)
    replay.append(np.zeros(4, record_type(48, 48)))
    learner = Learner(CONFIG, 20, torch.device("cpu"), seed=0, learns=("interaction",))
    for step in range(3):
        told = learner.step(replay)["learning_rate"]
        used = {group["lr"] for group in learner.optimizers["interaction"].param_groups}
        assert used == {lr_at(step, CONFIG, 20)}
        assert float(told) == pytest.approx(used.pop())
