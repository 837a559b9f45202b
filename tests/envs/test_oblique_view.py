"""Playing with an object seen from the side: pushes in the plane of the image, flow, and what a sensor reports."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from assets.importing.prepare import prepare
from atp.perception.foreground import object_mask
from envs.camera import Camera, push_vector
from envs.play import ArticulatedPlay
from envs.simulator import Friction, Grip, Light, Simulator
from urdf_objects import cupboard

FRONT = (35.0, -90.0)


@pytest.mark.parametrize(("k", "sign"), [(6, 1.0), (2, -1.0), (0, 0.0)])
def test_a_drawer_opens_when_it_is_pushed_down_in_the_image(tmp_path: Path, k: int, sign: float) -> None:
    """It slides towards the camera, that is down in the image; its body is held."""
    model = prepare(cupboard(tmp_path / "c.urdf"), FRONT)
    simulator = Simulator()
    simulator.load(model, Friction())
    drawer = next(joint for joint in model.joints if joint.type == "prismatic")
    middle = (drawer.lower + drawer.upper) / 2
    simulator.place((0.0, 0.0, 0.0), {drawer.name: middle})
    camera = Camera.above(90, 90, elevation=model.view.elevation, target_height=model.view.target_height)
    view = simulator.render(camera, Light())

    def grip(label: int) -> Grip:
        rows, cols = np.nonzero(view.labels == label)
        pick = len(rows) // 2
        row, col = int(rows[pick]), int(cols[pick])
        return Grip(int(view.links[row, col]), camera.unproject_pixel(row, col, float(view.depth[row, col])))

    labels = {part[0]: label for label, part in enumerate(model.parts, start=1)}
    simulator.interact(grip(labels["floor"]), grip(labels["drawer"]), k)
    moved = dict(simulator.state())[simulator._joints[drawer.name]] - middle
    if sign:
        assert sign * moved > 0.02
    else:
        assert abs(moved) < 0.01
    simulator.close()


@pytest.mark.parametrize("k", [0, 1, 2, 5])
def test_an_object_that_is_not_held_slides_on_the_table(tmp_path: Path, k: int) -> None:
    model = prepare(cupboard(tmp_path / "c.urdf"), FRONT)
    simulator = Simulator()
    simulator.load(model, Friction())
    simulator.place((0.0, 0.0, 0.0), {})
    before = simulator.part_poses()[0]
    simulator.interact(None, Grip(simulator._links["roof"], (0.0, 0.0, 0.2)), k)
    shift = simulator.part_poses()[0][:3, 3] - before[:3, 3]
    wanted = np.array(push_vector(k, model.view.elevation)) * [1.0, 1.0, 0.0]
    assert abs(shift[2]) < 1e-6
    assert shift[:2] @ wanted[:2] > 0.8 * np.linalg.norm(wanted) * np.linalg.norm(shift[:2]) > 0.02
    simulator.close()


def test_flow_is_that_of_the_image(tmp_path: Path) -> None:
    """A pixel carried along the flow shows the same part, whatever the view."""
    with ArticulatedPlay(object=cupboard(tmp_path / "c.urdf"), resolution=120) as env:
        rng = np.random.default_rng(0)
        agree = []
        for seed in range(6):
            _, before = env.reset(seed=seed)
            assert env._model is not None
            assert env._model.view.elevation < math.pi / 2
            _, _, _, _, info = env.step(env.oracle_action(seed))
            truth, labels = info["privileged"], before["privileged"]["labels"]
            rows, cols = np.nonzero(truth["moved_before"])
            some = rng.permutation(len(rows))[:200]
            rows, cols = rows[some], cols[some]
            flow = truth["flow"][rows, cols]
            to_cols, to_rows = (np.rint(c + f).astype(int) for c, f in ((cols, flow[:, 0]), (rows, flow[:, 1])))
            inside = (to_rows >= 0) & (to_rows < 120) & (to_cols >= 0) & (to_cols < 120)
            same = truth["labels"][to_rows[inside], to_cols[inside]] == labels[rows[inside], cols[inside]]
            agree.append(same.mean() if len(same) > 100 else np.nan)
        assert np.nanmax(agree) > 0.9  # in others the part went behind another one


@pytest.mark.parametrize("tilted", [False, True])
def test_the_object_is_found_in_the_depth(tmp_path: Path, tilted: bool) -> None:
    """The ground beyond the sensor's range has no reading, and is not taken for the object."""
    with ArticulatedPlay(object=cupboard(tmp_path / "c.urdf"), view=(25.0, -70.0), randomization=tilted) as env:
        scores, readings = [], []
        for seed in range(12):
            observation, info = env.reset(seed=seed)
            if not observation["depth"].any():
                continue
            there, found = info["privileged"]["labels"] > 0, object_mask(observation["depth"])
            scores.append((there & found).sum() / (there | found).sum())
            readings.append(float(np.max(observation["depth"])))
        assert np.median(scores) > 0.9
        assert min(scores) > 0.75
        assert max(readings) < 5.0
