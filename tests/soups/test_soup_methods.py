"""Greedy and learned soups and model stock: the published choice, streamed gradients, known angles."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tiny_soups import network, states
from torch import nn

from atp.soups import (
    Ingredients,
    SoupError,
    greedy_choice,
    greedy_soup,
    learned_soup,
    mixture_gradient,
    model_stock,
    uniform_soup,
)

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
