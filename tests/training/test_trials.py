"""Learning from trials: judged as what is carried out is, drawn where they say something, and acted on if guided."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tiny_run import TINY, run
from train.data.records import draw_actions, judged, record_type
from train.learning.trainer import Trainer


def made(count: int = 6, trials: int = 3) -> np.ndarray:
    """Records whose action is their number and whose k-th trial is 100 + 10 k + their number; nothing is judged."""
    records = np.zeros(count, record_type(6, 6, trials))
    records["rewards"] = records["trial_rewards"] = np.nan
    records["action"] = np.arange(count)[:, None]
    records["trial_actions"] = (100 + 10 * np.arange(trials)[None] + np.arange(count)[:, None])[..., None]
    records["trial_hindsight"] = 1 + np.arange(trials)[None, :, None, None]
    return records


def test_all_that_was_judged_is_drawn_and_nothing_else() -> None:
    records = made(1)
    records["rewards"][0] = np.nan, 0.0
    records["trial_rewards"][0, 1] = 1.0, 1.0
    rng = np.random.default_rng(0)
    drawn = [draw_actions(records, rng)[0] for _ in range(200)]
    counts = {int(one["action"][0]): 0 for one in drawn}
    for one in drawn:
        counts[int(one["action"][0])] += 1
        tried = one["action"][0] == 110
        assert one["hindsight"][0, 0] == (2 if tried else 0)
        assert (one["rewards"] == 1.0).all() == tried
    assert counts.keys() == {0, 110}
    assert min(counts.values()) > 60
    assert records["action"][0, 0] == 0  # the records themselves stay
    assert judged(records).tolist() == [[True, False, True, False]]


def test_where_no_trial_was_judged_the_action_stays() -> None:
    records = made()
    drawn = draw_actions(records, np.random.default_rng(0))
    assert (drawn["action"] == records["action"]).all()
    plain = np.zeros(3, record_type(6, 6))
    assert draw_actions(plain, np.random.default_rng(0)) is plain


def test_records_hold_judged_trials_of_the_state_before(tmp_path) -> None:
    config = replace(TINY, out=tmp_path / "run", trials=3, total_interactions=20, learning_starts=20)
    trainer = Trainer(config)
    assert trainer.run()
    records = trainer.replay.newest(20)
    trainer.close()
    assert records["trial_actions"].any(axis=(1, 2)).all()
    rewards = records["trial_rewards"]
    assert set(np.unique(rewards[~np.isnan(rewards)])) == {0.0, 1.0}


def test_a_trial_that_is_carried_out_is_judged_alike(tmp_path) -> None:
    config = replace(TINY, out=tmp_path / "run", trials=6, guided=1.0, total_interactions=60, learning_starts=60)
    trainer = Trainer(config)
    assert trainer.run()
    records, checked = trainer.replay.newest(60), 0
    trainer.close()
    for record in records:
        for k in np.flatnonzero((record["trial_actions"] == record["action"]).all(axis=1)):
            np.testing.assert_array_equal(record["trial_rewards"][k], record["rewards"])
            assert (record["trial_hindsight"][k] == record["hindsight"]).mean() > 0.98
            checked += 1
    assert checked > 10


def test_guided_actions_are_the_best_trials(tmp_path) -> None:
    shares = {}
    for guided in (0.0, 1.0):
        config = replace(
            TINY, out=tmp_path / f"{guided}", trials=6, guided=guided, total_interactions=60, learning_starts=60
        )
        trainer = Trainer(config)
        assert trainer.run()
        records = trainer.replay.newest(60)
        trainer.close()
        best = (records["action"][:, None] == records["trial_actions"]).all(axis=2).any(axis=1)
        shares[guided] = best.mean(), (records["rewards"][:, 1] == 1.0).mean()
    assert shares[0.0][0] == 0.0
    assert shares[1.0][0] > 0.5
    assert shares[1.0][1] > 2 * shares[0.0][1]


def test_a_run_with_trials_is_the_same_twice(tmp_path) -> None:
    digests = []
    for name in ("one", "two"):
        config = replace(TINY, out=tmp_path / name, trials=2, guided=0.5, total_interactions=40)
        assert run(config)
        digests.append((tmp_path / name / "weights" / "interaction.safetensors").read_bytes())
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [({"guided": 0.5}, "--guided takes the best"), ({"trials": 2, "reward": "no-hold"}, "--trials hold something")],
)
def test_options_that_do_not_go_together_are_refused(options, message) -> None:
    with pytest.raises(ValueError, match=message):
        replace(TINY, **options)
