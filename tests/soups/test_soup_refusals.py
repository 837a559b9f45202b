"""Checkpoints that cannot be mixed: what is wrong is named, and nothing in a file is run."""

from __future__ import annotations

import math
import pickle

import pytest
import torch
from safetensors.torch import save_file
from tiny_soups import states

from atp.soups import (
    Ingredients,
    SoupError,
    mix,
    model_stock,
    uniform_soup,
)


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
        (lambda s: s.update({"0.bias": s["0.bias"] / 0}), "'0.bias' has NaN or infinite"),
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


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_loading_looks_at_values(value):
    one, other = states(2)
    bad = {**other, "0.bias": other["0.bias"] * value}
    some = Ingredients([one, bad])
    some.load(0)
    with pytest.raises(SoupError, match=r"ingredient 1: '0.bias' has NaN or infinite"):
        some.load(1)


def test_initialisations_of_another_network_are_refused():
    some = Ingredients(states(2))
    other = dict(states(1)[0])
    assert len(some.beside(other)) == 1
    del other["0.bias"]
    with pytest.raises(SoupError, match=r"initial: lacks '0.bias', which ingredient 0 has"):
        some.beside(other)
    with pytest.raises(SoupError, match="initial: lacks"):
        model_stock(some, other)
