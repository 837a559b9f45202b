"""The agent: checkpoints, the loop with the real environment, absent depth, and clear errors."""

from __future__ import annotations

import gc
import weakref
from collections import Counter

import gymnasium as gym
import numpy as np
import pytest
import torch

import atp
from atp.acting.selection import NO_HOLD
from atp.agent import Agent, pick_device
from atp.checkpoint import CheckpointError
from atp.networks import InteractionNetwork, PartNetwork, encoding
from atp.part_memory.memory import PartMemory
from atp.perception import encoded
from atp.playing.episode import play_episode
from atp.playing.policies import make_policy
from atp.types import MIN_PART_PIXELS
from tiny_agent import SIDE, tiny_agent


def make(config=None, seed=0):
    return tiny_agent(config, seed, contrast=1.0)


def observation(seed=0, depth=True):
    rng = np.random.default_rng(seed)
    made = {
        "rgb": rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8),
        "depth": (1 + 0.1 * rng.random((SIDE, SIDE))).astype(np.float32) * depth,
        "touch": np.zeros(2, np.int8),
    }
    return made


def box(top, left, height=8, width=10):
    mask = np.zeros((SIDE, SIDE), bool)
    mask[top : top + height, left : left + width] = True
    return mask


def test_saved_agent_acts_and_sees_as_before(tmp_path):
    agent = make({"renderer": "tiny", "seed": 3})
    agent.save_pretrained(tmp_path / "weights", torch.float32)
    loaded = atp.Agent.from_pretrained(tmp_path / "weights", device="cpu")
    assert loaded.config["renderer"] == "tiny"
    assert loaded.config["seed"] == 3
    before, after = observation(1), observation(2)
    agent, loaded = (each.replace(motion_threshold=0.0) for each in (agent, loaded))  # untrained: sure of nothing
    for each in (agent, loaded):
        each.reset(before)
    action = agent.act(before)
    np.testing.assert_array_equal(loaded.act(before), action)
    masks = agent.segment_motion(before, after, action)
    for mine, theirs in zip(masks, loaded.segment_motion(before, after, action), strict=True):
        assert 0 < mine.mean() < 1
        np.testing.assert_array_equal(mine, theirs)


def test_half_precision_is_saved_by_default_and_saving_twice_changes_nothing(tmp_path):
    make().save_pretrained(tmp_path / "first")
    first = Agent.from_pretrained(tmp_path / "first", device="cpu")
    first.save_pretrained(tmp_path / "second")
    second = Agent.from_pretrained(tmp_path / "second", device="cpu")
    assert second.config["dtype"] == "float16"
    for seed in range(3):
        first.reset(observation(seed))
        second.reset(observation(seed))
        np.testing.assert_array_equal(first.act(observation(seed)), second.act(observation(seed)))


def test_what_is_no_checkpoint_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="nowhere"):
        Agent.from_pretrained(tmp_path / "nowhere")


def test_plays_with_the_real_environment():
    env = gym.make("ArticulatedPlay-v0", resolution=SIDE, randomization=True, interactions=3)
    agent = make()
    seen, _ = env.reset(seed=5)
    agent.reset(seen)
    assert not agent.parts.any()
    truncated = False
    while not truncated:
        action = agent.act(seen)
        assert env.action_space.contains(action)
        after, _, _, truncated, _ = env.step(action)
        parts = agent.observe(seen, action, after)
        assert parts.shape == (SIDE, SIDE)
        assert parts.dtype == np.uint8
        np.testing.assert_array_equal(parts, agent.parts)
        seen = after
    env.close()
    agent.reset(seen)
    assert not agent.parts.any()


def test_absent_depth_may_be_zeros_none_or_missing():
    zeros = observation(depth=False)
    none, missing = {**zeros, "depth": None}, {k: v for k, v in zeros.items() if k != "depth"}
    agent = make()
    results = []
    for before in (zeros, none, missing):
        agent.reset(before)
        action = agent.act(before)
        after = {**before, "rgb": np.roll(before["rgb"], 3, axis=1)}
        results.append([action, *agent.segment_motion(before, after, action)])
    for other in results[1:]:
        for mine, theirs in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(mine, theirs)
    agent.reset(observation())
    assert (agent.act(observation()) != results[0][0]).any()  # where there is depth, it counts


def test_batch_gives_the_single_results():
    agent = make()
    before, after = [observation(s) for s in (1, 2, 3)], [observation(s) for s in (4, 5, 6)]
    actions = [np.array([3, 4, 20, 30, 2]), np.full(5, -1), np.array([40, 4, 2, 3, 7])]
    first, second = agent.segment_motion_batch(before, after, actions)
    assert first.shape == second.shape == (3, SIDE, SIDE)
    for index in range(3):
        alone = agent.segment_motion(before[index], after[index], actions[index])
        for mine, theirs in zip(alone, (first[index], second[index]), strict=True):
            assert (mine != theirs).mean() < 1e-3  # sums in another order may tip a pixel
    unknown = agent.segment_motion(before[1], after[1])
    assert (unknown[0] != first[1]).mean() < 1e-3


def test_what_is_perceived_is_the_masks_and_how_sure_they_are():
    agent = make().replace(motion_threshold=0.0, refine_with_depth=False)
    before, after, action = observation(1), observation(2), np.array([3, 4, 20, 30, 2])
    masks = agent.segment_motion(before, after, action)
    for found, mask in zip(agent.perceive(before, after, action), masks, strict=True):
        np.testing.assert_array_equal(found.moved, mask)
        np.testing.assert_array_equal(found.chance > 0.5, mask)
        assert len(np.unique(found.chance)) > 2
    undecided = agent.replace(motion_threshold=1e6).perceive(before, after, action)
    assert not any(found.moved.any() for found in undecided)


def test_masks_are_weighed_only_where_the_agent_is_to(agent):
    first, piece, moved = box(10, 10, 8, 30), box(12, 26, 8, 14), box(24, 26, 8, 14)
    unsure = tuple(np.where(mask, 0.7, 0.0).astype(np.float32) for mask in (piece, moved))
    found = []
    for weigh in (True, False):
        player = agent.replace(weigh_masks=weigh, residual=False)
        player.reset(observation())
        player.remember(np.zeros(5, np.int64), first, np.roll(first, 2, 0))
        player.remember(np.zeros(5, np.int64), piece, moved, None, unsure)
        found.append(player.memory.num_parts)
    assert found == [1, 2]


def test_what_may_have_moved_is_no_residual_part_where_masks_are_weighed(agent):
    depth = np.full((SIDE, SIDE), 1.0, np.float32)
    depth[box(20, 8, 12, 32)] = 0.95
    seen = {**observation(), "depth": depth}
    first, pivot = box(20, 8, 12, 20), box(20, 28, 12, 12)
    chances = (np.where(first, 1.0, np.where(pivot, 0.3, 0.0)).astype(np.float32),) * 2
    found = []
    for weigh in (True, False):
        player = agent.replace(weigh_masks=weigh)
        player.reset(seen)
        found.append(player.remember(np.zeros(5, np.int64), first, first, seen, chances).max())
    assert found == [1, 2]


@pytest.mark.parametrize(("options", "kept"), [({}, True), ({"held_stays": False}, False), ({"hold": False}, False)])
def test_the_held_part_stays_where_masks_are_not_sure(agent, options, kept):
    body, door = box(10, 5, 20, 25), box(10, 30, 20, 5)
    player = agent.replace(residual=False, register_in_space=False, **options)
    player.reset(observation())
    for part in (body, door):
        player.remember(np.zeros(5, np.int64), part, part)
    both = body | door
    chance = np.where(body, 1.0, np.where(door, 0.7, 0.0)).astype(np.float32)
    down = np.roll(both, 6, 0), np.roll(chance, 6, 0)
    found = player.remember(np.array([15, 32, 20, 10, 6]), both, down[0], None, (chance, down[1]))
    assert bool((found[10:16, 30:35] == 2).all()) is kept


def block(top, left):
    """A block on a table, seen from above."""
    return {**observation(), "depth": np.where(box(top, left, 20, 20), 1.4, 1.5).astype(np.float32)}


@pytest.mark.parametrize(("options", "focal"), [({}, 1.5), ({"focal": 0.9}, 0.9)])
def test_depth_before_and_after_is_what_the_memory_is_told(options, focal, monkeypatch):
    told = []
    update = PartMemory.update
    monkeypatch.setattr(PartMemory, "update", lambda *given: (told.append(given[4]), update(*given))[1])
    first, second, third = block(24, 4), block(24, 9), block(20, 9)
    agent = make().replace(**options)
    agent.reset(first)
    moved = box(24, 4, 20, 20), box(24, 9, 20, 20)
    for after in (second, {**third, "depth": None}, third, third):
        agent.remember(np.zeros(5, np.int64), *moved, after)
    assert [space is None for space in told] == [False, True, True, False]
    for space, before, after in ((told[0], first, second), (told[3], third, third)):
        np.testing.assert_array_equal(space.before, before["depth"])
        np.testing.assert_array_equal(space.after, after["depth"])
        assert space.focal == focal * SIDE
    planar = agent.replace(register_in_space=False)
    planar.reset(first)
    planar.remember(np.zeros(5, np.int64), *moved, second)
    assert told[-1] is None


def test_failed_actions_are_not_repeated_until_a_part_is_found():
    agent, seen = make(), observation()
    agent.reset(seen)
    nothing = np.zeros((SIDE, SIDE), bool)
    first = agent.act(seen)
    np.testing.assert_array_equal(agent.act(seen), first)  # asking does not count as trying
    agent.remember(first, nothing, nothing)
    second = agent.act(seen)
    assert (second[2:] != first[2:]).any()
    speck = nothing.copy()
    speck[0, : MIN_PART_PIXELS - 1] = True
    agent.remember(second, speck, speck)
    third = agent.act(seen)
    assert len({tuple(action[2:]) for action in (first, second, third)}) == 3
    agent.remember(third, box(10, 10), box(20, 10))
    assert agent.memory.num_parts == 1
    found = agent.act(seen)
    agent.reset(seen)
    agent.remember(third, box(10, 10), box(20, 10))  # the same memory without a failure before it
    np.testing.assert_array_equal(agent.act(seen), found)


def test_true_motion_can_be_remembered():
    agent = make()
    agent.reset(observation())
    labels = agent.remember(np.array([0, 0, 12, 12, 6]), box(10, 10), box(20, 10))
    np.testing.assert_array_equal(labels, box(20, 10))
    labels[:] = 9
    np.testing.assert_array_equal(agent.parts, box(20, 10))  # a copy is handed out


def test_agent_that_does_not_hold(tmp_path):
    make().replace(hold=False).save_pretrained(tmp_path / "weights")
    agent = Agent.from_pretrained(tmp_path / "weights", device="cpu")
    agent.reset(observation())
    assert tuple(agent.act(observation())[:2]) == NO_HOLD


def test_reset_comes_first():
    agent, seen = make(), observation()
    nothing = np.zeros((SIDE, SIDE), bool)
    for call in (
        lambda: agent.act(seen),
        lambda: agent.parts,
        lambda: agent.memory,
        lambda: agent.observe(seen, np.zeros(5, np.int64), seen),
        lambda: agent.remember(np.zeros(5, np.int64), nothing, nothing),
    ):
        with pytest.raises(RuntimeError, match=r"agent\.reset\(observation\)"):
            call()


def test_wrong_inputs_are_named():
    agent, seen = make(), observation()
    agent.reset(seen)
    with pytest.raises(ValueError, match="outside an image of 48 x 48"):
        agent.observe(seen, np.array([0, 0, 48, 0, 0]), seen)
    with pytest.raises(ValueError, match="rgb must be uint8"):
        agent.act({"rgb": seen["rgb"].astype(np.float32)})
    with pytest.raises(ValueError, match="moved_before"):
        agent.remember(np.zeros(5, np.int64), np.zeros((SIDE, SIDE)), np.zeros((SIDE, SIDE)))
    small = np.zeros((SIDE, SIDE - 1), bool), np.zeros((SIDE, SIDE - 1), np.float32)
    with pytest.raises(ValueError, match="moved_before"):
        agent.remember(np.zeros(5, np.int64), small[0], small[0], seen, (small[1], small[1]))


def test_device():
    assert pick_device("cpu").type == "cpu"
    assert pick_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(ValueError, match=r"auto, cpu or cuda, not 'gpu'"):
        pick_device("gpu")
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="sees no GPU"):
            Agent(InteractionNetwork(8), PartNetwork(8), device="cuda")


def test_motion_is_believed_from_a_certainty_on():
    agent = make()
    before, after = observation(1), observation(2)
    agent = agent.replace(refine_with_depth=False, motion_threshold=0.0)
    assert all(mask.any() for mask in agent.segment_motion(before, after))
    agent = agent.replace(motion_threshold=50.0)
    assert not any(mask.any() for mask in agent.segment_motion(before, after))


@pytest.fixture
def counts(monkeypatch):
    """How often images are encoded and objects are looked for."""
    counted = Counter()

    def counting(name, function):
        def call(*arguments):
            counted[name] += 1
            return function(*arguments)

        return call

    monkeypatch.setattr(encoding, "image_tensor", counting("images", encoding.image_tensor))
    monkeypatch.setattr(encoded, "above_plane", counting("masks", encoded.above_plane))
    return counted


def test_each_observation_of_an_episode_is_encoded_once(counts):
    env = gym.make("ArticulatedPlay-v0", resolution=SIDE, randomization=True, interactions=5)
    agent = make()
    seen, _ = env.reset(seed=5)
    steps = list(play_episode(env, agent, make_policy("ours", env, agent, np.random.default_rng(0)), seen))
    env.close()
    assert len({step.after["rgb"].tobytes() for step in steps} | {seen["rgb"].tobytes()}) == 6
    assert counts == {"images": 6, "masks": 6}


def test_an_observation_that_was_changed_in_place_is_another_one(counts):
    agent, seen = make(), observation()
    seen["depth"][3, 3] = np.nan
    agent.reset(seen)
    first = agent.act(seen)
    assert counts == {"images": 1, "masks": 1}
    for change in (
        lambda: seen["rgb"].__setitem__(slice(10, 30), 0),
        lambda: seen["depth"].__setitem__((slice(10, 40), slice(10, 40)), 0.9),
        lambda: seen.update(depth=None),
    ):
        change()
        counts.clear()
        changed = agent.act(seen)
        assert counts["images"] == 1
        fresh = agent.replace()
        fresh.reset(seen)
        np.testing.assert_array_equal(changed, fresh.act(seen))
    assert (changed != first).any()


def test_only_the_last_two_observations_are_kept():
    agent = make()
    agent.segment_motion_batch([observation(seed) for seed in range(4)], [observation(seed) for seed in range(4, 8)])
    kept = [weakref.ref(each) for each in agent._last._last]
    agent.segment_motion(observation(8), observation(9))
    gc.collect()
    assert [each() for each in kept] == [None, None]  # there were two, and they are gone
