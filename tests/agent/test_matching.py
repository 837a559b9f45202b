"""What the part network may have in addition: agents, matches over the whole image, features of each image alone."""

from __future__ import annotations

import pytest
import torch

from atp.checkpoint import load_networks, save_checkpoint
from atp.networks import InteractionNetwork, PartNetwork, extended
from atp.networks.appearance import SEEN, Appearance
from atp.networks.matching import Matching
from atp.perception.motion import averaged_logits, averaged_motion, motion_logits
from train.learning.photograph_features import folded

EVERYTHING = {"agent": True, "matching": True, "appearance": True}


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def inputs(batch=2, height=48, width=40):
    return (
        torch.rand(batch, 5, height, width) - 0.5,
        torch.rand(batch, 5, height, width) - 0.5,
        torch.zeros(batch, 4, height, width),
    )


@pytest.mark.parametrize("added", [{name: True} for name in EVERYTHING] + [EVERYTHING])
def test_an_extended_network_sees_the_same_motion_at_first(added):
    network = PartNetwork(8).eval()
    more = extended(network, **added).eval()
    assert more.config == {"width": 8, **added}
    images = inputs(height=61, width=48)
    with torch.no_grad():
        for old, new in zip(network(*images), more(*images), strict=True):
            torch.testing.assert_close(old, new)
    again = extended(more)
    assert again.config == more.config
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in more.state_dict().items())


def test_every_added_weight_learns_but_what_is_frozen():
    network = extended(PartNetwork(8), **EVERYTHING)
    network.appearance.requires_grad_(False)
    with torch.no_grad():  # as after a first step
        for name, parameter in network.named_parameters():
            if "mix" in name or "seen_joins" in name:
                parameter += 0.1 * torch.randn(parameter.shape)
    sum(each.square().mean() for each in network(*inputs(), agents=True)).backward()
    for name, parameter in network.named_parameters():
        moved = parameter.grad is not None and bool(parameter.grad.abs().max() > 0)
        assert moved != name.startswith("appearance."), name


def test_agents_are_segmented_where_the_network_has_them():
    network = PartNetwork(8, agent=True)
    found = network(*inputs(), agents=True)
    assert [tuple(each.shape) for each in found] == [(2, 48, 40)] * 4
    assert len(network(*inputs())) == 2
    with pytest.raises(ValueError, match="does not segment agents"):
        PartNetwork(8)(*inputs(), agents=True)


def test_what_is_an_agent_did_not_move():
    network = PartNetwork(8, agent=True).eval()
    before, after, _ = inputs()
    with torch.no_grad():
        every = averaged_logits(network, before, after, None, 2)
        moved = averaged_motion(network, before, after, None, 2)
    for found, motion, agent in zip(moved, every[:2], every[2:], strict=True):
        assert torch.equal(found > 0, (motion > 0) & (agent < 0))
    assert motion_logits(every[:2]) == every[:2]


def test_checkpoints_say_what_a_network_has(tmp_path):
    networks = {"interaction": InteractionNetwork(8, 16), "part": extended(PartNetwork(8), **EVERYTHING)}
    save_checkpoint(tmp_path / "more", networks, {}, torch.float32)
    _, loaded = load_networks(tmp_path / "more")
    assert loaded["part"].config == {"width": 8, **EVERYTHING}
    images = inputs()
    with torch.no_grad():
        for one, other in zip(networks["part"].eval()(*images), loaded["part"](*images), strict=True):
            torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)
    assert PartNetwork(8).config == {"width": 8}  # as before there was more


def test_matches_find_where_cells_went():
    """Each cell has a feature of its own, and the second image is the first one shifted by two columns."""
    matching = Matching(32, 16, 2)
    with torch.no_grad():
        matching.describe.weight.zero_()
        for channel in range(32):
            matching.describe.weight[channel, channel] = 1.0
        matching.log_sharpness.fill_(3.5)
    one = torch.randn(1, 32, 6, 8)
    both = torch.cat([one, one.roll(2, 3)])
    cosines, matches = matching._matches(matching.describe(both))
    best = matches.argmax(-1).unflatten(-1, (6, 8))
    rows, cols = best // 8, best % 8
    place = torch.arange(8)
    assert (rows == torch.arange(6)[:, None]).all()
    assert (cols[0] == (place + 2) % 8).all()
    assert (cols[1] == (place - 2) % 8).all()
    from atp.networks.matching import _grid

    told = matching._told(cosines, matches, _grid(6, 8, one)).unflatten(1, (2, 6)).unflatten(3, (6, 8))
    way = told[0, :, :2, :, :6].mean((0, 2, 3))
    torch.testing.assert_close(way, torch.tensor([0.0, 2 / (0.25 * 8)]), atol=0.1, rtol=0.1)
    sure, like, stay, astray = told[:, :, 2:].mean((0, 1, 3, 4))
    assert sure > 0.8
    assert like > 0.95
    assert stay < 0.5
    assert astray < 0.3
    assert torch.equal(matching(both[:, :16], both), both[:, :16])  # the last layer starts at zero


def test_features_of_an_image_have_the_sizes_of_the_encoder():
    for shape in ((90, 90), (61, 48), (17, 33)):
        found = Appearance()(torch.rand(1, 5, *shape))
        for each, channels, stride in zip(found, SEEN, (4, 8), strict=True):
            assert each.shape == (1, channels, *(-(-side // stride) for side in shape))


def test_batch_norms_are_folded_into_the_convolutions():
    appearance = Appearance()
    stored = {}
    names, number = [("stem", "_conv_stem", "_bn0")], 0
    for stage, blocks in enumerate(appearance.stages):
        for index, block in enumerate(blocks):
            layers = [("depthwise", "_bn1"), ("project", "_bn2")] + [("expand", "_bn0")] * block._expands
            there, here = f"_blocks.{number}", f"stages.{stage}.{index}"
            names += [(f"{here}.{name}", f"{there}._{name}_conv", f"{there}.{norm}") for name, norm in layers]
            number += 1
    shapes = {name: value.shape for name, value in appearance.state_dict().items()}
    for ours, theirs, norm in names:
        stored[f"{theirs}.weight"] = torch.randn(shapes[f"{ours}.weight"])
        for key in ("weight", "bias", "running_mean", "running_var"):
            stored[f"{norm}.{key}"] = torch.rand(shapes[f"{ours}.bias"]) + 0.5
    state = folded(stored)
    appearance.load_state_dict(state)
    features = torch.rand(1, 3, 9, 9)
    norm = {key: stored[f"_bn0.{key}"] for key in ("running_mean", "running_var", "weight", "bias")}
    plain = torch.nn.functional.conv2d(features, stored["_conv_stem.weight"], stride=2)
    normed = torch.nn.functional.batch_norm(plain, **norm, eps=1e-3)
    mine = torch.nn.functional.conv2d(features, state["stem.weight"], state["stem.bias"], stride=2)
    torch.testing.assert_close(mine, normed, atol=1e-4, rtol=1e-4)
