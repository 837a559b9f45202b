"""Stored interactions of several runs, drawn from as one."""

from __future__ import annotations

import numpy as np
import pytest

from train.data.joined_replays import JoinedReplays
from train.data.records import judged, record_type
from train.data.replay import Replay

SIDE = 16


def make(path, count: int, trials: int, mark: int, side: int = SIDE) -> Replay:
    replay = Replay(path, side, side, capacity=count, slack=0, trials=trials)
    records = np.zeros(count, record_type(side, side, trials))
    records["rewards"] = np.nan
    records["memory"][:, 0, 0] = mark + np.arange(count)
    if trials:
        records["trial_rewards"] = 1.0
    else:
        records["rewards"][0] = 1.0
        records["moved"][0, 0, 0, 0] = True
    replay.append(records)
    return replay


def marks(records: np.ndarray) -> list[int]:
    return [int(value) for value in records["memory"][:, 0, 0]]


@pytest.fixture
def joined(tmp_path) -> JoinedReplays:
    return JoinedReplays([make(tmp_path / "a.npy", 3, 0, 10), make(tmp_path / "b.npy", 5, 2, 20)])


def test_all_interactions_are_drawn_equally_often(joined):
    drawn = marks(joined.sample(8000, np.random.default_rng(0)))
    assert set(drawn) == {10, 11, 12, 20, 21, 22, 23, 24}
    assert len(joined) == 8
    assert all(abs(drawn.count(mark) - 1000) < 150 for mark in set(drawn))


def test_weights_and_columns_run_from_one_run_to_the_next(joined):
    assert joined.moved.tolist() == [True] + 7 * [False]
    assert joined.judged.tolist() == [True, False, False] + 5 * [True]
    weights = np.array([0, 0, 1, 0, 0, 0, 0, 1.0])
    assert set(marks(joined.sample(50, np.random.default_rng(1), weights))) == {12, 24}


def test_the_order_is_that_of_the_draw(joined):
    picks = np.random.default_rng(2).integers(8, size=40)
    every = [10, 11, 12, 20, 21, 22, 23, 24]
    assert marks(joined.sample(40, np.random.default_rng(2))) == [every[pick] for pick in picks]


def test_trials_that_a_run_has_not_got_are_never_learned_from(joined):
    records = joined.sample(60, np.random.default_rng(3))
    of_first = records["memory"][:, 0, 0] < 20
    assert records["trial_rewards"].shape == (60, 2, 2)
    assert not judged(records)[of_first, 1:].any()
    assert judged(records)[~of_first, 1:].all()


def test_runs_of_different_sizes_are_refused(tmp_path):
    with pytest.raises(ValueError, match="16 x 16, 24 x 24"):
        JoinedReplays([make(tmp_path / "a.npy", 3, 0, 10), make(tmp_path / "b.npy", 3, 0, 10, side=24)])
    with pytest.raises(ValueError, match="no stored interactions"):
        JoinedReplays([])
