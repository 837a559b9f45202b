"""Policies: random actions lie on the object and follow the seed; ablations play with weights of their own."""

import os
import sys

import numpy as np
import pytest
import torch

from assets.shipped import shipped_weights
from atp.acting.selection import NO_HOLD
from atp.agent import Agent
from atp.benchmark.evaluation import Cell, Setting, Task, evaluate
from atp.playing import policies
from atp.playing.policies import (
    POLICIES,
    make_policy,
    policy_weights,
    random_action,
    register_policy,
    sees_true_motion,
    weights_available,
)
from tiny_agent import tiny_agent


def scene(height: float = 0.05) -> np.ndarray:
    depth = np.full((60, 80), 1.5, np.float32)
    depth[20:30, 40:60] -= height
    return depth


def test_random_actions_are_uniform_on_the_object():
    rng = np.random.default_rng(0)
    actions = np.array([random_action(scene(), (60, 80), rng) for _ in range(4000)])
    for rows, cols in ((actions[:, 0], actions[:, 1]), (actions[:, 2], actions[:, 3])):
        assert rows.min() == 20
        assert rows.max() == 29
        assert cols.min() == 40
        assert cols.max() == 59
        assert abs(np.mean(cols < 50) - 0.5) < 0.03
    assert np.all(np.abs(np.bincount(actions[:, 4], minlength=8) / 4000 - 1 / 8) < 0.02)
    same = (actions[:, :2] == actions[:, 2:4]).all(axis=1).mean()
    assert abs(same - 1 / 200) < 0.005  # hold and push are drawn independently


@pytest.mark.parametrize("depth", [None, np.zeros((60, 80), np.float32), scene(height=0.0)])
def test_without_an_object_in_the_depth_any_pixel_is_drawn(depth):
    rng = np.random.default_rng(1)
    actions = np.array([random_action(depth, (60, 80), rng) for _ in range(500)])
    assert actions[:, [0, 2]].max() > 55
    assert actions[:, [1, 3]].max() > 75


def test_same_seed_same_actions():
    draws = [[random_action(scene(), (60, 80), np.random.default_rng(s)).tolist() for s in (5, 6)] for _ in range(2)]
    assert draws[0] == draws[1]
    assert draws[0][0] != draws[0][1]


def test_only_the_upper_bound_sees_true_motion():
    assert {name for name, make in POLICIES.items() if sees_true_motion(make)} == {"gt-act-mot"}  # type: ignore[arg-type]


def untrained(seed: int) -> Agent:
    return tiny_agent(seed=seed, contrast=3.0).replace(symmetries=1)


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """An empty folder in place of the shipped weights."""
    monkeypatch.setattr("assets.shipped.SHIPPED", tmp_path)
    policies._load_interaction.cache_clear()
    yield tmp_path
    policies._load_interaction.cache_clear()


def observations(count: int = 12) -> list[dict]:
    rng = np.random.default_rng(0)
    return [
        {
            "rgb": rng.integers(0, 256, (48, 48, 3), np.uint8),
            "depth": (1 + 0.1 * rng.random((48, 48))).astype(np.float32),
        }
        for _ in range(count)
    ]


def actions(name: str, agent: Agent, remembered: np.ndarray) -> list[list[int]]:
    """What a policy does in each observation, when the evaluated agent remembers a part there."""
    policy = make_policy(name, None, agent, np.random.default_rng(0))  # type: ignore[arg-type]
    chosen = []
    for observation in observations():
        agent.reset(observation)
        if remembered.any():
            agent.memory.update(remembered, remembered)
        chosen.append(policy.act(observation).tolist())
    return chosen


def part() -> np.ndarray:
    mask = np.zeros((48, 48), bool)
    mask[10:30, 5:40] = True
    return mask


def test_the_memory_is_seen_by_ours_and_not_by_act_no_part(shipped):
    nothing = np.zeros((48, 48), bool)
    untrained(1).replace(see_memory=False).save_pretrained(shipped / "no-part", torch.float32)
    agent = untrained(0)
    assert actions("ours", agent, part()) != actions("ours", agent, nothing)
    assert actions("act-no-part", agent, part()) == actions("act-no-part", agent, nothing)


def test_an_ablation_acts_as_its_own_weights_on_the_memory_of_the_evaluated_agent(shipped):
    actor, agent = untrained(1), untrained(0)
    actor.save_pretrained(shipped / "no-touch", torch.float32)
    (shipped / "no-touch" / "part.safetensors").unlink()  # the evaluated agent's perceives
    assert actions("ours-no-touch", agent, part()) == actions("ours", actor, part())
    assert actions("ours-no-touch", agent, part()) != actions("ours", agent, part())


def test_act_no_hold_never_holds(shipped):
    untrained(1).replace(hold=False).save_pretrained(shipped / "no-hold", torch.float32)
    chosen = actions("act-no-hold", untrained(0), part())
    assert {tuple(action[:2]) for action in chosen} == {NO_HOLD}
    assert len({tuple(action[2:4]) for action in chosen}) > 1


@pytest.mark.parametrize("name", ["act-no-hold", "act-no-part", "ours-no-touch", "ppo", "ppo-on-object"])
def test_policies_without_their_weights_say_so(shipped, name):
    assert not weights_available(name)
    with pytest.raises(ValueError, match=rf"{policy_weights(name)}: there are no weights"):  # type: ignore[attr-defined]
        make_policy(name, None, untrained(0), np.random.default_rng(0))  # type: ignore[arg-type]


def test_policies_without_weights_of_their_own_are_always_available(shipped):
    assert {name for name in POLICIES if weights_available(name)} == {
        "ours",
        "act-random",
        "gt-act",
        "gt-act-mot",
    }
    untrained(1).save_pretrained(shipped / "no-touch")
    assert weights_available("ours-no-touch")
    with pytest.raises(ValueError, match="not the name of weights"):
        shipped_weights("../default")


OUTSIDE = """
import numpy as np


class Corner:
    def __init__(self, env, agent, rng):
        self.resolution, self.rng = agent.resolution, rng

    def act(self, observation):
        assert observation["rgb"].shape == (self.resolution, self.resolution, 3)
        return np.array([0, 0, *self.rng.integers(0, 3, 2), self.rng.integers(8)])


class Seer:
    true_motion = True

    def __init__(self, env, agent, rng):
        self.env, self.rng = env, rng

    def act(self, observation):
        return self.env.unwrapped.oracle_action(int(self.rng.integers(2**31)))


class Forgetful:
    def act(self, observation):
        return None


class Idle(Corner):
    act = None
"""


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """A module with policies that the package does not know, where worker processes find it as well."""
    (tmp_path / "outside_policies.py").write_text(OUTSIDE)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / "outside_policies.py"
    sys.modules.pop("outside_policies", None)


def test_a_policy_from_outside_plays_in_worker_processes(outside, weights):
    cells = [Cell(f"outside_policies:{name}", "pliers", "test") for name in ("Corner", "Seer")]
    corner, seer = evaluate(cells, 2, [0], Setting(str(weights)), workers=2)
    assert (corner.policy, corner.episodes) == ("outside_policies:Corner", 2)
    assert corner.scores["effective_rate"] == 0.0  # the object is never in the corner
    assert (seer.scores["effective_rate"] > 0.5, seer.scores["motion_iou"]) == (True, 1.0)  # it sees true motion
    assert evaluate(cells, 2, [0], Setting(str(weights))) == [corner, seer]


def test_a_journal_knows_a_policy_from_outside_by_its_source(outside):
    task = Task(Cell("outside_policies:Corner", "pliers", "test"), 0, (0,))
    make = make_policy("outside_policies:Corner", None, untrained(0), np.random.default_rng(0))  # type: ignore[arg-type]
    assert type(make).__name__ == "Corner"
    first = task.key
    outside.write_text(OUTSIDE + "# another\n")
    assert task.key != first


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("outside_policies:Forgetful", r"must be made with \(env, agent, rng\), but too many positional arguments"),
        ("outside_policies:Idle", r"Idle has no method act\(observation\)"),
        ("outside_policies:Missing", "neither registers nor defines 'Missing'"),
        ("no_such_module:Policy", "there is no module 'no_such_module'; is its folder on PYTHONPATH"),
        ("best", "unknown policy 'best': choose one of ours, "),
    ],
)
def test_what_is_no_policy_is_named(outside, name, message):
    with pytest.raises(ValueError, match=message):
        make_policy(name, None, untrained(0), np.random.default_rng(0))  # type: ignore[arg-type]


def test_a_name_is_given_once_and_tables_keep_their_order():
    with pytest.raises(ValueError, match="'ours' is registered already"):
        register_policy("ours")(type("Other", (), {"__module__": "elsewhere"}))
    assert POLICIES.names[:10] == (
        "ours", "ours-four-categories", "ours-no-touch", "act-random", "act-no-hold", "act-no-part", "ppo",
        "ppo-on-object", "gt-act", "gt-act-mot",
    )  # fmt: skip
