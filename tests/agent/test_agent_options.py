"""Options of the agent: checked, kept in checkpoints old and new, and replaced rather than set."""

import json

import numpy as np
import pytest
import torch

from assets.shipped import SHIPPED
from atp.agent import Agent
from atp.agent_options import AgentOptions
from atp.checkpoint import CheckpointError
from tiny_agent import SIDE, tiny_agent

OTHER = {
    "motion_threshold": 2.5, "condition_on_action": False, "refine_with_depth": False, "residual": False,
    "mask_symmetries": 3, "symmetries": 2, "rotated_passes": True, "hold": False, "see_memory": False,
    "restrict_to_foreground": False, "reexamine_discount": 0.25, "weigh_masks": False,
    "register_in_space": False, "held_stays": False, "refine_by_motion": False, "focal": 0.9,
}  # fmt: skip


def observation(seed=0):
    return {"rgb": np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), np.uint8), "depth": None}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("motion_threshold", -1.0), ("motion_threshold", float("nan")), ("motion_threshold", float("inf")),
        ("motion_threshold", None), ("reexamine_discount", 1.5), ("symmetries", 0), ("symmetries", 9),
        ("symmetries", 2.0), ("mask_symmetries", True), ("hold", 1), ("residual", "no"), ("see_memory", None),
        ("focal", 0.0), ("focal", -1.5), ("focal", "wide"), ("register_in_space", 1),
    ],
)  # fmt: skip
def test_a_value_that_does_not_suit_an_option_is_refused(name, value):
    with pytest.raises(ValueError, match=f"^{name} must be "):
        AgentOptions(**{name: value})


def test_every_option_comes_back_from_a_checkpoint(tmp_path):
    assert OTHER.keys() == AgentOptions().to_json().keys()
    assert not OTHER.items() & AgentOptions().to_json().items()
    tiny_agent().replace(**OTHER).save_pretrained(tmp_path / "weights")
    assert Agent.from_pretrained(tmp_path / "weights", "cpu").options.to_json() == OTHER


def rewrite(folder, change):
    config = json.loads((folder / "config.json").read_text())
    change(config)
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("old", "options"),
    [
        ({}, AgentOptions()),
        ({"holds": False, "memory": True, "certainty": 5.5}, AgentOptions(hold=False, motion_threshold=5.5)),
        ({"holds": True, "memory": False, "motion_threshold": 4}, AgentOptions(see_memory=False, motion_threshold=4)),
        ({"certainty": 5.5, "motion_threshold": 4.0}, AgentOptions(motion_threshold=4.0)),
    ],
)
def test_older_checkpoints_are_read_and_written_as_new_ones(tmp_path, old, options):
    tiny_agent().save_pretrained(tmp_path / "old")
    training = {"options": {"memory": True, "hold": "fixed"}}  # of the training, nothing of the agent's

    def age(config):
        del config["agent_options"]
        config.update(old | training)

    rewrite(tmp_path / "old", age)
    agent = Agent.from_pretrained(tmp_path / "old", "cpu")
    assert agent.options == options
    agent.save_pretrained(tmp_path / "new")
    config = json.loads((tmp_path / "new/config.json").read_text())
    assert config["agent_options"] == options.to_json()
    assert config["options"] == training["options"]
    assert not old.keys() & config.keys()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda config: config["agent_options"].update(doubts=0.5), "unknown option 'doubts'; there are motion_thr"),
        (lambda config: config["agent_options"].update(symmetries=12), "symmetries must be from 1 to 8, not 12"),
        (lambda config: config.update(agent_options=[1]), "agent_options must be an object"),
        (lambda config: config.update(holds="yes") or config.pop("agent_options"), "hold must be true or false"),
    ],
)
def test_options_that_an_agent_does_not_have_are_refused_by_file(tmp_path, change, message):
    tiny_agent().save_pretrained(tmp_path / "weights")
    rewrite(tmp_path / "weights", change)
    with pytest.raises(CheckpointError, match=rf"weights/config\.json: .*{message}"):
        Agent.from_pretrained(tmp_path / "weights", "cpu")


def test_an_agent_with_other_options_shares_networks_and_nothing_else(agent):
    seen, moved = observation(), np.zeros((SIDE, SIDE), bool)
    moved[5:20, 5:20] = True
    agent.reset(seen)
    other = agent.replace(hold=False, symmetries=1)
    assert (other.interaction is agent.interaction, other.part is agent.part) == (True, True)
    assert (other.options.hold, agent.options.hold) == (False, True)
    assert other.config["resolution"] == agent.resolution == SIDE
    with pytest.raises(RuntimeError, match="reset"):
        other.act(seen)
    other.reset(seen)
    other.remember(np.zeros(5, np.int64), moved, moved)
    assert not agent.parts.any()
    assert agent.for_clips() is not agent
    assert agent.for_clips().options == AgentOptions(motion_threshold=0.0, mask_symmetries=2)
    assert agent.options == AgentOptions()


def test_options_cannot_be_set(agent):
    with pytest.raises(AttributeError):
        agent.motion_threshold = 0.0
    with pytest.raises(AttributeError):
        agent.options.motion_threshold = 0.0
    with pytest.raises(TypeError, match="holds"):
        agent.replace(holds=False)


def test_options_of_the_shipped_weights():
    expected = {
        "default": AgentOptions(motion_threshold=2.29),
        "four-categories": AgentOptions(),
        "no-touch": AgentOptions(),
        "no-hold": AgentOptions(hold=False),
        "no-part": AgentOptions(see_memory=False),
    }
    for name, options in expected.items():
        assert AgentOptions.from_config(json.loads((SHIPPED / name / "config.json").read_text())) == options, name


def test_the_action_counts_where_the_part_network_is_shown_it(agent):
    agent = agent.replace(motion_threshold=0.0, refine_with_depth=False)
    with torch.no_grad():
        for decoder in (agent.part.before_decoder, agent.part.after_decoder):
            torch.nn.init.normal_(decoder.head.weight, std=1.0)
    before, after = observation(1), observation(2)
    here, there = np.array([5, 5, 10, 10, 0]), np.array([40, 40, 30, 30, 4])
    for shown in (True, False):
        shows = agent.replace(condition_on_action=shown)
        masks = [shows.segment_motion(before, after, action)[0] for action in (here, there)]
        assert (masks[0] != masks[1]).any() == shown
