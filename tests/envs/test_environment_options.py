"""What the environment and its reset are asked for, and errors that say what is wrong."""

from __future__ import annotations

import os
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from assets.catalog import TRAIN_CATEGORIES, instance_folder
from assets.importing.reading.urdf import ObjectError
from envs.play import ArticulatedPlay
from episodes import action_on_object, episode

pytestmark = pytest.mark.usefixtures("cache")


def test_reset_options_pick_the_object(env):
    for category in TRAIN_CATEGORIES:
        _, info = env.reset(seed=0, options={"category": category, "index": 1})
        assert (info["category"], info["instance"]) == (category, f"{category}-train-0-001")
    assert env.reset(seed=0, options={"category": "knife"})[1]["category"] == "knife"
    names = {env.reset(seed=seed, options={"index": 2})[1]["instance"] for seed in range(24)}
    assert names == {f"{category}-train-0-002" for category in TRAIN_CATEGORIES}


def test_the_category_of_the_environment():
    env = ArticulatedPlay(split="val", category="knife")
    _, info = env.reset(seed=0, options={"index": 0})
    assert info["instance"] == "knife-val-0-000"
    with pytest.raises(ValueError, match=r"category='scissors'.*knife"):
        env.reset(options={"category": "scissors"})
    env.close()


def test_a_folder_of_ones_own(env):
    folder = instance_folder("pliers", 0, "test")
    for given in (folder, str(folder), folder / "mobility.urdf"):
        _, info = env.reset(seed=0, options={"object": given})
        assert info["category"] == "pliers"
    own = ArticulatedPlay(object=str(folder))
    wanted = episode(env, 4, {"object": folder})
    assert episode(own, 4) == wanted
    own.close()


def test_an_object_that_others_made(env):
    objects = Path(os.environ.get("ATP_OBJECTS", Path(__file__).parents[3] / "shared" / "objects"))
    folder = objects / "sektion_cabinet_model"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here; set ATP_OBJECTS")
    _, info = env.reset(seed=0, options={"object": folder / "urdf" / "sektion_cabinet.urdf"})
    assert info["privileged"]["num_parts"] >= 2
    rng = np.random.default_rng(0)
    for _ in range(env.interactions):
        observation, _, _, _, info = env.step(action_on_object(info, rng))
        assert env.observation_space.contains(observation)


def test_point_hold_lets_the_held_part_rotate():
    rotated = {}
    for hold in ("fixed", "point"):
        env = ArticulatedPlay(hold=hold, category="knife")  # type: ignore[arg-type]
        rng, moved = np.random.default_rng(0), 0
        for seed in range(4):
            _, info = env.reset(seed=seed, options={"index": 0})
            for _ in range(5):
                _, _, _, _, info = env.step(action_on_object(info, rng))
                truth = info["privileged"]
                moved += truth["moved_parts"][truth["held_part"] - 1]
        rotated[hold] = moved
        env.close()
    assert rotated["fixed"] == 0
    assert rotated["point"] > 5


@pytest.mark.parametrize(
    "action",
    [[90, 0, 0, 0, 0], [0, 0, 0, -1, 0], [0, 0, 0, 0, 8], [0, 0, 0, 0], [[0, 0, 0, 0, 0]], [0.5, 0, 0, 0, 0]],
)
def test_bad_actions(env, action):
    env.reset(seed=0)
    state = env.simulator.state()
    for use in (env.step, env.try_action):
        with pytest.raises(ValueError, match="is not in MultiDiscrete"):
            use(np.array(action))
    assert env.simulator.state() == state
    env.step([0, 0, 0, 0, 0])  # the episode goes on; plain integers will do


def test_before_the_first_reset(env):
    for use in (
        lambda: env.step(np.zeros(5, int)),
        lambda: env.try_action(np.zeros(5, int)),
        env.oracle_action,
        env.render,
    ):
        with pytest.raises(gym.error.ResetNeeded):
            use()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"colour": 1}, "unknown reset options.*colour"),
        (
            {"category": "pliers"},
            r"no instance with category='pliers'.*\['knife', 'safe', 'scissors', 'usb'\]",
        ),
        ({"index": 100000}, r"index=100000.*indices: 0 to \d+$"),
        ({"object": "/no/such/folder"}, "/no/such/folder"),
        ({"object": "/no/such/folder", "index": 0}, "do not go with object"),
    ],
)
def test_bad_reset_options(env, options, message):
    with pytest.raises(ValueError, match=message):  # an ObjectError is one
        env.reset(seed=0, options=options)
    env.reset(seed=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "dev"}, "unknown split 'dev'"),
        ({"category": "spoon"}, "unknown category 'spoon'"),
        ({"category": "pliers"}, "split 'train' has the categories"),
        ({"resolution": 8}, "between 16 and 1024"),
        ({"resolution": (90, 5000)}, "between 16 and 1024"),
        ({"resolution": 90.0}, "whole number or two, not 90.0"),
        ({"resolution": "90"}, "whole number or two, not '90'"),
        ({"resolution": None}, "whole number or two, not None"),
        ({"resolution": (90, 90, 3)}, "whole number or two"),
        ({"resolution": (90, float("nan"))}, "whole number or two"),
        ({"interactions": 0}, "at least 1"),
        ({"interactions": 2.5}, "interactions must be a whole number, not 2.5"),
        ({"trials": "many"}, "trials must be a whole number"),
        ({"hold": "glue"}, "'fixed' or 'point', not 'glue'"),
        ({"renderer": "gl"}, "'tiny' or 'egl', not 'gl'"),
        ({"render_mode": "ansi"}, "'rgb_array' or 'human', not 'ansi'"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        ArticulatedPlay(**options)


def test_objects_that_cannot_be_used(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "mobility.urdf").write_text("<robot><link")
    for name in ("empty", "broken"):
        env = ArticulatedPlay(object=tmp_path / name)
        with pytest.raises(ObjectError, match=name):
            env.reset()
        env.close()
