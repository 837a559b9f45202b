"""Environments on a Ray cluster: the same episodes, and none is lost when a node is killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from envs.parallel.pool import play_pool

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.slow

OPTIONS = {"resolution": 48, "interactions": 4, "split": "val"}
ACTION = np.array([24, 20, 24, 28, 2])


@pytest.fixture
def cluster(monkeypatch):
    monkeypatch.setenv(
        "PYTHONPATH", str(Path(__file__).parents[1] / "support")
    )  # what these tests pass on is found there
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    nodes = [cluster.add_node(num_cpus=2) for _ in range(2)]
    ray.init(address=cluster.address, log_to_driver=False)
    yield cluster, nodes
    ray.shutdown()
    cluster.shutdown()


def play(pool, before_step=lambda step: None):
    """Images and true masks of an episode in each environment."""
    seen = [[] for _ in range(pool.count)]
    for index in range(pool.count):
        pool.reset_async(index, 20 + index)
    pool.wait(pool.count)
    for step in range(4):
        before_step(step)
        for index in range(pool.count):
            pool.step_async(index, np.add(ACTION, [0, step, 0, step, index]))
        answers = pool.wait(pool.count)
        for index, answer in answers.items():
            assert answer.truncated == (step == 3)
            seen[index] += [
                pool.observation["rgb"][index].copy(),
                pool.privileged["moved_after"][index].copy(),
            ]
    return seen


def assert_same(mine, wanted):
    for one, other in zip(mine, wanted, strict=True):
        for array, its in zip(one, other, strict=True):
            np.testing.assert_array_equal(array, its)


@pytest.fixture(scope="module")
def wanted():
    pool = play_pool(4, **OPTIONS)
    try:
        return play(pool)
    finally:
        pool.close()


def test_the_same_episodes_as_in_processes(cluster, wanted):
    pool = play_pool(4, 2, backend="ray", **OPTIONS)
    try:
        assert_same(play(pool), wanted)
    finally:
        pool.close()


def test_killed_actor_is_replaced(cluster, wanted):
    pool = play_pool(4, 2, backend="ray", **OPTIONS)
    try:
        pids = pool.pids
        assert_same(play(pool, lambda step: step == 2 and os.kill(pids[0], signal.SIGKILL)), wanted)
        assert pool.pids[0] != pids[0]
        assert pool.pids[1] == pids[1]
    finally:
        pool.close()


def test_killed_node_is_survived(cluster, wanted):
    whole, nodes = cluster
    pool = play_pool(4, 2, backend="ray", **OPTIONS)
    try:

        def kill(step):
            if step == 1:
                whole.remove_node(nodes[0], allow_graceful=False)  # SIGKILL to its processes

        assert_same(play(pool, kill), wanted)
    finally:
        pool.close()


def test_training_survives_a_killed_node(cluster, tmp_path):
    from dataclasses import replace

    from tiny_run import TINY, assert_same_run, run
    from train.learning.trainer import Trainer

    assert run(replace(TINY, out=tmp_path / "whole"))
    whole, nodes = cluster
    trainer = Trainer(replace(TINY, out=tmp_path / "killed", ray=True))
    add_round = trainer.log.add_round

    def kill_at_50(statistics):
        add_round(statistics)
        if trainer.played == 50:
            whole.remove_node(nodes[0], allow_graceful=False)

    trainer.log.add_round = kill_at_50
    try:
        assert trainer.run()
    finally:
        trainer.close()
    assert_same_run(tmp_path / "killed", tmp_path / "whole")


def test_evaluation_on_a_cluster_that_loses_a_node(cluster):
    from functools import partial

    from atp.benchmark.evaluation import Cell, Setting, evaluate

    cells = [Cell("act-random", "usb", "val")]
    score = partial(evaluate, cells, 6, [0, 1], Setting())
    whole, nodes = cluster
    killed = []

    def kill(count):
        if not killed:
            killed.append(whole.remove_node(nodes[0], allow_graceful=False))

    assert score(on_ray=True, progress=kill) == score()
    assert killed


def test_sweep_is_the_same_by_ray_tune_on_a_cluster_that_loses_a_node(cluster, tmp_path, monkeypatch):
    pytest.importorskip("ray.tune")
    from dataclasses import replace

    from tiny_task import SPACE, TASK
    from train.finetuning import random_search as module

    config = module.SweepConfig(TASK, tmp_path / "whole", runs=5, space=SPACE)
    wanted = module.sweep(config)
    whole, nodes = cluster
    save, killed = module._save, []

    def kill(path, state):
        save(path, state)
        if path.name != "initial.safetensors" and not killed:
            killed.append(whole.remove_node(nodes[0], allow_graceful=False))

    monkeypatch.setattr(module, "_save", kill)
    files = module.sweep(replace(config, out=tmp_path / "tuned", ray=True, storage=str(tmp_path / "storage")))
    assert killed
    for mine, theirs in zip(files, wanted, strict=True):
        assert mine.read_bytes() == theirs.read_bytes()
