"""The text task of the soups: which snippets train, choose and test."""

from __future__ import annotations

import pytest
import torch

from train.finetuning import text
from train.finetuning.task import Examples


@pytest.fixture
def task(monkeypatch):
    """The task on numbered snippets: (N, 3 tokens, 2), the number and whether there is a token."""

    def numbered(name):
        start, count = 10_000 * list(text.DOMAINS).index(name), 5_200 if name == "movies" else 1_600
        numbers = torch.arange(start, start + count, dtype=torch.float32)
        there = torch.arange(3)[None] <= torch.arange(count)[:, None] % 3
        return Examples(torch.stack([numbers[:, None].expand(-1, 3), there.float()], -1), numbers.long() % 2)

    monkeypatch.setattr(text, "_features", numbered)
    return text.task()


def numbers(examples):
    return examples.inputs[torch.arange(len(examples))][:, 0, 0].long()


def test_every_film_snippet_is_in_one_part_alone(task):
    assert list(task.tests) == ["movies", "amazon", "new york times", "tweets"]
    parts = [numbers(each) for each in (task.train, task.held_out, task.tests["movies"])]
    assert [len(part) for part in parts] == [2_000, 1_500, 1_500]
    assert len(torch.cat(parts).unique()) == 5_000
    assert torch.cat(parts).max() < 5_200


def test_targets_stay_with_their_snippets_and_shifted_tests_are_of_their_domains(task):
    for place, (name, examples) in enumerate(task.tests.items()):
        assert set((numbers(examples) // 10_000).tolist()) == {place}, name
    for examples in (task.train, task.held_out, *task.tests.values()):
        assert torch.equal(examples.targets, numbers(examples) % 2)
    lengths = task.held_out.inputs[torch.arange(1_500)][..., -1].sum(1)
    assert torch.equal(lengths, lengths.sort().values)  # batches of like length


def test_dropped_tokens_are_a_share_and_never_the_first():
    inputs = torch.ones(400, 30, 2)
    dropped = text.drop_tokens(inputs, 0.9, torch.Generator().manual_seed(0))
    assert torch.equal(dropped[..., 0], inputs[..., 0])
    assert dropped[:, 0, 1].all()
    assert dropped[:, 1:, 1].mean() == pytest.approx(0.7, abs=0.02)  # up to a third is left out
    assert torch.equal(text.drop_tokens(inputs, 0.0, torch.Generator().manual_seed(0)), inputs)
