"""Score joints over episodes, with predicted and with true masks.

It is a command of its own::

    python -m atp.benchmark.joint_episodes --category pliers --episodes 20 --weights mix

The actions are those of the upper bound on acting (``gt-act``); masks are the part network's, or with ``--true-masks``
the simulator's. Only joints are asked for that moved by 10 degrees or 3 cm and whose two parts are in the last image.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import tyro
from rich.console import Console

import envs
from atp.agent import Agent
from atp.articulation.articulated_model import Articulation
from atp.articulation.joint_scores import JointScore, TrueJoint, score_joint
from atp.articulation.observations import Intrinsics
from atp.metrics import match_parts
from atp.playing.episode import play_episode
from atp.playing.policies import make_policy
from atp.results.schema import Result
from atp.types import MIN_PART_PIXELS, Labels
from envs.play import ArticulatedPlay
from envs.simulator import JointLine

#: A part was found where a part of the model has this IoU with it.
FOUND_IOU = 0.25


@dataclass(frozen=True)
class JointEpisodesOptions:
    """Play episodes and score the joints estimated from them."""

    category: str = "pliers"
    """Category of the objects."""
    split: str = "test"
    """Split they come from."""
    episodes: int = 10
    """Episodes, with seeds from 0."""
    interactions: int = 5
    """Interactions of an episode."""
    weights: str = "mix"
    """Name of shipped weights, or a checkpoint folder."""
    true_masks: bool = False
    """Perceive with the simulator's motion masks: the bound with true masks."""
    randomization: bool = False
    """Play under domain randomisation: sensor noise, missing depth."""
    device: str = "auto"
    """auto, cpu or cuda."""
    json: Path | None = None
    """File for the result."""


@dataclass(frozen=True)
class JointEpisodesResult(Result):
    """Scores of joints over episodes.

    Attributes:
        category: Of the objects.
        true_masks: Whether the masks were true ones.
        episodes: How many.
        joints: One for each joint asked for.
        seconds_motion: Median CPU time in which an interaction was looked at.
        seconds_model: Median CPU time of the model after the last interaction.
    """

    WRITTEN_BY: ClassVar[str] = "python -m atp.benchmark.joint_episodes"

    category: str
    true_masks: bool
    episodes: int
    joints: list[JointScore] = field(default_factory=list)
    seconds_motion: float = 0.0
    seconds_model: float = 0.0

    def summary(self) -> str:
        """One line: counts, and medians with 90th percentiles."""
        right = [joint for joint in self.joints if joint.right]
        hinges = [joint for joint in right if joint.true == "revolute"]
        slides = [joint for joint in right if joint.true == "prismatic"]
        told = sum(joint.found in ("revolute", "prismatic") for joint in self.joints)
        found = sum(joint.found != "" for joint in self.joints)
        return (
            f"{self.category}: {len(self.joints)} joints, found {found}, told {told}, type right {len(right)}, "
            f"success {sum(joint.success for joint in self.joints)}; "
            f"hinges: axis {_spread([joint.axis for joint in hinges])} degrees, "
            f"pivot {_spread([joint.pivot for joint in hinges], 1000)} mm, "
            f"range {_spread([joint.range for joint in hinges], 180 / np.pi)} degrees; "
            f"slides: axis {_spread([joint.axis for joint in slides])} degrees, "
            f"range {_spread([joint.range for joint in slides], 1000)} mm; "
            f"{1000 * self.seconds_motion:.0f} ms an interaction, {1000 * self.seconds_model:.0f} ms the model"
        )


def run(options: JointEpisodesOptions) -> JointEpisodesResult:
    """Play the episodes."""
    agent = Agent.from_pretrained(options.weights, options.device)
    joints: list[JointScore] = []
    motion_times: list[float] = []
    model_times: list[float] = []
    env = gym.make(
        envs.ENV_ID, disable_env_checker=True, split=options.split, category=options.category,
        resolution=agent.resolution, interactions=options.interactions, randomization=options.randomization,
    )  # fmt: skip
    for seed in range(options.episodes):
        lines, labels = _play(env, agent, "gt-act-mot" if options.true_masks else "gt-act", seed)
        model, seconds = _model(env, agent)
        motion_times.append(seconds[0] / options.interactions)
        model_times.append(seconds[1])
        found = match_parts(agent.parts, labels).matches
        matches = {match.true: match.predicted for match in found if match.iou > FOUND_IOU}
        joints += [score_joint(model, joint, matches) for joint in _true_joints(env, lines, labels)]
    env.close()
    motion, whole = float(np.median(motion_times)), float(np.median(model_times))
    return JointEpisodesResult(options.category, options.true_masks, options.episodes, joints, motion, whole)


def _play(env: gym.Env[Any, Any], agent: Agent, policy: str, seed: int) -> tuple[list[list[JointLine]], Labels]:
    """Play an episode: where the joints were in each image, and the true labels in the last one."""
    world: ArticulatedPlay = env.unwrapped  # type: ignore[assignment]
    observation, info = env.reset(seed=seed)
    lines = [world.simulator.joint_lines()]
    labels = info["privileged"]["labels"]
    for step in play_episode(env, agent, make_policy(policy, env, agent, np.random.default_rng(seed)), observation):
        lines.append(world.simulator.joint_lines())
        labels = step.truth["labels"]
    return lines, labels


def _model(env: gym.Env[Any, Any], agent: Agent) -> tuple[Articulation, tuple[float, float]]:
    """The model, and the CPU seconds for all motions and for the rest."""
    world: ArticulatedPlay = env.unwrapped  # type: ignore[assignment]
    camera = world.camera
    intrinsics = Intrinsics.centred((camera.height, camera.width), camera.focal)
    start = time.process_time()
    agent.look_at_motions(intrinsics)
    between = time.process_time()
    model = agent.articulation(intrinsics, (camera.position, camera.rotation))
    return model, (between - start, time.process_time() - between)


def _true_joints(env: gym.Env[Any, Any], lines: list[list[JointLine]], labels: Labels) -> list[TrueJoint]:
    """The joints that are asked for."""
    world: ArticulatedPlay = env.unwrapped  # type: ignore[assignment]
    view = world.simulator.render(world.camera, world._scene.light)
    rows, cols = np.nonzero(labels)
    points = world.camera.unproject(rows, cols, view.depth[rows, cols]).astype(np.float64)
    extent, of_point, found = float(np.linalg.norm(np.ptp(points, axis=0))), labels[rows, cols], list[TrueJoint]()
    for index, joint in enumerate(world.simulator.loaded.joints):
        last = lines[-1][index]
        parent, child = joint.parent + 1, joint.child + 1
        true = TrueJoint(
            "prismatic" if joint.type == "prismatic" else "revolute", parent, child, last.axis, last.pivot,
            [each[index].position for each in lines], points[of_point == child], extent,
        )  # fmt: skip
        seen = min(np.count_nonzero(labels == part) for part in (parent, child)) >= MIN_PART_PIXELS
        if true.moved and seen:
            found.append(true)
    return found


def _spread(values: list[float | None], unit: float = 1.0) -> str:
    """Median and 90th percentile."""
    known = [unit * value for value in values if value is not None]
    return "-" if not known else " / ".join(f"{value:.1f}" for value in np.percentile(known, [50, 90]))


def main() -> None:
    """Run the command."""
    options = tyro.cli(JointEpisodesOptions, description=__doc__)
    result = run(options)
    Console().print(result.summary(), soft_wrap=True, highlight=False)
    if options.json is not None:
        result.write(options.json)


if __name__ == "__main__":
    main()
