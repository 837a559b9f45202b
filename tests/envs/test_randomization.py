"""Domain randomization: each switch changes what it should and nothing else."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from envs.camera import FAR, Camera
from envs.play import ArticulatedPlay
from envs.randomization import RandomizationConfig, observe, sample_scene, sample_tints
from envs.simulator import Friction, Light
from scenes import TWO_BARS, box_scene

OFF = RandomizationConfig.off()
ON = RandomizationConfig()
SWITCHES = {
    field.name: replace(
        OFF, **{field.name: True if field.name in ("colours", "light", "background", "shadow") else 0.9}
    )  # type: ignore[arg-type]
    for field in fields(RandomizationConfig)
}
#: Which fields of the scene each switch may change.
OF_SCENE = {
    "colours": set(),
    "light": {"light"},
    "background": {"background"},
    "shadow": {"shadow"},
    "camera_tilt": {"camera"},
    "camera_zoom": {"camera"},
    "camera_shift": {"camera"},
    "friction": {"friction"},
    "rgb_noise": {"rgb_noise"},
    "exposure": set(),
    "blur": {"blur"},
    "depth_noise": set(),
    "depth_holes": {"depth_holes"},
    "missing_depth": {"missing_depth"},
}


def scenes_of(config, seeds=range(12)):
    return [sample_scene(config, 40, 60, np.random.default_rng(seed)) for seed in seeds]


def same(one, other) -> bool:
    if isinstance(one, Camera):
        return np.array_equal(one.position, other.position) and np.array_equal(one.rotation, other.rotation)
    return np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other


def test_every_switch_is_tested():
    assert set(OF_SCENE) == {field.name for field in fields(RandomizationConfig)}


@pytest.mark.parametrize("switch", OF_SCENE)
def test_a_switch_changes_its_own_part_of_the_scene_alone(switch):
    clean = scenes_of(OFF)
    changed = set()
    for scene, plain in zip(scenes_of(SWITCHES[switch]), clean, strict=True):
        changed |= {f.name for f in fields(scene) if not same(getattr(scene, f.name), getattr(plain, f.name))}
    assert changed == OF_SCENE[switch]


def test_the_clean_scene_is_always_the_same():
    first, *others = scenes_of(OFF)
    for other in others:
        assert all(same(getattr(first, f.name), getattr(other, f.name)) for f in fields(first))
    assert first.light == Light()
    assert first.friction == Friction()
    assert first.shadow is None
    assert not first.missing_depth
    np.testing.assert_array_equal(first.camera.position, Camera.above(40, 60).position)
    assert np.unique(first.background).tolist() == [178]


def test_strengths_are_bounds():
    scenes = scenes_of(ON, range(200))
    base = Friction()
    for scene in scenes:
        target = scene.camera.position + scene.camera.rotation[:, 2] * (
            -scene.camera.position[2] / scene.camera.rotation[2, 2]
        )
        assert np.abs(target[:2]).max() <= ON.camera_shift + 1e-9
        distance = np.linalg.norm(scene.camera.position - target)
        assert abs(distance / 1.5 - 1) <= ON.camera_zoom + 1e-9
        cosine = -scene.camera.rotation[2, 2]
        assert cosine >= np.cos(ON.camera_tilt) ** 2 - 1e-9
        for name in ("slide", "yaw", "hinge", "rail"):
            assert abs(getattr(scene.friction, name) / getattr(base, name) - 1) <= ON.friction + 1e-9
        assert 0 <= scene.rgb_noise <= ON.rgb_noise
        assert 0 <= scene.blur <= ON.blur
        assert 0 <= scene.depth_holes <= ON.depth_holes
        assert scene.background.dtype == np.float32
        assert scene.background.min() >= 0
        assert scene.background.max() <= 255
    assert 0.08 < np.mean([scene.missing_depth for scene in scenes]) < 0.25
    assert 0.55 < np.mean([scene.shadow is not None for scene in scenes]) < 0.85
    assert np.std([scene.camera.rotation[0, 2] for scene in scenes]) > 0.1
    grounds = {scene.background.tobytes() for scene in scenes}
    assert len(grounds) == len(scenes)


def test_tints():
    links = [[3], [4, 6], [5]]
    assert sample_tints(OFF, links, np.random.default_rng(0)) == {}
    draws = [sample_tints(ON, links, np.random.default_rng(seed)) for seed in range(300)]
    tinted = [draw for draw in draws if draw]
    assert 0.55 < len(tinted) / 300 < 0.78
    assert all(set(draw) == {3, 4, 5, 6} for draw in tinted)
    assert all(draw[4] == draw[6] for draw in tinted)  # one part, one colour
    alike = np.mean([draw[3] == draw[4] == draw[5] for draw in tinted])
    assert 0.38 < alike < 0.62
    colours = np.array([colour for draw in tinted for colour in draw.values()])
    assert colours.min() >= 0.15
    assert colours.max() <= 1


# --- What the sensor adds ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    return box_scene(tmp_path_factory.mktemp("boxes"), *TWO_BARS, pose=(0.02, 0.01, 0.4)).look()


def sensed(view, config, seed=0, scene_seed=0):
    scene = sample_scene(config, 90, 90, np.random.default_rng(scene_seed))
    return scene, *observe(view, scene, config, np.random.default_rng(seed))


def test_the_clean_sensor_reports_the_view_on_plain_ground(view):
    _, rgb, depth = sensed(view, OFF)
    on = view.labels > 0
    np.testing.assert_array_equal(rgb[on], view.rgb[on])
    assert np.unique(rgb[~on]).tolist() == [178]
    np.testing.assert_array_equal(depth, view.depth)
    assert rgb.dtype == np.uint8
    assert depth.dtype == np.float32


# whether the image of the object, that of the ground, and the depth differ from the clean ones
SENSED = {
    "background": (False, True, False),
    "shadow": (False, True, False),
    "rgb_noise": (True, True, False),
    "exposure": (True, True, False),
    "blur": (True, True, False),
    "depth_noise": (False, False, True),
    "depth_holes": (False, False, True),
    "missing_depth": (False, False, True),
    "friction": (False, False, False),
    "colours": (False, False, False),  # painted on the object itself, see the simulator
    "light": (False, False, False),
}


@pytest.mark.parametrize("switch", SENSED)
def test_a_switch_changes_its_own_part_of_the_observation_alone(view, switch):
    on = view.labels > 0
    _, clean_rgb, clean_depth = sensed(view, OFF)
    changed = np.zeros(3, bool)
    for seed in range(8):
        _, rgb, depth = sensed(view, SWITCHES[switch], seed, seed)
        changed |= [(rgb != clean_rgb)[on].any(), (rgb != clean_rgb)[~on].any(), (depth != clean_depth).any()]
    assert tuple(changed) == SENSED[switch]


def test_noise_has_the_strength_set(view):
    config = replace(OFF, depth_noise=0.004)
    _, _, depth = sensed(view, config)
    assert np.std(depth - view.depth) == pytest.approx(0.004, rel=0.05)
    scene, _, depth = sensed(view, replace(OFF, depth_holes=0.5), scene_seed=1)
    assert np.mean(depth == 0) == pytest.approx(scene.depth_holes, abs=0.03)
    assert scene.depth_holes > 0.05
    scene, rgb, _ = sensed(view, replace(OFF, rgb_noise=300.0), scene_seed=1)
    ground = rgb[view.labels == 0].astype(float)
    assert np.std(ground) == pytest.approx(scene.rgb_noise, rel=0.1)
    assert scene.rgb_noise > 1


def test_missing_depth_is_an_image_of_zeros(view):
    _, _, depth = sensed(view, replace(OFF, missing_depth=1.0))
    assert not depth.any()
    assert depth.shape == (90, 90)


def test_a_shadow_is_darker_ground_beside_the_object(view):
    config = SWITCHES["shadow"]
    darkened = 0
    for seed in range(8):
        scene, rgb, _ = sensed(view, config, scene_seed=seed)
        ground = rgb[view.labels == 0]
        assert ground.max() <= 178
        if scene.shadow is not None:
            darkened += ground.min() < 170
            assert np.mean(ground < 177) < 0.5
    assert darkened > 3


def test_absurd_noise_stays_within_the_observation_space(view):
    config = replace(OFF, depth_noise=50.0, rgb_noise=500.0, exposure=0.9)
    _, rgb, depth = sensed(view, config)
    assert depth.min() >= 0
    assert depth.max() <= FAR
    assert rgb.dtype == np.uint8


def test_observing_twice_differs_by_noise_alone_and_leaves_the_view_as_it_was(view):
    copies = view.rgb.copy(), view.depth.copy()
    scene = sample_scene(ON, 90, 90, np.random.default_rng(3))
    rng = np.random.default_rng(0)
    first, second = observe(view, scene, ON, rng), observe(view, scene, ON, rng)
    assert (first[0] != second[0]).any()
    again = observe(view, scene, ON, np.random.default_rng(0))
    assert all(a.tobytes() == b.tobytes() for a, b in zip(first, again, strict=True))
    for mine, its in ((first[0], view.rgb), (first[1], view.depth), (first[0], second[0])):
        assert not np.shares_memory(mine, its)
    np.testing.assert_array_equal(view.rgb, copies[0])
    np.testing.assert_array_equal(view.depth, copies[1])


# --- In the environment ------------------------------------------------------------------------------------------


def first_images(config, seeds):
    env = ArticulatedPlay(category="scissors", randomization=config)
    results = []
    for seed in seeds:
        observation, info = env.reset(seed=seed, options={"index": 0})
        results.append((observation, info["privileged"]["labels"]))
    env.close()
    return results


@pytest.mark.parametrize("switch", ["colours", "light"])
def test_paint_and_light_change_the_pixels_of_the_object_alone(cache, switch):
    """The joint state is drawn after the light and before the paint: only paint leaves the pose as it was."""
    changed = []
    for (plain, labels), (other, other_labels) in zip(
        first_images(OFF, range(6)), first_images(SWITCHES[switch], range(6)), strict=True
    ):
        np.testing.assert_array_equal(np.unique(other["rgb"][other_labels == 0]), [178])
        if switch == "colours":
            np.testing.assert_array_equal(labels, other_labels)
            np.testing.assert_array_equal(plain["depth"], other["depth"])
        changed.append((plain["rgb"] != other["rgb"]).any())
    assert sum(changed) >= 3


def test_switches_by_name():
    for given, wanted in ((False, OFF), (True, ON), (SWITCHES["blur"], SWITCHES["blur"])):
        env = ArticulatedPlay(randomization=given)
        assert env.randomization == wanted
        env.close()
    assert all(not getattr(OFF, field.name) for field in fields(OFF))
