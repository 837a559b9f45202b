"""Averaging over quarter turns and mirror images."""

from __future__ import annotations

import math

import pytest
import torch

from atp.networks import InteractionNetwork, PartNetwork
from atp.networks.averaging import SymmetryAveraged, first_symmetries
from atp.networks.encoding import action_tensor
from atp.networks.rotated_passes import RotatedPasses
from atp.networks.rotations import Symmetry
from atp.perception.motion import averaged_motion

SHAPE = (40, 32)  # not square: turns must change rows and columns
ALL = [Symmetry(index % 4, index >= 4) for index in range(8)]


@pytest.mark.parametrize("symmetry", ALL)
def test_undo_brings_maps_back(symmetry: Symmetry) -> None:
    maps = torch.randn(2, 3, *SHAPE, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(symmetry.undo_maps(symmetry.maps(maps)), maps)


@pytest.mark.parametrize("symmetry", ALL)
def test_pixels_go_where_the_image_goes(symmetry: Symmetry) -> None:
    pixels = torch.tensor([[3, 5], [39, 31], [17, 0]])
    image = torch.zeros(3, *SHAPE)
    image[torch.arange(3), pixels[:, 0], pixels[:, 1]] = 1.0
    turned = symmetry.maps(image)
    found = turned.flatten(1).argmax(1)
    expected = torch.stack([found // turned.shape[2], found % turned.shape[2]], 1)
    torch.testing.assert_close(symmetry.pixels(pixels, SHAPE), expected)


@pytest.mark.parametrize("symmetry", ALL)
def test_directions_go_where_an_arrow_goes(symmetry: Symmetry) -> None:
    start = torch.tensor([[20, 16]])
    for direction in range(8):
        angle = direction * math.pi / 4
        step = torch.tensor([[-round(math.sin(angle) * 1.2), round(math.cos(angle) * 1.2)]])
        arrow = symmetry.pixels(start + 5 * step, SHAPE) - symmetry.pixels(start, SHAPE)
        seen = round(math.atan2(-float(arrow[0, 0]), float(arrow[0, 1])) / (math.pi / 4)) % 8
        maps = torch.zeros(1, 8, 1, 1)
        maps[0, seen] = 1.0
        assert int(symmetry.undo_direction_maps(maps).flatten().argmax()) == direction


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
            turned = averaged.features(turn.maps(image), turn.maps(memory))
            holds = turn.undo_maps(averaged.hold_logits(turned)) - averaged.hold_logits(upright)
            pushes = averaged.push_logits(turned, turn.pixels(hold, (32, 32)))
            pushes = turn.undo_direction_maps(turn.undo_maps(pushes)) - averaged.push_logits(upright, hold)
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


@pytest.mark.parametrize("symmetry", ALL)
def test_actions_turn_with_their_maps(symmetry: Symmetry) -> None:
    actions = torch.tensor([[3, 5, 30, 12, 1], [-1] * 5])
    turned = symmetry.actions(actions, SHAPE)
    shape = SHAPE if symmetry.quarters % 2 == 0 else SHAPE[::-1]
    expected, found = symmetry.maps(action_tensor(actions, SHAPE)), action_tensor(turned, shape)
    torch.testing.assert_close(found[:, :2], expected[:, :2])
    push = tuple(turned[0, 2:4].tolist())
    start = complex(*action_tensor(actions, SHAPE)[0, 2:, 30, 12].tolist())
    if symmetry.mirrored:
        start = complex(-start.real, start.imag)
    end = start * 1j**symmetry.quarters
    assert found[0, 2][push].item() == pytest.approx(end.real, abs=1e-6)
    assert found[0, 3][push].item() == pytest.approx(end.imag, abs=1e-6)


def test_averaged_motion_turns_with_the_images() -> None:
    generator = torch.Generator().manual_seed(2)
    torch.manual_seed(2)
    network = PartNetwork(8).eval()
    before, after = (torch.rand(1, 5, 32, 32, generator=generator) for _ in range(2))
    action = torch.tensor([[7, 20, 15, 3, 5]])
    turn = Symmetry(3, True)
    with torch.inference_mode():
        for known in (action, None):
            moved = None if known is None else turn.actions(known, (32, 32))
            upright = averaged_motion(network, before, after, known, 8)
            turned = averaged_motion(network, turn.maps(before), turn.maps(after), moved, 8)
            for first, second in zip(upright, turned, strict=True):
                torch.testing.assert_close(turn.undo_maps(second), first, atol=1e-4, rtol=1e-4)
        alone = network(before, after, action_tensor(action, (32, 32)))
        torch.testing.assert_close(averaged_motion(network, before, after, action, 1), alone)


class PushesRightAtTheHold:
    """In place of a network: direction 0 is worth pushing six pixels right of the hold."""

    def features(self, image, memory):
        return Repeated(image)

    def hold_logits(self, view):
        return view.image[:, 0]

    def push_logits(self, view, hold):
        maps = torch.zeros(len(hold), 8, *view.image.shape[2:])
        for index, (row, col) in enumerate(hold.tolist()):
            maps[index, 0, row - 1 : row + 2, col + 5 : col + 8] = 1.0  # one pixel could get lost in turning
        return maps


class Repeated:
    def __init__(self, image):
        self.image = image

    def repeat(self, count):
        return Repeated(self.image.repeat_interleave(count, 0))


def test_rotated_passes_ask_for_each_direction_in_its_own_frame() -> None:
    network = RotatedPasses(PushesRightAtTheHold())  # type: ignore[arg-type]
    image, memory = torch.rand(1, 5, 41, 41), torch.zeros(1, 2, 41, 41)
    hold = torch.tensor([[20, 20], [18, 22]])
    maps = network.push_logits(network.features(image, memory).repeat(2), hold)
    assert maps.shape == (2, 8, 41, 41)
    for index, (row, col) in enumerate(hold.tolist()):
        for k in range(8):
            rows, cols = torch.nonzero(maps[index, k], as_tuple=True)
            found = complex(float(cols.double().mean()) - col, row - float(rows.double().mean()))
            expected = 6 * complex(math.cos(k * math.pi / 4), math.sin(k * math.pi / 4))
            assert abs(found - expected) < 1.5  # nearest pixel, twice
    torch.testing.assert_close(network.hold_logits(network.features(image, memory)), image[:, 0])


def test_two_views_stand_upright_and_eight_are_all() -> None:
    assert first_symmetries(1) == [Symmetry(0, False)]
    assert first_symmetries(2) == [Symmetry(0, False), Symmetry(0, True)]
    assert len({(view.quarters, view.mirrored) for view in first_symmetries(8)}) == 8
