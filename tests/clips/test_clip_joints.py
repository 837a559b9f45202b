"""Joints of a clip: in the pixels of its last frame, whatever its shape and however the camera moved."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from atp.articulation.articulated_model import Articulation
from atp.clips.clip import Clip, ClipInteraction
from atp.clips.clip_joints import clip_model, frame_scale, scaled_model
from atp.clips.letterbox import Letterbox
from atp.clips.scoring import ClipResult, InteractionResult
from atp.commands.clip import ClipOptions, run
from atp.part_memory.evidence import exact
from atp.part_memory.memory import PartMemory

SHAPE, SIDE = (360, 480), 90
PIVOT = (200.0, 180.0)


class Footage:
    """Knows its shape alone."""

    shape = (720, 960)


def bar(angle):
    """(H, W) bool, a bar that hangs on the pivot by its end, and the frame that shows it before a pattern."""
    row, col = PIVOT
    down, right = math.sin(angle), math.cos(angle)
    corners = [
        (col + along * right - across * down, row + along * down + across * right)
        for along, across in ((0, -18), (190, -18), (190, 18), (0, 18))
    ]
    mask = cv2.fillPoly(np.zeros(SHAPE, np.uint8), [np.rint(corners).astype(np.int32)], 1) > 0
    pattern = np.random.default_rng(0).integers(60, 200, (18, 24, 3), np.uint8)
    frame = cv2.resize(pattern, SHAPE[::-1], interpolation=cv2.INTER_NEAREST)
    frame[mask] = (230, 40, 40)
    return mask, frame


def result_of(angles, shake=None):
    (before, first), (after, second) = map(bar, angles)
    if shake is not None:
        second = cv2.warpAffine(second, shake, SHAPE[::-1], borderMode=cv2.BORDER_REPLICATE)
        after = cv2.warpAffine(after.astype(np.uint8), shake, SHAPE[::-1]) > 0
    box = Letterbox(*SHAPE, SIDE)
    masks = box.mask(before), box.mask(after)
    interaction = ClipInteraction(0, 1)
    clip = Clip("bar", Path("bar"), Footage(), (interaction,))
    entry = InteractionResult(interaction, (first, second), {"agent": masks}, {})
    return ClipResult(clip, (entry,), {"agent": masks[1].astype(np.uint8)}, None, box)


def test_the_pivot_is_in_the_pixels_of_the_frame():
    result = result_of((0.0, 0.7))
    model = clip_model(result)
    (joint,) = model.image_joints
    assert joint.type == "revolute"
    assert math.dist(joint.pivot, PIVOT) < 0.03 * SHAPE[1]
    assert joint.upper - joint.lower == pytest.approx(0.7, abs=0.06)
    (large,) = scaled_model(model, frame_scale(result)).image_joints
    assert large.pivot == pytest.approx([2 * each for each in joint.pivot], abs=0.02)
    assert large.upper == joint.upper


def test_the_camera_may_shake():
    shake = np.array([[1.0, 0.0, 14.0], [0.0, 1.0, -9.0]])
    (joint,) = clip_model(result_of((0.0, 0.7), shake)).image_joints
    there = PIVOT[0] - 9.0, PIVOT[1] + 14.0
    assert math.dist(joint.pivot, there) < 0.03 * SHAPE[1]
    (not_steadied,) = clip_model(result_of((0.0, 0.7), shake), steadies=False).image_joints
    assert not_steadied.pivot is None or math.dist(not_steadied.pivot, there) > math.dist(joint.pivot, there)


def test_nothing_that_moved_is_no_joint():
    result = result_of((0.0, 0.0))
    nothing = np.zeros((SIDE, SIDE), bool)
    result.interactions[0].masks["agent"] = (nothing, nothing)
    model = clip_model(result)
    assert model.image_joints == []
    assert model.notes


class SeesRed:
    """An agent for which what is red has moved."""

    def reset(self, observation):
        self.memory = PartMemory((SIDE, SIDE), 20)

    def perceive(self, before, after, action):
        red = [each["rgb"][..., 0].astype(int) - each["rgb"][..., 1] > 150 for each in (before, after)]
        return exact(red[0]), exact(red[1])

    def remember(self, action, moved_before, moved_after, after, chances):
        self.memory.update(moved_before, moved_after)
        return self.memory.labels


def test_the_command_writes_the_model_and_draws_it(tmp_path):
    folder = tmp_path / "bar"
    (folder / "frames").mkdir(parents=True)
    for number, angle in enumerate((0.0, 0.7)):
        Image.fromarray(bar(angle)[1]).save(folder / "frames" / f"{number}.png")
    (folder / "clip.json").write_text('{"frames": "frames", "interactions": [{"before": 0, "after": 1}]}')
    for model in (False, True):
        run(ClipOptions((folder,), out=tmp_path / str(model), model=model), SeesRed())
    (joint,) = Articulation.read(tmp_path / "True" / "bar.articulation.json").image_joints
    assert math.dist(joint.pivot, PIVOT) < 0.03 * SHAPE[1]
    assert not (tmp_path / "False" / "bar.articulation.json").exists()
    plain, drawn = (Image.open(tmp_path / str(model) / "bar.png").size for model in (False, True))
    assert drawn[1] > plain[1]  # a row of parts
