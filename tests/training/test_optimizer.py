"""The optimiser: what it trains with, that it learns, and that it resumes exactly."""

import pytest
import torch
from torch import nn

from train.learning.optimizer import Muon, MuonAdamW


def network() -> nn.Sequential:
    torch.manual_seed(0)
    layers = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.GroupNorm(2, 8), nn.ReLU(), nn.Conv2d(8, 6, 1), nn.Flatten(),
        nn.Linear(6 * 16, 4),
    )  # fmt: skip
    return layers.to(memory_format=torch.channels_last)


def train(net: nn.Module, optimizer: MuonAdamW, steps: int) -> list[float]:
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(32, 3, 4, 4, generator=generator)
    goals = images.flatten(1)[:, :4]
    losses = []
    for _ in range(steps):
        loss = (net(images) - goals).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


def test_matrices_take_orthogonal_steps_of_the_size_of_adamws() -> None:
    net = network()
    before = [parameter.detach().clone() for parameter in net.parameters()]
    train(net, MuonAdamW(net.parameters(), 0.01, 0.0), 1)
    for old, new in zip(before, net.parameters(), strict=True):
        step = (new.detach() - old).flatten(1) if old.ndim > 1 else new.detach() - old
        if old.ndim > 1:
            values = torch.linalg.svdvals(step)
            assert values[0] < 3 * values[-1]  # all directions alike
            assert 0.001 < step.square().mean().sqrt() < 0.004  # 0.2 times the learning rate
        else:
            torch.testing.assert_close(step.abs(), torch.full_like(step, 0.01), rtol=0.01, atol=1e-4)


@pytest.mark.parametrize("shape", [(6, 20), (20, 6), (24, 24)])
def test_muon_is_pytorchs_but_for_its_bfloat16(shape) -> None:
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(shape, generator=generator)
    ours, theirs = start.clone(), start.clone()
    optimizers = (
        Muon([ours], 0.02, 0.1),
        torch.optim.Muon([theirs], 0.02, 0.1, adjust_lr_fn="match_rms_adamw"),
    )
    for _ in range(5):
        ours.grad = torch.randn(shape, generator=generator)
        theirs.grad = ours.grad.clone()
        for optimizer in optimizers:
            optimizer.step()
    assert (ours - theirs).norm() < 0.01 * (theirs - start).norm()


def test_it_learns_and_goes_on_exactly() -> None:
    whole = network()
    losses = train(whole, MuonAdamW(whole.parameters(), 0.01, 0.01), 60)
    assert losses[-1] < 0.3 * losses[0]

    first = network()
    optimizer = MuonAdamW(first.parameters(), 0.01, 0.01)
    train(first, optimizer, 20)
    state = {"net": first.state_dict(), "optimizer": optimizer.state_dict()}
    second = network()
    optimizer = MuonAdamW(second.parameters(), 0.01, 0.01)
    second.load_state_dict(state["net"])
    optimizer.load_state_dict(state["optimizer"])
    assert train(second, optimizer, 40) == losses[20:]


def test_rates_are_those_of_the_groups() -> None:
    net = network()
    optimizer = MuonAdamW(net.parameters(), 0.01, 0.0)
    before = [parameter.detach().clone() for parameter in net.parameters()]
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    train(net, optimizer, 2)
    for old, new in zip(before, net.parameters(), strict=True):
        torch.testing.assert_close(new.detach(), old)


def test_other_formats_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(8, 3, 3, 3\) is not in the channels-last format"):
        MuonAdamW([nn.Parameter(torch.randn(8, 3, 3, 3))], 0.01, 0.0)
