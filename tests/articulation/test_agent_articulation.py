"""The agent's joints: fed by what it remembers, without a change of what it remembers."""

import math

import numpy as np
import pytest

from scenes import Box, box_scene
from seen_boxes import BODY, DOOR, OBLIQUE, look, turned_about

STATES = [
    [np.eye(4), turned_about([0.0, 0.0, 1.0], np.array([0.14, -0.065, 0.0]), math.radians(angle))]
    for angle in (10, 45, 20)
]
ACTION = np.zeros(5, np.int64)


def remembered(agent, asked=False):
    seen = [look([BODY, DOOR], poses) for poses in STATES]
    observations = [{"rgb": rgb, "depth": depth} for depth, _, rgb in seen]
    agent.reset(observations[0])
    for (_, before, _), (_, after, _), observation in zip(seen[:-1], seen[1:], observations[1:], strict=True):
        agent.remember(ACTION, before == 2, after == 2, observation)
        if asked:
            agent.articulation()
    return agent.parts


def test_the_agent_tells_the_hinge_of_a_door(agent):
    parts = remembered(agent)
    model = agent.articulation(pose=(OBLIQUE.position, OBLIQUE.rotation))
    (joint,) = model.joints
    assert joint.type == "revolute"
    assert abs(joint.axis_world[2]) > math.cos(math.radians(4))
    assert {part.label for part in model.parts} == set(np.unique(parts)) - {0}


def test_asking_changes_nothing(agent):
    np.testing.assert_array_equal(remembered(agent), remembered(agent, asked=True))


def test_a_missing_image_is_said(agent):
    remembered(agent)
    nothing = np.zeros((90, 90), bool)
    agent.remember(ACTION, nothing, nothing)
    with pytest.raises(RuntimeError, match="every image"):
        agent.articulation()


def test_images_of_the_simulator_have_their_principal_point_in_the_middle(tmp_path):
    view = box_scene(tmp_path, [Box((0.31, 0.31, 0.02), (0.0, 0.0, 0.01))]).look()
    rows, cols = np.nonzero(view.labels)
    assert rows.mean() + 0.5 == pytest.approx(45, abs=0.2)
    assert cols.mean() + 0.5 == pytest.approx(45, abs=0.2)
