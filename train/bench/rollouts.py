"""Many environments: workers against bare processes, and the pool against other vector environments."""

from __future__ import annotations

import functools
import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AsyncVectorEnv
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import SubprocVecEnv

from assets.catalog import instance_folder, instances
from assets.importing.prepare import prepare
from atp.results.bench import RolloutTimes, Scaling, VectorRates
from envs.parallel.pool import EnvironmentPool, play_pool
from envs.play import ArticulatedPlay
from train.bench.measuring import in_turns, median_rate, median_ratio
from train.bench.step import record_step

#: As in training; objects of this split are made before anything is measured.
OPTIONS: dict[str, Any] = {"split": "val", "randomization": True}
#: Episodes of each environment before it is measured.
WARM_UP = 2

Play = Callable[[], float]


def bench_rollouts(repeats: int, interactions: int, seed: int) -> RolloutTimes:
    """Interactions a second, resets included.

    Args:
        repeats: Measurements; medians are reported.
        interactions: Interactions of a measurement.
        seed: Decides objects and actions.

    Returns:
        ``scaling``: what a second worker brings, and a second bare process; ``environments``: for 2 and for 16, rates
        of the pool, of Gymnasium's ``AsyncVectorEnv`` and of stable-baselines3's ``SubprocVecEnv``, and their ratios.
    """
    for instance in instances(OPTIONS["split"]):
        prepare(instance_folder(instance.category, instance.index, instance.split, instance.seed))
    return RolloutTimes(
        interactions,
        scaling=_scaling(repeats, interactions, seed),
        environments={str(count): _compare(repeats, count, interactions, seed) for count in (2, 16)},
    )


def _scaling(repeats: int, interactions: int, seed: int) -> Scaling:
    """One and two workers beside one and two bare processes, all in turns."""
    with ExitStack() as opened:
        measures: dict[str, Play] = {}
        for workers in (1, 2):
            pool = opened.enter_context(closing(play_pool(8, workers, **OPTIONS)))
            measures[f"workers_{workers}"] = _pool_player(pool, interactions, seed)
        for count in (1, 2):
            measures[f"bare_{count}"] = opened.enter_context(_bare_processes(count, interactions, seed))
        seconds = in_turns(measures, repeats)
    ours = median_ratio(seconds, "workers_1", "workers_2")
    bare = 2 * median_ratio(seconds, "bare_1", "bare_2")  # two do twice as much
    return Scaling(
        two_workers_over_one=ours,
        two_bare_processes_over_one=bare,
        share_of_bare=round(ours / bare, 4),
        rate_of_one=median_rate(seconds, "workers_1", interactions),
        rate_of_two=median_rate(seconds, "workers_2", interactions),
    )


def _compare(repeats: int, count: int, interactions: int, seed: int) -> VectorRates:
    """The pool and other vector environments, in turns, with a core for each worker that can have one."""
    make = functools.partial(gym.make, "envs:ArticulatedPlay-v0", disable_env_checker=True, **OPTIONS)
    with ExitStack() as opened:
        pool = opened.enter_context(closing(play_pool(count, **OPTIONS)))
        theirs = opened.enter_context(closing(AsyncVectorEnv([make] * count, context="forkserver")))
        baselines = opened.enter_context(closing(SubprocVecEnv([make] * count, start_method="forkserver")))
        measures = {
            "pool": _pool_player(pool, interactions, seed),
            "async_vector_env": _gymnasium_player(theirs, interactions, seed),
            "subproc_vec_env": _baselines_player(baselines, interactions, seed),
        }
        seconds = in_turns(measures, repeats)
    rates = {f"rate_{name}": median_rate(seconds, name, interactions) for name in seconds}
    others = ("async_vector_env", "subproc_vec_env")
    return VectorRates(**rates, **{f"pool_over_{name}": median_ratio(seconds, name, "pool") for name in others})


def _actions(count: int, steps: int, seed: int) -> NDArray[np.int64]:
    """(count, steps, 5) actions around the middle of the view, where the object mostly is."""
    rng = np.random.default_rng(seed)
    pixels = np.clip(rng.normal(45, 12, (count, steps, 4)), 0, 89).astype(np.int64)
    return np.concatenate([pixels, rng.integers(8, size=(count, steps, 1))], axis=2)


def _pool_player(pool: EnvironmentPool, interactions: int, seed: int) -> Play:
    """Plays in a pool: each environment gets its next action as soon as it has answered."""
    each = interactions // pool.count
    actions = _actions(pool.count, each, seed)

    def play() -> float:
        began = time.perf_counter()
        done = np.zeros(pool.count, int)
        for index in range(pool.count):
            pool.step_async(index, actions[index, 0], then_seed=seed + index)
        left = pool.count
        while left:
            for index in pool.wait():
                done[index] += 1
                if done[index] == each:
                    left -= 1
                    continue
                then_seed = seed + index + 1000 * int(done[index])
                pool.step_async(index, actions[index, done[index]], then_seed)
        return time.perf_counter() - began

    for index in range(pool.count):
        pool.reset_async(index, seed + index)
    pool.wait(pool.count)
    for _ in range(WARM_UP):
        play()
    return play


def _gymnasium_player(envs: AsyncVectorEnv, interactions: int, seed: int) -> Play:
    """Plays in Gymnasium's environments, which reset themselves in a step of its own that is no interaction."""
    steps = interactions // envs.num_envs
    actions = _actions(envs.num_envs, steps, seed)

    def play() -> float:
        began = time.perf_counter()
        played = 0
        ended = np.zeros(envs.num_envs, bool)
        while played < steps:
            _, _, _, truncated, _ = envs.step(actions[:, played])
            played += not ended.any()  # all end together
            ended = truncated
        return time.perf_counter() - began

    envs.reset(seed=seed)
    for _ in range(WARM_UP):
        play()
    return play


def _baselines_player(envs: SubprocVecEnv, interactions: int, seed: int) -> Play:
    """Plays in stable-baselines3's environments, which reset themselves in the same step."""
    steps = interactions // envs.num_envs
    actions = _actions(envs.num_envs, steps, seed)

    def play() -> float:
        began = time.perf_counter()
        for step in range(steps):
            envs.step(actions[:, step])
        return time.perf_counter() - began

    envs.seed(seed)
    envs.reset()
    for _ in range(WARM_UP):
        play()
    return play


@contextmanager
def _bare_processes(count: int, interactions: int, seed: int) -> Iterator[Play]:
    """Processes that make the bare calls of ``interactions`` steps each, all at the same time."""
    context = multiprocessing.get_context("forkserver")
    pipes, processes = [], []
    for number in range(count):
        ours, theirs = context.Pipe()
        process = context.Process(target=_repeat_bare_calls, args=(theirs, interactions, seed + number), daemon=True)
        process.start()
        theirs.close()
        ours.recv()  # it is ready
        pipes.append(ours)
        processes.append(process)

    def play() -> float:
        began = time.perf_counter()
        for pipe in pipes:
            pipe.send(None)
        for pipe in pipes:
            pipe.recv()
        return time.perf_counter() - began

    try:
        yield play
    finally:
        for pipe in pipes:
            pipe.close()
        for process in processes:
            process.join()


def _repeat_bare_calls(pipe: Any, interactions: int, seed: int) -> None:
    """What a bare process does: it records a few steps, and makes their calls when it is asked to."""
    env = ArticulatedPlay(**OPTIONS)
    env.reset(seed=seed)
    recorded = [record_step(env, action) for action in _actions(1, 20, seed)[0]]
    state = env.simulator.state()
    pipe.send(None)
    try:
        while True:
            pipe.recv()
            for step in range(interactions):
                recorded[step % len(recorded)].replay()
                env.simulator.restore(state)
            pipe.send(None)
    except (EOFError, ConnectionError):
        env.close()
