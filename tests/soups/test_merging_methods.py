"""Methods of other papers against their formulas, computed here with whole tensors in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tiny_soups import network
from torch import nn

from atp.soups import (
    Ingredients,
    LackingError,
    SoupError,
    SoupInputs,
    SoupWarning,
    dare,
    fisher,
    fisher_information,
    make_soups,
    mix,
    model_stock,
    slerp,
    task_arithmetic,
    ties,
    uniform_soup,
    wise_ft,
)
from atp.soups.checkpoints.block_reading import BLOCK
from atp.soups.methods import FURTHER_METHODS, METHODS, method_names

LARGE = BLOCK + 77  # ends in a second block


def some(seed, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return {
        "large": torch.randn(LARGE, generator=generator).to(dtype),
        "small": torch.randn(3, 5, generator=generator).to(dtype),
        "bn.running_mean": torch.full((2,), float(seed)),
        "count": torch.tensor(seed),
    }


START, ENDS = some(9), [some(seed) for seed in range(3)]
TRAINED = ("large", "small")


def exact(name, *states):
    return [state[name].double() for state in states]


def check(found, formula, dtype=torch.float32, atol=1e-6):
    """The trained tensors are those of a formula, the others are averaged."""
    for name in TRAINED:
        start, *ends = exact(name, START, *ENDS)
        torch.testing.assert_close(found[name].double(), formula(start, ends, name), rtol=1e-6, atol=atol)
        assert found[name].dtype == dtype
    assert found["bn.running_mean"].tolist() == [1.0, 1.0]
    assert found["count"].item() == 1


pytestmark = pytest.mark.filterwarnings("ignore::atp.soups.SoupWarning")


def test_task_arithmetic():
    check(task_arithmetic(ENDS, START, 0.3), lambda start, ends, _: start + 0.3 * sum(end - start for end in ends))
    weights = [1.0, -0.5, 2.0]
    check(
        task_arithmetic(ENDS, START, 0.3, weights),
        lambda start, ends, _: start + 0.3 * sum(w * (end - start) for w, end in zip(weights, ends, strict=True)),
    )
    mean = task_arithmetic(ENDS, START, 1 / 3)
    check(mean, lambda start, ends, _: sum(ends) / 3)
    with pytest.raises(SoupError, match="3 finite weights"):
        task_arithmetic(ENDS, START, 1.0, [1.0])


def trimmed(change, kept):
    """The ``kept`` largest by absolute value."""
    flat = change.flatten()
    mask = torch.zeros_like(flat)
    mask[flat.abs().topk(kept).indices] = 1
    return (flat * mask).reshape(change.shape)


def elected(changes, weights):
    """Sign election and disjoint mean."""
    stacked = torch.stack([weight * change for weight, change in zip(weights, changes, strict=True)])
    sign = stacked.sum(0).sign()
    agrees = (torch.stack(changes).sign() == sign) & (sign != 0)
    share = (torch.tensor(weights, dtype=torch.float64).reshape(-1, *[1] * changes[0].dim()) * agrees).sum(0)
    return (stacked * agrees).sum(0) / share.clamp(min=1e-12)


@pytest.mark.parametrize("weights", [[1.0, 1.0, 1.0], [0.5, 2.0, 1.0]])
@pytest.mark.parametrize("density", [0.2, 0.65, 1.0])
def test_ties_by_tensor(weights, density):
    def formula(start, ends, name):
        changes = [trimmed(end - start, max(1, int(density * start.numel()))) for end in ends]
        return start + 0.7 * elected(changes, weights)

    check(ties(ENDS, START, density, 0.7, weights), formula)


def test_ties_by_model():
    """The largest changes of all tensors together, as in the paper."""
    scaled = [{**end, "small": START["small"] + 4 * (end["small"] - START["small"])} for end in ENDS]
    found = ties(scaled, START, 0.2, trim="model")
    kept = []
    for end in scaled:
        whole = torch.cat([(end[name].double() - START[name].double()).flatten() for name in TRAINED])
        kept.append(trimmed(whole, int(0.2 * len(whole))).split([LARGE, 15]))
    for place, name in enumerate(TRAINED):
        changes = [each[place].reshape(START[name].shape) for each in kept]
        wanted = START[name].double() + elected(changes, [1.0] * 3)
        torch.testing.assert_close(found[name].double(), wanted, rtol=1e-6, atol=1e-6)
    by_tensor = ties(scaled, START, 0.2)
    assert not torch.allclose(by_tensor["small"], found["small"])


def test_ties_where_signs_disagree():
    start = {"w": torch.zeros(4)}
    ends = [{"w": torch.tensor(values)} for values in ([3.0, 1.0, -2.0, 1.0], [1.0, -2.0, -4.0, -1.0])]
    assert ties(ends, start, 1.0)["w"].tolist() == [2.0, -2.0, -3.0, 0.0]  # of equal votes none is elected


@pytest.mark.parametrize("option", [{"density": 0.0}, {"density": 1.5}, {"weights": [1.0, -1.0, 1.0]}])
def test_options_out_of_range(option):
    with pytest.raises(SoupError, match=r"density|positive"):
        ties(ENDS, START, **option)


def test_dare_drops_rescales_and_repeats():
    change = [{**end, "large": START["large"] + 1 + number} for number, end in enumerate(ENDS)]
    found = dare(change[:1], START, 0.25, seed=3)
    moved = (found["large"].double() - START["large"].double()).round(decimals=4)
    assert set(moved.unique().tolist()) == {0.0, 4.0}
    assert abs((moved > 0).double().mean() - 0.25) < 0.01
    again, other = dare(change[:1], START, 0.25, seed=3), dare(change[:1], START, 0.25, seed=4)
    assert torch.equal(again["large"], found["large"])
    assert not torch.equal(other["large"], found["large"])
    several = dare(change, START, 0.5, seed=1)
    assert abs((several["large"].double() - START["large"].double()).mean() - 2) < 0.05  # the mean of 1, 2 and 3
    masks = [dare([each], START, 0.5, seed=1)["large"] != START["large"] for each in change[:2]]
    assert torch.equal(masks[0], masks[1])  # the first of its own soup each
    both = dare([change[0], change[0]], START, 0.5, weights=[1.0, 1.0])["large"].double() - START["large"].double()
    assert set(both.round(decimals=4).unique().tolist()) == {0.0, 2.0, 4.0}  # each has a mask of its own
    check(dare(ENDS, START, 1.0), lambda start, ends, _: sum(ends) / 3)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_slerp(alpha):
    one, other = ENDS[:2]
    found = slerp(one, other, alpha)
    for name in TRAINED:
        a, b = exact(name, one, other)
        angle = math.acos(float((a * b).sum() / (a.norm() * b.norm())))
        wanted = (math.sin((1 - alpha) * angle) * a + math.sin(alpha * angle) * b) / math.sin(angle)
        torch.testing.assert_close(found[name].double(), wanted, rtol=1e-6, atol=1e-6)
    near = {name: tensor * 1.01 if name in TRAINED else tensor for name, tensor in one.items()}
    torch.testing.assert_close(slerp(one, near, 0.5)["large"], one["large"] * 1.005)
    zero = {"w": torch.zeros(3)}
    assert slerp(zero, {"w": torch.tensor([1.0, 0.0, 0.0])}, 0.5)["w"].isfinite().all()


def test_fisher():
    importance = [{name: torch.rand(tensor.shape) for name, tensor in end.items() if name == "large"} for end in ENDS]
    importance[0]["large"][:5] = importance[1]["large"][:5] = importance[2]["large"][:5] = 0
    weights = [1.0, 2.0, 0.5]

    def formula(start, ends, name):
        plain = sum(w * end for w, end in zip(weights, ends, strict=True)) / sum(weights)
        if name == "small":
            return plain
        shares = [w * each[name].double() for w, each in zip(weights, importance, strict=True)]
        total = sum(shares)
        mixed = sum(share * end for share, end in zip(shares, ends, strict=True)) / total.clamp(min=1e-30)
        return torch.where(total > 0, mixed, plain)

    check(fisher(ENDS, importance, weights), formula)
    with pytest.raises(SoupError, match="for each of 3 checkpoints"):
        fisher(ENDS, importance[:2])
    importance[1]["large"][7] = -1
    with pytest.raises(SoupError, match="is negative"):
        fisher(ENDS, importance)


def test_fisher_information_of_a_linear_classifier():
    torch.manual_seed(0)
    model = nn.Linear(2, 2, bias=False)
    inputs = torch.tensor([[3.0, 0.0]]).repeat(3000, 1)
    found = fisher_information(model, [(inputs, torch.zeros(3000))], seed=0)["weight"]
    chance = float(model(inputs[:1]).softmax(1)[0, 0].detach())
    wanted = chance * (1 - chance) * 9  # of logistic regression: p (1 - p) x^2
    torch.testing.assert_close(found, torch.tensor([[wanted, 0.0], [wanted, 0.0]]), rtol=0.15, atol=1e-6)
    with pytest.raises(SoupError, match="at least one batch"):
        fisher_information(model, [])


def test_model_stock_is_its_formula():
    def formula(start, ends, _):
        changes = [(end - start).flatten() for end in ends]
        pairs = [(0, 1), (0, 2), (1, 2)]
        cosine = max(0.0, np.mean([float(torch.cosine_similarity(changes[a], changes[b], 0)) for a, b in pairs]))
        share = 3 * cosine / (1 + 2 * cosine)
        return share * sum(ends) / 3 + (1 - share) * start

    check(model_stock(ENDS, START), formula)


def test_model_stock_of_opposite_and_of_standing_ones():
    start = {"w": torch.tensor([1.0, 1.0]), "bn.running_mean": torch.zeros(2)}
    ends = [{"w": torch.tensor([2.0, 1.0]), "bn.running_mean": torch.ones(2)},
            {"w": torch.tensor([-3.0, 1.0]), "bn.running_mean": torch.ones(2)}]  # fmt: skip
    found = model_stock(ends, start)
    assert found["w"].tolist() == [1.0, 1.0]  # a negative cosine counts as 0
    assert found["bn.running_mean"].tolist() == [1.0, 1.0]  # statistics are no weights
    third = {"w": start["w"].clone(), "bn.running_mean": torch.ones(2)}
    same_way = [ends[0], {**ends[0], "w": torch.tensor([3.0, 1.0])}, third]
    cosine = 2 / 6  # two that are parallel and one that did not move: of six ordered pairs two count
    share = 3 * cosine / (1 + 2 * cosine)
    torch.testing.assert_close(model_stock(same_way, start)["w"], torch.tensor([share * 2 + (1 - share), 1.0]))


def test_model_stock_where_one_alone_moved_is_the_mean():
    start, end = {"w": torch.tensor([1.0, 1.0])}, {"w": torch.tensor([3.0, 1.0])}
    assert model_stock([end, start], start)["w"].tolist() == [2.0, 1.0]
    assert model_stock([start, start], start)["w"].tolist() == [1.0, 1.0]


def test_model_stock_keeps_statistics_out_of_its_shares():
    """Statistics at right angles: interpolated by their angle they would be the initialisation's."""
    start = {"w": torch.zeros(2), "bn.running_mean": torch.zeros(2)}
    ends = [{"w": torch.tensor([1.0, 1.0]), "bn.running_mean": torch.tensor([2.0, 0.0])},
            {"w": torch.tensor([1.0, 1.0]), "bn.running_mean": torch.tensor([0.0, 2.0])}]  # fmt: skip
    assert model_stock(ends, start, "average")["bn.running_mean"].tolist() == [1.0, 1.0]


def test_files_give_what_state_dicts_give(tmp_path):
    for number, each in enumerate([START, *ENDS]):
        save_file(each, tmp_path / f"{number}.safetensors") if number % 2 else torch.save(
            each, tmp_path / f"{number}.pt"
        )
    first = tmp_path / "0.pt"
    files = [tmp_path / "1.safetensors", tmp_path / "2.pt", tmp_path / "3.safetensors"]
    for function in (ties, dare, task_arithmetic, model_stock):
        mine, wanted = function(files, first), function(ENDS, START)
        assert all(torch.equal(mine[name], wanted[name]) for name in wanted), function
    assert torch.equal(slerp(*files[:2])["small"], slerp(*ENDS[:2])["small"])


def test_values_that_are_not_finite_are_named():
    bad = {**ENDS[0], "small": ENDS[0]["small"] * math.nan}
    for function in (ties, dare, model_stock):
        with pytest.raises(SoupError, match="ingredient 1: 'small' has NaN"):
            function([ENDS[1], bad], START)


def test_weights_must_sum_to_one():
    states = Ingredients([network(0).state_dict(), network(1).state_dict()])
    with pytest.raises(SoupError, match="must sum to 1, not to 2"):
        mix(states, [1.0, 1.0])
    with pytest.raises(SoupError, match="must sum to 1"):
        mix(states, {name: [0.3, 0.3] for name in states.layout})


def test_methods_say_what_they_lack():
    states = Ingredients([network(0).state_dict(), network(1).state_dict()])
    inputs = SoupInputs(states)
    told = {
        "linear": "--weights", "greedy": "--score-command", "learned": "--task", "wise-ft": "--initial",
        "model-stock": "--initial", "task-arithmetic": "--initial", "ties": "--initial", "dare": "--initial",
        "fisher": "--fisher",
    }  # fmt: skip
    for name, option in told.items():
        with pytest.raises(LackingError, match=option):
            list(make_soups(inputs, [name]))
    assert [soup.name for soup in make_soups(inputs)] == ["uniform soup"]  # what lacks something is left out
    assert not set(FURTHER_METHODS) & set(method_names())
    assert set(FURTHER_METHODS) <= set(METHODS.names)


def test_methods_take_their_options():
    states = [network(seed).state_dict() for seed in range(2)]
    start = network(5).state_dict()
    inputs = SoupInputs(
        Ingredients(states), scores=[0.4, 0.6], best=1, initial=start, weights=[0.3, 0.7], alpha=0.2, density=0.5,
        seed=4, information=[{name: tensor.abs() for name, tensor in state.items()} for state in states],
    )  # fmt: skip

    def made(name):
        (soup,) = make_soups(inputs, [name])
        return soup.state

    wanted = {
        "linear": mix(inputs.ingredients, [0.3, 0.7]), "wise-ft": wise_ft(start, states[1], 0.2),
        "task-arithmetic": task_arithmetic(states, start, 0.2, [0.3, 0.7]),
        "ties": ties(states, start, 0.5, 0.2, [0.3, 0.7]), "dare": dare(states, start, 0.5, [0.3, 0.7], 4),
        "slerp": slerp(*states, 0.2), "fisher": fisher(states, inputs.information, [0.3, 0.7]),
        "uniform": uniform_soup(states),
    }  # fmt: skip
    for name, state in wanted.items():
        assert all(torch.equal(made(name)[key], tensor) for key, tensor in state.items()), name


def test_statistics_policies_reach_every_method():
    for function in (ties, dare, task_arithmetic, model_stock):
        assert function(ENDS, START, statistics="keep")["bn.running_mean"].tolist() == [0.0, 0.0]
        with pytest.warns(SoupWarning, match="statistics of BatchNorm differ"):
            function(ENDS, START)
    assert slerp(ENDS[1], ENDS[2], statistics="keep")["bn.running_mean"].tolist() == [1.0, 1.0]
