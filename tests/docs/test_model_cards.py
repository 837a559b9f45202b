"""Every set of shipped weights has a card, which disturbs neither loading nor packaging."""

from __future__ import annotations

import json
import shutil

import pytest
from documents import ROOT

from atp.agent import Agent
from atp.checkpoint import load_checkpoint
from atp.playing.ppo_policy import PpoPolicy

WEIGHTS = sorted(path.parent for path in (ROOT / "assets" / "weights").glob("*/config.json"))


@pytest.mark.parametrize("folder", WEIGHTS, ids=lambda folder: folder.name)
def test_weights_with_their_card_load(folder):
    config = json.loads((folder / "config.json").read_text("utf-8"))
    if "networks" in config:
        names = [name for name in config["networks"] if (folder / f"{name}.safetensors").is_file()]
        _, states = load_checkpoint(folder, names)
        assert set(states) == set(names) != set()
    else:
        assert PpoPolicy.from_pretrained(folder, "cpu").act is not None


@pytest.mark.parametrize("folder", WEIGHTS, ids=lambda folder: folder.name)
def test_card_says_what_it_is_of(folder):
    card = (folder / "README.md").read_text("utf-8")
    assert card.startswith(f"# Model card: `{folder.name}`\n")
    for heading in ("Trained on", "Figures", "Use", "Limits", "Licence"):
        assert f"**{heading}" in card, heading
    assert "config.json" in card


def test_saving_over_weights_with_a_card_gives_weights_that_load(agent, weights, tmp_path):
    folder = tmp_path / "mine"
    shutil.copytree(weights, folder)
    (folder / "README.md").write_text("# Model card: `mine`\n", "utf-8")
    Agent.from_pretrained(folder, "cpu").save_pretrained(folder)
    again = Agent.from_pretrained(folder, "cpu")
    for mine, theirs in zip(again.part.parameters(), agent.part.parameters(), strict=True):
        assert mine.shape == theirs.shape
    assert not (folder / "README.md").exists()  # a card is of the weights that were there
