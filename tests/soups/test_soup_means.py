"""Means of checkpoints: exact to the rounding of their dtype, whatever the files are."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file
from tiny_soups import network, states
from torch import nn
from torch.optim.swa_utils import AveragedModel

from atp.soups import (
    Ingredients,
    SoupError,
    SoupWarning,
    mix,
    uniform_soup,
    wise_ft,
)
from atp.soups.checkpoints.block_reading import BLOCK, Buffer


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_copies_give_the_model_bit_for_bit(dtype):
    torch.manual_seed(0)
    values = torch.randn(20_000) * torch.logspace(-6, 4, 20_000)
    state = {"w": values.to(dtype), "count": torch.tensor(2**60 + 1)}
    soup = uniform_soup([state] * 72)
    assert torch.equal(soup["w"], state["w"])
    assert torch.equal(soup["count"], state["count"])
    mixed = mix(Ingredients([state] * 72), [1 / 72] * 72)
    assert torch.equal(mixed["w"], state["w"])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_soup_is_the_mean_to_the_dtypes_rounding(dtype):
    some = states(7, dtype)
    soup = uniform_soup(some)
    for name in soup:
        exact = torch.stack([state[name].double() for state in some]).mean(0)
        assert soup[name].dtype == dtype
        if dtype == torch.float64:
            torch.testing.assert_close(soup[name], exact, rtol=1e-15, atol=1e-16)
        else:
            assert torch.equal(soup[name], exact.to(dtype))


@pytest.mark.parametrize("open_at_a_time", [2, 256])
def test_large_tensors_are_summed_block_by_block(tmp_path, monkeypatch, open_at_a_time):
    monkeypatch.setattr("atp.soups.mixing.MOST_OPEN", open_at_a_time)
    generator = torch.Generator().manual_seed(0)
    shapes = {
        "a": (3, 2 * BLOCK // 3),
        "b": (2, BLOCK),
        "c": (),
        "none": (0, 4),
    }  # blocks end inside, at the end
    some = []
    for number in range(5):
        state = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
        state["half"] = torch.randn(BLOCK + 1, generator=generator).half()
        state["count"] = torch.arange(BLOCK + 5) + 10 * number
        some.append(state)
        save_file(state, tmp_path / f"{number}.safetensors")
    files = sorted(tmp_path.iterdir())
    weights = [0.5, 0.0, -0.25, 0.125, 0.625]
    with pytest.warns(SoupWarning, match="'count'"):
        soup, mixed = uniform_soup(files), mix(Ingredients(files), weights)
    assert soup.keys() == some[0].keys()
    for name in soup:
        stacked = torch.stack([state[name].double() for state in some])
        assert torch.equal(soup[name].double(), stacked.mean(0).to(soup[name].dtype).double()), name
        exact = torch.einsum("n,n...->...", torch.tensor(weights, dtype=torch.float64), stacked)
        exact = exact.round() if name == "count" else exact
        torch.testing.assert_close(mixed[name], exact.to(mixed[name].dtype), rtol=1e-7, atol=1e-7)


def test_file_cut_short_while_it_is_read_is_named(tmp_path):
    save_file({"w": torch.ones(100)}, tmp_path / "a.safetensors")
    some = Ingredients([tmp_path / "a.safetensors"])

    def read(reader):
        (tmp_path / "a.safetensors").write_bytes((tmp_path / "a.safetensors").read_bytes()[:-4])
        return reader.block("w", 0, 100, Buffer(torch.float32, 100))

    with (
        pytest.raises(SoupError, match=r"a\.safetensors: ends in the middle of 'w'"),
        some.blocks([0]) as opened,
    ):
        read(opened[0])


def test_soup_is_that_of_pytorch(files):
    averaged = AveragedModel(network(0))
    for seed in range(5):
        averaged.update_parameters(network(seed))
    soup = uniform_soup(files)
    for name, tensor in averaged.module.state_dict().items():
        torch.testing.assert_close(soup[name], tensor, rtol=0, atol=1e-6)


def test_integers_are_rounded_to_the_nearest():
    some = [{"a": torch.tensor([n, 0, 2**60]), "b": torch.tensor(True)} for n in (1, 2, 2, 2)]
    with pytest.warns(SoupWarning, match="'a'.*averaged and rounded"):
        soup = uniform_soup(some)
    assert soup["a"].tolist() == [2, 0, 2**60]
    assert soup["a"].dtype == torch.int64
    assert soup["b"].item() is True
    with pytest.warns(SoupWarning):
        halves = uniform_soup([{"a": torch.tensor([1, 2, -1])}, {"a": torch.tensor([2, 3, -2])}])
    assert halves["a"].tolist() == [2, 2, -2]  # 1.5, 2.5 and -1.5, to even


def test_large_integers_are_averaged_exactly():
    with pytest.warns(SoupWarning, match="'a'"):
        soup = uniform_soup([{"a": torch.tensor([2**60 + 1])}, {"a": torch.tensor([2**60 + 3])}])
    assert soup["a"].item() == 2**60 + 2


def test_one_hot_returns_that_ingredient(files):
    some = Ingredients(files)
    for index in range(5):
        mixed = mix(some, [float(index == each) for each in range(5)])
        assert all(torch.equal(mixed[name], tensor) for name, tensor in some.load(index).items())


def test_weights_by_tensor():
    some = Ingredients(states(2))
    weights = {name: ([1.0, 0.0] if name.startswith("0") else [0.25, 0.75]) for name in some.layout}
    mixed = mix(some, weights)
    one, other = some.load(0), some.load(1)
    assert torch.equal(mixed["0.weight"], one["0.weight"])
    torch.testing.assert_close(mixed["2.bias"], 0.25 * one["2.bias"] + 0.75 * other["2.bias"])


def test_wise_ft_returns_the_ends():
    start, end = states(2)
    for alpha, wanted in ((0.0, start), (1.0, end)):
        found = wise_ft(start, end, alpha)
        assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    middle = wise_ft(start, end, 0.5)
    torch.testing.assert_close(middle["0.weight"], (start["0.weight"] + end["0.weight"]) / 2)


def test_for_a_linear_model_soup_equals_ensemble():
    models = [nn.Linear(6, 3).double() for _ in range(4)]
    inputs = torch.randn(20, 6, dtype=torch.float64)
    soup = nn.Linear(6, 3).double()
    soup.load_state_dict(uniform_soup([model.state_dict() for model in models]))
    ensemble = torch.stack([model(inputs) for model in models]).mean(0)
    torch.testing.assert_close(soup(inputs), ensemble, rtol=0, atol=1e-12)


def test_tied_weights_stay_tied(tmp_path):
    def tied(seed):
        torch.manual_seed(seed)
        weight = torch.randn(4, 3)
        return {"embed.weight": weight, "head.weight": weight, "bias": torch.randn(3)}

    soup = uniform_soup([tied(0), tied(1)])
    assert soup["embed.weight"] is soup["head.weight"]
    torch.save(tied(0), tmp_path / "a.pt")
    torch.save(tied(1), tmp_path / "b.pt")
    assert uniform_soup([tmp_path / "a.pt", tmp_path / "b.pt"])["embed.weight"].shape == (4, 3)
    loose = {name: tensor.clone() for name, tensor in tied(1).items()}
    with pytest.warns(SoupWarning, match="share a tensor in only one"):
        soup = uniform_soup([tied(0), loose])
    assert soup["embed.weight"] is not soup["head.weight"]


def test_prefix_of_data_parallel_is_taken_off():
    plain = states(2)
    wrapped = [{f"module.{name}": tensor for name, tensor in state.items()} for state in plain]
    mine, wanted = uniform_soup([wrapped[0], plain[1]]), uniform_soup(plain)
    assert mine.keys() == wanted.keys()
    assert all(torch.equal(mine[name], wanted[name]) for name in wanted)


def test_sums_in_float64_are_divided():
    """And not multiplied with a share that is rounded."""
    some = [{"w": torch.randn(5000, dtype=torch.float64)} for _ in range(3)]
    total = some[0]["w"] + some[1]["w"] + some[2]["w"]
    assert torch.equal(uniform_soup(some)["w"], total / 3)
    assert not torch.equal(total / 3, total * (1 / 3))


def test_means_are_rounded_once():
    """A float32 between would lie half-way between two float16, and go to the even one."""
    ulp = 2.0**-10
    some = [{"w": torch.tensor([value]).half()} for value in (1.0, 1.0 + ulp, 2.0)]
    mixed = mix(Ingredients(some), [0.5, 0.5 - 2.0**-30, 2.0**-30])
    assert mixed["w"].item() == 1.0 + ulp


def test_booleans_that_differ_are_the_firsts():
    some = [{"m": torch.tensor([True, False])}, {"m": torch.tensor([True, True])}, {"m": torch.tensor([True, True])}]
    with pytest.warns(SoupWarning, match="'m'.*the first one's are kept"):
        soup = uniform_soup(some)
    assert soup["m"].tolist() == [True, False]


def test_what_has_no_weight_is_not_read(tmp_path):
    for number, state in enumerate(states(3)):
        save_file(state, tmp_path / f"{number}.safetensors")
    some = Ingredients(sorted(tmp_path.iterdir()))
    (tmp_path / "1.safetensors").unlink()
    assert mix(some, [0.5, 0.0, 0.5]).keys() == some.layout.keys()
    with pytest.raises(SoupError, match=r"cannot be read any more.*1\.safetensors"):
        mix(some, [0.5, 0.25, 0.25])


def test_what_has_no_weight_for_a_tensor_does_not_count_there():
    one, other = ({name: tensor.clone() for name, tensor in state.items()} for state in states(2))
    other["0.bias"][0] = float("inf")
    some = Ingredients([one, other])
    weights = {name: [1.0, 0.0] if name == "0.bias" else [0.5, 0.5] for name in some.layout}
    assert torch.equal(mix(some, weights)["0.bias"], one["0.bias"])
