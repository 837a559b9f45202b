"""Trials: what they say is what a step does, they leave no trace, and every other one tells parts apart."""

from __future__ import annotations

import numpy as np
import pytest

from assets.conventions import MAX_PARTS
from envs.play import ArticulatedPlay
from envs.trials import try_some
from envs.truth import Outcome, View

OPTIONS = {"split": "test", "category": "pliers", "resolution": 64}


def test_a_trial_says_what_the_step_does() -> None:
    env = ArticulatedPlay(**OPTIONS, trials=4)
    worths = []
    for seed in range(6):
        _, info = env.reset(seed=seed)
        tried = info["privileged"]
        for action, touch, worth, flow in zip(
            *(tried[f"trial_{name}"] for name in ("actions", "touch", "worth", "flow")), strict=True
        ):
            env.reset(seed=seed)
            observation, reward, _, _, after = env.step(action)
            np.testing.assert_allclose(after["privileged"]["flow"], flow, atol=1e-4)
            assert observation["touch"].tolist() == touch.tolist() == [1, 1]
            assert worth == (2 if reward else int(after["privileged"]["effective"]))
            worths.append(int(worth))
    assert len(set(worths)) > 1


def test_trials_leave_the_object_where_it_is() -> None:
    plain, trying = ArticulatedPlay(**OPTIONS), ArticulatedPlay(**OPTIONS, trials=6)
    plain.reset(seed=5)
    trying.reset(seed=5)
    for action in ([30, 20, 34, 44, 2], [32, 40, 30, 22, 6]):
        infos = [env.step(np.array(action))[-1]["privileged"] for env in (plain, trying)]
        assert (infos[0]["labels"] == infos[1]["labels"]).all()
        np.testing.assert_allclose(infos[0]["flow"], infos[1]["flow"], atol=1e-4)


def test_the_same_seed_tries_the_same_and_the_last_state_of_an_episode_nothing() -> None:
    env = ArticulatedPlay(**OPTIONS, trials=3, interactions=1)
    first, again = (env.reset(seed=2)[1]["privileged"] for _ in range(2))
    assert (first["trial_actions"] == again["trial_actions"]).all()
    assert first["trial_actions"].any()
    last = env.step(np.array([30, 20, 34, 44, 2]))[-1]["privileged"]
    for name in ("trial_actions", "trial_touch", "trial_worth", "trial_flow"):
        for found in (first, last):
            assert env.privileged_space[name].contains(found[name]), name
    assert not last["trial_actions"].any()
    assert "trial_actions" not in ArticulatedPlay(**OPTIONS).reset(seed=2)[1]["privileged"]


def test_every_other_trial_pushes_a_part_that_never_moved_and_holds_another() -> None:
    labels = np.repeat(np.array([0, 1, 2, 3], np.uint8), 10)[None].repeat(20, axis=0)
    view = View(np.zeros((20, 40, 3), np.uint8), np.ones((20, 40), np.float32), labels, labels.astype(np.int16) - 1)
    moved_ever = np.zeros(MAX_PARTS, bool)
    moved_ever[:2] = True
    seen = []

    def try_action(action: np.ndarray) -> tuple[Outcome, np.ndarray]:
        seen.append((labels[action[0], action[1]], labels[action[2], action[3]]))
        nothing = Outcome(np.zeros(MAX_PARTS, bool), 0, 0, False, False, 0.0)
        return nothing, np.zeros((len(view.pixels), 2), np.float32)

    try_some(60, view, moved_ever, try_action, np.random.default_rng(0))
    anywhere, apart = seen[::2], seen[1::2]
    assert all(push == 3 and hold in (1, 2) for hold, push in apart)
    assert {hold for hold, _ in anywhere} == {push for _, push in anywhere} == {1, 2, 3}


def test_a_negative_number_of_trials_is_refused() -> None:
    with pytest.raises(ValueError, match="trials must be at least 0, not -1"):
        ArticulatedPlay(**OPTIONS, trials=-1)
