"""The vector environment: Gymnasium's semantics, and the same episodes as one environment alone."""

from __future__ import annotations

import os
import signal

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode
from gymnasium.wrappers.vector import RecordEpisodeStatistics

import envs  # noqa: F401  (registers the environment)
from envs.parallel.vector import PlayVectorEnv

OPTIONS = {"resolution": 48, "interactions": 2, "split": "val"}


@pytest.fixture
def vector():
    env = gym.make_vec("envs:ArticulatedPlay-v0", num_envs=3, **OPTIONS)
    yield env
    env.close()


def actions_of(step):
    return np.array([[24, 20 + step, 24, 28, k] for k in (0, 2, 5)])


def play(env, seed=5, steps=5):
    """Observations, rewards, ends and infos, copied."""
    answers = [(*env.reset(seed=seed),)]
    answers += [env.step(actions_of(step)) for step in range(steps)]
    return answers


def assert_equal(mine, theirs, name=""):
    if isinstance(mine, dict):
        assert mine.keys() == theirs.keys(), name
        for key in mine:
            assert_equal(mine[key], theirs[key], f"{name}/{key}")
    elif (isinstance(mine, np.ndarray) and mine.dtype == object) or isinstance(mine, tuple):
        for one, other in zip(mine, theirs, strict=True):
            assert_equal(one, other, name)
    else:
        np.testing.assert_array_equal(mine, theirs, err_msg=name)


def test_spaces_and_registration(vector):
    assert isinstance(vector.unwrapped, PlayVectorEnv)
    assert vector.num_envs == 3
    assert vector.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP
    observation, _ = vector.reset(seed=1)
    assert vector.observation_space.contains(observation)
    assert vector.action_space.contains(vector.action_space.sample())
    observation, reward, terminated, truncated, _ = vector.step(actions_of(0))
    assert vector.observation_space.contains(observation)
    assert reward.shape == terminated.shape == truncated.shape == (3,)
    assert reward.dtype == np.float64
    assert terminated.dtype == truncated.dtype == np.bool_


def test_answers_as_gymnasiums_own_until_the_first_reset(vector):
    make = lambda: gym.make("envs:ArticulatedPlay-v0", **OPTIONS)  # noqa: E731
    theirs = AsyncVectorEnv([make] * 3, autoreset_mode=AutoresetMode.SAME_STEP)
    try:
        mine, wanted = play(vector, steps=2), play(theirs, steps=2)
    finally:
        theirs.close()
    assert_equal(tuple(mine[:2]), tuple(wanted[:2]))  # all of them, infos and masks included
    assert_equal(mine[2][1:4], wanted[2][1:4])
    for name in ("final_obs", "final_info"):  # the next episodes are seeded in another way
        assert_equal(mine[2][4][name], wanted[2][4][name])
        assert mine[2][4][f"_{name}"].all()


def test_episodes_do_not_depend_on_the_number_of_workers_or_environments(vector):
    alone = PlayVectorEnv(1, **OPTIONS)
    one = PlayVectorEnv(3, workers=1, **OPTIONS)
    try:
        wanted = play(vector)
        assert_equal(tuple(play(one)), tuple(wanted))
        alone.reset(seed=6)
        for step in range(5):
            observation, reward, *_ = alone.step(actions_of(step)[1:2])
            for name, array in observation.items():
                np.testing.assert_array_equal(array[0], wanted[step + 1][0][name][1])
            assert reward[0] == wanted[step + 1][1][1]
    finally:
        alone.close()
        one.close()


def test_episodes_differ_from_one_another(vector):
    answers = play(vector, steps=6)
    starts = [answers[k][0]["rgb"] for k in (0, 2, 4, 6)]
    assert len({start[i].tobytes() for start in starts for i in range(3)}) == 12


def test_without_copies_the_next_step_overwrites():
    env = PlayVectorEnv(1, copy=False, **OPTIONS)
    try:
        first, _ = env.reset(seed=0)
        before = first["rgb"].copy()
        env.step(actions_of(0)[:1])
        env.step(actions_of(0)[:1])  # another episode by now
        assert (first["rgb"] != before).any()
    finally:
        env.close()


def test_gymnasium_wrapper_counts_episodes(vector):
    env = RecordEpisodeStatistics(vector)
    env.reset(seed=0)
    env.step(actions_of(0))
    *_, info = env.step(actions_of(1))
    assert (info["episode"]["l"] == 2).all()


def test_options_hold_for_all_environments_and_episodes(vector):
    _, info = vector.reset(seed=0, options={"category": "safe"})
    assert set(info["category"]) == {"safe"}
    for step in range(2):
        *_, info = vector.step(actions_of(step))
    assert set(info["category"]) == {"safe"}


def test_render(vector):
    env = PlayVectorEnv(2, render_mode="rgb_array", **OPTIONS)
    try:
        env.reset(seed=0)
        frames = env.render()
        assert len(frames) == 2
        assert all(frame.dtype == np.uint8 and frame.ndim == 3 for frame in frames)
    finally:
        env.close()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (np.zeros((2, 5), int), r"must be \(3, 5\) whole numbers, not \(2, 5\)"),
        (np.zeros(5, int), r"not \(5,\)"),
        (np.zeros((3, 5)), "of type float64"),
        (np.array([[0, 0, 0, 0, 0], [0, 48, 0, 0, 0], [0, 0, 0, 0, 0]]), "of environment 1 is not in MultiDiscrete"),
        (np.array([[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, -1]]), "of environment 2 is not in MultiDiscrete"),
    ],
)
def test_wrong_actions_are_refused_and_nothing_is_carried_out(vector, wrong, says):
    wanted = play(vector, steps=1)
    vector.reset(seed=5)
    with pytest.raises(ValueError, match=says):
        vector.step(wrong)
    assert_equal(vector.step(actions_of(0)), wanted[1])


def test_before_the_first_reset_and_after_the_end():
    env = PlayVectorEnv(1, **OPTIONS)
    with pytest.raises(gym.error.ResetNeeded, match=r"reset\(\)"):
        env.step(actions_of(0)[:1])
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"must be \(1, 5\)"):
        env.step(actions_of(0)[0])
    assert env.step(actions_of(0)[:1])[1].shape == (1,)
    env.close()
    for use in (env.reset, lambda: env.step(actions_of(0)[:1]), env.render, lambda: env.get_attr("trials")):
        with pytest.raises(gym.error.ClosedEnvironmentError, match="were closed"):
            use()


def test_some_environments_are_reset_and_the_others_stay(vector):
    with pytest.raises(gym.error.ResetNeeded, match="all environments"):
        vector.reset(seed=1, options={"reset_mask": np.array([True, False, True])})
    wanted = play(vector, steps=2)
    vector.reset(seed=5)
    vector.step(actions_of(0))
    options = {"reset_mask": np.array([False, True, False])}
    observation, info = vector.reset(seed=5, options=options)
    assert list(options) == ["reset_mask"]
    assert info["_category"].tolist() == [False, True, False]
    np.testing.assert_array_equal(observation["rgb"][1], wanted[0][0]["rgb"][1])
    np.testing.assert_array_equal(observation["rgb"][::2], wanted[1][0]["rgb"][::2])
    _, _, _, truncated, _ = vector.step(actions_of(1))
    assert truncated.tolist() == [True, False, True]
    for mask in (np.zeros(3, bool), np.ones(2, bool), np.ones(3)):
        with pytest.raises(ValueError, match="reset_mask must be 3 bools"):
            vector.reset(options={"reset_mask": mask})


def test_methods_and_attributes_of_the_environments(vector):
    with pytest.raises(gym.error.ResetNeeded):
        vector.call("oracle_action", 0)
    vector.reset(seed=5)
    assert [action.shape for action in vector.call("oracle_action", seed=0)] == [(5,)] * 3
    assert vector.get_attr("interactions") == (2, 2, 2)
    assert vector.action_masks().shape == (3, 4 * 48 + 8)
    with pytest.raises(AttributeError):
        vector.get_attr("nothing_like_it")
    with pytest.raises(TypeError, match="cannot leave its process"):
        vector.get_attr("simulator")
    with pytest.raises(ValueError, match="3 values"):
        vector.set_attr("hold", ["point", "fixed"])
    vector.set_attr("hold", ["point", "fixed", "point"])
    os.kill(vector.unwrapped.pool.pids[0], signal.SIGKILL)
    vector.reset(seed=5)
    assert vector.get_attr("hold") == ("point", "fixed", "point")  # in the new worker too
    vector.set_attr("hold", "fixed")
    assert set(vector.get_attr("hold")) == {"fixed"}
    assert vector.spec.max_episode_steps == 2


def test_seeds_are_counted(vector):
    with pytest.raises(ValueError, match="at least 0, not -2"):
        vector.reset(seed=-2)
    with pytest.raises(ValueError, match="3 seeds, not 2"):
        vector.reset(seed=[1, 2])
    first, _ = vector.reset(seed=[7, 8, 9])
    second, _ = vector.reset(seed=7)
    assert_equal(first, second)
