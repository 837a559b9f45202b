"""``atp play --model`` and the scores of joints over episodes, with true masks and untrained weights."""

import numpy as np
from PIL import Image

from assets.importing.prepare import prepare
from atp.articulation.articulated_model import Articulation
from atp.benchmark.joint_episodes import JointEpisodesOptions, run
from atp.cli import main


def test_play_writes_a_model_that_can_be_played_with(weights, tmp_path):
    arguments = ["--category", "pliers", "--policy", "gt-act-mot", "--interactions", "2", "--seed", "1", "--model"]
    main(["play", *arguments, "--weights", str(weights), "--out", str(tmp_path), "--device", "cpu"])
    model = Articulation.read(tmp_path / "articulation.json")
    (joint,) = model.joints
    assert joint.type == "revolute"
    assert abs(joint.axis_world[2]) > 0.99  # hinges of pliers point at the camera
    assert len(prepare(tmp_path / "object.urdf").joints) == 1
    assert np.asarray(Image.open(tmp_path / "model.png")).shape == (720, 720, 3)


def test_joints_are_scored_over_episodes(weights):
    options = JointEpisodesOptions("pliers", episodes=2, interactions=2, weights=str(weights), true_masks=True)
    result = run(options)
    assert result.joints
    assert all(joint.right and joint.success for joint in result.joints)
    assert f"{len(result.joints)} joints" in result.summary()
