"""When a soup does as well as an ensemble: both sides of the approximation."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from tiny_soups import network, normalised, states
from torch import nn

from atp.soups import (
    Ingredients,
    all_pairs,
    angle_between,
    reestimate_batchnorm,
    soup_versus_ensemble,
    wise_ft,
)


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


def test_statistics_are_reestimated_along_the_line():
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
