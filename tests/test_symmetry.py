"""Averaging over quarter turns and mirror images."""

from __future__ import annotations

import math

import pytest
import torch

from atp.networks import InteractionNetwork
from atp.symmetry import Symmetry, SymmetryAveraged

SHAPE = (40, 32)  # not square: turns must change rows and columns
ALL = [Symmetry(index % 4, index >= 4) for index in range(8)]


@pytest.mark.parametrize("symmetry", ALL)
def test_undo_brings_maps_back(symmetry: Symmetry) -> None:
    maps = torch.randn(2, 3, *SHAPE, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(symmetry.undo(symmetry.apply(maps)), maps)


@pytest.mark.parametrize("symmetry", ALL)
def test_pixels_go_where_the_image_goes(symmetry: Symmetry) -> None:
    pixels = torch.tensor([[3, 5], [39, 31], [17, 0]])
    image = torch.zeros(3, *SHAPE)
    image[torch.arange(3), pixels[:, 0], pixels[:, 1]] = 1.0
    turned = symmetry.apply(image)
    found = turned.flatten(1).argmax(1)
    expected = torch.stack([found // turned.shape[2], found % turned.shape[2]], 1)
    torch.testing.assert_close(symmetry.apply_to_pixels(pixels, SHAPE), expected)


@pytest.mark.parametrize("symmetry", ALL)
def test_directions_go_where_an_arrow_goes(symmetry: Symmetry) -> None:
    start = torch.tensor([[20, 16]])
    for direction in range(8):
        angle = direction * math.pi / 4
        step = torch.tensor([[-round(math.sin(angle) * 1.2), round(math.cos(angle) * 1.2)]])
        arrow = symmetry.apply_to_pixels(start + 5 * step, SHAPE) - symmetry.apply_to_pixels(start, SHAPE)
        seen = round(math.atan2(-float(arrow[0, 0]), float(arrow[0, 1])) / (math.pi / 4)) % 8
        maps = torch.zeros(1, 8, 1, 1)
        maps[0, seen] = 1.0
        assert int(symmetry.undo_directions(maps).flatten().argmax()) == direction


def test_averaged_maps_turn_with_the_image() -> None:
    generator = torch.Generator().manual_seed(1)
    torch.manual_seed(1)
    network = InteractionNetwork(8).eval()
    image, memory = (torch.rand(1, channels, 32, 32, generator=generator) for channels in (5, 2))
    hold = torch.tensor([[7, 20]])
    turn = Symmetry(1, True)
    with torch.inference_mode():
        differ = []
        for count in (8, 1):
            averaged = SymmetryAveraged(network, count)
            upright = averaged.features(image, memory)
            turned = averaged.features(turn.apply(image), turn.apply(memory))
            holds = turn.undo(averaged.hold_logits(turned)) - averaged.hold_logits(upright)
            pushes = averaged.push_logits(turned, turn.apply_to_pixels(hold, (32, 32)))
            pushes = turn.undo_directions(turn.undo(pushes)) - averaged.push_logits(upright, hold)
            differ.append(max(float(holds.abs().max()), float(pushes.abs().max())))
    assert differ[0] < 1e-4 < 1e-2 < differ[1]


def test_one_symmetry_is_the_network_itself() -> None:
    network = InteractionNetwork(8).eval()
    image, memory = torch.rand(2, 5, *SHAPE), torch.rand(2, 2, *SHAPE)
    with torch.inference_mode():
        averaged = SymmetryAveraged(network, 1)
        maps = averaged.hold_logits(averaged.features(image, memory))
        torch.testing.assert_close(maps, network.hold_logits(network.features(image, memory)))


@pytest.mark.parametrize("count", [0, 9])
def test_impossible_count(count: int) -> None:
    with pytest.raises(ValueError, match="1 to 8"):
        SymmetryAveraged(InteractionNetwork(8), count)
