"""Worker processes: the same episodes however many there are, and none is lost when one dies."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from envs.parallel import pool as module
from envs.parallel.pool import EnvironmentFailed, WorkerLost, play_pool
from envs.play import ArticulatedPlay

OPTIONS = {"resolution": 48, "interactions": 3, "randomization": True}
SEEDS = [11, 12, 13]
ACTION = np.array([24, 20, 24, 28, 2])


@pytest.fixture
def pair():
    pool = play_pool(2, 2, **OPTIONS)
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def episodes():
    """What the episodes of the seeds are in this process."""
    env = ArticulatedPlay(**OPTIONS)
    played = []
    for seed in SEEDS:
        observation, info = env.reset(seed=seed)
        seen = [snapshot(observation, info)]
        for step in range(3):
            observation, reward, _, truncated, info = env.step(action_of(step))
            seen.append(snapshot(observation, info, reward))
        assert truncated
        played.append(seen)
    env.close()
    return played


def action_of(step):
    return np.add(ACTION, [0, step, 0, step, 1])


def snapshot(observation, info, reward=0.0):
    seen = {f"observation/{name}": np.array(value) for name, value in observation.items()}
    seen |= {f"privileged/{name}": np.array(value) for name, value in info["privileged"].items()}
    return seen | {"reward": reward, "category": info["category"], "instance": info["instance"]}


def snapshot_of(pool, index, answer):
    observation = {name: array[index] for name, array in pool.observation.items()}
    privileged = {name: array[index] for name, array in pool.privileged.items()}
    return snapshot(observation, {**answer.info, "privileged": privileged}, answer.reward)


def play(pool, seeds, before_step=lambda step: None):
    """All that environments answer in an episode."""
    for index, seed in enumerate(seeds):
        pool.reset_async(index, seed)
    answers = pool.wait(len(seeds))
    seen = [[snapshot_of(pool, index, answers[index])] for index in range(len(seeds))]
    for step in range(3):
        before_step(step)
        for index in range(len(seeds)):
            pool.step_async(index, action_of(step))
        answers = pool.wait(len(seeds))
        for index in range(len(seeds)):
            seen[index].append(snapshot_of(pool, index, answers[index]))
            assert answers[index].truncated == (step == 2)
    return seen


def assert_same(played, wanted):
    assert len(played) == len(wanted)
    for mine, theirs in zip(played, wanted, strict=True):
        for step, other in zip(mine, theirs, strict=True):
            assert step.keys() == other.keys()
            for name in step:
                np.testing.assert_array_equal(step[name], other[name], err_msg=name)


def alive(pid):
    return Path(f"/proc/{pid}").exists() if sys.platform == "linux" else False


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_episodes_depend_on_their_seeds_and_actions_alone(workers, episodes):
    pool = play_pool(3, workers, **OPTIONS)
    try:
        assert len(pool.pids) == workers
        assert_same(play(pool, SEEDS), episodes)
        assert_same(play(pool, SEEDS[::-1]), episodes[::-1])
    finally:
        pool.close()


def test_no_semaphores_are_made_which_would_outlive_a_kill_of_all_processes(monkeypatch):
    def made(*_, **__):
        raise AssertionError("a semaphore")

    monkeypatch.setattr("multiprocessing.synchronize.SemLock.__init__", made)
    pool = play_pool(1, 1, **OPTIONS)
    try:
        pool.reset_async(0, 1)
        assert set(pool.wait()) == {0}
    finally:
        pool.close()


def test_ready_environments_do_not_wait_for_others(pair):
    for index in range(2):
        pair.reset_async(index, index)
    assert set(pair.wait(2)) == {0, 1}
    os.kill(pair.pids[1], signal.SIGSTOP)
    for index in range(2):
        pair.step_async(index, ACTION)
    for _ in range(2):
        assert set(pair.wait()) == {0}
        pair.step_async(0, ACTION)
    os.kill(pair.pids[1], signal.SIGCONT)
    assert set(pair.wait(2)) == {0, 1}
    assert pair.wait() == {}  # nobody is asked


def test_reset_in_the_same_step(episodes):
    pool = play_pool(1, 1, **OPTIONS)
    try:
        pool.reset_async(0, SEEDS[0])
        pool.wait()
        for step in range(3):
            pool.step_async(0, action_of(step), then_seed=SEEDS[1])
            answer = pool.wait()[0]
            assert answer.done == (step == 2) == (answer.final_info is not None)
        last = snapshot(
            {name: array[0] for name, array in pool.final_observation.items()},
            {**answer.final_info, "privileged": {k: v[0] for k, v in pool.final_privileged.items()}},
            answer.reward,
        )
        assert_same([[last]], [[episodes[0][3]]])
        first = {**snapshot_of(pool, 0, answer), "reward": 0.0}
        assert_same([[first]], [[episodes[1][0]]])
    finally:
        pool.close()


@pytest.mark.parametrize("step", [0, 2])
def test_killed_worker_is_replaced_without_loss(pair, episodes, step):
    pids = pair.pids

    def kill(now):
        if now == step:
            os.kill(pair.pids[0], signal.SIGKILL)

    assert_same(play(pair, SEEDS[:2], kill), episodes[:2])
    assert pair.pids[0] != pids[0]
    assert pair.pids[1] == pids[1]
    assert not alive(pids[0])


def test_worker_killed_in_the_middle_of_a_step(pair, episodes):
    def kill_soon(step):
        if step == 1:
            os.kill(pair.pids[1], signal.SIGSTOP)  # so that the step is surely not over when the worker dies
            threading.Timer(0.3, os.kill, (pair.pids[1], signal.SIGKILL)).start()

    assert_same(play(pair, SEEDS[:2], kill_soon), episodes[:2])


def test_killed_worker_of_several_environments(episodes):
    pool = play_pool(3, 1, **OPTIONS)
    try:
        assert_same(play(pool, SEEDS, lambda step: os.kill(pool.pids[0], signal.SIGKILL)), episodes)
    finally:
        pool.close()


def test_silent_worker_is_replaced(pair, episodes, monkeypatch):
    monkeypatch.setattr(module, "STEP_DEADLINE", 0.5)
    pids = pair.pids

    def stop(step):
        if step == 1:
            os.kill(pair.pids[0], signal.SIGSTOP)

    assert_same(play(pair, SEEDS[:2], stop), episodes[:2])
    assert not alive(pids[0])


def test_worker_that_is_lost_again_and_again(pair, monkeypatch):
    start = pair._start

    def dying(worker):
        start(worker)
        os.kill(pair.pids[worker], signal.SIGKILL)

    monkeypatch.setattr(pair, "_start", dying)
    os.kill(pair.pids[0], signal.SIGKILL)
    pair.reset_async(0, 1)
    began = time.monotonic()
    with pytest.raises(WorkerLost, match=r"died \(killed by SIGKILL.*4 times in a row.*environment 0 \(seed 1\)"):
        pair.wait()
    assert time.monotonic() - began < 20
    assert not any(alive(pid) for pid in pair.pids)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_error_in_an_environment_is_told(pair):
    pair.reset_async(0, 1)
    pair.wait()
    pair.step_async(0, np.array([24, 20, 24, 28, 9]))
    with pytest.raises(EnvironmentFailed, match=r"environment 0 failed \(ValueError: action .* is not in") as told:
        pair.wait()
    assert isinstance(told.value.__cause__, ValueError)
    assert not any(alive(pid) for pid in pair.pids)


def test_misuse_is_told(pair):
    with pytest.raises(RuntimeError, match="was not reset"):
        pair.step_async(0, ACTION)
    pair.reset_async(0, 1)
    with pytest.raises(RuntimeError, match=r"has not answered.*wait\(\)"):
        pair.reset_async(0, 1)
    pair.close()
    with pytest.raises(RuntimeError, match="closed"):
        pair.reset_async(1, 1)
    with pytest.raises(ValueError, match="1 to 2 workers"):
        play_pool(2, 3, **OPTIONS)
    with pytest.raises(ValueError, match="workers"):
        play_pool(0, **OPTIONS)


def test_close_leaves_no_processes(pair):
    pids = pair.pids
    assert len(set(pids)) == 2
    pair.close()
    pair.close()
    assert not any(alive(pid) for pid in pids)
    assert not [p for p in multiprocessing.active_children() if p.pid in pids]


def test_signals_stay_with_the_trainer(pair):
    pair.reset_async(0, 1)
    pair.reset_async(1, 1)
    pair.wait(2)  # they have set themselves up
    assert all(os.getpgid(pid) != os.getpgrp() for pid in pair.pids)  # Ctrl-C goes to a process group


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_workers_do_not_load_torch(pair):
    pair.reset_async(0, 1)
    pair.reset_async(1, 1)
    pair.wait(2)  # a server of processes that another test started has not loaded the simulator for them
    for pid in pair.pids:
        loaded = Path(f"/proc/{pid}/maps").read_text()
        assert "pybullet" in loaded
        assert "libtorch" not in loaded


def test_wrong_option_is_told_before_workers_start():
    before = multiprocessing.active_children()
    with pytest.raises(ValueError, match="categor"):
        play_pool(2, **{**OPTIONS, "category": "spoon"})
    assert multiprocessing.active_children() == before
