"""Scores of policies over many episodes, on all cores."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

import envs
from atp.metrics import Episode, optimal_rate_first, summarize

#: Episodes that a worker plays before it reports.
CHUNK = 5


@dataclass(frozen=True)
class Task:
    """Some episodes of one policy with one category.

    Attributes:
        policy: A name of ``atp.policies.POLICIES``.
        category: Category of the objects.
        split: Split of the objects.
        episodes: Indices of the episodes.
        seed: Seed of the evaluation; episode i is the same for every policy.
        weights: Checkpoint folder or name.
        device: ``auto``, ``cpu`` or ``cuda``.
        environment: Further keyword arguments of the environment.
    """

    policy: str
    category: str
    split: str
    episodes: tuple[int, ...]
    seed: int
    weights: str
    device: str
    environment: tuple[tuple[str, Any], ...] = ()


def run_task(task: Task) -> list[tuple[Episode, int]]:
    """Play and score the episodes of a task, in order; with each the number of parts in view at its start."""
    import torch

    from atp.agent import Agent
    from atp.episode import play_episode
    from atp.policies import POLICIES

    torch.set_num_threads(1)  # one process a core
    agent = Agent.from_pretrained(task.weights, device=task.device)
    env = gym.make(
        envs.ENV_ID,
        split=task.split,
        category=task.category,
        disable_env_checker=True,
        **{"resolution": agent.config.get("resolution", 90), **dict(task.environment)},
    )
    episodes: list[tuple[Episode, int]] = []
    try:
        for index in task.episodes:
            seeds = np.random.SeedSequence([task.seed, index]).generate_state(2)
            observation, info = env.reset(seed=int(seeds[0]))
            policy = POLICIES[task.policy](env, agent, np.random.default_rng(seeds[1]))
            scores = [step.scores for step in play_episode(env, agent, policy, observation)]
            episodes.append((scores, int(info["privileged"]["num_parts"])))
    finally:
        env.close()
    return episodes


def evaluate(
    policies: Sequence[str],
    categories: Sequence[str],
    split: str,
    episodes: int,
    seed: int,
    weights: str,
    *,
    device: str = "auto",
    workers: int = 1,
    environment: dict[str, Any] | None = None,
    progress: Callable[[int], None] = lambda count: None,
) -> list[dict[str, Any]]:
    """Evaluate every policy on every category.

    Args:
        policies: Names of ``atp.policies.POLICIES``.
        categories: Categories of ``split``.
        split: Split of the objects.
        episodes: Episodes for each policy and category; the same ones for every policy.
        seed: Decides the episodes, whatever the number of workers.
        weights: Checkpoint folder or name.
        device: ``auto``, ``cpu`` or ``cuda``.
        workers: Processes; 1 plays in this process.
        environment: Further keyword arguments of the environment.
        progress: Called with the number of episodes that have just been finished.

    Returns:
        One row for each policy and category, with ``policy``, ``category`` and the entries of
        :func:`atp.metrics.summarize`, and ``optimal_rate_first_n``, the rate of optimal steps over the first N
        interactions, N being the number of parts of each object; ``num_parts`` is its mean.
    """
    chunks = [tuple(range(start, min(start + CHUNK, episodes))) for start in range(0, episodes, CHUNK)]
    extra = tuple(sorted((environment or {}).items()))
    tasks = [
        Task(policy, category, split, chunk, seed, weights, device, extra)
        for category in categories
        for policy in policies
        for chunk in chunks
    ]
    results: dict[Task, list[tuple[Episode, int]]] = {}
    if workers == 1:
        for task in tasks:
            results[task] = run_task(task)
            progress(len(task.episodes))
    else:
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
            pending: dict[Future[list[tuple[Episode, int]]], Task] = {
                pool.submit(run_task, task): task for task in tasks
            }
            try:
                while pending:
                    for future in wait(pending, return_when=FIRST_COMPLETED).done:
                        task = pending.pop(future)
                        results[task] = future.result()
                        progress(len(task.episodes))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    return [_row(policy, category, results) for category in categories for policy in policies]


def _row(policy: str, category: str, results: dict[Task, list[tuple[Episode, int]]]) -> dict[str, Any]:
    mine = sorted(
        (task.episodes[0], done)
        for task, done in results.items()
        if (task.policy, task.category) == (policy, category)
    )
    episodes = [episode for _, done in mine for episode, _ in done]
    counts = [count for _, done in mine for _, count in done]
    row: dict[str, Any] = {"policy": policy, "category": category, **summarize(episodes)}
    row["num_parts"] = sum(counts) / len(counts)
    row["optimal_rate_first_n"] = optimal_rate_first(episodes, counts)
    row["episodes"] = len(episodes)
    return row
