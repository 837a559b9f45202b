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
from atp.articulation.joint_scores import JointScore
from atp.benchmark.ablations import ABLATIONS
from atp.benchmark.fingerprint import object_digest, policy_digest, source_digest
from atp.jobs.journal import Journal
from atp.jobs.processes import map_unordered
from atp.json_dataclasses import from_json, to_json
from atp.metrics import METRICS, EpisodeScores, StepScores, across_seeds, score_motion, summarize
from atp.perception.baselines import BASELINES
from atp.results.eval import ALL_INTERACTIONS, TWO_FRAMES, EvalRow, JointSummary, PerceptionScores

if TYPE_CHECKING:
    from atp.agent import Agent
    from atp.benchmark.joint_watch import JointWatch
    from atp.playing.episode import Interaction

#: Episodes that a worker plays before it reports.
CHUNK = 5

#: What a classical baseline makes of each step of an episode: (motion IoU, false motion), NaN where not defined.
Perceived = dict[str, list[tuple[float, float]]]


@dataclass(frozen=True)
class Cell:
    """One cell of a table of results.

    Attributes:
        policy: A name of ``atp.playing.policies.POLICIES``, or ``module:name`` of one of your own.
        category: Category of the objects; of an object of your own its name where it says none.
        split: Split of the objects; empty for an object of your own.
        variant: A name of ``atp.benchmark.ablations.ABLATIONS``: what is taken away from the agent or added to it.
        object: Folder or URDF file of an object of your own.
        joints: Whether the joints are estimated and scored too.
    """

    policy: str
    category: str
    split: str
    variant: str = ""
    object: str = ""
    joints: bool = False

    @property
    def objects(self) -> dict[str, Any]:
        """Keyword arguments of the environment that decide its objects."""
        return {"object": self.object} if self.object else {"split": self.split, "category": self.category}


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
        """Name of the task in a journal; another one when the policy, its weights or the object's file change."""
        cell = self.cell
        names = (cell.policy, cell.variant, cell.split, cell.category, *([cell.object] if cell.object else []))
        names = (*names, *(["joints"] if cell.joints else []))
        episodes = f"{self.episodes[0]}-{self.episodes[-1]}"
        digests = (policy_digest(cell.policy), object_digest(cell.object), source_digest(cell.category))
        return "|".join((*names, str(self.seed), episodes, *digests))


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
        joints: Scores of joints from all interactions and from two frames alone; None where they were not asked for.
    """

    perceived: Perceived
    joints: dict[str, list[JointScore]] | None = None

    def to_json(self) -> dict[str, Any]:
        """Numbers, strings, lists and dictionaries only; NaN becomes None."""
        return {
            "num_parts": self.num_parts,
            "steps": [{key: _none(value) for key, value in step.items()} for step in self.steps],
            "perceived": {
                name: [[_none(value) for value in pair] for pair in pairs] for name, pairs in self.perceived.items()
            },
            **({} if self.joints is None else {"joints": to_json(self.joints)}),
        }

    @staticmethod
    def from_json(value: dict[str, Any]) -> Record:
        """Undo :meth:`to_json`."""
        steps = [StepScores({key: _nan(number) for key, number in step.items()}) for step in value["steps"]]
        perceived = {
            name: [(_nan(iou), _nan(false)) for iou, false in pairs] for name, pairs in value["perceived"].items()
        }
        joints = from_json(dict[str, list[JointScore]], value["joints"]) if "joints" in value else None
        return Record(steps, value["num_parts"], perceived, joints)


def run_task(task: Task, setting: Setting) -> list[Record]:
    """Play and score the episodes of a task, in order."""
    import torch

    from atp.benchmark.joint_watch import JointWatch
    from atp.playing.episode import play_episode
    from atp.playing.policies import make_policy

    for module in setting.modules:
        importlib.import_module(module)
    torch.set_num_threads(1)  # one process a core
    cv2.setNumThreads(1)
    settings = ABLATIONS.get(task.cell.variant).settings if task.cell.variant else {}
    agent = _load(setting.weights, setting.device).replace(**settings)
    env = gym.make(
        envs.ENV_ID,
        **task.cell.objects,
        disable_env_checker=True,
        **{"resolution": agent.resolution, **setting.environment},
    )
    records = []
    try:
        for index in task.episodes:
            seeds = np.random.SeedSequence([task.seed, index]).generate_state(2)
            observation, info = env.reset(seed=int(seeds[0]))
            policy = make_policy(task.cell.policy, env, agent, np.random.default_rng(seeds[1]))
            watch = JointWatch(env, info) if task.cell.joints else None
            steps = []
            for step in play_episode(env, agent, policy, observation):
                steps.append(step)
                if watch is not None:
                    watch.look(step)
            perceived = _perceive(steps) if task.cell.policy == "ours" and not task.cell.variant else {}
            num_parts = int(info["privileged"]["num_parts"])
            joints = None if watch is None else _joints(watch, agent)
            records.append(Record([step.scores for step in steps], num_parts, perceived, joints))
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
) -> list[EvalRow]:
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


def make_row(cell: Cell, of_seed: dict[int, list[Record]]) -> EvalRow:
    """Average the episodes of a cell.

    Args:
        cell: Who played with what.
        of_seed: Episodes by seed.

    Returns:
        Means of :func:`atp.metrics.summarize` over the seeds, with their spread; for ``ours`` the scores of the
        classical methods on the same pairs of images, and where they were asked for those of joints over all episodes.
    """
    summaries = [summarize(records) for records in of_seed.values()]
    scores: dict[str, float | None] = {}
    spread: dict[str, float | None] = {}
    for key in summaries[0].scores:
        scores[key], spread[key] = _across([summary.scores[key] for summary in summaries])
    steps = {
        key: [_across([summary.by_interaction[key][t] for summary in summaries])[0] for t in range(len(first))]
        for key, first in summaries[0].by_interaction.items()
    }
    records = [record for found in of_seed.values() for record in found]
    perceived = all(record.perceived for record in records)
    perception = {name: _perception(records, name) for name in BASELINES} if perceived else None
    return EvalRow(
        cell.policy, cell.category, cell.split, cell.variant, len(records), scores, spread, steps, perception,
        cell.object, _joint_summaries(records) if cell.joints else None,
    )  # fmt: skip


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


def _perception(records: list[Record], method: str) -> PerceptionScores:
    pairs = np.array([pair for record in records for pair in record.perceived[method]], np.float64)
    known = [column[~np.isnan(column)] for column in pairs.T]
    return PerceptionScores(*(float(column.mean()) if len(column) else None for column in known))


def _joints(watch: JointWatch, agent: Agent) -> dict[str, list[JointScore]]:
    """Score the joints of an episode."""
    found = watch.scores(agent, watch.model(agent))
    return {ALL_INTERACTIONS: found.model, TWO_FRAMES: found.two_frames}


def _joint_summaries(records: Sequence[Record]) -> dict[str, JointSummary]:
    return {
        name: joint_summary([score for record in records if record.joints for score in record.joints[name]])
        for name in (ALL_INTERACTIONS, TWO_FRAMES)
    }


def joint_summary(scores: Sequence[JointScore]) -> JointSummary:
    """Counts, medians and 90th percentiles of scores of joints."""
    right = [score for score in scores if score.right]
    hinges, slides = ([score for score in right if score.true == kind] for kind in ("revolute", "prismatic"))
    told = [score for score in scores if score.found in ("revolute", "prismatic")]

    def at(values: Sequence[float | None], percent: int = 50, unit: float = 1.0) -> float | None:
        known = [unit * value for value in values if value is not None]
        return float(np.percentile(known, percent)) if known else None

    def share(some: Sequence[JointScore], of: Sequence[JointScore]) -> float | None:
        return len(some) / len(of) if of else None

    hinge_axes, pivots = [score.axis for score in hinges], [score.pivot for score in hinges]
    slide_axes = [score.axis for score in slides]
    return JointSummary(
        len(scores), share(told, scores), share(right, told), share([s for s in scores if s.success], scores),
        at(hinge_axes), at(hinge_axes, 90), at(pivots), at(pivots, 90),
        at([score.range for score in hinges], unit=180 / math.pi),
        at(slide_axes), at(slide_axes, 90), at([score.range for score in slides]),
    )  # fmt: skip


def agent_options(setting: Setting) -> dict[str, Any]:
    """Options of the evaluated agent, for results."""
    return _load(setting.weights, setting.device).options.to_json()


@cache
def _load(weights: str, device: str) -> Agent:
    """The evaluated agent; one for all tasks of a process."""
    from atp.agent import Agent

    return Agent.from_pretrained(weights, device=device)


def _none(value: float) -> float | None:
    return None if math.isnan(value) else value


def _nan(value: float | None) -> float:
    return math.nan if value is None else value
