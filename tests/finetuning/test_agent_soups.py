"""Soups of the agent: fine-tunes that learn and repeat, scores by hand, and the command on a tiny scale."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from atp.agent import Agent
from atp.benchmark.evaluation import Cell
from atp.networks import InteractionNetwork, PartNetwork
from train.data.records import record_type
from train.finetuning.agents import AgentSpace, fine_tune_agent, interaction_score, part_score
from train.learning.recorder import RecordConfig, Recorder
from train.studies import agent_sweeps as module
from train.studies.agent_sweeps import WAYS, AgentSoups, AgentSoupsConfig

CPU = torch.device("cpu")
SPACE = AgentSpace(steps=(3, 6), batch_size=4, learning_rate=(1e-3, 3e-3))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Tiny weights, and play recorded with them on both splits."""
    folder = tmp_path_factory.mktemp("agents")
    torch.manual_seed(0)
    Agent(InteractionNetwork(8), PartNetwork(8), {"resolution": 48}, "cpu").save_pretrained(folder / "weights")
    for split, count in (("train", 40), ("val", 30)):
        recorder = Recorder(
            RecordConfig(
                out=folder / split, split=split, total_interactions=count, envs=2, resolution=48, epsilon=1.0,
                weights=str(folder / "weights"), device="cpu", threads=1,
            )
        )  # fmt: skip
        assert recorder.run()
        recorder.close()
    return folder


@pytest.fixture
def config(folders, tmp_path):
    return AgentSoupsConfig(
        out=tmp_path / "out", json=tmp_path / "scores.json", weights=str(folders / "weights"),
        play=folders / "train", held_out=folders / "val",
        seeds=1, runs=2, episodes=1, eval_seeds=1, pairs=2, space=SPACE,
    )  # fmt: skip


def test_fine_tunes_repeat_and_leave_the_initialisation(config):
    soups = AgentSoups(config)
    recipe = replace(SPACE.draw(0, 0), steps=5)
    before = {name: tensor.clone() for name, tensor in soups.initial.part.state_dict().items()}
    agent, again = (fine_tune_agent(soups.initial, soups.play, recipe) for _ in range(2))
    for name, tensor in agent.part.state_dict().items():
        assert torch.equal(tensor, again.part.state_dict()[name])
        assert torch.equal(before[name], soups.initial.part.state_dict()[name])


def test_a_fine_tune_foresees_rewards_of_other_play_better(config):
    """Steps enough that it shows: after 25 small ones the difference is chance."""
    soups = AgentSoups(config)
    recipe = SPACE.draw(0, 0)
    recipe = replace(recipe, steps=120, learner=replace(recipe.learner, learning_rate=1e-2))
    agent = fine_tune_agent(soups.initial, soups.play, recipe)
    learned, initial = (interaction_score(each.interaction, soups.records, CPU) for each in (agent, soups.initial))
    assert learned > initial + 0.1


def test_recipes_lie_in_their_ranges():
    recipes = [SPACE.draw(1, number) for number in range(50)]
    assert recipes == [SPACE.draw(1, number) for number in range(50)]
    assert {recipe.steps for recipe in recipes} == {3, 4, 5, 6}
    assert all(1e-3 <= recipe.learner.learning_rate <= 3e-3 for recipe in recipes)
    assert len({recipe.seed for recipe in recipes}) == 50


def test_part_score_by_hand():
    records = np.zeros(25, record_type(8, 8))
    records["moved"][:10, :, 2:6, 2:6] = True  # 16 pixels

    class Sees(nn.Module):
        """Sees the upper half of what moves, and nothing else or all."""

        def __init__(self, still):
            super().__init__()
            self.still = still

        def forward(self, before, after, actions):
            logits = torch.full((len(before), 8, 8), -1.0)
            logits[:10, 2:4, 2:6] = 1.0
            logits[10:] = self.still
            return logits, logits

    assert part_score(Sees(-1.0), records, CPU) == pytest.approx((10 * 0.5 + 15) / 25)
    assert part_score(Sees(1.0), records, CPU) == pytest.approx(10 * 0.5 / 25)


def test_command_mixes_measures_and_goes_on(config, monkeypatch, capsys):
    monkeypatch.setattr(module, "suite_cells", lambda suite, policies: [Cell("ours", "pliers", "test")])
    assert AgentSoups(config).run()
    (found,) = json.loads(config.json.read_text())["seeds"]
    assert set(found["scores"]) == set(WAYS)
    assert set(found["scores"]["greedy soup"]["robustness"]) >= {"shadows", "hands"}
    for name in ("part", "interaction"):
        held_out = found["chosen"][name]["held_out"]
        assert held_out["greedy soup"] >= held_out["best single"] == max(found["chosen"][name]["singles"])
        files = [load_file(config.out / "seed-0" / f"{number:03}" / f"{name}.safetensors") for number in (0, 1)]
        soup = load_file(config.out / "seed-0" / "uniform-soup" / f"{name}.safetensors")
        for key, tensor in soup.items():
            mean = sum(file[key].double() for file in files) / 2
            torch.testing.assert_close(tensor.double(), mean, atol=2e-3, rtol=2e-3)
    before = (config.out / "seed-0" / "000" / "part.safetensors").stat().st_mtime_ns
    assert AgentSoups(config).run()
    assert (config.out / "seed-0" / "000" / "part.safetensors").stat().st_mtime_ns == before
