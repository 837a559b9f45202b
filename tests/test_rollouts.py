"""Worker processes: the same episodes however many there are, and no hang when one dies."""

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

from train import rollouts as module
from train.command import WorkerLost
from train.rollouts import Rollouts

OPTIONS = {"resolution": 48, "interactions": 3, "randomization": True}
SEEDS = np.array([11, 12, 13])
ACTION = [24, 20, 24, 28, 2]


@pytest.fixture
def pair():
    rollouts = Rollouts(2, OPTIONS)
    rollouts.reset(SEEDS[:2])
    yield rollouts
    rollouts.close()


def play(rollouts, seeds):
    """All observations and true motion masks of an episode, by environment."""
    observation, info = rollouts.reset(seeds)
    seen = [[observation[key] for key in ("rgb", "depth", "touch")]]
    names = [info["instance"]]
    for step in range(3):
        actions = np.tile(np.add(ACTION, [0, step, 0, step, 1]), (len(seeds), 1))
        observation, _, truncated, info = rollouts.step(actions)
        seen.append(
            [observation[key] for key in ("rgb", "depth", "touch")] + [info["privileged"]["moved_after"]]
        )
    assert truncated.all()
    return [names, seen]


def environment(played, index):
    names, seen = played
    return [names[0][index]], [[array[index] for array in step] for step in seen]


def alive(pid):
    return Path(f"/proc/{pid}").exists() if sys.platform == "linux" else False


def test_episodes_depend_on_their_seeds_alone():
    together, alone = Rollouts(3, OPTIONS), Rollouts(1, OPTIONS)
    try:
        first = play(together, SEEDS)
        for index in (2, 0, 1):  # another order, one after the other in one process
            names, seen = environment(play(alone, SEEDS[index : index + 1]), 0)
            wanted_names, wanted = environment(first, index)
            assert names == wanted_names
            for step, wanted_step in zip(seen, wanted, strict=True):
                for array, wanted_array in zip(step, wanted_step, strict=True):
                    np.testing.assert_array_equal(array, wanted_array)
    finally:
        together.close()
        alone.close()


def test_worker_killed_while_idle(pair):
    os.kill(pair.pids[0], signal.SIGKILL)
    began = time.monotonic()
    with pytest.raises(WorkerLost, match=r"died \(killed by SIGKILL.*same command"):
        pair.step(np.tile(ACTION, (2, 1)))
    assert time.monotonic() - began < 10


def test_worker_killed_between_episodes(pair):
    os.kill(pair.pids[1], signal.SIGKILL)
    with pytest.raises(WorkerLost, match="SIGKILL"):
        pair.reset(SEEDS[:2])


def test_worker_killed_in_the_middle_of_a_step(pair):
    os.kill(pair.pids[1], signal.SIGSTOP)  # so that the step is surely not over when the worker dies
    timer = threading.Timer(0.5, os.kill, (pair.pids[1], signal.SIGKILL))
    timer.start()
    began = time.monotonic()
    with pytest.raises(WorkerLost, match="SIGKILL"):
        pair.step(np.tile(ACTION, (2, 1)))
    assert time.monotonic() - began < 10
    timer.join()


def test_silent_worker_is_given_up_and_killed(pair, monkeypatch):
    monkeypatch.setattr(module, "STEP_DEADLINE", 0.5)
    monkeypatch.setattr(module, "GRACE", 0.2)
    os.kill(pair.pids[0], signal.SIGSTOP)
    with pytest.raises(WorkerLost, match="did not answer within"):
        pair.step(np.tile(ACTION, (2, 1)))
    assert not any(alive(pid) for pid in pair.pids)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_error_in_an_environment_is_told(pair):
    with pytest.raises(WorkerLost, match=r"failed \(ValueError: action .* is not in"):
        pair.step(np.array([[24, 20, 24, 28, 9], ACTION]))
    assert not any(alive(pid) for pid in pair.pids)


def test_close_leaves_no_processes(pair):
    pids = pair.pids
    assert len(set(pids)) == 2
    pair.close()
    pair.close()
    assert not any(alive(pid) for pid in pids)
    assert not [p for p in multiprocessing.active_children() if p.pid in pids]


def test_signals_stay_with_the_trainer(pair):
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert all(os.getpgid(pid) != os.getpgrp() for pid in pair.pids)  # Ctrl-C goes to a process group


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_workers_do_not_load_torch(pair):
    for pid in pair.pids:
        loaded = Path(f"/proc/{pid}/maps").read_text()
        assert "pybullet" in loaded
        assert "libtorch" not in loaded


def test_wrong_option_is_told_before_workers_start():
    before = multiprocessing.active_children()
    with pytest.raises(ValueError, match="categor"):
        Rollouts(2, {**OPTIONS, "category": "spoon"})
    assert multiprocessing.active_children() == before
