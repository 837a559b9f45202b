"""States of an environment, copies and pickles of it, and what is left of one that was closed."""

from __future__ import annotations

import copy
import pickle

import gymnasium as gym
import numpy as np
import pytest

from envs import simulator
from envs.play import ArticulatedPlay
from envs.wrappers import DepthAsImage, TouchAsBox
from episodes import action_on_object

pytestmark = pytest.mark.usefixtures("cache")

#: With noise, tints and trials, so that all that is random has to come back too.
OPTIONS = {"category": "scissors", "resolution": 40, "randomization": True, "trials": 2}


def flat(value):
    """An answer of the environment as bytes and plain values, in order."""
    if isinstance(value, dict):
        return [(key, flat(each)) for key, each in sorted(value.items())]
    if isinstance(value, tuple):
        return [flat(each) for each in value]
    return (value.dtype.str, value.shape, value.tobytes()) if isinstance(value, np.ndarray) else value


def actions(env, info, count, seed=0):
    rng = np.random.default_rng(seed)
    return [action_on_object(info, rng) for _ in range(count)]


@pytest.fixture(scope="module")
def middle(cache):
    """An environment two steps into an episode."""
    env = ArticulatedPlay(**OPTIONS)
    _, info = env.reset(seed=3)
    for action in actions(env, info, 2):
        *_, info = env.step(action)
    yield env, info
    env.close()


def test_the_same_actions_from_a_state_give_the_same_to_the_bit(middle):
    env, info = middle
    state = env.get_state()
    kept = pickle.dumps(state)
    planned = actions(env, info, 2, seed=1)
    first = [flat(env.step(action)) for action in planned]
    env.set_state(state)
    for action in actions(env, info, 3, seed=2):  # somewhere else
        env.step(action)
    env.reset(seed=8)  # even another episode
    env.set_state(state)
    assert [flat(env.step(action)) for action in planned] == first
    other = ArticulatedPlay(**OPTIONS)
    other.set_state(pickle.loads(kept))
    assert [flat(other.step(action)) for action in planned] == first
    assert other._moved_ever.tolist() == env._moved_ever.tolist()
    other.close()
    env.set_state(state)
    assert pickle.dumps(state) == kept  # it was not played on


@pytest.mark.parametrize("make", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))], ids=["copy", "pickle"])
def test_a_copy_has_a_simulator_of_its_own(middle, make):
    env, info = middle
    state = env.get_state()
    twin = make(env)
    planned = actions(env, info, 2, seed=1)
    joints = env.simulator.state()
    ahead = [flat(twin.step(action)) for action in planned]
    assert env.simulator.state() == joints
    assert env.get_state().steps == 2
    twin.close()
    assert [flat(env.step(action)) for action in planned] == ahead
    env.set_state(state)


def test_copies_of_what_gymnasium_makes():
    env = gym.make("envs:ArticulatedPlay-v0", category="knife", resolution=32)
    new = copy.deepcopy(env)  # before the first reset
    env.reset(seed=1)
    started = copy.deepcopy(env)
    action = np.array([16, 16, 16, 18, 0])
    assert flat(started.step(action)) == flat(env.step(action))
    assert flat(new.reset(seed=1)) == flat(started.reset(seed=1))
    assert started.unwrapped.spec.id == "ArticulatedPlay-v0"
    for each in (env, new, started):
        each.close()


def test_a_state_that_does_not_fit_is_refused(middle):
    env, _ = middle
    state = env.get_state()
    for other, says in (
        (ArticulatedPlay(category="knife", resolution=32), r"images of \(40, 40\) pixels, not \(32, 32\)"),
        (
            ArticulatedPlay(category="knife", resolution=40, interactions=1),
            "after 2 interactions, and an episode has 1",
        ),
    ):
        with pytest.raises(gym.error.ResetNeeded):
            other.get_state()
        with pytest.raises(ValueError, match=says):
            other.set_state(state)
        with pytest.raises(ValueError, match="comes from get_state"):
            other.set_state({"steps": 1})
        other.close()


def test_what_was_closed_does_nothing_to_others():
    first = ArticulatedPlay(category="knife", resolution=32)
    first.reset(seed=0)
    kept = first.simulator
    first.close()
    first.close()
    second = ArticulatedPlay(category="knife", resolution=32)  # in the same world of PyBullet, as it happens
    second.reset(seed=0)
    joints = second.simulator.state()
    for use in (
        first.reset,
        lambda: first.step(np.array([16, 16, 16, 18, 0])),
        lambda: first.try_action(np.array([16, 16, 16, 18, 0])),
        first.oracle_action,
        first.render,
        first.get_state,
        first.action_masks,
        lambda: first.set_state(second.get_state()),
        lambda: copy.deepcopy(first),
    ):
        with pytest.raises(gym.error.ClosedEnvironmentError, match="was closed"):
            use()
    with pytest.raises(RuntimeError, match="was closed"):
        kept.restore([(0, 1.0)])
    assert second.simulator.state() == joints
    with pytest.raises(TypeError, match="cannot be copied"):
        copy.deepcopy(second.simulator)
    second.close()


def test_more_environments_than_pybullet_has_room_for(monkeypatch):
    monkeypatch.setattr(simulator, "MOST_WORLDS", len(simulator._worlds) + 2)
    made = [ArticulatedPlay(resolution=32) for _ in range(2)]
    with pytest.raises(RuntimeError, match=r"opens no more worlds.*close\(\)"):
        ArticulatedPlay(resolution=32)
    made.pop().close()
    made.append(ArticulatedPlay(resolution=32))
    for env in made:
        env.close()


def test_the_spec_says_how_long_an_episode_is():
    env = gym.make("envs:ArticulatedPlay-v0", resolution=32, interactions=7)
    assert env.spec.max_episode_steps == 7
    again = gym.make(env.spec)
    assert again.spec.max_episode_steps == 7
    assert gym.spec("ArticulatedPlay-v0").max_episode_steps is None  # the option decides
    env.close()
    again.close()


def test_masks_keep_actions_on_the_object(middle):
    env, info = middle
    masks = env.action_masks()
    rows, columns, push_rows, push_columns, directions = np.split(masks, np.cumsum(env.action_space.nvec)[:-1])
    shown = info["privileged"]["labels"] > 0
    assert rows.tolist() == push_rows.tolist() == shown.any(axis=1).tolist()
    assert columns.tolist() == push_columns.tolist() == shown.any(axis=0).tolist()
    assert directions.all()
    assert 0 < rows.sum() < 40


@pytest.mark.parametrize("seed", [-1, 1.5, "0"])
def test_seeds_are_whole_numbers_from_0_on(middle, seed):
    env, _ = middle
    state = env.get_state()
    with pytest.raises(ValueError, match="seed must be"):
        env.reset(seed=seed)
    assert flat(env.get_state().rgb) == flat(state.rgb)


def test_frames_are_stacked_with_their_touch():
    from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack

    def make():
        return TouchAsBox(DepthAsImage(ArticulatedPlay(category="knife", resolution=36)))

    env = VecFrameStack(DummyVecEnv([make]), 2)
    assert env.reset()["touch"].shape == (1, 4)
    observation, *_ = env.step(np.array([[18, 18, 18, 19, 0]]))
    assert env.observation_space.contains({name: array[0] for name, array in observation.items()})
    assert observation["touch"].dtype == np.float32
    env.close()
