"""The upper bound on acting: it finds optimal actions, and looking ahead leaves no trace."""

from __future__ import annotations

import numpy as np
import pytest

from assets.conventions import MAX_PARTS
from envs.oracle import ENOUGH, MAX_TRIES, best_action
from envs.play import ArticulatedPlay
from envs.truth import Outcome, View


def view_of(*pixels_of_label: int) -> View:
    """A view in which label i + 1 has so many pixels."""
    labels = np.zeros((40, 50), np.uint8)
    for label, pixels in enumerate(pixels_of_label, start=1):
        labels.reshape(-1)[400 * label : 400 * label + pixels] = label
    return View(np.zeros((40, 50, 3), np.uint8), np.ones((40, 50), np.float32), labels, labels.astype(np.int16) - 1)


def outcome(moved: list[int], held: int, optimal: bool, displacement: float = 5.0) -> Outcome:
    parts = np.zeros(MAX_PARTS, bool)
    parts[[label - 1 for label in moved]] = True
    return Outcome(parts, held, 0, bool(moved), optimal, displacement)


class Tries:
    """A simulator that answers from a rule and remembers what it was asked."""

    def __init__(self, view: View, rule):
        self.view, self.rule, self.actions = view, rule, []

    def __call__(self, action: np.ndarray) -> Outcome:
        self.actions.append(action.tolist())
        held, pushed = (int(self.view.labels[action[i], action[i + 1]]) for i in (0, 2))
        return self.rule(held, pushed, int(action[4]))


def moved_ever(*labels: int) -> np.ndarray:
    parts = np.zeros(MAX_PARTS, bool)
    parts[[label - 1 for label in labels]] = True
    return parts


def test_candidates_push_fresh_parts_and_hold_others():
    view = view_of(100, 100, 100)
    tries = Tries(view, lambda held, pushed, k: outcome([], held, False))
    best_action(view, moved_ever(1, 3), tries, np.random.default_rng(0))
    assert len(tries.actions) == MAX_TRIES
    pushed = {int(view.labels[a[2], a[3]]) for a in tries.actions}
    held = {int(view.labels[a[0], a[1]]) for a in tries.actions}
    assert pushed == {2}
    assert held == {1, 3}
    assert {a[4] for a in tries.actions} == set(range(8))


def test_it_stops_when_it_has_enough_and_takes_the_farthest():
    view = view_of(100, 100)
    tries = Tries(view, lambda held, pushed, k: outcome([pushed], held, optimal=k < 4, displacement=float(k)))
    action = best_action(view, moved_ever(), tries, np.random.default_rng(1))
    assert len(tries.actions) < MAX_TRIES
    assert sum(a[4] < 4 for a in tries.actions) == ENOUGH
    assert action[4] == max(a[4] for a in tries.actions if a[4] < 4)
    assert action.tolist() in tries.actions
    assert action.dtype == np.int64


def test_optimal_is_worth_more_than_effective_and_one_part_more_than_two():
    view = view_of(100, 100, 100)
    two_when_odd = Tries(view, lambda held, pushed, k: outcome([2, 3] if k % 2 else [2], held, True, 9 if k % 2 else 1))
    assert best_action(view, moved_ever(), two_when_odd, np.random.default_rng(2))[4] % 2 == 0
    optimal_at_3 = Tries(view, lambda held, pushed, k: outcome([2], held, k == 3, displacement=9.0 - (k == 3)))
    assert best_action(view, moved_ever(), optimal_at_3, np.random.default_rng(3))[4] == 3


def test_when_all_have_moved_an_effective_action_will_do():
    view = view_of(100, 100)
    tries = Tries(view, lambda held, pushed, k: outcome([pushed], held, False))
    best_action(view, moved_ever(1, 2), tries, np.random.default_rng(4))
    assert len(tries.actions) == ENOUGH


def test_parts_that_can_hardly_be_seen_are_left_alone():
    view = view_of(100, 19, 100)
    tries = Tries(view, lambda held, pushed, k: outcome([], held, False))
    best_action(view, moved_ever(), tries, np.random.default_rng(5))
    touched = {int(view.labels[a[i], a[i + 1]]) for a in tries.actions for i in (0, 2)}
    assert touched == {1, 3}


@pytest.mark.parametrize("pixels", [(), (100,)])
def test_nothing_or_one_part_in_view(pixels):
    view = view_of(*pixels)
    tries = Tries(view, lambda held, pushed, k: outcome([], held, False))
    action = best_action(view, moved_ever(), tries, np.random.default_rng(6))
    assert action.shape == (5,)
    assert len(tries.actions) == (MAX_TRIES if pixels else 0)


# --- In the environment ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("split", "category"), [("test", "pliers"), ("test", "lighter"), ("stress", "drawers")])
def test_it_finds_optimal_actions_on_hinges_and_slides(cache, split, category):
    """The first two steps of an object with two or more parts should move one each."""
    env = ArticulatedPlay(split=split, category=category)
    optimal = []
    for seed in range(8):
        env.reset(seed=seed, options={"index": seed % 4})
        for _ in range(2):
            _, reward, _, _, info = env.step(env.oracle_action(seed))
            assert reward == info["privileged"]["optimal"]
            optimal.append(reward)
    env.close()
    assert np.mean(optimal) >= 0.9


def test_what_was_tried_is_what_happens_and_trying_leaves_no_trace(cache):
    env = ArticulatedPlay(split="test", category="multilink", randomization=True)
    twin = ArticulatedPlay(split="test", category="multilink", randomization=True)
    rng = np.random.default_rng(0)
    for seed in range(3):
        _, info = env.reset(seed=seed, options={"index": 0})
        twin.reset(seed=seed, options={"index": 0})
        for _ in range(3):
            state, poses = env.simulator.state(), env.simulator.part_poses()
            on = np.flatnonzero(info["privileged"]["labels"])
            hold, push = rng.choice(on, 2)
            action = np.array([*divmod(hold, 90), *divmod(push, 90), rng.integers(8)])
            for k in range(8):
                env.try_action(np.array([*action[:4], k]))
            assert env.simulator.state() == state
            np.testing.assert_array_equal(env.simulator.part_poses(), poses)
            tried = env.try_action(action)
            observation, _, _, _, info = env.step(action)
            wanted, _, _, _, twin_info = twin.step(action)
            truth = info["privileged"]
            np.testing.assert_array_equal(tried.moved_parts, truth["moved_parts"])
            for name in ("held_part", "pushed_part", "effective", "optimal"):
                assert getattr(tried, name) == truth[name]
            for name, value in wanted.items():
                assert observation[name].tobytes() == value.tobytes()
            for name, value in twin_info["privileged"].items():
                np.testing.assert_array_equal(truth[name], value)
    env.close()
    twin.close()


def test_a_seeded_oracle_repeats_itself_and_an_unseeded_one_follows_the_environment(cache):
    env = ArticulatedPlay(split="test", category="pliers")
    env.reset(seed=0, options={"index": 0})
    first = env.oracle_action(3)
    assert first.tolist() == env.oracle_action(3).tolist()
    drawn = env.oracle_action()
    env.reset(seed=0, options={"index": 0})
    assert env.oracle_action().tolist() == drawn.tolist()
    env.close()
