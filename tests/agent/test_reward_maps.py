"""Reward maps: pushes are rated given the hold, as the agent rates them; the image and its numbers."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from atp.agent import Agent
from atp.cli import main
from atp.commands.maps import MapsOptions, _best_hold, run
from atp.drawing.primitives import HEAT_COLOURS, overlay_heat
from atp.networks import encoding
from atp.playing.reward_maps import best_push, reward_maps
from tiny_agent import SIDE, tiny_agent


@pytest.fixture
def agent() -> Agent:
    return tiny_agent(contrast=1.0)


def observation() -> dict:
    rng = np.random.default_rng(0)
    depth = (1 + 0.1 * rng.random((SIDE, SIDE))).astype(np.float32)
    return {"rgb": rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8), "depth": depth}


def test_the_push_map_depends_on_the_hold_and_the_hold_map_does_not(agent):
    seen = observation()
    maps = reward_maps(agent, seen, [(10, 10), (35, 30), (10, 10)])
    assert maps.hold.shape == (SIDE, SIDE)
    assert maps.push.shape == (3, 8, SIDE, SIDE)
    assert np.abs(maps.push[0] - maps.push[1]).mean() > 1e-3
    np.testing.assert_allclose(maps.push[0], maps.push[2], atol=1e-5)
    np.testing.assert_array_equal(reward_maps(agent, seen, [(35, 30)]).hold, maps.hold)
    assert maps.push.min() >= 0
    assert maps.push.max() <= 1


def test_maps_are_the_networks_own(agent):
    seen, agent = observation(), agent.replace(symmetries=1)
    labels = np.zeros((SIDE, SIDE), np.uint8)
    labels[5:20, 5:20] = 1
    maps = reward_maps(agent, seen, [(12, 40)], labels)
    image = encoding.image_tensor(seen["rgb"], seen["depth"])
    with torch.inference_mode():
        hold, push = agent.interaction(image, encoding.memory_tensor(labels), torch.tensor([[12, 40]]))
    np.testing.assert_allclose(maps.hold, torch.sigmoid(hold)[0], atol=1e-5)
    np.testing.assert_allclose(maps.push, torch.sigmoid(push), atol=1e-5)
    assert np.abs(maps.push - reward_maps(agent, seen, [(12, 40)]).push).max() > 1e-3  # the memory counts


@pytest.mark.parametrize("holds", [[], [(0, SIDE)], [(-1, 3)]])
def test_holds_outside_the_image_are_refused(agent, holds):
    with pytest.raises(ValueError, match=r"holds must be one or more pixels"):
        reward_maps(agent, observation(), holds)


def test_best_push_is_the_largest_value():
    push = np.zeros((8, 6, 7), np.float32)
    push[5, 2, 4] = 0.9
    assert best_push(push) == (2, 4, 5)


def test_the_best_hold_is_away_from_the_hinge():
    labels = np.zeros((20, 40), np.uint8)
    labels[8:12, 2:20], labels[8:12, 20:38] = 1, 2
    values = np.zeros(labels.shape, np.float32)
    values[9, 19], values[9, 5], values[9, 30] = (
        0.9,
        0.6,
        0.95,
    )  # at the hinge; at the far end; on the other part
    assert _best_hold(values, labels, 1) == (9, 5)


def test_heat_goes_from_dark_to_bright_and_keeps_the_brightness_of_the_image():
    brightness = np.array(HEAT_COLOURS).sum(1)
    assert (np.diff(brightness) >= -3).all()
    assert brightness[255] - brightness[0] > 500
    rgb = np.zeros((2, 2, 3), np.uint8)
    rgb[1] = 200
    heat = overlay_heat(rgb, np.array([[0.0, 2.0], [0.0, 1.0]]), alpha=0.5)
    assert heat[0, 1].tolist() == np.rint(np.array(HEAT_COLOURS[255]) / 2).tolist()
    assert heat[1, 0].tolist() == np.rint(np.array(HEAT_COLOURS[0]) / 2 + 100).tolist()
    with pytest.raises(ValueError, match="NaN"):
        overlay_heat(rgb, np.full((2, 2), np.nan))


def test_command_rates_pushes_under_a_hold_on_each_part(agent, tmp_path):
    agent.save_pretrained(tmp_path / "weights")
    arguments = ["--weights", str(tmp_path / "weights"), "--device", "cpu", "--out", str(tmp_path / "out")]
    main(["maps", "--category", "multilink", *arguments])
    result = json.loads((tmp_path / "out/maps.json").read_text())
    assert [entry["part"] for entry in result["holds"]] == [1, 2, 3]
    assert len({tuple(entry["hold"]) for entry in result["holds"]}) == 3
    for entry in result["holds"]:
        assert max(entry["reward_by_part"].values()) <= entry["push_reward"]
    assert np.asarray(Image.open(tmp_path / "out/maps.png")).shape[1] > 5 * 270


def test_an_agent_that_never_holds_has_no_such_maps(agent, tmp_path, capsys):
    agent.replace(hold=False).save_pretrained(tmp_path / "weights")
    with pytest.raises(SystemExit):
        main(
            [
                "maps",
                "--weights",
                str(tmp_path / "weights"),
                "--device",
                "cpu",
                "--out",
                str(tmp_path / "out"),
            ]
        )
    assert "without holding" in capsys.readouterr().err


@pytest.mark.slow
def test_with_the_shipped_weights_the_best_push_is_on_the_part_that_is_not_held(tmp_path):
    entries = []
    for seed in range(12):
        options = MapsOptions(category="pliers", seed=seed, device="cpu", out=tmp_path)
        entries += run(options)["holds"]
    assert len(entries) == 24
    assert np.mean([entry["pushed_part"] == 3 - entry["part"] for entry in entries]) > 0.75
