"""Scores of policies over many episodes: on all cores, resumable, the same whatever the number of processes."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import cv2
import gymnasium as gym
import numpy as np

import envs
from atp.benchmark.ablations import VARIANTS
from atp.benchmark.fingerprint import policy_digest
from atp.jobs.journal import Journal
from atp.jobs.processes import map_unordered
from atp.metrics import METRICS, EpisodeScores, StepScores, across_seeds, score_motion, summarize
from atp.perception.baselines import BASELINES

if TYPE_CHECKING:
    from atp.agent import Agent
    from atp.playing.episode import Interaction

#: Episodes that a worker plays before it reports.
CHUNK = 5

#: What a classical baseline makes of each step of an episode: (motion IoU, false motion), NaN where not defined.
Perceived = dict[str, list[tuple[float, float]]]


@dataclass(frozen=True)
class Cell:
    """One cell of a table of results.

    Attributes:
        policy: A name of ``atp.playing.policies.POLICIES``, or ``module:Class``.
        category: Category of the objects.
        split: Split of the objects.
        variant: A name of ``atp.benchmark.ablations.VARIANTS``: what is taken away from the agent or added to it.
    """

    policy: str
    category: str
    split: str
    variant: str = ""


@dataclass(frozen=True)
class Task:
    """Some episodes of one cell.

    Attributes:
        cell: Who plays with what.
        seed: Seed of the episodes; episode i of a seed is the same for every policy.
        episodes: Indices of the episodes.
    """

    cell: Cell
    seed: int
    episodes: tuple[int, ...]

    @property
    def key(self) -> str:
        """Name of the task in a journal; another one when the weights of the policy change."""
        cell = self.cell
        names = (cell.policy, cell.variant, cell.split, cell.category)
        episodes = f"{self.episodes[0]}-{self.episodes[-1]}"
        return "|".join((*names, str(self.seed), episodes, policy_digest(cell.policy)))


@dataclass(frozen=True)
class Setting:
    """What all episodes of an evaluation share.

    Attributes:
        weights: Checkpoint folder or name.
        device: ``auto``, ``cpu`` or ``cuda``.
        environment: Further keyword arguments of the environment.
        modules: Modules that register metrics; a worker imports them, so that it knows the same ones.
    """

    weights: str = "default"
    device: str = "cpu"
    environment: dict[str, Any] = field(default_factory=dict)
    modules: tuple[str, ...] = field(default_factory=lambda: METRICS.modules)


@dataclass(frozen=True)
class Record(EpisodeScores):
    """What is kept of one episode.

    Attributes:
        perceived: What the classical baselines make of the same pairs of images.
    """

    perceived: Perceived

    def to_json(self) -> dict[str, Any]:
        """Numbers, strings, lists and dictionaries only; NaN becomes None."""
        return {
            "num_parts": self.num_parts,
            "steps": [{key: _none(value) for key, value in step.items()} for step in self.steps],
            "perceived": {
                name: [[_none(value) for value in pair] for pair in pairs] for name, pairs in self.perceived.items()
            },
        }

    @staticmethod
    def from_json(value: dict[str, Any]) -> Record:
        """Undo :meth:`to_json`."""
        steps = [StepScores({key: _nan(number) for key, number in step.items()}) for step in value["steps"]]
        perceived = {
            name: [(_nan(iou), _nan(false)) for iou, false in pairs] for name, pairs in value["perceived"].items()
        }
        return Record(steps, value["num_parts"], perceived)


def run_task(task: Task, setting: Setting) -> list[Record]:
    """Play and score the episodes of a task, in order."""
    import torch

    from atp.playing.episode import play_episode
    from atp.playing.policies import make_policy

    for module in setting.modules:
        importlib.import_module(module)
    torch.set_num_threads(1)  # one process a core
    cv2.setNumThreads(1)
    settings = VARIANTS[task.cell.variant].settings if task.cell.variant else {}
    agent = _load(setting.weights, setting.device).replace(**settings)
    env = gym.make(
        envs.ENV_ID,
        split=task.cell.split,
        category=task.cell.category,
        disable_env_checker=True,
        **{"resolution": agent.resolution, **setting.environment},
    )
    records = []
    try:
        for index in task.episodes:
            seeds = np.random.SeedSequence([task.seed, index]).generate_state(2)
            observation, info = env.reset(seed=int(seeds[0]))
            policy = make_policy(task.cell.policy, env, agent, np.random.default_rng(seeds[1]))
            steps = list(play_episode(env, agent, policy, observation))
            perceived = _perceive(steps) if task.cell.policy == "ours" and not task.cell.variant else {}
            num_parts = int(info["privileged"]["num_parts"])
            records.append(Record([step.scores for step in steps], num_parts, perceived))
    finally:
        env.close()
    return records


def evaluate(
    cells: Sequence[Cell],
    episodes: int,
    seeds: Sequence[int],
    setting: Setting,
    *,
    workers: int = 1,
    on_ray: bool = False,
    journal: Journal | None = None,
    progress: Callable[[int], None] = lambda count: None,
) -> list[dict[str, Any]]:
    """Evaluate cells of a table.

    Args:
        cells: Who plays with what.
        episodes: Episodes for each cell and seed; the same ones for every policy.
        seeds: Decide the episodes, whatever the number of workers.
        setting: What all episodes share.
        workers: Processes; 1 plays in this process.
        on_ray: Play on a Ray cluster instead, see :func:`atp.jobs.processes.map_unordered`.
        journal: Where finished episodes are kept; those that it has are not played again.
        progress: Called with the number of episodes that have just been finished or found in the journal.

    Returns:
        One row for each cell, as :func:`make_row` describes it.
    """
    chunks = [tuple(range(start, min(start + CHUNK, episodes))) for start in range(0, episodes, CHUNK)]
    tasks = [Task(cell, seed, chunk) for cell in cells for seed in seeds for chunk in chunks]
    done: dict[Task, list[Record]] = {}
    for task in tasks:
        if journal is not None and task.key in journal:
            done[task] = [Record.from_json(value) for value in journal[task.key]]
            progress(len(task.episodes))
    left = [task for task in tasks if task not in done]
    for task, records in map_unordered(partial(run_task, setting=setting), left, workers, on_ray):
        done[task] = records
        if journal is not None:
            journal.add(task.key, [record.to_json() for record in records])
        progress(len(task.episodes))
    rows = []
    for cell in cells:
        of_seed = {
            seed: [
                record
                for chunk in chunks
                for record in done[Task(cell, seed, chunk)]
            ]
            for seed in seeds
        }  # fmt: skip
        rows.append(make_row(cell, of_seed))
    return rows


def make_row(cell: Cell, of_seed: dict[int, list[Record]]) -> dict[str, Any]:
    """Average the episodes of a cell.

    Args:
        cell: Who played with what.
        of_seed: Episodes by seed.

    Returns:
        ``policy``, ``category``, ``split`` and ``variant``; the entries of :func:`atp.metrics.summarize` as means over
        the seeds, ``optimal_rate_first_n`` (rate of optimal steps over the first N interactions, N being the number of
        parts of each object) and ``num_parts`` likewise; ``spread``, the standard deviation over the seeds of each of
        them that is a number; ``episodes``, over all seeds; for ``ours`` ``perception``, the motion IoU and the rate
        of false motion by classical method, on the same pairs of images.
    """
    summaries = [summarize(records) for records in of_seed.values()]
    row: dict[str, Any] = {
        "policy": cell.policy, "category": cell.category, "split": cell.split, "variant": cell.variant
    }  # fmt: skip
    row["episodes"] = sum(len(records) for records in of_seed.values())
    row["spread"] = {}
    for name, first in summaries[0].items():
        if isinstance(first, list):
            row[name] = [_across([summary[name][t] for summary in summaries])[0] for t in range(len(first))]
        else:
            row[name], row["spread"][name] = _across([summary[name] for summary in summaries])
    records = [record for found in of_seed.values() for record in found]
    if all(record.perceived for record in records):
        row["perception"] = {name: _perception(records, name) for name in BASELINES}
    return row


def _across(values: list[float | None]) -> tuple[float | None, float | None]:
    """Mean and spread over the seeds that have a value."""
    known = [value for value in values if value is not None]
    return across_seeds(known) if known else (None, None)


def _perceive(steps: list[Interaction]) -> Perceived:
    """Score the classical baselines on the pairs of images of an episode."""
    return {
        name: [
            score_motion(
                *method(step.before["rgb"], step.after["rgb"]),
                step.truth["moved_before"],
                step.truth["moved_after"],
            )
            for step in steps
        ]
        for name, method in BASELINES.items()
    }


def _perception(records: list[Record], method: str) -> dict[str, float | None]:
    pairs = np.array([pair for record in records for pair in record.perceived[method]], np.float64)
    known = [column[~np.isnan(column)] for column in pairs.T]
    ious, false = (float(column.mean()) if len(column) else None for column in known)
    return {"motion_iou": ious, "false_motion_rate": false}


@cache
def _load(weights: str, device: str) -> Agent:
    """The evaluated agent; one for all tasks of a process."""
    from atp.agent import Agent

    return Agent.from_pretrained(weights, device=device)


def _none(value: float) -> float | None:
    return None if math.isnan(value) else value


def _nan(value: float | None) -> float:
    return math.nan if value is None else value
