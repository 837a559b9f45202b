"""Model soups: exact means, the published greedy choice, streamed gradients, and refusals."""

from __future__ import annotations

import copy
import math
import pickle
import warnings

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.optim.swa_utils import AveragedModel

from atp.soups import (
    Ingredients,
    SoupError,
    SoupWarning,
    all_pairs,
    angle_between,
    barrier,
    greedy_choice,
    greedy_soup,
    learned_soup,
    mix,
    mixture_gradient,
    model_stock,
    reestimate_batchnorm,
    soup_versus_ensemble,
    uniform_soup,
    wise_ft,
)
from atp.soups.blocks import BLOCK, Buffer


def network(seed=0, dtype=torch.float32):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3)).to(dtype)


def states(count, dtype=torch.float32):
    return [network(seed, dtype).state_dict() for seed in range(count)]


@pytest.fixture
def files(tmp_path):
    """Five checkpoints on disk, of both kinds."""
    paths = []
    for number, state in enumerate(states(5)):
        path = tmp_path / f"{number}.{'safetensors' if number % 2 else 'pt'}"
        save_file(state, path) if number % 2 else torch.save(state, path)
        paths.append(path)
    return paths


# --- means -----------------------------------------------------------------------------------------------------------


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


# --- greedy ----------------------------------------------------------------------------------------------------------


def published(scores, score_of, strict):
    """The loop of the script that the authors published, on sets of indices."""
    ordered = sorted(dict(enumerate(scores)).items(), key=lambda item: item[1])
    ordered.reverse()
    chosen, best = [ordered[0][0]], ordered[0][1]
    for index, _ in ordered[1:]:
        score = score_of((*chosen, index))
        if score > best if strict else score >= best:
            chosen.append(index)
            best = score
    return chosen


@pytest.mark.parametrize("strict", [True, False])
def test_greedy_choice_is_the_published_one_with_ties(strict):
    for seed in range(200):
        rng = np.random.default_rng(seed)
        scores = (rng.integers(0, 5, 9) / 5).tolist()  # many ties

        def score_of(indices, seed=seed):
            return float(np.random.default_rng([seed, *sorted(indices)]).integers(0, 8)) / 5

        steps = greedy_choice(scores, lambda chosen, index: score_of((*chosen, index)), strict)
        assert [step.index for step in steps if step.kept] == published(scores, score_of, strict)
        assert sorted(step.index for step in steps) == list(range(9))  # each is tried once
        assert [step for step in steps if step.kept][-1].score >= max(scores)


def test_of_two_equal_scores_the_later_comes_first():
    steps = greedy_choice([0.5, 0.7, 0.7, 0.5], lambda chosen, index: 0.0)
    assert [step.index for step in steps] == [2, 1, 3, 0]


def test_greedy_soup_scores_means(files):
    target = uniform_soup(files[:2])
    seen = []

    def score(state):
        seen.append(state)
        return -float(sum((state[name] - target[name]).square().sum() for name in target))

    soup = greedy_soup(files, score)
    assert len(seen) == 5 + 4
    assert soup.score >= max(map(score, (Ingredients(files).load(index) for index in range(5))))
    assert soup.score == pytest.approx(score(soup.state), abs=1e-6)
    mean = uniform_soup([files[index] for index in soup.chosen])
    assert all(torch.equal(soup.state[name], mean[name]) for name in mean)
    assert set(soup.chosen) == {0, 1}
    with pytest.raises(SoupError, match="5 scores, not 1"):
        greedy_soup(files, score, scores=[1.0])
    with pytest.raises(SoupError, match="number"):
        greedy_soup(files, score, scores=[math.nan] * 5)


# --- learned ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_layer", [False, True])
def test_streamed_gradient_is_autograds(tmp_path, by_layer):
    some = Ingredients(states(4, torch.float64))
    model = network(9, torch.float64)
    inputs, targets = torch.randn(32, 6, dtype=torch.float64), torch.randint(3, (32,))
    layers = ["0", "2"] if by_layer else []
    weights = torch.rand(max(1, len(layers)), 4, dtype=torch.float64, requires_grad=True)
    row = {name: layers.index(name.partition(".")[0]) if by_layer else 0 for name in some.layout}
    loaded = [some.load(index) for index in range(4)]
    mixed = {name: sum(weights[row[name], index] * loaded[index][name] for index in range(4)) for name in some.layout}
    loss = nn.functional.cross_entropy(torch.func.functional_call(model, mixed, (inputs,)), targets)
    (wanted,) = torch.autograd.grad(loss, weights)

    model.load_state_dict({name: tensor.detach() for name, tensor in mixed.items()})
    nn.functional.cross_entropy(model(inputs), targets).backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    found = mixture_gradient(some, gradients, layers).reshape(wanted.shape)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-10)


@pytest.mark.parametrize("by_layer", [False, True])
def test_learned_soup_finds_the_good_ingredient(files, by_layer):
    generator = torch.Generator().manual_seed(0)
    teacher = network(3).requires_grad_(False)
    inputs = torch.randn(256, 6, generator=generator)
    targets = (20 * teacher(inputs)).argmax(1)
    soup = learned_soup(files, network(8), [(inputs, targets)] * 120, by_layer=by_layer)
    rows = soup.weights.reshape(-1, 5)
    torch.testing.assert_close(rows.sum(1), torch.ones(len(rows), dtype=torch.float64))
    assert (rows[-1].argmax() == 3).all()
    assert soup.losses[-1] < 0.7 * soup.losses[0]
    assert soup.temperature > 1  # the labels are certain
    mixed = uniform_soup(files)
    assert any(not torch.equal(soup.state[name], mixed[name]) for name in mixed)
    again = learned_soup(files, network(8), [(inputs, targets)] * 120, by_layer=by_layer)
    assert torch.equal(soup.weights, again.weights)


def test_learned_soup_of_another_model(files):
    with pytest.raises(SoupError, match="not of this model"):
        learned_soup(files, nn.Linear(2, 2), [(torch.zeros(1, 2), torch.zeros(1, dtype=torch.long))])


# --- model stock -----------------------------------------------------------------------------------------------------


def test_model_stock_of_identical_and_of_orthogonal_models():
    start, end = states(2)
    identical = model_stock([end] * 3, start)
    for name in end:
        torch.testing.assert_close(identical[name], end[name])
    initial = {"w": torch.ones(8)}
    orthogonal = [{"w": torch.ones(8) + 3 * nn.functional.one_hot(torch.tensor(k), 8)} for k in range(4)]
    torch.testing.assert_close(model_stock(orthogonal, initial)["w"], initial["w"])


def test_model_stock_of_a_known_angle():
    cosine, count = 0.6, 2
    sine = math.sqrt(1 - cosine**2)
    ends = [torch.tensor([1.0, 0.0]), torch.tensor([cosine, sine])]
    share = count * cosine / (1 + (count - 1) * cosine)
    found = model_stock([{"w": end} for end in ends], {"w": torch.zeros(2)})["w"]
    torch.testing.assert_close(found, share * sum(ends) / 2)
    with pytest.raises(SoupError, match="two ingredients"):
        model_stock([{"w": ends[0]}], {"w": torch.zeros(2)})


# --- BatchNorm -------------------------------------------------------------------------------------------------------


def normalised(seed, trained=True):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))
    if trained:
        for _ in range(seed + 3):
            model(torch.randn(16, 6) * (seed + 1))
    return model.eval()


def test_statistics_are_averaged_or_kept_and_it_is_told():
    some = [normalised(seed).state_dict() for seed in range(3)]
    with pytest.warns(SoupWarning, match="BatchNorm differ.*re-estimate"):
        soup = uniform_soup(some)
    torch.testing.assert_close(soup["1.running_mean"], sum(state["1.running_mean"] for state in some) / 3)
    assert soup["1.num_batches_tracked"].item() == 4
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.equal(uniform_soup(some, "average")["1.running_var"], soup["1.running_var"])
        kept = uniform_soup(some, "keep")
        uniform_soup(states(2))  # nothing to choose
    assert torch.equal(kept["1.running_mean"], some[0]["1.running_mean"])
    assert torch.equal(kept["0.weight"], soup["0.weight"])


def test_reestimated_statistics_are_those_of_the_data_and_the_same_twice():
    some = [normalised(seed).state_dict() for seed in range(3)]
    model = normalised(0)
    model.load_state_dict(uniform_soup(some, "average"))
    batches = list(torch.randn(8, 32, 6, generator=torch.Generator().manual_seed(1)))
    reestimate_batchnorm(model, batches, Ingredients(some))
    first = copy.deepcopy(model.state_dict())
    reestimate_batchnorm(model, batches, Ingredients(some))
    assert all(torch.equal(first[name], tensor) for name, tensor in model.state_dict().items())
    assert not model.training
    hidden = model[0](torch.cat(batches))
    torch.testing.assert_close(first["1.running_mean"], hidden.mean(0), rtol=1e-4, atol=1e-5)
    means = torch.stack([model[0](batch).var(0) for batch in batches]).mean(0)
    torch.testing.assert_close(first["1.running_var"], means, rtol=1e-4, atol=1e-5)


def test_frozen_statistics_are_not_reestimated():
    start = normalised(0).state_dict()
    others = [{**start, "0.weight": start["0.weight"] + seed} for seed in range(3)]
    with pytest.raises(SoupError, match="frozen"):
        reestimate_batchnorm(normalised(0), [torch.randn(4, 6)], Ingredients(others))


# --- landscape -------------------------------------------------------------------------------------------------------


def test_angles():
    start = {"w": torch.zeros(2), "n": torch.tensor(3)}
    one, other = ({"w": torch.tensor(w), "n": torch.tensor(9)} for w in ([2.0, 0.0], [1.0, 1.0]))
    assert angle_between(start, one, other) == pytest.approx(math.pi / 4)
    assert math.isnan(angle_between(start, one, start))


def test_barrier():
    def loss(state):
        return float((state["w"] ** 2 - 1).square().sum()) + 0.1

    ends = ({"w": torch.tensor([-1.0])}, {"w": torch.tensor([1.0])})
    with pytest.warns(SoupWarning, match="rises by 1 between"):
        assert barrier(*ends, loss) == pytest.approx(1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert barrier(ends[0], ends[0], loss) == pytest.approx(0.0)


# --- analysis --------------------------------------------------------------------------------------------------------


def test_both_sides_agree_as_two_models_approach_each_other():
    generator = torch.Generator().manual_seed(0)
    inputs = 2 * torch.randn(400, 6, generator=generator, dtype=torch.float64)
    targets = torch.randint(3, (400,), generator=generator)
    start, end = states(2, torch.float64)
    model = network(0, torch.float64)
    ratios = []
    for distance in (1.0, 0.1, 0.01):
        near = wise_ft(start, end, distance)
        found = soup_versus_ensemble(model, start, near, [(inputs, targets)], alpha=0.3, beta=1.5)
        assert found.difference == pytest.approx(found.soup_loss - found.ensemble_loss)
        ratios.append(found.approximation / found.difference)
    assert abs(ratios[2] - 1) < 0.02
    assert abs(ratios[2] - 1) < abs(ratios[1] - 1) < abs(ratios[0] - 1)


def test_all_pairs_are_what_the_single_functions_say():
    some, start = states(3, torch.float64), network(7, torch.float64).state_dict()
    batch = (torch.randn(50, 6, dtype=torch.float64), torch.randint(3, (50,)))
    model = network(0, torch.float64)
    rows = all_pairs(model, Ingredients(some), start, [batch])
    assert [(row["one"], row["other"]) for row in rows] == [(0, 1), (0, 2), (1, 2)]
    alone = soup_versus_ensemble(model, some[0], some[2], [batch])
    assert rows[1]["difference"] == pytest.approx(alone.difference)
    assert rows[1]["approximation"] == pytest.approx(alone.approximation)
    assert rows[1]["angle"] == pytest.approx(math.degrees(angle_between(start, some[0], some[2])))

    def loss(state):
        model.load_state_dict(state)
        return float(nn.functional.cross_entropy(model(batch[0]), batch[1]).detach())

    half = loss(wise_ft(some[0], some[2], 0.5)) - (loss(some[0]) + loss(some[2])) / 2
    assert rows[1]["barrier"] == pytest.approx(half)


def test_statistics_are_gathered_anew_along_the_line():
    one, other = (normalised(seed).state_dict() for seed in range(2))
    model, inputs = normalised(0), torch.randn(64, 6)
    batch = (inputs, torch.randint(3, (64,)))

    def prepare(network):
        reestimate_batchnorm(network, [inputs])

    found = soup_versus_ensemble(model, one, other, [batch], statistics="average", prepare=prepare)

    def logits(state):
        model.load_state_dict(state)
        prepare(model)
        with torch.no_grad():
            return model(inputs).double()

    def loss(outputs):
        return float(nn.functional.cross_entropy(outputs, batch[1]))

    assert found.soup_loss == pytest.approx(loss(logits(wise_ft(one, other, 0.5, "average"))))
    assert found.ensemble_loss == pytest.approx(loss((logits(one) + logits(other)) / 2))
    stale = soup_versus_ensemble(model, one, other, [batch], statistics="average")
    assert abs(found.soup_loss - stale.soup_loss) > 0.005


def test_a_linear_model_has_no_difference():
    model = nn.Linear(6, 3).double()
    one, other = (copy.deepcopy(nn.Linear(6, 3).double().state_dict()) for _ in range(2))
    batch = (torch.randn(50, 6, dtype=torch.float64), torch.randint(3, (50,)))
    found = soup_versus_ensemble(model, one, other, [batch], step=0.01)
    assert found.difference == pytest.approx(0, abs=1e-12)
    assert found.approximation == pytest.approx(0, abs=1e-4)
    assert found.curvature == pytest.approx(found.variance, rel=1e-3)


# --- refusals --------------------------------------------------------------------------------------------------------


class Payload:
    def __reduce__(self):
        return (pytest.fail, ("the payload ran",))


def test_pickle_with_a_payload_is_refused(tmp_path):
    path = tmp_path / "evil.pt"
    torch.save({"w": torch.zeros(2), "x": Payload()}, path)
    with pytest.raises(SoupError, match=r"evil.pt: holds more than tensors"):
        Ingredients([path])
    path.write_bytes(pickle.dumps({"w": Payload()}))
    with pytest.raises(SoupError, match=r"evil.pt"):
        Ingredients([path])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda s: s.pop("0.bias"), "second: lacks '0.bias'|ingredient 1: lacks '0.bias'"),
        (lambda s: s.update(extra=torch.zeros(1)), "has 'extra'"),
        (lambda s: s.update({"0.bias": torch.zeros(1)}), r"'0.bias' has shape \(1,\)"),
        (lambda s: s.update({"0.bias": s["0.bias"].half()}), "'0.bias' is torch.float16"),
        (lambda s: s.update({"0.bias": s["0.bias"] * math.nan}), "'0.bias' has NaN"),
        (lambda s: s.update({"0.bias": 3}), "'0.bias' is no tensor"),
        (lambda s: s.clear(), "not a state dict"),
    ],
)
def test_what_differs_is_named(change, told):
    one, other = states(2)
    other = dict(other)
    change(other)
    with pytest.raises(SoupError, match=told):
        uniform_soup([one, other])


def test_files_that_are_none(tmp_path):
    with pytest.raises(SoupError, match=r"none.pt: cannot be read"):
        Ingredients([tmp_path / "none.pt"])
    (tmp_path / "junk.pt").write_bytes(b"junk" * 100)
    with pytest.raises(SoupError, match=r"junk.pt"):
        Ingredients([tmp_path / "junk.pt"])
    save_file(states(1)[0], tmp_path / "cut.safetensors")
    content = (tmp_path / "cut.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(content[:-50])
    with pytest.raises(SoupError, match=r"cut.safetensors"):
        Ingredients([tmp_path / "cut.safetensors"])
    with pytest.raises(SoupError, match="at least one"):
        Ingredients([])


def test_state_dict_inside_a_training_checkpoint(tmp_path):
    state = states(1)[0]
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "run.pt")
    assert torch.equal(uniform_soup([tmp_path / "run.pt"])["0.bias"], state["0.bias"])
    torch.save({**state, "epoch": 3}, tmp_path / "odd.pt")
    with pytest.raises(SoupError, match=r"odd.pt: 'epoch' is no tensor"):
        uniform_soup([tmp_path / "odd.pt"])


def test_wrong_weights_are_told():
    some = Ingredients(states(2))
    with pytest.raises(SoupError, match="2 finite weights"):
        mix(some, [1.0])
    with pytest.raises(SoupError, match="2 finite weights"):
        mix(some, [math.nan, 1.0])
