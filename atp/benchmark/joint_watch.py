"""Watches an episode from outside: where the joints truly were, and how well the agent's model tells them.

A joint is asked for that moved by 10 degrees or 3 cm and whose two parts are in the last image. It is looked for in the
model of all interactions, and in one of two frames alone, before and after the interaction in which it moved farthest;
without depth in the plane of the image.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np

from atp.agent import Agent
from atp.articulation.articulate import Articulator
from atp.articulation.articulated_model import Articulation
from atp.articulation.joint_scores import (
    ImageJointScore,
    JointScore,
    TrueImageJoint,
    TrueJoint,
    score_image_joint,
    score_joint,
)
from atp.articulation.joints import JointType
from atp.articulation.observations import Frame, Intrinsics, PlayRecord
from atp.metrics import match_parts
from atp.playing.episode import Interaction
from atp.types import MIN_PART_PIXELS, Labels
from envs.camera import Camera
from envs.play import ArticulatedPlay

#: A part was found where a part of the model has this IoU with it.
FOUND_IOU = 0.25


@dataclass(frozen=True)
class EpisodeJoints:
    """How the joints of one episode were estimated, one entry for each that was asked for.

    Attributes:
        model: Scores of the model of all interactions.
        two_frames: Scores of models of two frames alone.
        image: Scores in the plane of the image; empty where there was depth.
    """

    model: list[JointScore] = field(default_factory=list)
    two_frames: list[JointScore] = field(default_factory=list)
    image: list[ImageJointScore] = field(default_factory=list)


class JointWatch:
    """Where the joints of an object are in each image of an episode.

    Args:
        env: The environment, just reset; it holds an object in the simulator.
        info: What the reset gave.
    """

    def __init__(self, env: gym.Env[Any, Any], info: dict[str, Any]) -> None:
        world: ArticulatedPlay = env.unwrapped  # type: ignore[assignment]
        self._world = world
        self.lines = [world.simulator.joint_lines()]
        self.labels: list[Labels] = [info["privileged"]["labels"]]
        self._depths = [world._view.depth]

    @property
    def camera(self) -> Camera:
        """The camera of all images."""
        return self._world.camera

    @property
    def intrinsics(self) -> Intrinsics:
        """The same as the agent is told of it."""
        return Intrinsics.centred((self.camera.height, self.camera.width), self.camera.focal)

    def look(self, step: Interaction) -> None:
        """Take in an interaction that has just been played."""
        self.lines.append(self._world.simulator.joint_lines())
        self.labels.append(step.truth["labels"])
        self._depths.append(self._world._view.depth)

    def model(self, agent: Agent) -> Articulation:
        """What an agent makes of the episode so far."""
        return agent.articulation(self.intrinsics, (self.camera.position, self.camera.rotation))

    def scores(self, agent: Agent, model: Articulation) -> EpisodeJoints:
        """Score an agent's model of the episode.

        Args:
            agent: The agent, for its parts and what it remembers.
            model: Its model.
        """
        found, matches = EpisodeJoints(), _matches(agent.parts, self.labels[-1])
        by_step: dict[int, tuple[Articulation, dict[int, int]]] = {}
        record = agent.play_record
        assert record is not None
        for index, joint in self._asked():
            if record.frames[-1].depth is None:
                found.image.append(score_image_joint(model, self._in_image(joint), matches))
                continue
            found.model.append(score_joint(model, joint, matches))
            moves = np.abs(np.diff(joint.positions))
            step = int(np.argmax(moves))
            if step not in by_step:
                by_step[step] = self._two_frames(record, step)
            found.two_frames.append(score_joint(by_step[step][0], self._joint(index, step, step + 1), by_step[step][1]))
        return found

    def _asked(self) -> list[tuple[int, TrueJoint]]:
        """The joints that are asked for, with their index."""
        last, found = len(self.lines) - 1, list[tuple[int, TrueJoint]]()
        for index, joint in enumerate(self._world.simulator.loaded.joints):
            true = self._joint(index, 0, last)
            labels = self.labels[-1]
            seen = min(np.count_nonzero(labels == part) for part in (joint.parent + 1, joint.child + 1))
            if true.moved and seen >= MIN_PART_PIXELS:
                found.append((index, true))
        return found

    def _joint(self, index: int, first: int, last: int) -> TrueJoint:
        """A joint as it was from one image to another, its axis and its points in the latter."""
        joint, line, labels = self._world.simulator.loaded.joints[index], self.lines[last][index], self.labels[last]
        kind: JointType = "prismatic" if joint.type == "prismatic" else "revolute"
        rows, cols = np.nonzero(labels)
        points = self.camera.unproject(rows, cols, self._depths[last][rows, cols]).astype(np.float64)
        extent = float(np.linalg.norm(np.ptp(points, axis=0))) if len(points) else 0.0
        own = points[labels[rows, cols] == joint.child + 1]
        positions = [lines[index].position for lines in self.lines[first : last + 1]]
        return TrueJoint(
            kind, joint.parent + 1, joint.child + 1, line.axis, line.pivot, positions,
            own if len(own) else line.pivot[None], extent,
        )  # fmt: skip

    def _in_image(self, joint: TrueJoint) -> TrueImageJoint:
        """A joint as it is seen in the last image."""
        middle = joint.points.mean(axis=0)
        place = joint.pivot + joint.axis * (joint.axis @ (middle - joint.pivot))
        start = middle if joint.type == "prismatic" else place
        rows, cols, _ = self.camera.project(np.stack([start, start + 0.01 * joint.axis]))
        sight = start - self.camera.position
        along = abs(float(joint.axis @ sight)) / float(np.linalg.norm(sight))
        across = np.array([rows[1] - rows[0], cols[1] - cols[0]])
        return TrueImageJoint(
            joint.type, joint.parent, joint.child, (float(rows[0]), float(cols[0])),
            across / max(float(np.linalg.norm(across)), 1e-9), float(np.arccos(min(1.0, along))),
            max(self.camera.height, self.camera.width),
        )  # fmt: skip

    def _two_frames(self, record: PlayRecord, step: int) -> tuple[Articulation, dict[int, int]]:
        """The model of two frames alone, and its labels of true parts."""
        short = record.of_step(step)
        model = Articulator(short).articulation(self.intrinsics, (self.camera.position, self.camera.rotation))
        return model, _matches(_labels(short.frames[-1], model), self.labels[step + 1])


def _labels(frame: Frame, model: Articulation) -> Labels:
    """The parts of a frame with what never moved under the label that it has in a model."""
    rest = next((part.label for part in model.parts if not part.moved), 0)
    return np.where(frame.rest, rest, frame.labels).astype(np.uint8)


def _matches(parts: Labels, labels: Labels) -> dict[int, int]:
    """Label of the part found for each true label."""
    return {match.true: match.predicted for match in match_parts(parts, labels).matches if match.iou > FOUND_IOU}
