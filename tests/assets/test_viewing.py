"""From where an object is looked at: the choice, the size in the image, and what an elevation and azimuth mean."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from assets.catalog import ALL_SPLITS, CATEGORIES, SPLITS, Instance, instance_view, split_categories
from assets.conventions import ViewChoice
from assets.importing.prepare import prepare
from assets.importing.views.viewing import ObjectView, parse_view
from envs.camera import Camera
from envs.play import ArticulatedPlay
from urdf_objects import cupboard, joint, link, write


def flat_scissors(path: Path) -> Path:
    return write(
        path,
        link("a", "1 0.1 0.04", "0.2 0 0"),
        link("b", "1 0.1 0.04", "0.2 0 0.05"),
        joint("revolute", "a", "b", limits="0.2 1.2"),
    )


def test_what_shows_from_above_is_seen_from_above(tmp_path: Path) -> None:
    assert prepare(flat_scissors(tmp_path / "s.urdf")).view == ObjectView()


def test_a_cupboard_is_seen_from_its_front(tmp_path: Path) -> None:
    prepared = prepare(cupboard(tmp_path / "c.urdf"))
    assert prepared.view.elevation in (math.radians(35), math.radians(55))
    with ArticulatedPlay(object=tmp_path / "c.urdf") as env:
        shown = [env.reset(seed=seed)[1]["privileged"]["num_parts"] for seed in range(10)]
    assert min(shown) == 3
    with ArticulatedPlay(object=tmp_path / "c.urdf", view="top") as env:
        above = [env.reset(seed=seed)[1]["privileged"]["labels"] for seed in range(10)]
    assert np.mean([np.mean(labels[labels > 0] > 1) for labels in above]) < 0.25  # most of the image is its roof


@pytest.mark.parametrize("azimuth", [-90.0, 0.0, 45.0, 135.0])
def test_the_camera_stands_at_the_azimuth(tmp_path: Path, azimuth: float) -> None:
    """A ball at that azimuth of the file's axes is the nearest thing to the camera."""
    x, y = math.cos(math.radians(azimuth)), math.sin(math.radians(azimuth))
    path = write(
        tmp_path / "o.urdf",
        link("base", "1 1 0.1"),
        link("ball", "0.1 0.1 0.1", f"{0.8 * x} {0.8 * y} 0"),
        joint("revolute", "base", "ball", limits="-0.01 0.01"),
    )
    with ArticulatedPlay(object=path, view=(30, azimuth)) as env:
        env.reset(seed=0)
        env.simulator.place((0.0, 0.0, 0.0), {})
        view = env.simulator.render(Camera.above(90, 90, elevation=math.radians(30)), env._scene.light)
    rows, cols = np.nonzero(view.labels == 2)
    assert abs(cols.mean() - 44.5) < 1.5
    assert view.depth[view.labels == 2].mean() < view.depth[view.labels == 1].min() + 0.05
    assert rows.mean() > np.nonzero(view.labels == 1)[0].mean()


@pytest.mark.parametrize("view", ["auto", (35.0, -60.0), (20.0, 200.0), (90.0, 0.0)])
@pytest.mark.parametrize("made", [cupboard, flat_scissors])
def test_an_object_stays_inside_the_image(tmp_path: Path, view: ViewChoice, made: Callable[[Path], Path]) -> None:
    """Over the ranges of its joints, wherever it may be put at reset."""
    path = made(tmp_path / "o.urdf")
    with ArticulatedPlay(object=path, view=view) as env:
        env.reset(seed=0)
        assert env._model is not None
        turn, camera = env._model.view.turn, env._scene.camera
        names = [(joint.name, joint.lower, joint.upper) for joint in env._model.joints]
        largest = 0.0
        for ends in ((0, 0), (0, 1), (1, 0), (1, 1)):
            for shift in ((0.04, 0.04), (-0.04, -0.04), (0.04, -0.04)):
                for yaw in np.linspace(-turn, turn, 9):
                    joints = {name: (low, high)[end] for (name, low, high), end in zip(names, ends, strict=False)}
                    env.simulator.place((*shift, yaw), joints)
                    labels = env.simulator.render(camera, env._scene.light).labels > 0
                    border = labels.copy()
                    border[1:-1, 1:-1] = False
                    assert not border.any()
                    rows, cols = np.nonzero(labels)
                    largest = max(largest, np.ptp(rows), np.ptp(cols))
    assert largest > 55 or view == (90.0, 0.0)  # and fills it; from above, what is tall stays small


def test_categories_of_the_benchmark_are_seen_as_before(tmp_path: Path) -> None:
    for split in ("train", "val", "test", "stress"):
        for category in split_categories(split):
            if category in CATEGORIES:
                assert instance_view(Instance(category, 0, split)) == "top"
    for split in ALL_SPLITS:
        if split not in SPLITS:  # what others made may have the name of a category
            assert instance_view(Instance("microwave", 0, split)) == "auto"
    long = write(tmp_path / "o.urdf", link("a", "1 0.1 0.04"), link("b", "1 0.1 0.04"), joint("revolute", "a", "b"))
    assert prepare(long, "top").radius == pytest.approx(0.36)  # whatever the ends of the joint's range


@pytest.mark.parametrize("wrong", ["front", "30", (3, 0), (95, 0), (30,), (30, math.nan), ("a", "b"), None, 3])
def test_a_view_that_is_none_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match=r"view must be 'auto', 'top', or elevation \(5 to 90\)"):
        parse_view(wrong)


def test_the_view_is_part_of_the_cache(tmp_path: Path) -> None:
    path = cupboard(tmp_path / "c.urdf")
    first, second = prepare(path, (35.0, -60.0)), prepare(path, (35.0, -90.0))
    assert first.urdf != second.urdf
    assert prepare(path, (35.0, -60.0)) == first
