from __future__ import annotations

import pytest
import torch

from atp.networks import InteractionNetwork, PartNetwork
from atp.networks.blocks import gather_at, gaussian_maps
from train.signals.losses import interaction_loss, mask_loss


@pytest.fixture(autouse=True)
def _seed():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def interaction_inputs(batch=2, height=90, width=90):
    return torch.rand(batch, 5, height, width) - 0.5, (torch.rand(batch, 2, height, width) > 0.5).float()


@pytest.mark.parametrize("shape", [(90, 90), (16, 16), (17, 33), (61, 48), (120, 161)])
def test_maps_have_the_size_of_the_image(shape):
    image, memory = interaction_inputs(2, *shape)
    hold, push = InteractionNetwork(8)(image, memory, torch.tensor([[0, 0], [shape[0] - 1, shape[1] - 1]]))
    assert hold.shape == (2, *shape)
    assert push.shape == (2, 8, *shape)
    before, after = PartNetwork(8)(image, image, torch.zeros(2, 4, *shape))
    assert before.shape == after.shape == (2, *shape)
    assert all(x.dtype == torch.float32 and x.isfinite().all() for x in (hold, push, before, after))


def test_default_networks_stay_below_ten_megabytes_in_float16():
    for network in (InteractionNetwork(), PartNetwork()):
        assert sum(p.numel() for p in network.parameters()) < 4_900_000


def test_untrained_probabilities_start_at_the_prior():
    image, memory = interaction_inputs()
    with torch.no_grad():
        hold, push = InteractionNetwork()(image, memory)
        before, _ = PartNetwork()(image, image, torch.zeros(2, 4, 90, 90))
    assert abs(hold.sigmoid().mean() - 0.2) < 0.05
    assert abs(push.sigmoid().mean() - 0.2) < 0.05
    assert abs(before.sigmoid().mean() - 0.1) < 0.05


def test_push_map_follows_the_hold_while_features_and_hold_map_stay():
    network = InteractionNetwork(8).eval()
    image, memory = interaction_inputs(1)
    with torch.no_grad():
        features = network.features(image, memory)
        one = network.push_logits(features, torch.tensor([[20, 20]]))
        other = network.push_logits(features, torch.tensor([[70, 70]]))
        again = network.push_logits(features, torch.tensor([[20, 20]]))
        assert torch.equal(network.hold_logits(features), network(image, memory, torch.tensor([[5, 5]]))[0])
    assert torch.equal(one, again)
    difference = (one - other).abs().amax((0, 1))
    assert (difference > 1e-5).float().mean() > 0.9  # the held vector reaches all of the map


def test_push_map_does_not_depend_on_the_rest_of_the_batch():
    network = InteractionNetwork(8).train()
    image, memory = interaction_inputs(3)
    hold = torch.tensor([[10, 10], [40, 50], [80, 5]])
    with torch.no_grad():
        together = network(image, memory, hold)[1]
        alone = torch.cat([network(image[i : i + 1], memory[i : i + 1], hold[i : i + 1])[1] for i in range(3)])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


def test_repeated_features_give_each_hold_its_own_map():
    network = InteractionNetwork(8).eval()
    image, memory = interaction_inputs(2)
    holds = torch.tensor([[10, 10], [50, 50], [20, 70], [80, 3]])
    with torch.no_grad():
        features = network.features(image, memory)
        at_once = network.push_logits(features.repeat(2), holds)
        second = network(image[1:], memory[1:], holds[2:3])[1]
    torch.testing.assert_close(at_once[2:3], second, atol=1e-4, rtol=1e-4)


def test_hold_defaults_to_the_best_pixel():
    network = InteractionNetwork(8).eval()
    image, memory = interaction_inputs(2, 40, 50)
    with torch.no_grad():
        hold, push = network(image, memory)
        best = torch.tensor([divmod(int(m.argmax()), 50) for m in hold])
        torch.testing.assert_close(push, network(image, memory, best)[1])


def test_no_gradient_into_pixels_that_were_not_executed():
    image, memory = interaction_inputs(3)
    hold, push = InteractionNetwork(8)(image, memory, torch.tensor([[5, 6], [7, 8], [9, 10]]))
    hold.retain_grad()
    push.retain_grad()
    actions = torch.tensor([[5, 6, 11, 12, 3], [7, 8, 13, 14, 0], [9, 10, 15, 16, 7]])
    rewards = torch.tensor([[1.0, float("nan")], [float("nan"), 0.0], [0.0, 1.0]])
    interaction_loss(hold, push, actions, rewards).backward()
    assert hold.grad.nonzero().tolist() == [[0, 5, 6], [2, 9, 10]]
    assert push.grad.nonzero().tolist() == [[1, 0, 13, 14], [2, 7, 15, 16]]


def test_streams_exchange_and_swapping_images_changes_masks():
    network = PartNetwork(8).eval()
    before, after = torch.rand(1, 5, 48, 48), torch.rand(1, 5, 48, 48)
    none = torch.zeros(1, 4, 48, 48)
    with torch.no_grad():
        levels = network.exchanges[0](torch.cat([before.repeat(1, 7, 1, 1)[:, :32]] * 2))
        changed = network.exchanges[0](torch.cat([before.repeat(1, 7, 1, 1)[:, :32], torch.rand(1, 32, 48, 48)]))
        assert not torch.equal(levels[0], changed[0])  # what stream one sees depends on stream two
        assert not torch.equal(network(before, after, none)[0], network(after, before, none)[0])


@pytest.mark.parametrize("bad", ["channels", "small", "ndim", "memory"])
def test_wrong_shapes_are_refused(bad):
    image, memory = interaction_inputs(1, 32, 32)
    image, memory = {
        "channels": (image[:, :3], memory),
        "small": (image[..., :15], memory[..., :15]),
        "ndim": (image[0], memory),
        "memory": (image, memory[:, :1]),
    }[bad]
    with pytest.raises(ValueError, match="must be"):
        InteractionNetwork(8)(image, memory)


def test_gaussian_is_where_the_pixel_is_at_every_resolution():
    pixels = torch.tensor([[30, 61], [0, 89]])
    full = gaussian_maps(pixels, (90, 90), (90, 90))
    assert full[0, 30, 61] == 1
    assert full[0, 32, 61] == pytest.approx(torch.tensor(-0.5).exp().item())  # sigma 2 px
    assert full[1].argmax() == 89
    for size in (45, 23, 12, 6):
        coarse = gaussian_maps(pixels, (size, size), (90, 90))
        rows, cols = pixels[:, 0] * size // 90, pixels[:, 1] * size // 90
        assert (coarse[torch.arange(2), rows, cols] == coarse.amax((1, 2))).all()
        assert coarse.amax() > 0.6
        marked = torch.arange(2 * size * size).reshape(2, 1, size, size).float()
        assert gather_at(marked, pixels, (90, 90))[:, 0].tolist() == marked[torch.arange(2), 0, rows, cols].tolist()
    assert gaussian_maps(torch.tensor([[60, 60]]), (180, 180), (180, 180))[0, 64, 60] == pytest.approx(
        torch.tensor(-0.5).exp().item()
    )


def moving_squares(batch, size, generator):
    """Two textured squares on a textured ground; one of them moves. Returns images and masks."""
    before = 0.3 * torch.rand(batch, 5, size, size, generator=generator)
    before[:, 3:] = 0
    after = before.clone()
    masks = torch.zeros(2, batch, size, size)
    side = 10
    for i in range(batch):
        rows = torch.randint(0, size // 2 - side, (2,), generator=generator) + torch.tensor([0, size // 2])
        cols = torch.randint(0, size - 2 * side, (2,), generator=generator)
        for square in (0, 1):
            patch = 0.5 * torch.rand(3, 1, 1, generator=generator) + 0.1 * torch.rand(3, side, side)
            row, col = int(rows[square]), int(cols[square])
            shift = 5 + int(torch.randint(0, 6, (1,), generator=generator)) if square == i % 2 else 0
            before[i, :3, row : row + side, col : col + side] = patch
            after[i, :3, row : row + side, col + shift : col + shift + side] = patch
            if shift:
                masks[0, i, row : row + side, col : col + side] = 1
                masks[1, i, row : row + side, col + shift : col + shift + side] = 1
    return before - 0.4, after - 0.4, masks[0], masks[1]


def test_part_network_learns_what_moved_on_unseen_pairs():
    generator = torch.Generator().manual_seed(1)
    network = PartNetwork(8)
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3)
    none = torch.zeros(16, 4, 48, 48)
    for _ in range(150):
        before, after, *masks = moving_squares(16, 48, generator)
        logits = network(before, after, none)
        loss = sum(mask_loss(x, mask) for x, mask in zip(logits, masks, strict=True))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    before, after, *masks = moving_squares(16, 48, torch.Generator().manual_seed(99))
    with torch.no_grad():
        logits = network.eval()(before, after, none)
    for found, mask in zip(logits, masks, strict=True):
        predicted, true = found > 0, mask > 0
        iou = (predicted & true).sum((1, 2)) / (predicted | true).sum((1, 2))
        assert iou.mean() > 0.7


def test_interaction_network_learns_a_bandit_with_a_hold():
    """Two bars; holding a bar pays, and pushing the other one than is held, upwards (directions 1 to 3)."""
    generator = torch.Generator().manual_seed(1)
    network = InteractionNetwork(8, 16)
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3)
    bars = torch.zeros(32, 32, dtype=torch.long)
    bars[4:13, 4:28], bars[19:28, 4:28] = 1, 2
    image = torch.zeros(64, 5, 32, 32)
    image[:, 0], image[:, 1] = (bars == 1).float() - 0.5, (bars == 2).float() - 0.5
    memory = torch.zeros(64, 2, 32, 32)

    def play(actions):
        held, pushed = bars[actions[:, 0], actions[:, 1]], bars[actions[:, 2], actions[:, 3]]
        pays = (held > 0) & (pushed > 0) & (held != pushed) & (actions[:, 4] >= 1) & (actions[:, 4] <= 3)
        return torch.stack([(held > 0).float(), pays.float()], 1)

    for _ in range(150):
        actions = torch.randint(0, 32, (64, 5), generator=generator)
        actions[:, 4] %= 8
        hold, push = network(image, memory, actions[:, :2])
        loss = interaction_loss(hold, push, actions, play(actions))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    with torch.no_grad():
        features = network.features(image[:1], memory[:1])
        assert bars[divmod(int(network.hold_logits(features).argmax()), 32)] > 0
        for pixel, other in (([8, 16], 2), ([23, 16], 1)):
            best = int(network.push_logits(features, torch.tensor([pixel])).argmax())
            direction, place = divmod(best, 32 * 32)
            assert direction in (1, 2, 3)
            assert bars[divmod(place, 32)] == other
