"""A category that a module of somebody else adds, from the name to a step of the environment."""

from __future__ import annotations

import sys

import gymnasium as gym
import numpy as np
import pytest

from assets.catalog import CATEGORIES, TEST_CATEGORIES, Instance, instance_folder, instances, split_categories
from assets.generators import CATEGORY_REGISTRY, register_category
from envs.parallel.pool import EnvironmentPool, WorkerLost, play_pool

MODULE = """
import shapely
from assets.generators import GeneratedObject, Joint, Link, register_category, textures
from assets.generators.solids import Piece, visuals

@register_category("toaster", split="test")
def toaster(rng):
    body = Piece(shapely.box(-0.2, -0.1, 0.2, 0.1), 0.0, {height}, textures.coloured(rng))
    lever = Piece(shapely.box(0.21, -0.08, 0.4, 0.08), 0.0, 0.05, textures.metal(rng))
    joint = Joint(0, 1, (0.21, 0.0, 0.0), -0.5, 0.5)
    return GeneratedObject("toaster", (Link("body", visuals([body])), Link("lever", visuals([lever]))), (joint,))

def helper(rng):
    return toaster(rng)
"""
OPTIONS = {"split": "test", "resolution": 48, "interactions": 1}
ACTION = np.array([24, 20, 24, 28, 2])


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module `my_toasters` on the path that nobody has imported, and an empty cache."""
    (tmp_path / "my_toasters.py").write_text(MODULE.format(height=0.1))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("ATP_CACHE", str(tmp_path / "cache"))
    yield tmp_path / "my_toasters.py"
    sys.modules.pop("my_toasters", None)
    CATEGORY_REGISTRY._entries.pop("toaster", None)


def one_step(env):
    observation, info = env.reset(seed=3)
    after, *_, later = env.step(ACTION)
    assert info["privileged"]["num_parts"] == 2
    return info["category"], info["instance"], observation["rgb"], after["rgb"], later["instance"]


def assert_same(episode, other):
    for mine, theirs in zip(episode, other, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_category_shows_wherever_categories_are_listed(module):
    with pytest.raises(ValueError, match="unknown category 'toaster': choose one of scissors"):
        gym.make("envs:ArticulatedPlay-v0", category="toaster", split="test")
    before = instances("test")
    named = instances("test", "my_toasters:toaster")
    assert named == [Instance("toaster", index, "test") for index in range(50)]
    assert split_categories("test") == (*TEST_CATEGORIES, "toaster")
    assert "toaster" not in split_categories("train") + split_categories("stress") + CATEGORIES
    assert instances("test") == before + named == before + instances("test", "toaster")
    folder = instance_folder("toaster", 4, "test")
    assert folder == instance_folder("my_toasters:toaster", 4, "test")
    assert folder.name == "toaster-test-0-004"
    assert (folder / "mobility.urdf").is_file()


def test_the_same_step_here_and_in_a_worker(module):
    env = gym.make("envs:ArticulatedPlay-v0", category="my_toasters:toaster", **OPTIONS)
    episode = one_step(env)
    env.reset(seed=1, options={"category": "my_toasters:toaster", "index": 7})
    assert env.reset(seed=1, options={"category": "toaster", "index": 7})[1]["instance"] == "toaster-test-0-007"
    env.close()
    assert episode[0] == "toaster"
    short = gym.make("envs:ArticulatedPlay-v0", category="toaster", **OPTIONS)
    assert_same(one_step(short), episode)
    short.close()
    for category in ("my_toasters:toaster", "toaster"):  # the short one is known to workers as it is here
        pool = play_pool(1, 1, category=category, **OPTIONS)
        assert_same(one_step(PoolOfOne(pool)), episode)
        pool.close()


class PoolOfOne:
    """The first environment of a pool, as Gymnasium has it."""

    def __init__(self, pool: EnvironmentPool) -> None:
        self.pool = pool

    def reset(self, seed):
        self.pool.reset_async(0, seed)
        return self._seen(self.pool.wait()[0])

    def step(self, action):
        self.pool.step_async(0, action)
        answer = self.pool.wait()[0]
        observation, info = self._seen(answer)
        return observation, answer.reward, answer.terminated, answer.truncated, info

    def _seen(self, answer):
        privileged = {name: array[0] for name, array in self.pool.privileged.items()}
        observation = {name: array[0].copy() for name, array in self.pool.observation.items()}
        return observation, {**answer.info, "privileged": privileged}


def test_an_edited_module_gives_new_objects(module):
    """No stale object comes out of the cache: nobody raises a version number for a module of their own."""
    first = instance_folder("my_toasters:toaster", 0, "test")
    sys.modules.pop("my_toasters")
    module.write_text(MODULE.format(height=0.15) + "# edited\n")
    second = instance_folder("my_toasters:toaster", 0, "test")
    assert first != second
    mesh = "textured_objs/original-0.obj"
    assert (first / mesh).read_bytes() != (second / mesh).read_bytes()


def test_what_cannot_be_a_category_is_refused(module):
    with pytest.raises(ValueError, match="helper is no Category, and module my_toasters registers none as 'helper'"):
        instances("test", "my_toasters:helper")
    with pytest.raises(ValueError, match=r"split 'train' has the categories scissors.*or split test"):
        instances("train", "my_toasters:toaster")
    with pytest.raises(ValueError, match=r"there is no module 'no_toasters'.*PYTHONPATH"):
        gym.make("envs:ArticulatedPlay-v0", category="no_toasters:toaster")
    with pytest.raises(ValueError, match="split must be one of train, test, stress, mix, not 'val'"):
        register_category("spoon", split="val")
    with pytest.raises(ValueError, match=r"category 'scissors' is registered already, by assets\.generators\.scissors"):
        register_category("scissors", split="test")(lambda rng: None)


def test_a_function_that_calls_its_objects_otherwise_is_refused(module):
    module.write_text(MODULE.format(height=0.1).replace('GeneratedObject("toaster"', 'GeneratedObject("kettle"'))
    with pytest.raises(ValueError, match="category 'toaster' draws objects that say they are of 'kettle'"):
        instance_folder("my_toasters:toaster", 0, "test")


def test_a_worker_that_cannot_import_the_module_says_so(module):
    instances("test", "my_toasters:toaster")
    module.unlink()
    pool = play_pool(1, 1, category="toaster", **OPTIONS)
    pool.reset_async(0, 1)
    with pytest.raises(WorkerLost, match="unknown category 'toaster'"):
        pool.wait()
