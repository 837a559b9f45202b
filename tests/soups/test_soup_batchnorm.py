"""Statistics of BatchNorm in soups: averaged, kept or re-estimated."""

from __future__ import annotations

import copy
import warnings

import pytest
import torch
from tiny_soups import normalised, states
from torch import nn

from atp.soups import (
    Ingredients,
    SoupError,
    SoupWarning,
    reestimate_batchnorm,
    uniform_soup,
)


def test_statistics_are_averaged_or_kept_and_a_warning_says_so():
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


def test_nothing_random_happens_while_statistics_are_reestimated():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Linear(8, 3)).train()
    batches = list(torch.randn(4, 32, 6, generator=torch.Generator().manual_seed(1)))
    reestimate_batchnorm(model, batches)
    torch.testing.assert_close(model[2].running_mean, model[1](torch.cat(batches)).mean(0), rtol=1e-4, atol=1e-5)
    assert not any(module.training for module in model.modules())
