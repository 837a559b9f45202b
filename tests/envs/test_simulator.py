"""Simulator: what grippers do to the object, that everything is at rest, and what the camera sees of boxes."""

from __future__ import annotations

import gc
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from envs import simulator as module
from envs.camera import Camera
from envs.simulator import PUSH_DISTANCE, Friction, Light, Simulator
from scenes import SLIDE, THREE_BARS, TWO_BARS, Box, Hinge, box_object, box_scene, direction_vector

PUSHES = [(0.25, 0.02, k) for k in range(8)]


def corners_of(box: Box, yaw: float, shift: tuple[float, float]) -> np.ndarray:
    """World corners (8, 3) of a box whose frame is rotated by yaw and moved in the plane."""
    signs = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    points = signs * box.size + box.centre
    turn = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
    return points @ turn.T + [*shift, 0.0]


def silhouette(camera: Camera, corners: np.ndarray) -> np.ndarray:
    """Pixels (H, W) whose centre lies in the convex hull of the projected corners."""
    rows, cols, _ = camera.project(corners)
    hull = cv2.convexHull(np.column_stack([cols, rows]).astype(np.float32))
    inside = [
        [cv2.pointPolygonTest(hull, (c + 0.5, r + 0.5), False) >= 0 for c in range(camera.width)]
        for r in range(camera.height)
    ]
    return np.array(inside)


def agree_within_a_pixel(mask: np.ndarray, wanted: np.ndarray) -> bool:
    kernel = np.ones((3, 3), np.uint8)
    inner = cv2.erode(wanted.astype(np.uint8), kernel, borderValue=0) > 0
    outer = cv2.dilate(wanted.astype(np.uint8), kernel) > 0
    return bool(mask[inner].all() and not mask[~outer].any())


# --- Pictures ----------------------------------------------------------------------------------------------------

CAMERAS = {
    "above": Camera.above(90, 90),
    "tilted": Camera.above(90, 90, tilt=(0.25, -0.2), distance=1.4, offset=(0.03, -0.04)),
    "wide": Camera.above(64, 100, tilt=(-0.1, 0.2)),
}


@pytest.mark.parametrize("name", CAMERAS)
def test_a_box_is_seen_where_it_is_projected(tmp_path, name):
    box = Box((0.3, 0.12, 0.1), (0.0, 0.0, 0.05))
    yaw, shift = 0.5, (0.05, -0.03)
    scene = box_scene(tmp_path, [box], pose=(*shift, yaw), camera=CAMERAS[name])
    view = scene.look()
    mask = view.labels > 0
    np.testing.assert_array_equal(mask, view.links >= 0)
    assert mask.sum() > 200
    assert agree_within_a_pixel(mask, silhouette(scene.camera, corners_of(box, yaw, shift)))


@pytest.mark.parametrize("name", CAMERAS)
def test_depth_of_a_box_and_of_the_ground(tmp_path, name):
    box = Box((0.3, 0.2, 0.1), (0.0, 0.0, 0.05))
    scene = box_scene(tmp_path, [box], pose=(0.0, 0.0, 0.3), camera=CAMERAS[name])
    view = scene.look()
    assert view.depth.dtype == np.float32
    ground = view.labels == 0
    np.testing.assert_allclose(view.depth[ground], scene.camera.ground_depth[ground])
    top = Box((0.3, 0.2, 0.0), (0.0, 0.0, 0.1))  # the upper face alone
    face = silhouette(scene.camera, corners_of(top, 0.3, (0.0, 0.0))).astype(np.uint8)
    rows, cols = np.nonzero(cv2.erode(face, np.ones((3, 3), np.uint8)))
    points = scene.camera.unproject(rows, cols, view.depth[rows, cols])
    assert len(rows) > 100
    # a rasteriser may take a pixel's depth up to a pixel away: the slope times a pixel's footprint at most
    np.testing.assert_allclose(points[:, 2], 0.1, atol=0.004)


def test_the_higher_part_hides_the_lower(tmp_path):
    scene = box_scene(tmp_path, *SLIDE, positions={"joint_0": 0.1})
    view = scene.look()
    rows, cols, _ = scene.camera.project(np.array([[0.1, 0.0, 0.04], [-0.1, 0.0, 0.02], [0.1, 0.05, 0.04]]))
    assert [view.labels[int(r), int(c)] for r, c in zip(rows, cols, strict=True)] == [2, 1, 2]
    assert view.seen.tolist() == [True, True] + [False] * 13


def test_light_changes_colours_alone(tmp_path):
    scene = box_scene(tmp_path, *TWO_BARS)
    bright, dark = (scene.simulator.render(scene.camera, Light(ambient=a)) for a in (0.7, 0.2))
    assert bright.rgb.sum() > dark.rgb.sum() > 0
    for field in ("depth", "labels", "links"):
        np.testing.assert_array_equal(getattr(bright, field), getattr(dark, field))


def test_paint_tints_the_link_named_and_comes_off(tmp_path):
    scene = box_scene(tmp_path, *TWO_BARS)
    plain = scene.look()
    scene.simulator.paint({scene.simulator.part_links[1][0]: (0.1, 0.9, 0.1)})
    tinted = scene.look()
    np.testing.assert_array_equal(tinted.labels, plain.labels)
    changed = (tinted.rgb != plain.rgb).any(axis=-1)
    assert changed[plain.labels == 2].all()
    assert not changed[plain.labels != 2].any()
    assert (tinted.rgb[plain.labels == 2].argmax(axis=1) == 1).all()
    model = scene.simulator._loaded
    assert model is not None
    scene.simulator.load(model, Friction())  # the next episode with the same object
    scene.simulator.place((0, 0, 0), {})
    np.testing.assert_array_equal(scene.look().rgb, plain.rgb)


# --- Grippers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("x", "y", "k"), PUSHES)
def test_a_fixed_hold_keeps_the_held_part(tmp_path, x, y, k):
    scene = box_scene(tmp_path, *TWO_BARS, positions={"joint_0": 0.4})
    before = scene.simulator.part_poses()
    scene.simulator.interact(scene.grip(0, -0.2, 0.0), scene.grip(1, x, y), k, "fixed")
    motion, turn = scene.part_motion(before)
    assert np.linalg.norm(motion[0]) < 0.005  # metres: half a pixel
    assert abs(turn[0]) < 0.02  # radians: half a pixel at the far end


def test_a_fixed_hold_lets_the_other_part_turn_and_slide(tmp_path):
    scene = box_scene(tmp_path / "hinge", *TWO_BARS)
    before = scene.simulator.part_poses()
    scene.simulator.interact(scene.grip(0, -0.2, 0.0), scene.grip(1, 0.25, 0.0), 2)
    _, turn = scene.part_motion(before)
    assert 0.3 < turn[1] < 1.2  # pushed up at the right of the hinge: counter-clockwise
    scene = box_scene(tmp_path / "slide", *SLIDE)
    before = scene.simulator.part_poses()
    scene.simulator.interact(scene.grip(0, -0.2, 0.0), scene.grip(1, 0.0, 0.0), 0)
    motion, turn = scene.part_motion(before)
    assert motion[1][0] > 0.1
    np.testing.assert_allclose(motion[1][1:], 0, atol=1e-3)
    np.testing.assert_allclose(turn, 0, atol=5e-3)


def test_a_point_hold_keeps_the_point_and_lets_the_part_rotate(tmp_path):
    held = {}
    for mode in ("fixed", "point"):
        scene = box_scene(tmp_path / mode, [Box((0.5, 0.08, 0.02), (0.0, 0.0, 0.01))])
        before = scene.simulator.part_poses()
        scene.simulator.interact(scene.grip(0, -0.2, 0.0), scene.grip(0, 0.2, 0.0), 2, mode)  # type: ignore[arg-type]
        after = scene.simulator.part_poses()
        point = np.array([-0.2, 0.0, 0.02, 1.0])
        went = (after[0] @ np.linalg.inv(before[0]) @ point - point)[:3]
        held[mode] = np.linalg.norm(went), scene.part_motion(before)[1][0]
    assert held["point"][0] < 0.001
    assert held["point"][1] > 0.3
    assert held["fixed"][0] < 0.001
    assert abs(held["fixed"][1]) < 0.01


@pytest.mark.parametrize("k", range(8))
def test_a_pushed_object_goes_where_it_is_pushed(tmp_path, k):
    """Pushed at its middle and held by nobody, in each direction, at any heading of its own."""
    scene = box_scene(tmp_path, [Box((0.3, 0.2, 0.02), (0.0, 0.0, 0.01))], pose=(0.02, -0.03, 0.7))
    before = scene.simulator.part_poses()
    scene.simulator.interact(None, scene.grip(0, 0.02, -0.03), k)
    motion, turn = scene.part_motion(before)
    along, across = motion[0][:2] @ direction_vector(k), motion[0][:2] @ direction_vector(k + 2)
    assert PUSH_DISTANCE - 0.01 < along < PUSH_DISTANCE + 0.05  # it may slide on a little
    assert abs(across) < 0.01
    assert abs(motion[0][2]) < 1e-9
    assert abs(turn[0]) < 0.05


def test_the_pushed_point_of_a_held_object_moves_along_the_push(tmp_path):
    for k in range(8):
        scene = box_scene(tmp_path / str(k), *TWO_BARS, positions={"joint_0": 0.3})
        before = scene.simulator.part_poses()
        tip = np.array([0.25 * np.cos(0.3), 0.25 * np.sin(0.3), 0.02])
        scene.simulator.interact(scene.grip(0, -0.2, 0.0), scene.grip(1, tip[0], tip[1]), k)
        after = scene.simulator.part_poses()
        went = (after[1] @ np.linalg.inv(before[1]) @ [*tip, 1.0])[:2] - tip[:2]
        if np.linalg.norm(went) > 0.02:
            assert went @ direction_vector(k) > 0


def test_nothing_held_the_whole_object_moves(tmp_path):
    for k in range(8):
        scene = box_scene(tmp_path / str(k), *TWO_BARS, positions={"joint_0": 0.4})
        before = scene.simulator.part_poses()
        scene.simulator.interact(None, scene.grip(0, -0.02, 0.0), k)
        motion, _ = scene.part_motion(before)
        # both parts go the way of the push, whatever the hinge between them does
        assert (motion[:, :2] @ direction_vector(k)).min() > 0.15


def test_a_push_on_the_held_part_moves_nothing(tmp_path):
    scene = box_scene(tmp_path, *TWO_BARS)
    before = scene.simulator.part_poses()
    scene.simulator.interact(scene.grip(0, -0.25, 0.0), scene.grip(0, -0.1, 0.0), 2)
    motion, turn = scene.part_motion(before)
    assert np.abs(motion).max() < 0.001
    assert np.abs(turn).max() < 0.005


@pytest.mark.parametrize("held", [True, False])
def test_a_push_that_touches_nothing_moves_nothing_at_all(tmp_path, held):
    scene = box_scene(tmp_path, *TWO_BARS, pose=(0.01, 0.02, 0.3), positions={"joint_0": 0.4})
    state, poses, view = scene.simulator.state(), scene.simulator.part_poses(), scene.look()
    scene.simulator.interact(scene.grip(0, -0.2, 0.0) if held else None, None, 3)
    assert scene.simulator.state() == state
    np.testing.assert_array_equal(scene.simulator.part_poses(), poses)
    np.testing.assert_array_equal(scene.look().rgb, view.rgb)


def test_a_joint_stops_at_its_limit(tmp_path):
    """Without a limit the same push turns it by 0.9."""
    boxes, joints = TWO_BARS
    scene = box_scene(tmp_path, boxes, [Hinge(0, 1, joints[0].at, lower=-0.5, upper=0.5)])
    scene.simulator.interact(scene.grip(0, -0.2, 0.0), scene.grip(1, 0.25, 0.0), 2)
    assert 0.45 < scene.simulator.state()[-1][1] < 0.55


def test_at_rest_afterwards(tmp_path):
    scene = box_scene(tmp_path, *THREE_BARS, positions={"joint_0": 0.3, "joint_1": -0.5})
    scene.simulator.interact(scene.grip(0, -0.1, 0.0), scene.grip(1, 0.06, 0.02), 1)
    first, state = scene.look(), scene.simulator.state()
    second = scene.look()
    for field in ("rgb", "depth", "labels"):
        np.testing.assert_array_equal(getattr(first, field), getattr(second, field))
    for _ in range(20):
        scene.simulator.client.stepSimulation()
    np.testing.assert_allclose([p for _, p in scene.simulator.state()], [p for _, p in state], atol=1e-9)
    assert scene.simulator.client.getNumConstraints() == 0


def test_restore_leaves_no_trace(tmp_path):
    """An interaction that was tried and undone changes nothing of the next one, to the byte."""
    results = []
    for tried in (False, True):
        scene = box_scene(tmp_path / str(tried), *THREE_BARS, positions={"joint_0": 0.3, "joint_1": -0.5})
        if tried:
            state = scene.simulator.state()
            for k in range(8):
                scene.simulator.interact(scene.grip(0, -0.1, 0.0), scene.grip(1, 0.06, 0.02), k)
                scene.simulator.restore(state)
            assert scene.simulator.state() == state
        scene.simulator.interact(scene.grip(0, -0.1, 0.0), scene.grip(1, 0.06, 0.02), 2)
        results.append((scene.simulator.state(), scene.look().rgb.tobytes()))
    assert results[0] == results[1]


# --- Loading -----------------------------------------------------------------------------------------------------


def test_loading_the_same_object_again_starts_afresh(tmp_path):
    """Also joints that belong to no part go back."""
    scene = box_scene(tmp_path, *TWO_BARS)
    fresh = scene.simulator.state()
    scene.simulator.interact(scene.grip(0, -0.2, 0.0), scene.grip(1, 0.25, 0.0), 2)
    assert scene.simulator.state() != fresh
    model = scene.simulator._loaded
    assert model is not None
    scene.simulator.load(model, Friction())
    scene.simulator.place((0.0, 0.0, 0.0), {})
    assert scene.simulator.state() == fresh


def test_friction_decides_what_gives_way(tmp_path):
    """Nobody holds: with loose joints the push bends the object, with stiff ones it carries all of it."""
    model, bent = box_object(tmp_path, *TWO_BARS), {}
    for hinge in (0.0, 5.0):
        simulator = Simulator()
        simulator.load(model, Friction(slide=5.0, yaw=0.5, hinge=hinge))
        simulator.place((0, 0, 0), {})
        grip = module.Grip(simulator.part_links[1][0], (0.25, 0.0, 0.02))
        simulator.interact(None, grip, 2)
        bent[hinge] = abs(simulator.state()[-1][1])
    assert bent[0.0] > 0.3
    assert bent[5.0] < 0.02


def test_label_of_links(tmp_path):
    scene = box_scene(tmp_path, *THREE_BARS)
    links = [link for part in scene.simulator.part_links for link in part]
    assert [scene.simulator.label_of(link) for link in links] == [1, 2, 3]
    assert scene.simulator.label_of(-1) == 0


def test_worlds_are_separate_and_freed(tmp_path):
    first, second = (box_scene(tmp_path / name, *TWO_BARS) for name in "ab")
    state = second.simulator.state()
    first.simulator.interact(None, first.grip(0, -0.1, 0.0), 0)
    assert second.simulator.state() == state
    gc.collect()
    numbers = set()
    for _ in range(5):
        simulator = Simulator()
        numbers.add(simulator.client.number)
        del simulator
    assert len(numbers) == 1  # the number is free again each time
    first.simulator.close()
    first.simulator.close()
    assert second.simulator.state() == state


def test_unknown_renderer():
    with pytest.raises(ValueError, match="'tiny' or 'egl', not 'gl'"):
        Simulator("gl")  # type: ignore[arg-type]


# --- EGL, and what is printed -----------------------------------------------------------------------------------------


def test_egl_sees_what_the_software_renderer_sees(tmp_path):
    try:
        simulator = Simulator("egl")
    except RuntimeError as error:
        pytest.skip(str(error))
    scene = box_scene(tmp_path, *TWO_BARS, pose=(0.02, 0.0, 0.4), positions={"joint_0": 0.5})
    assert scene.simulator._loaded is not None
    simulator.load(scene.simulator._loaded, Friction())
    simulator.place((0.02, 0.0, 0.4), {"joint_0": 0.5})
    egl, tiny = simulator.render(scene.camera, Light()), scene.look()
    with pytest.raises(RuntimeError, match="one environment per process"):
        Simulator("egl")
    simulator.close()
    Simulator("egl").close()
    assert np.mean(egl.labels != tiny.labels) < 0.03  # outlines are drawn differently
    both = (egl.labels > 0) & (tiny.labels > 0)
    assert np.median(np.abs(egl.depth - tiny.depth)[both]) < 0.002
    assert egl.rgb[both].mean() > 20


def test_egl_that_is_not_there(monkeypatch):
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match="use renderer='tiny'"):
        Simulator("egl")


def test_egl_that_ends_the_process(monkeypatch):
    """A driver that fails this way takes the trial process with it, not this one."""
    monkeypatch.setattr(module, "complaint", lambda code: "failed to initialise EGL")
    with pytest.raises(RuntimeError, match=r"failed to initialise EGL.*use renderer='tiny'"):
        Simulator("egl")


def test_nothing_is_printed():
    """PyBullet prints to the file descriptors: JSON on standard output would be spoiled."""
    code = "print('{'); from envs.simulator import Simulator; s = Simulator(); t = Simulator(); print('}')"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "{\n}\n"
    assert result.stderr == ""


def test_quiet_keeps_what_was_printed_before_and_after(capfd):
    from envs.native import quiet

    print("before")
    with quiet():
        os.write(1, b"within")
        os.write(2, b"within")
        subprocess.run(["echo", "child"], check=True)
    print("after")
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("before\nafter\n", "")


def test_complaint_is_the_first_line_of_the_error():
    from envs.native import complaint

    assert complaint("pass") is None
    assert complaint("import os, sys; print('no screen', file=sys.stderr); os.abort()") == "no screen"
    assert complaint("raise SystemExit(3)") == "exit status 3"
