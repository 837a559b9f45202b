"""Score joints over episodes, with predicted and with true masks.

It is a command of its own::

    python -m atp.benchmark.joint_episodes --category pliers --episodes 20

The actions are those of the upper bound on acting (``gt-act``); masks are the part network's, or with ``--true-masks``
the simulator's. :mod:`atp.benchmark.joint_watch` says which joints are asked for.
"""

from __future__ import annotations

import tempfile
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
from atp.articulation.joint_scores import ImageJointScore, JointScore
from atp.articulation.urdf_writer import write_urdf
from atp.benchmark.joint_watch import EpisodeJoints, JointWatch
from atp.benchmark.round_trip import PartSeen, round_trip
from atp.playing.episode import play_episode
from atp.playing.policies import make_policy
from atp.results.schema import Result


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
    weights: str = "default"
    """Name of shipped weights, or a checkpoint folder."""
    true_masks: bool = False
    """Perceive with the simulator's motion masks: the bound with true masks."""
    randomization: bool = False
    """Play under domain randomisation: sensor noise, missing depth."""
    depth: bool = True
    """Give the agent depth; without it joints are scored in the plane of the image."""
    round_trip: bool = False
    """Also write each model as a URDF, load it and compare its images with what was seen."""
    device: str = "auto"
    """auto, cpu or cuda."""
    json: Path | None = None
    """File for the result."""


@dataclass(frozen=True)
class JointEpisodesResult(Result):
    """Scores of joints over episodes. Version 1 had neither two frames, nor image joints, nor the round trip.

    Attributes:
        category: Of the objects.
        true_masks: Whether the masks were true ones.
        episodes: How many.
        joints: One for each joint asked for.
        seconds_motion: Median CPU time in which an interaction was looked at.
        seconds_model: Median CPU time of the model after the last interaction.
        two_frames: The same joints from two frames alone.
        image_joints: One for each joint, without depth.
        round_trip: One for each part and image compared.
        models: How many were written as a URDF and loaded.
    """

    VERSION: ClassVar[int] = 2
    WRITTEN_BY: ClassVar[str] = "python -m atp.benchmark.joint_episodes"

    category: str
    true_masks: bool
    episodes: int
    joints: list[JointScore] = field(default_factory=list)
    seconds_motion: float = 0.0
    seconds_model: float = 0.0
    two_frames: list[JointScore] = field(default_factory=list)
    image_joints: list[ImageJointScore] = field(default_factory=list)
    round_trip: list[PartSeen] = field(default_factory=list)
    models: int = 0

    def summary(self) -> str:
        """Some lines: counts, and medians with 90th percentiles."""
        lines = [f"{self.category}: {_told(self.joints)}"] if self.joints else [self.category]
        if self.two_frames:
            lines.append(f"two frames: {_told(self.two_frames)}")
        if self.image_joints:
            lines.append(f"in the image: {_told_in_image(self.image_joints)}")
        if self.models:
            last = [seen.iou for seen in self.round_trip if seen.last]
            earlier = [seen.iou for seen in self.round_trip if not seen.last]
            lines.append(
                f"round trip: {self.models} models, IoU of parts {_low(last)} in the last image, {_low(earlier)} before"
            )
        times = f"{1000 * self.seconds_motion:.0f} ms an interaction, {1000 * self.seconds_model:.0f} ms the model"
        return "\n".join([*lines, times])


def run(options: JointEpisodesOptions) -> JointEpisodesResult:
    """Play the episodes."""
    agent = Agent.from_pretrained(options.weights, options.device)
    every, seen = EpisodeJoints(), list[PartSeen]()
    motion_times, model_times, models = list[float](), list[float](), 0
    env: gym.Env[Any, Any] = gym.make(
        envs.ENV_ID, disable_env_checker=True, split=options.split, category=options.category,
        resolution=agent.resolution, interactions=options.interactions, randomization=options.randomization,
    )  # fmt: skip
    if not options.depth:
        env = WithoutDepth(env)
    for seed in range(options.episodes):
        watch = _play(env, agent, "gt-act-mot" if options.true_masks else "gt-act", seed)
        model, seconds = _model(watch, agent)
        motion_times.append(seconds[0] / options.interactions)
        model_times.append(seconds[1])
        scores = watch.scores(agent, model)
        every.model.extend(scores.model)
        every.two_frames.extend(scores.two_frames)
        every.image.extend(scores.image)
        if options.round_trip and model.camera is not None and model.root is not None:
            seen.extend(_round_trip(watch, agent, model))
            models += 1
    env.close()
    motion, whole = float(np.median(motion_times)), float(np.median(model_times))
    return JointEpisodesResult(
        options.category, options.true_masks, options.episodes, every.model, motion, whole, every.two_frames,
        every.image, seen, models,
    )  # fmt: skip


class WithoutDepth(gym.ObservationWrapper[Any, Any, Any]):
    """An environment whose observations have no depth, as a video has none."""

    def observation(self, observation: Any) -> Any:
        """The observation with no depth."""
        return {**observation, "depth": None}


def _play(env: gym.Env[Any, Any], agent: Agent, policy: str, seed: int) -> JointWatch:
    """Play an episode."""
    observation, info = env.reset(seed=seed)
    watch = JointWatch(env, info)
    for step in play_episode(env, agent, make_policy(policy, env, agent, np.random.default_rng(seed)), observation):
        watch.look(step)
    return watch


def _model(watch: JointWatch, agent: Agent) -> tuple[Articulation, tuple[float, float]]:
    """The model, and the CPU seconds for all motions and for the rest."""
    start = time.process_time()
    agent.look_at_motions(watch.intrinsics)
    between = time.process_time()
    model = watch.model(agent)
    return model, (between - start, time.process_time() - between)


def _round_trip(watch: JointWatch, agent: Agent, model: Articulation) -> list[PartSeen]:
    record = agent.play_record
    assert record is not None
    with tempfile.TemporaryDirectory() as folder:
        urdf = write_urdf(model, record.frames[-1], Path(folder) / "object.urdf")
        return round_trip(model, record, urdf, watch.camera)


def _told(joints: list[JointScore]) -> str:
    """Scores of joints in words."""
    right = [joint for joint in joints if joint.right]
    hinges = [joint for joint in right if joint.true == "revolute"]
    slides = [joint for joint in right if joint.true == "prismatic"]
    told = sum(joint.found in ("revolute", "prismatic") for joint in joints)
    found = sum(joint.found != "" for joint in joints)
    return (
        f"{len(joints)} joints, found {found}, told {told}, type right {len(right)}, "
        f"success {sum(joint.success for joint in joints)}; "
        f"hinges: axis {_spread([joint.axis for joint in hinges])} degrees, "
        f"pivot {_spread([joint.pivot for joint in hinges], 1000)} mm, "
        f"range {_spread([joint.range for joint in hinges], 180 / np.pi)} degrees; "
        f"slides: axis {_spread([joint.axis for joint in slides])} degrees, "
        f"range {_spread([joint.range for joint in slides], 1000)} mm"
    )


def _told_in_image(joints: list[ImageJointScore]) -> str:
    told = sum(joint.found in ("revolute", "prismatic") for joint in joints)
    along = [joint for joint in joints if joint.along]
    slides = [joint for joint in joints if joint.true == "prismatic"]
    across = [joint for joint in joints if joint.true == "revolute" and not joint.along]
    return (
        f"{len(joints)} joints, told {told}, type right {sum(joint.right for joint in joints)}; "
        f"{len(along)} hinges along the view: pivot {_spread([joint.pivot for joint in along], 100)} % of the side; "
        f"{len(across)} other hinges: axis {_spread([joint.direction for joint in across])} degrees; "
        f"{len(slides)} slides: direction {_spread([joint.direction for joint in slides])} degrees"
    )


def _spread(values: list[float | None], unit: float = 1.0) -> str:
    """Median and 90th percentile."""
    known = [unit * value for value in values if value is not None]
    return "-" if not known else " / ".join(f"{value:.1f}" for value in np.percentile(known, [50, 90]))


def _low(values: list[float]) -> str:
    """Median and 10th percentile."""
    return "-" if not values else " / ".join(f"{value:.2f}" for value in np.percentile(values, [50, 10]))


def main() -> None:
    """Run the command."""
    options = tyro.cli(JointEpisodesOptions, description=__doc__)
    result = run(options)
    Console().print(result.summary(), soft_wrap=True, highlight=False)
    if options.json is not None:
        result.write(options.json)


if __name__ == "__main__":
    main()
