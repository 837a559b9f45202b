"""Held-out sets, tests and options are apart: what chooses is never what is reported, and no option is lost."""

from __future__ import annotations

import copy
import warnings
from collections import namedtuple
from dataclasses import replace

import pytest
import torch
from tiny_soups import network, normalised, states
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from atp.soups import (
    Ingredients,
    SoupError,
    SoupInputs,
    SoupWarning,
    all_pairs,
    fisher_information,
    greedy_choice,
    greedy_soup,
    learned_soup,
    make_soups,
    soup_versus_ensemble,
    uniform_soup,
)
from atp.soups.comparison import Task, compare


def batch(seed, count=40, teacher=None):
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(count, 6, generator=generator)
    if teacher is not None:
        return inputs, network(teacher)(inputs).argmax(1).detach()
    return inputs, torch.randint(3, (count,), generator=generator)


def task(held_out=None, tests=None, **options):
    return Task(network(0), held_out or [batch(0)], tests or {"same": [batch(1)], "moved": [batch(2)]}, **options)


def rows(found):
    return {row["way"]: row for row in found["rows"]}


# --- what chooses ----------------------------------------------------------------------------------------------------


def test_the_held_out_set_chooses_where_tests_disagree():
    """The held-out set is labelled by network 1, the tests by network 2."""
    some = states(4)
    held_out = [batch(5, 200, teacher=1)]
    found = rows(
        compare(some, task(held_out, {"same": [batch(6, 200, teacher=2)], "moved": [batch(7, 200, teacher=2)]}))
    )
    assert found["ingredient 1"]["held_out"] == 1
    assert found["ingredient 2"]["tests"] == {"same": 1, "moved": 1}
    assert found["best single"]["chosen"] == [1]
    assert found["greedy soup"]["chosen"] == [1]
    assert found["greedy ensemble"]["chosen"] == [1]
    weights = found["learned soup"]["chosen"]
    assert max(range(4), key=weights.__getitem__) == 1
    assert found["best single"]["held_out"] == 1
    assert found["best single"]["tests"]["same"] < 1


class Counted(list):
    """Batches that count how often they are gone through."""

    passes = 0

    def __iter__(self):
        self.passes += 1
        return super().__iter__()


def test_tests_are_gone_through_once_for_each_row_and_choose_nothing():
    """Random labels in the held-out set, so that much may be chosen; the tests are network 2's."""
    some = states(4)
    held_out = Counted([batch(0, 60)])
    tests = {"same": Counted([batch(1, 60, teacher=2)]), "moved": Counted([batch(2, 60, teacher=2)])}
    found = rows(compare(some, task(held_out, tests)))
    soups = [way for way in found if way.endswith("soup")]
    assert [each.passes for each in tests.values()] == [len(some) + len(soups)] * 2
    inputs, targets = held_out[0]
    model = network(0)

    def logits(state):
        model.load_state_dict(state)
        return model(inputs).detach().double()

    def accuracy(outputs):
        return float((outputs.argmax(1) == targets).double().mean())

    singles = [logits(state) for state in some]
    scores = [accuracy(outputs) for outputs in singles]

    def chosen(score):
        return [step.index for step in greedy_choice(scores, score) if step.kept]

    of_soups = chosen(lambda kept, index: accuracy(logits(uniform_soup([some[k] for k in (*kept, index)]))))
    of_outputs = chosen(lambda kept, index: accuracy(torch.stack([singles[k] for k in (*kept, index)]).mean(0)))
    assert found["greedy soup"]["chosen"] == of_soups
    assert found["greedy ensemble"]["chosen"] == of_outputs
    learned = learned_soup(some, network(0), list(held_out) * 3)
    assert found["learned soup"]["chosen"] == pytest.approx(learned.weights.tolist())


def test_wise_ft_starts_from_the_best_and_the_greedy_soup_is_its_own():
    some, start = states(4), network(9).state_dict()
    kept = {}
    found = rows(compare(some, task([batch(5, 200, teacher=2)], initial=start), kept.__setitem__))
    assert found["WiSE-FT 0.5"]["chosen"] == [2]
    middle = (start["0.weight"].double() + some[2]["0.weight"].double()).float() / 2
    torch.testing.assert_close(kept["WiSE-FT 0.5"]["0.weight"], middle)
    chosen = found["greedy soup"]["chosen"]
    mean = uniform_soup([some[index] for index in chosen])
    assert all(torch.equal(kept["greedy soup"][name], mean[name]) for name in mean)
    assert not torch.equal(kept["greedy soup"]["0.weight"], kept["uniform soup"]["0.weight"])


def test_of_equally_good_ones_the_later_is_best():
    some = states(2)
    found = rows(compare([some[0], copy.deepcopy(some[0])], task()))
    assert found["best single"]["chosen"] == [1]


# --- shuffled loaders ------------------------------------------------------------------------------------------------


def loader(shuffle):
    torch.manual_seed(0)
    return DataLoader(TensorDataset(*batch(3)), batch_size=8, shuffle=shuffle)


@pytest.mark.parametrize("which", ["held-out", "test"])
def test_loaders_that_shuffle_are_refused(which):
    job = task(loader(True)) if which == "held-out" else task(tests={"same": [batch(1)], "mixed": loader(True)})
    title = "the held-out set" if which == "held-out" else "the test 'mixed'"
    with pytest.raises(SoupError, match=f"{title}: gives other targets.*shuffle=False"):
        compare(states(3), job)
    compare(states(2), task(loader(False), {"same": loader(False)}))


def test_pairs_of_shuffled_batches_are_refused():
    with pytest.raises(SoupError, match="the batches: gives other targets"):
        all_pairs(network(0), Ingredients(states(3)), network(9).state_dict(), loader(True))
    soup_versus_ensemble(network(0), *states(2), loader(True))  # one pass alone: made a list


def test_sets_that_run_out_are_refused():
    class Once:
        """Gives its batches a single time."""

        def __init__(self):
            self.left = iter([batch(0)])

        def __len__(self):
            return 1

        def __iter__(self):
            return self.left

    with pytest.raises(SoupError, match="has no batches any more"):
        compare(states(2), task(Once()))


# --- what models and batches are like --------------------------------------------------------------------------------

Output = namedtuple("Output", ["logits"])


class Wrapped(nn.Sequential):
    """As models of `transformers` are: arguments by name, and an object with logits."""

    def forward(self, features, mask=None):
        logits = super().forward(features)
        return Output(logits if mask is None else logits * mask)


def test_dictionaries_and_outputs_with_logits():
    plain = compare(states(3), task())
    model = Wrapped(*network(0))

    def as_dictionary(pair):
        return {"features": pair[0], "labels": pair[1], "mask": torch.ones(len(pair[1]), 1)}

    tests = {"same": [as_dictionary(batch(1))], "moved": [as_dictionary(batch(2))]}
    job = Task(model, [as_dictionary(batch(0))], tests)
    assert compare(states(3), job)["rows"] == plain["rows"]
    with pytest.raises(SoupError, match="a batch must be inputs and targets"):
        compare(states(2), task([{"features": batch(0)[0]}]))
    with pytest.raises(SoupError, match="returns a dict"):
        compare(states(2), Task(Strange(*network(0)), [batch(0)], {"same": [batch(1)]}))


class Strange(nn.Sequential):
    """Returns something without logits."""

    def forward(self, inputs):
        return {"scores": super().forward(inputs)}


def test_a_metric_of_ones_own_chooses():
    def loss(logits, targets):
        return -float(nn.functional.cross_entropy(logits, targets))

    some = states(3)
    found = rows(compare(some, task(metric=loss)))
    model = network(0)
    wanted = []
    for state in some:
        model.load_state_dict(state)
        wanted.append(loss(model(batch(0)[0]).double(), batch(0)[1]))
    assert [found[f"ingredient {k}"]["held_out"] for k in range(3)] == pytest.approx(wanted)
    assert found["best single"]["chosen"] == [max(range(3), key=wanted.__getitem__)]
    assert found["greedy soup"]["held_out"] >= max(wanted)
    assert found["ensemble"]["paired"] == {}


def test_ensembles_are_left_out_and_logits_kept_small_where_asked():
    some = states(3)
    whole, few = compare(some, task()), compare(some, task(ensembles=False))
    assert few["rows"] == [row for row in whole["rows"] if "ensemble" not in row["way"]]
    half = rows(compare(some, task(logits_dtype=torch.float16)))
    assert half["uniform soup"]["held_out"] == pytest.approx(rows(whole)["uniform soup"]["held_out"], abs=0.03)


def test_progress_is_told_row_by_row():
    told = []
    found = compare(states(2), task(), progress=told.append)
    assert told == [row["way"] for row in found["rows"] if row["way"] != "best single"]


def test_classes_of_a_test_are_those_among_which_is_chosen():
    some = states(2)
    few = rows(compare(some, task(classes={"moved": [1, 2]})))["ingredient 0"]
    model, (inputs, targets) = network(0), batch(2)
    right = (model(inputs)[:, 1:].argmax(1) + 1 == targets).double().mean()
    assert few["tests"]["moved"] == pytest.approx(float(right))
    assert few["tests"]["same"] == rows(compare(some, task()))["ingredient 0"]["tests"]["same"]


# --- defaults and policies -------------------------------------------------------------------------------------------


def test_ties_are_not_kept_unless_asked_for():
    def equal(chosen, index):
        return 0.7

    assert [step.kept for step in greedy_choice([0.7, 0.7], equal)] == [True, False]
    assert [step.kept for step in greedy_choice([0.7, 0.7], equal, strict=False)] == [True, True]
    some = states(2)
    assert greedy_soup(some, lambda state: 1.0).chosen == [1]
    assert greedy_soup(some, lambda state: 1.0, strict=False).chosen == [1, 0]


def test_a_kept_score_is_the_one_to_beat():
    scores = iter([0.9, 0.8, 0.95])
    steps = greedy_choice([0.5, 0.4, 0.3, 0.2], lambda chosen, index: next(scores))
    assert [step.kept for step in steps] == [True, True, False, True]


def test_prepare_is_called_and_policies_of_statistics_are_passed_on():
    some = [normalised(seed).state_dict() for seed in range(3)]
    calls = []

    def prepared(statistics):
        job = Task(
            normalised(0), [batch(0)], {"same": [batch(1)]}, normalised(7).state_dict(), calls.append, statistics
        )
        kept = {}
        compare(some, job, kept.__setitem__)
        return kept

    kept = prepared("keep")
    assert len(calls) > 3 + 4  # single ones and soups
    for way, state in kept.items():
        ends = [each["1.running_mean"] for each in [normalised(7).state_dict(), *some]]
        assert any(torch.equal(state["1.running_mean"], end) for end in ends), way
    averaged = prepared("average")
    assert not torch.equal(averaged["uniform soup"]["1.running_mean"], some[0]["1.running_mean"])
    with pytest.warns(SoupWarning, match="statistics of BatchNorm differ"):
        prepared(None)
    with pytest.warns(SoupWarning, match="'1.running_var'"):
        uniform_soup([some[0], {**some[0], "1.running_var": some[0]["1.running_var"] + 1}])


def test_statistics_of_greedy_and_learned_soups_are_kept():
    some = [normalised(seed).state_dict() for seed in range(2)]
    soup = greedy_soup(some, lambda state: float(state["0.weight"].sum()), strict=False, statistics="keep")
    assert torch.equal(soup.state["1.running_mean"], some[soup.chosen[0]]["1.running_mean"])
    learned = learned_soup(some, normalised(5), [batch(0)], statistics="keep")
    assert torch.equal(learned.state["1.running_mean"], some[0]["1.running_mean"])


@pytest.mark.parametrize("method", ["uniform", "greedy", "learned", "wise-ft", "model-stock", "linear", "fisher"])
def test_every_method_by_name_passes_the_policy_on(method):
    """Two checkpoints whose statistics differ; greedy takes both."""
    some, start = [normalised(seed).state_dict() for seed in range(2)], normalised(7).state_dict()
    inputs = SoupInputs(
        Ingredients(some), scores=[0.5, 0.4], score=lambda state: 1.0, best=0, model=normalised(0),
        held_out=[batch(0)], initial=start, statistics="keep", weights=[0.5, 0.5],
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error", SoupWarning)  # no policy would warn
        kept = list(make_soups(inputs, [method]))
        averaged = list(make_soups(replace(inputs, statistics="average"), [method]))
    assert kept
    if method == "greedy":
        assert kept[0].chosen == [0, 1]
    for mine, other in zip(kept, averaged, strict=True):
        first = start if method == "wise-ft" else some[0]
        assert torch.equal(mine.state["1.running_mean"], first["1.running_mean"]), mine.name
        assert not torch.equal(mine.state["1.running_mean"], other.state["1.running_mean"]), mine.name


def test_dropout_is_off_whatever_mode_the_model_is_in():
    some = [normalised(seed).state_dict() for seed in range(2)]

    def unready(network):
        network.train()

    jobs = [
        Task(model, [batch(0)], {"same": [batch(1)]}, prepare=prepare, statistics="average", learned_epochs=1)
        for model, prepare in ((normalised(0), lambda network: None), (normalised(0).train(), unready))
    ]
    assert compare(some, jobs[1])["rows"] == compare(some, jobs[0])["rows"]
    both = [
        soup_versus_ensemble(job.model, *some, [batch(0)], statistics="average", prepare=job.prepare) for job in jobs
    ]
    assert both[0] == both[1]
    information = [fisher_information(model, [batch(0)]) for model in (normalised(0), normalised(0).train())]
    assert all(torch.equal(information[0][name], information[1][name]) for name in information[0])


def test_pairs_are_made_with_the_policy_and_prepared():
    some = [normalised(seed).state_dict() for seed in range(2)]
    calls = []
    kept = soup_versus_ensemble(normalised(0), *some, [batch(0)], statistics="keep", prepare=calls.append)
    averaged = soup_versus_ensemble(normalised(0), *some, [batch(0)], statistics="average")
    assert len(calls) == 5
    assert kept.soup_loss != averaged.soup_loss


# --- the learned soup ------------------------------------------------------------------------------------------------


def test_learned_soup_is_adamw_on_the_logits_of_the_shares():
    """Against autograd through the whole mixture, step by step."""
    some = states(3, torch.float64)
    batches = [tuple(each.double() if each.is_floating_point() else each for each in batch(seed)) for seed in range(4)]
    found = learned_soup(some, network(5, torch.float64), batches)
    model = network(5, torch.float64)
    logits = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    log_temperature = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.AdamW([logits, log_temperature], lr=0.1, weight_decay=0.0)
    losses = []
    for inputs, targets in batches:
        shares = logits.softmax(0)
        mixed = {name: sum(share * state[name] for share, state in zip(shares, some, strict=True)) for name in some[0]}
        outputs = torch.func.functional_call(model, mixed, (inputs,)) * log_temperature.exp()
        loss = nn.functional.cross_entropy(outputs, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    torch.testing.assert_close(found.weights, logits.detach().softmax(0))
    assert found.losses == pytest.approx(losses)
    assert found.temperature == pytest.approx(float(log_temperature.detach().exp()))


def test_learned_soup_is_in_evaluation_mode_and_fills_the_model():
    some = [normalised(seed).state_dict() for seed in range(2)]
    model = normalised(5).train()
    found = learned_soup(some, model, [batch(0)] * 2, statistics="average")
    again = learned_soup(some, normalised(6).train(), [batch(0)] * 2, statistics="average")
    assert torch.equal(found.weights, again.weights)  # no dropout
    assert not model.training
    assert all(torch.equal(tensor, found.state[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_several_batches_make_one_step():
    some = states(3, torch.float64)
    parts = [tuple(each.double() if each.is_floating_point() else each for each in batch(seed)) for seed in range(4)]
    joined = [tuple(map(torch.cat, zip(*parts[k : k + 2], strict=True))) for k in (0, 2)]
    few = learned_soup(some, network(5, torch.float64), parts, batches_per_step=2)
    wanted = learned_soup(some, network(5, torch.float64), joined)
    torch.testing.assert_close(few.weights, wanted.weights)
    assert few.losses == pytest.approx(wanted.losses)
    assert len(learned_soup(some, network(5, torch.float64), parts[:3], batches_per_step=2).losses) == 2


@pytest.mark.parametrize("frozen", ["0", "2", ""])
def test_frozen_parameters_count(frozen):
    some = states(3)
    model = network(5)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.startswith(frozen))
    needed = [parameter.requires_grad for parameter in model.parameters()]
    found = learned_soup(some, model, [batch(0)] * 3)
    wanted = learned_soup(some, network(5), [batch(0)] * 3)
    assert torch.equal(found.weights, wanted.weights)
    assert [parameter.requires_grad for parameter in model.parameters()] == needed


def test_nothing_to_learn_from_is_refused():
    with pytest.raises(SoupError, match="needs a held-out batch"):
        learned_soup(states(2), network(0), [])
    with pytest.raises(SoupError, match="needs a held-out batch"):
        compare(states(2), task(learned_epochs=0))

    class Deaf(nn.Sequential):
        def forward(self, inputs):
            return super().forward(inputs).detach()

    with pytest.raises(SoupError, match="depends on no parameter"):
        learned_soup(states(2), Deaf(*network(0)), [batch(0)], learn_temperature=False)
    with pytest.raises(SoupError, match="depends on no parameter"):
        learned_soup(states(2), Deaf(*network(0)), [batch(0)])


def test_epochs_of_the_learned_soup_are_passes(monkeypatch):
    seen = []
    original = learned_soup

    def counted(ingredients, model, batches, **options):
        batches = list(batches)
        seen.append(len(batches))
        return original(ingredients, model, batches, **options)

    monkeypatch.setattr("atp.soups.learned.learned_soup", counted)
    compare(states(2), task([batch(0), batch(4)], learned_epochs=3))
    assert seen == [6]
