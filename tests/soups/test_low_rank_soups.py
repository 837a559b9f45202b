"""Soups of low-rank adapters: B A is averaged, never A and B apart."""

from __future__ import annotations

import json
import math

import pytest
import torch
from left_checkpoints import adapter
from safetensors.torch import load_file, save_file

from atp.soups import Ingredients, SoupError, greedy_soup, mix, model_stock, uniform_soup
from atp.soups.checkpoints.low_rank import scale_of
from atp.soups.checkpoints.saving import save_like

A, B = "base_model.model.q.lora_A.weight", "base_model.model.q.lora_B.weight"


def update(factors, scale):
    return scale * factors[B].double() @ factors[A].double()


def test_the_mean_of_updates_is_an_adapter(tmp_path):
    one = adapter(tmp_path / "0", 0, rank=2, alpha=4)
    other = adapter(tmp_path / "1", 1, rank=3, alpha=9, use_rslora=True)
    some = Ingredients([tmp_path / "0", tmp_path / "1"])
    place = save_like(some.checkpoints[0].form, uniform_soup(some), tmp_path / "soup")
    config = json.loads((place / "adapter_config.json").read_text())
    found = load_file(place / "adapter_model.safetensors")
    assert config["r"] == found[A].shape[0] == 5
    wanted = (update(one, 4 / 2) + update(other, 9 / math.sqrt(3))) / 2
    scale = scale_of(config, "base_model.model.q", config["r"])
    torch.testing.assert_close(update(found, scale), wanted, rtol=1e-6, atol=1e-6)
    assert config["base_model_name_or_path"] == "tiny"
    weighted = mix(some, [0.25, 0.75])
    torch.testing.assert_close(
        update(weighted, 1.0), 0.25 * update(one, 2) + 0.75 * update(other, 9 / math.sqrt(3)), rtol=1e-5, atol=1e-5
    )


def test_scales_of_modules():
    config = {"lora_alpha": 8, "alpha_pattern": {"q": 2, r"layers\.0\.v": 6}}
    assert scale_of(config, "base_model.model.layers.0.q", 4) == 0.5
    assert scale_of(config, "base_model.model.layers.0.v", 2) == 3
    assert scale_of(config, "base_model.model.layers.1.v", 2) == 4


def test_greedy_soups_of_adapters(tmp_path):
    factors = [adapter(tmp_path / f"{seed}", seed) for seed in range(3)]
    target = (update(factors[0], 2.0) + update(factors[2], 2.0)) / 2
    some = Ingredients([tmp_path / f"{seed}" for seed in range(3)])

    def score(state):
        scale = 2.0 if state[A].shape[0] == 2 else 1.0  # one alone has its own scale
        return -float((update(state, scale) - target).square().sum())

    soup = greedy_soup(some, score)
    assert set(soup.chosen) == {0, 2}
    torch.testing.assert_close(update(soup.state, 1.0), target, rtol=1e-5, atol=1e-5)


def test_factors_without_a_configuration_are_refused(tmp_path):
    factors = adapter(tmp_path / "0", 0)
    with pytest.raises(SoupError, match=r"'base_model.model.q.lora_A.weight' is a factor of a low-rank update"):
        Ingredients([factors])
    for name in ("x.lora_down.weight", "x.lora.up.weight", "lora_unet_mid.lora_up.weight", "x.hada_w1_a", "x.lokr_w2"):
        save_file({name: torch.ones(2, 2)}, tmp_path / "a.safetensors")
        with pytest.raises(SoupError, match="is a factor of a low-rank update"):
            Ingredients([tmp_path / "a.safetensors"])
    save_file({"explorer.weight": torch.ones(2, 2)}, tmp_path / "b.safetensors")
    Ingredients([tmp_path / "b.safetensors"])


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"use_dora": True}, "LORA with use_dora"),
        ({"peft_type": "IA3"}, "of type IA3"),
        ({"init_lora_weights": "pissa"}, "pissa, which changes the base"),
    ],
)
def test_other_adapters_are_refused(tmp_path, config, told):
    adapter(tmp_path / "0", 0, **config)
    with pytest.raises(SoupError, match=f"{told}.*merge_and_unload"):
        Ingredients([tmp_path / "0"])


def test_methods_that_are_not_made_of_adapters_say_so(tmp_path):
    for seed in (0, 1):
        adapter(tmp_path / f"{seed}", seed)
    some = Ingredients([tmp_path / "0", tmp_path / "1"])
    with pytest.raises(SoupError, match="model stock is not made of adapters"):
        model_stock(some, tmp_path / "0")
    save_file({"w": torch.ones(2)}, tmp_path / "w.safetensors")
    with pytest.raises(SoupError, match=r"lacks|one is an adapter"):
        Ingredients([tmp_path / "0", tmp_path / "w.safetensors"])
