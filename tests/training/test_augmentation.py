from __future__ import annotations

import math

import pytest
import torch

from atp.networks.rotations import Rotation
from train.signals.augmentation import AugmentationConfig, augment

SIZE = 41
STILL = AugmentationConfig(gain=0, offset=0, per_image=0, noise=0, no_depth=0, no_action=0)


def one_turn(rotation, flip):
    return Rotation(torch.tensor([rotation]), torch.tensor([flip]))


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("rotation", range(8))
@pytest.mark.parametrize("size", [SIZE, 40])
def test_pixels_and_directions_turn_with_the_image(rotation, flip, size):
    """Blobs at the hold, at the push and one step in the push direction: found again where the action says."""
    hold, push, direction = (15, 22), (24, 18), 3
    angle = direction * math.pi / 4
    ahead = (push[0] - 8 * math.sin(angle), push[1] + 8 * math.cos(angle))
    rows, cols = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    marks = torch.stack([torch.exp(-((rows - r) ** 2 + (cols - c) ** 2) / 8.0) for r, c in (hold, push, ahead)])
    turn = one_turn(rotation, flip)
    turned = turn.maps(marks[None])[0]
    action, inside = turn.actions(torch.tensor([[*hold, *push, direction]]), size)
    assert inside.all()
    found = [torch.tensor([(m * rows).sum() / m.sum(), (m * cols).sum() / m.sum()]) for m in turned]  # centroids
    limit = 0.51 if rotation % 2 == 0 else 1.0
    assert (found[0] - action[0, :2]).norm() < limit
    assert (found[1] - action[0, 2:4]).norm() < limit
    step = found[2] - found[1]
    turned_angle = math.atan2(-step[0], step[1])
    difference = (turned_angle - int(action[0, 4]) * math.pi / 4 + math.pi) % (2 * math.pi) - math.pi
    assert abs(difference) < 0.1


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("quarter", range(4))
def test_quarter_turns_are_exact(quarter, flip):
    maps = torch.randint(0, 99, (1, 3, 10, 10))
    expected = torch.rot90(maps.flip(-1) if flip else maps, quarter, (-2, -1))
    assert torch.equal(one_turn(2 * quarter, flip).maps(maps), expected)
    action = torch.tensor([[1, 2, 9, 0, 5]])
    turned, inside = one_turn(2 * quarter, flip).actions(action, 10)
    assert inside.all()
    for start in (0, 2):
        before, after = action[0, start : start + 2], turned[0, start : start + 2]
        assert torch.equal(maps[0, :, before[0], before[1]], expected[0, :, after[0], after[1]])


def test_rotation_by_90_degrees_takes_right_to_up():
    maps = torch.zeros(1, 9, 9)
    maps[0, 4, 8] = 1  # right of the centre
    assert one_turn(2, False).maps(maps)[0, 0, 4] == 1  # above it
    assert one_turn(2, False).actions(torch.tensor([[4, 8, 4, 4, 0]]), 9)[0].tolist() == [[0, 4, 4, 4, 2]]
    assert one_turn(0, True).actions(torch.tensor([[4, 8, 4, 4, 1]]), 9)[0].tolist() == [[4, 0, 4, 4, 3]]


def test_action_that_would_leave_the_image_is_reported_and_its_sample_stays_as_it_is():
    corner = torch.tensor([[0, 0, 20, 20, 1]])
    assert not one_turn(1, False).actions(corner, SIZE)[1].item()
    generator = torch.Generator().manual_seed(0)
    count = 64
    image = torch.rand(count, 5, SIZE, SIZE) - 0.5
    batch = {"before": image, "action": corner.repeat(count, 1)}
    result = augment(batch, STILL, generator)
    stayed = torch.tensor([torch.equal(a, b) for a, b in zip(result["before"], image, strict=True)])
    assert 0.4 < stayed.float().mean() < 0.8  # 8 of 16 turns are odd, and one is none
    for index in range(count):
        row, col = result["action"][index, :2].tolist()
        assert torch.equal(result["before"][index, :, row, col], image[index, :, 0, 0])


def test_all_maps_of_a_sample_turn_alike_and_labels_stay_labels():
    generator = torch.Generator().manual_seed(3)
    labels = (torch.rand(100, SIZE, SIZE, generator=generator) > 0.5).float()
    image = (labels[:, None] - 0.5).repeat(1, 5, 1, 1)
    batch = {
        "before": image,
        "after": image,
        "memory": labels[:, None].repeat(1, 2, 1, 1),
        "moved_before": labels,
        "moved_after": labels,
        "rewards": torch.rand(100, 2),
        "action": torch.tensor([[20, 20, 18, 22, 0]]).repeat(100, 1),
    }
    result = augment(batch, STILL, generator)
    turned = result["moved_before"]
    assert not torch.equal(turned, labels)
    assert torch.equal(result["moved_after"], turned)
    assert torch.equal(result["before"], (turned[:, None] - 0.5).expand(-1, 5, -1, -1))
    assert torch.equal(result["after"], result["before"])
    assert torch.equal(result["memory"], turned[:, None].expand(-1, 2, -1, -1))
    assert torch.equal(result["rewards"], batch["rewards"])
    assert len(result["action"][:, 4].unique()) == 8
    assert torch.equal(batch["moved_before"], labels)  # the input stays as it was


def test_colours_change_within_range_depth_and_actions_go_missing_for_whole_samples():
    count = 200
    image = torch.full((count, 5, 16, 16), 0.1)
    batch = {"before": image, "after": image, "action": torch.tensor([[8, 8, 7, 9, 4]]).repeat(count, 1)}
    config = AugmentationConfig(no_depth=0.5, no_action=0.3)
    result = augment(batch, config, torch.Generator().manual_seed(0))
    assert result["before"][:, :3].abs().max() <= 0.5
    assert result["before"][:, :3].mean((1, 2, 3)).std() > 0.03
    depth = [result[name][:, 3:].flatten(1) for name in ("before", "after")]
    assert torch.equal(depth[0], depth[1])
    present = (depth[0] == 0.1).all(1)
    assert torch.equal(present, ~(depth[0] == 0).all(1))
    assert 0.4 < present.float().mean() < 0.6
    known = result["action_maps"].flatten(1).any(1)
    assert 0.6 < known.float().mean() < 0.8
    assert (result["action"] >= 0).all()  # executed actions stay known to the interaction network


def test_generator_decides_everything():
    batch = {"before": torch.rand(8, 5, 20, 20) - 0.5, "action": torch.tensor([[9, 9, 8, 7, 6]]).repeat(8, 1)}
    first, again, other = (
        augment(batch, AugmentationConfig(), torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["before"], other["before"])


def test_images_that_are_not_square_are_refused():
    with pytest.raises(ValueError, match="square"):
        one_turn(1, False).maps(torch.zeros(1, 20, 21))
