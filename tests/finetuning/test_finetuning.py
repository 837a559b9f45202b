"""Fine-tunes for soups: recipes, the probe, exact repetition, and a sweep that resumes where it was stopped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import tiny_task
from tiny_task import SPACE, TASK, accuracy, make, task
from train.finetuning import random_search as module
from train.finetuning.fine_tune import _mixing_share, fine_tune, probe
from train.finetuning.random_search import SweepConfig, recipes, sweep
from train.finetuning.recipe import Recipe
from train.finetuning.task import Examples


def test_recipes_lie_in_their_ranges_and_depend_on_seed_and_number_alone():
    drawn = [SPACE.draw(3, number) for number in range(200)]
    assert drawn == [SPACE.draw(3, number) for number in range(200)]
    assert len({recipe.seed for recipe in drawn}) > 190
    rates = np.array([recipe.learning_rate for recipe in drawn])
    assert rates.min() >= 1e-3
    assert rates.max() <= 1e-2
    assert abs(np.median(np.log10(rates)) + 2.5) < 0.1  # log-uniform
    assert {recipe.epochs for recipe in drawn} == {1, 2, 3}


def test_probe_trains_the_head_alone():
    initial = probe(task(), Recipe(learning_rate=0.01, epochs=3))
    start = make().state_dict()
    assert all(torch.equal(initial[name], start[name]) == name.startswith("0") for name in start)
    with pytest.raises(ValueError, match="no module 'tail'"):
        probe(replace(task(), head="tail"))


def test_fine_tune_learns_and_is_the_same_twice():
    some = task()
    initial = probe(some)
    recipe = Recipe(learning_rate=0.01, epochs=20, label_smoothing=0.1, mixup=0.2, seed=5)
    state = fine_tune(some, initial, recipe)
    assert accuracy(state, some.tests["same"]) > accuracy(initial, some.tests["same"]) + 0.1
    again = fine_tune(some, initial, recipe)
    assert all(torch.equal(state[name], again[name]) for name in state)
    other = fine_tune(some, initial, replace(recipe, seed=6))
    assert not torch.equal(state["0.weight"], other["0.weight"])


def test_frozen_parameters_stay():
    def frozen():
        model = make()
        model[0].requires_grad_(False)
        return model

    some = replace(task(), make=frozen)
    state = fine_tune(some, make().state_dict(), Recipe(learning_rate=0.01))
    assert torch.equal(state["0.weight"], make().state_dict()["0.weight"])
    assert not torch.equal(state["2.weight"], make().state_dict()["2.weight"])


def test_augmentation_gets_its_strength():
    seen = []

    def augment(inputs, strength, generator):
        seen.append(strength)
        return inputs

    fine_tune(
        replace(task(), augment=augment),
        make().state_dict(),
        Recipe(learning_rate=0.01, augmentation=0.7, epochs=1),
    )
    assert set(seen) == {0.7}


def test_shares_of_mixup():
    generator = torch.Generator().manual_seed(0)
    shares = np.array([_mixing_share(0.2, generator) for _ in range(500)])
    assert shares.min() >= 0.5
    assert shares.max() <= 1
    assert 0.8 < shares.mean() < 0.95  # E max(b, 1 - b) of Beta(0.2, 0.2) is 0.88
    assert _mixing_share(0.0, generator) == 1


def test_sweep_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    config = SweepConfig(TASK, tmp_path / "whole", runs=3, space=SPACE)
    files = sweep(config)
    assert [file.name for file in files] == ["000.safetensors", "001.safetensors", "002.safetensors"]
    stopped = replace(config, out=tmp_path / "stopped")
    run = module._run

    def failing(config, number):
        if number == 1:
            raise KeyboardInterrupt
        return run(config, number)

    with monkeypatch.context() as patch:
        patch.setattr(module, "_run", failing)
        with pytest.raises(KeyboardInterrupt):
            sweep(stopped)
    first = (tmp_path / "stopped" / "000.safetensors").stat().st_mtime_ns
    again = sweep(stopped)
    assert (tmp_path / "stopped" / "000.safetensors").stat().st_mtime_ns == first
    for mine, theirs in zip(again, files, strict=True):
        assert mine.read_bytes() == theirs.read_bytes()
    with pytest.raises(ValueError, match="other options"):
        sweep(replace(stopped, seed=1))
    assert len(recipes(config)) == 3


def test_sweep_in_processes_gives_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", tiny_task.__file__.rpartition("/")[0])  # for the workers
    alone = sweep(SweepConfig(TASK, tmp_path / "one", runs=2, space=SPACE))
    shared = sweep(SweepConfig(TASK, tmp_path / "two", runs=2, workers=2, space=SPACE))
    for mine, theirs in zip(shared, alone, strict=True):
        assert mine.read_bytes() == theirs.read_bytes()


def test_task_that_is_none(tmp_path):
    with pytest.raises(ValueError, match=r"no package.module:function"):
        sweep(SweepConfig("tiny_task:nothing", tmp_path))
    with pytest.raises(ValueError, match="gives a Sequential"):
        sweep(SweepConfig("tiny_task:make", tmp_path / "b"))


def test_probe_sees_the_training_examples_alone():
    some = task()
    blank = Examples(torch.zeros_like(some.held_out.inputs), some.held_out.targets)
    recipe = Recipe(learning_rate=0.01, epochs=2)
    wanted, found = probe(some, recipe), probe(replace(some, held_out=blank, tests={}), recipe)
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


def seen_in_training(monkeypatch, recipe, augment=None):
    """Inputs and arguments of the loss in the steps of a fine-tune."""
    inputs, losses = [], []
    some = task()
    original = nn.functional.cross_entropy

    def watched(logits, targets, **options):
        losses.append(options.get("label_smoothing", 0.0))
        return original(logits, targets, **options)

    def watching():
        model = make()
        model.register_forward_pre_hook(lambda module, given: inputs.append(given[0].clone()))
        return model

    with monkeypatch.context() as patch:
        patch.setattr(nn.functional, "cross_entropy", watched)
        job = replace(some, make=watching, **({"augment": augment} if augment else {}))
        fine_tune(job, make().state_dict(), recipe)
    return some.train.inputs, inputs, losses


def test_label_smoothing_reaches_the_loss(monkeypatch):
    _, _, losses = seen_in_training(monkeypatch, Recipe(learning_rate=0.01, epochs=1, label_smoothing=0.15))
    assert set(losses) == {0.15}


def among(examples, batch):
    """Which rows of a batch are examples."""
    return (batch[:, None] == examples[None]).all(2).any(1)


def test_mixup_mixes_examples_and_nothing_without_it(monkeypatch):
    examples, plain, _ = seen_in_training(monkeypatch, Recipe(learning_rate=0.01, epochs=1))
    assert all(among(examples, batch).all() for batch in plain)
    examples, mixed, _ = seen_in_training(monkeypatch, Recipe(learning_rate=0.01, epochs=1, mixup=0.9))
    assert not all(among(examples, batch).all() for batch in mixed)


def test_augmented_inputs_are_what_is_learned(monkeypatch):
    def augment(inputs, strength, generator):
        return inputs + 1000 * strength

    _, inputs, _ = seen_in_training(monkeypatch, Recipe(learning_rate=0.01, epochs=1, augmentation=0.5), augment)
    assert all(batch.mean() > 400 for batch in inputs)


def test_rate_decay_epochs_and_batches_are_the_recipes(monkeypatch):
    given = []

    class Watched(torch.optim.AdamW):
        def __init__(self, parameters, **options):
            given.append((options["lr"], options["weight_decay"]))
            super().__init__(parameters, **options)

    monkeypatch.setattr(torch.optim, "AdamW", Watched)
    recipe = Recipe(learning_rate=0.004, weight_decay=0.3, epochs=3, batch_size=32)
    examples, inputs, _ = seen_in_training(monkeypatch, recipe)
    assert given == [(0.004, 0.3)]
    assert [len(each) for each in inputs] == ([32] * 6 + [8]) * 3
    epochs = [torch.cat(inputs[start : start + 7]) for start in (0, 7, 14)]
    assert all(among(epoch, examples).all() for epoch in epochs)  # each epoch has every example
    assert not torch.equal(epochs[0], epochs[1])


def test_probe_changes_no_statistics():
    def make_normalised():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(6, 12), nn.BatchNorm1d(12), nn.Linear(12, 2))

    initial = probe(replace(task(), make=make_normalised), Recipe(learning_rate=0.01, epochs=1))
    assert torch.equal(initial["1.running_mean"], torch.zeros(12))
    assert initial["1.num_batches_tracked"] == 0
