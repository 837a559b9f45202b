"""A session with a real object: choose, wait for a person to do it, look, remember, and keep everything."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assets.files import write_json
from atp.agent import Agent
from atp.clips import ClipError, ClipInteraction, read_clip
from atp.clips.clip import CLIP_FILE
from atp.clips.letterbox import Letterbox
from atp.clips.pairing import View, ViewPair
from atp.clips.second_look import look
from atp.clips.writing import ClipWriter
from atp.json_dataclasses import from_json
from atp.live.cameras import Camera, Shot
from atp.live.guide import Guide, Plan
from atp.results.live import LiveInteraction, LiveResult
from atp.types import RESOLUTION, Action, Image, Labels, Mask

#: The actions in the network's pixels, beside the clip.
ACTIONS_FILE = "actions.json"


@dataclass(frozen=True, eq=False)
class LiveStep:
    """One interaction of a session.

    Attributes:
        plan: What the person did.
        before: uint8 (h, w, 3), the frame before.
        after: uint8 (h, w, 3), the frame after.
        moved_before: bool (R, R), what the agent saw moving.
        moved_after: bool (R, R), the same in the frame after.
        parts: uint8 (R, R), the parts found so far: 0 background, 1.. parts.
        box: Between the frames and the network's images.
    """

    plan: Plan
    before: Image
    after: Image
    moved_before: Mask
    moved_after: Mask
    parts: Labels
    box: Letterbox


class LiveSession:
    """Plays with a real object and keeps a clip of it, which is whole after every interaction.

    Args:
        agent: Chooses, perceives and remembers.
        folder: The clip folder: new, or with ``resume`` that of a session that was ended early.
        steadies: Correct the camera's shaking and its exposure between two images.
        resume: Resume it: the agent looks at the stored images again.

    Attributes:
        steps: What was done so far.

    Raises:
        ClipError: There is a clip already, or with ``resume`` none that can be resumed.
    """

    def __init__(self, agent: Agent, folder: Path, steadies: bool = True, resume: bool = False) -> None:
        self.agent, self.folder, self.steadies = agent, folder, steadies
        self.resolution = int(agent.config.get("resolution", RESOLUTION))
        self.steps: list[LiveStep] = []
        self._actions: list[list[int]] = []
        self._view: View | None = None
        self._shape: tuple[int, int] = (0, 0)
        if resume and (folder / CLIP_FILE).exists():
            self._replay()
        else:
            self._writer = ClipWriter(folder, source="atp live", annotation="none: what moved is not known")

    @property
    def images(self) -> int:
        """Images that were taken so far."""
        return self._writer.frames

    def play(self, camera: Camera, interactions: int, guide: Guide) -> None:
        """Play until there were so many interactions.

        Args:
            camera: Where images come from.
            interactions: In all, with those of a session that is resumed.
            guide: Shows the person what to do.

        Raises:
            ClipError: An image cannot be read, or is not like the first one.
        """
        if self._view is None:
            self._begin(camera.take())
        while len(self.steps) < interactions:
            assert self._view is not None
            action = self.agent.act(self._view.observation, self._reachable())
            plan = self._plan(action)
            guide.show(self._view.rgb, plan, self._shape)
            shot = camera.take()
            self._check(shot)
            self._writer.add_frame(shot.rgb, shot.depth)
            self._take_in(plan, action, View.of(shot.rgb, self.resolution, shot.depth))
            self._actions.append([int(value) for value in action])
            write_json(self.folder / ACTIONS_FILE, self._actions)
            number = len(self.steps)
            self._writer.add_interaction(ClipInteraction(number - 1, number, action=plan.action))

    def labels(self) -> Labels:
        """The parts found, uint8 (H, W) of the last image's size: 0 background, 1.. parts."""
        return self._frame.labels_to_frame(self.agent.parts)

    def result(self) -> LiveResult:
        """What was done."""
        entries = [
            from_json(LiveInteraction, {**step.plan.to_json(), "parts_found": _count(step.parts)})
            for step in self.steps
        ]
        return LiveResult(entries, entries[-1].parts_found if entries else 0)

    @property
    def _frame(self) -> Letterbox:
        """Between the images as they were taken and the network's."""
        return Letterbox(*self._shape, self.resolution)

    def _plan(self, action: Action) -> Plan:
        """The next plan, in the pixels of the images as they were taken."""
        return Plan(len(self.steps) + 1, self._frame.frame_action(action))

    def _begin(self, shot: Shot) -> None:
        height, width = shot.rgb.shape[:2]
        self._shape = height, width
        self._view = View.of(shot.rgb, self.resolution, shot.depth)
        self._writer.add_frame(shot.rgb, shot.depth)
        self.agent.reset(self._view.observation)

    def _take_in(self, plan: Plan, action: Action, after: View) -> None:
        assert self._view is not None
        pair = ViewPair.of(self._view, after, self.steadies)
        first, second = look(self.agent, pair, action)
        moved = pair.in_frames(first.moved, second.moved)
        parts = self.agent.remember(action, *moved, after.observation, pair.chances(first, second))
        self.steps.append(LiveStep(plan, pair.first.rgb, after.rgb, *moved, parts.copy(), after.box))
        self._view = after

    def _reachable(self) -> Mask | None:
        """Pixels of the network's image that lie on the frame; None if all do."""
        assert self._view is not None
        valid = self._view.box.valid
        return None if valid.all() else valid

    def _check(self, shot: Shot) -> None:
        assert self._view is not None
        if shot.rgb.shape[:2] != self._shape:
            raise ClipError(
                f"the new image has {shot.rgb.shape[0]} x {shot.rgb.shape[1]} pixels (height x width), the first one "
                f"{self._shape[0]} x {self._shape[1]}: take it again with the same camera, and resume with --resume"
            )
        if (shot.depth is None) != (self._view.depth is None):
            raise ClipError("either every image has a depth image or none; resume with --resume")

    def _replay(self) -> None:
        """Let the agent look at the stored images again."""
        self._writer = ClipWriter.reopen(self.folder)
        clip = read_clip(self.folder)
        actions = _read_actions(self.folder / ACTIONS_FILE, len(clip.interactions))
        numbers = range(len(actions) + 1)
        for number, frame in clip.footage.frames(numbers):
            depth = clip.depth.read(number, clip.shape) if clip.depth else None
            view = View.of(frame, self.resolution, depth)
            if number == 0:
                self._shape, self._view = clip.shape, view
                self.agent.reset(view.observation)
            else:
                action = np.array(actions[number - 1], np.int64)
                self._take_in(self._plan(action), action, view)
        self._actions = actions


def _read_actions(file: Path, count: int) -> list[list[int]]:
    try:
        actions = json.loads(file.read_text(encoding="utf-8"))
        good = all(len(action) == 5 and all(isinstance(value, int) for value in action) for action in actions)
    except (OSError, ValueError, TypeError) as error:
        raise ClipError(f"{file}: cannot be read ({error}); the session cannot be resumed") from error
    if not good or len(actions) < count:
        raise ClipError(f"{file}: does not belong to the clip beside it; the session cannot be resumed")
    return [list(action) for action in actions[:count]]


def _count(parts: Labels) -> int:
    return len(set(np.unique(parts)) - {0})
