"""Policies: random actions lie on the object and follow the seed; ablations play with weights of their own."""

import numpy as np
import pytest
import torch

from assets.shipped import shipped_weights
from atp.acting.selection import NO_HOLD
from atp.agent import Agent
from atp.networks import InteractionNetwork, PartNetwork
from atp.playing import policies
from atp.playing.policies import POLICIES, random_action, weights_available


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
    assert {name for name, make in POLICIES.items() if make.true_motion} == {"gt-act-mot"}  # type: ignore[attr-defined]


def untrained(seed: int, config: dict | None = None) -> Agent:
    torch.manual_seed(seed)
    made = InteractionNetwork(8), PartNetwork(8)
    for name, parameter in made[0].named_parameters():
        if name.endswith("head.weight"):
            torch.nn.init.normal_(parameter, std=3.0)
    return Agent(*made, config, device="cpu")


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """An empty folder in place of the shipped weights."""
    monkeypatch.setattr("assets.shipped.SHIPPED", tmp_path)
    policies._load_interaction.cache_clear()
    yield tmp_path
    policies._load_interaction.cache_clear()


def pictures(count: int = 12) -> list[dict]:
    rng = np.random.default_rng(0)
    return [
        {
            "rgb": rng.integers(0, 256, (48, 48, 3), np.uint8),
            "depth": (1 + 0.1 * rng.random((48, 48))).astype(np.float32),
        }
        for _ in range(count)
    ]


def actions(name: str, agent: Agent, remembered: np.ndarray) -> list[list[int]]:
    """What a policy does in each picture, when the evaluated agent remembers a part there."""
    policy = POLICIES[name](None, agent, np.random.default_rng(0))  # type: ignore[arg-type]
    chosen = []
    for observation in pictures():
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
    untrained(1, {"memory": False}).save_pretrained(shipped / "no-part", torch.float32)
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
    untrained(1, {"holds": False}).save_pretrained(shipped / "no-hold", torch.float32)
    chosen = actions("act-no-hold", untrained(0), part())
    assert {tuple(action[:2]) for action in chosen} == {NO_HOLD}
    assert len({tuple(action[2:4]) for action in chosen}) > 1


@pytest.mark.parametrize("name", ["act-no-hold", "act-no-part", "ours-no-touch", "ppo", "ppo-on-object"])
def test_policies_without_their_weights_say_so(shipped, name):
    assert not weights_available(name)
    with pytest.raises(ValueError, match=rf"{POLICIES[name].weights}: there are no weights"):  # type: ignore[attr-defined]
        POLICIES[name](None, untrained(0), np.random.default_rng(0))  # type: ignore[arg-type]


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
