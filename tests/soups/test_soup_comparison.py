"""Soups, ensembles and single checkpoints side by side: the choice never sees what is reported."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

from atp.soups import Ingredients, SoupError, uniform_soup
from atp.soups.comparison import Task, compare
from atp.soups.methods import METHODS, OWN_METHODS, method_names


def fine_tune(model, inputs, targets, seed, rate):
    """A few noisy steps."""
    model = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    for _ in range(30):
        some = torch.randint(len(inputs), (16,), generator=generator)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs[some]), targets[some]).backward()
        optimizer.step()
    return model.state_dict()


@pytest.fixture(scope="module")
def setting():
    torch.manual_seed(0)
    centres = 1.5 * torch.randn(3, 8)

    def draw(count, shift=0.0):
        targets = torch.randint(3, (count,))
        return centres[targets] + torch.randn(count, 8) + shift, targets

    start = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    inputs, targets = draw(200)
    states = [fine_tune(start, inputs, targets, seed, 0.05 + 0.05 * seed) for seed in range(4)]
    task = Task(
        copy.deepcopy(start),
        held_out=[draw(150)],
        tests={"same": [draw(200), draw(100)], "shifted": [draw(200, 0.7)]},
        initial=start.state_dict(),
    )
    return task, states


def accuracy(model, state, batches):
    model.load_state_dict(state)
    right = [(model(inputs).argmax(1) == targets) for inputs, targets in batches]
    return float(torch.cat(right).double().mean())


def test_rows_are_what_they_say(setting):
    task, states = setting
    found = compare(states, task)
    rows = {row["way"]: row for row in found["rows"]}
    assert list(rows)[:4] == [f"ingredient {k}" for k in range(4)]
    assert {
        "best single", "uniform soup", "greedy soup", "learned soup", "ensemble", "greedy ensemble", "model stock",
        "WiSE-FT 0.5",
    } < set(rows)  # fmt: skip
    assert found["in_distribution"] == "same"
    assert found["shifted"] == ["shifted"]
    soup = uniform_soup(states)
    for name, batches in task.tests.items():
        assert rows["uniform soup"]["tests"][name] == accuracy(task.model, soup, batches)
        assert rows["ingredient 2"]["tests"][name] == accuracy(task.model, states[2], batches)
    logits = []
    for state in states:
        task.model.load_state_dict(state)
        logits.append(torch.cat([task.model(inputs) for inputs, _ in task.tests["same"]]))
    targets = torch.cat([targets for _, targets in task.tests["same"]])
    right = (torch.stack(logits).mean(0).argmax(1) == targets).double().mean()
    assert rows["ensemble"]["tests"]["same"] == pytest.approx(float(right), abs=1e-6)
    assert sum(rows["learned soup"]["chosen"]) == pytest.approx(1)
    paired = rows["uniform soup"]["paired"]["shifted"]
    gain = rows["uniform soup"]["tests"]["shifted"] - rows["best single"]["tests"]["shifted"]
    assert (paired["gained"] - paired["lost"]) / 200 == pytest.approx(gain)
    assert rows["best single"]["paired"]["same"] == {"gained": 0, "lost": 0, "p": 1.0}
    low, count = sorted((paired["gained"], paired["lost"])), paired["gained"] + paired["lost"]
    tail = sum(math.comb(count, k) for k in range(low[0] + 1)) / 2**count
    assert paired["p"] == pytest.approx(min(1.0, 2 * tail))


def test_greedy_is_never_worse_than_the_best_on_the_held_out_set(setting):
    task, states = setting
    rows = {row["way"]: row for row in compare(states, task)["rows"]}
    for way in ("greedy soup", "greedy ensemble"):
        assert rows[way]["held_out"] >= rows["best single"]["held_out"]
    best = max(row["held_out"] for way, row in rows.items() if way.startswith("ingredient"))
    assert rows["best single"]["held_out"] == best


def test_choices_do_not_depend_on_the_tests(setting):
    task, states = setting
    flipped = {name: [(inputs, 2 - targets) for inputs, targets in batches] for name, batches in task.tests.items()}
    other = Task(task.model, task.held_out, flipped, task.initial)
    for mine, theirs in zip(compare(states, task)["rows"], compare(states, other)["rows"], strict=True):
        assert mine["chosen"] == theirs["chosen"]
        assert mine["held_out"] == theirs["held_out"]


def test_what_is_missing_is_told(setting):
    task, states = setting
    with pytest.raises(SoupError, match="held-out set and a test"):
        compare(states, Task(task.model, task.held_out, {}))
    with pytest.raises(SoupError, match="not of this model"):
        compare(Ingredients(states), Task(nn.Linear(8, 3), task.held_out, task.tests))
    alone = compare(states[:1], Task(task.model, task.held_out, task.tests))
    assert not any("WiSE" in row["way"] or "stock" in row["way"] for row in alone["rows"])


METHOD = """
from atp.soups import mix
from atp.soups.methods import METHODS, Soup, SoupInputs

@METHODS.register("best-two")
def best_two(inputs: SoupInputs) -> list[Soup]:
    chosen = sorted(range(len(inputs.scores)), key=inputs.scores.__getitem__)[-2:]
    weights = [0.5 * (index in chosen) for index in range(len(inputs.scores))]
    return [Soup("best two", mix(inputs.ingredients, weights), chosen)]
"""


def test_a_method_from_outside_the_package_is_compared(setting, tmp_path, monkeypatch):
    task, states = setting
    (tmp_path / "soups_of_a_test.py").write_text(METHOD)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(METHODS, "_entries", dict(METHODS._entries))  # other tests have the package's alone
    kept = {}
    found = compare(states, task, kept.__setitem__, methods=["uniform", "soups_of_a_test:best-two"])
    rows = {row["way"]: row for row in found["rows"] if not row["way"].startswith("ingredient")}
    assert list(rows) == ["best single", "uniform soup", "best two", "ensemble", "greedy ensemble"]
    one, other = rows["best two"]["chosen"]
    assert rows["best single"]["chosen"] == [other]
    wanted = uniform_soup([states[one], states[other]])
    assert all(torch.equal(kept["best two"][name], wanted[name]) for name in wanted)
    names = [row["way"] for row in compare(states, task)["rows"]]  # it is registered now, and after the package's
    assert names[-4:] == ["model stock", "best two", "ensemble", "greedy ensemble"]
    with pytest.raises(ValueError, match=r"unknown soup method 'bisque': choose one of .*uniform"):
        compare(states, task, methods=["bisque"])


def test_methods_come_in_the_order_of_tables():
    assert method_names()[: len(OWN_METHODS)] == OWN_METHODS
    assert set(OWN_METHODS) <= set(METHODS)
