"""Checkpoints as libraries leave them: read without running anything, averaged, and written in their own form."""

from __future__ import annotations

import argparse
import json
import math

import numpy as np
import pytest
import torch
from left_checkpoints import Net, hugging_face, mean, net, of_trainings, same, state
from safetensors import safe_open
from safetensors.torch import load_file, load_model, save_file, save_model
from torch import nn

from atp.soups import Ingredients, ReadOptions, SoupError, SoupWarning, mix, uniform_soup
from atp.soups.checkpoints import saving
from atp.soups.checkpoints.saving import save_like

WANTED = mean(state(0), state(1))


def written(some, place, **options):
    """The uniform soup of some ingredients, as a file or folder in their form."""
    ingredients = Ingredients(some, options=ReadOptions(**options))
    first = ingredients.checkpoints[0]
    return save_like(first.form, uniform_soup(ingredients), place, first.extra)


@pytest.mark.parametrize("kind", of_trainings(0))
def test_files_of_training_scripts(tmp_path, kind):
    suffix = {"lightning": "ckpt", "timm": "pth.tar"}.get(kind, "pt")
    for seed in (0, 1):
        content, key = of_trainings(seed)[kind]
        torch.save(content, tmp_path / f"{seed}.{suffix}")
    place = written([tmp_path / f"{seed}.{suffix}" for seed in (0, 1)], tmp_path / "soup")
    assert place.name == f"soup.{suffix}"
    with torch.serialization.safe_globals([argparse.Namespace]):
        found = torch.load(place, weights_only=True)
    wanted = mean(*(net_after_step(seed) for seed in (0, 1)))
    if kind == "lightning":
        wanted = {f"model.{name}": tensor for name, tensor in wanted.items()}
        assert found["hyper_parameters"].lr == 1
        assert found["pytorch-lightning_version"] == "2.5"
        assert found["optimizer_states"] == []
    assert same(found[key] if key else found, wanted)
    assert not {"optimizer", "state_dict_ema", "model_ema"} & found.keys()  # they are of one ingredient alone
    if kind == "nanogpt":
        assert found["model_args"] == {"n_layer": 1}


def net_after_step(seed):
    """The weights that `of_trainings` has."""
    return {name: tensor.clone() for name, tensor in of_trainings(seed)["plain"][0].items()}


def test_averaged_weights_are_named_and_can_be_chosen(tmp_path):
    files = []
    for seed in (0, 1):
        files.append(tmp_path / f"{seed}.pth.tar")
        torch.save(of_trainings(seed)["timm"][0], files[-1])
    (note,) = Ingredients(files).checkpoints[0].notes
    assert "'state_dict' is read" in note
    assert "--key state_dict_ema" in note
    place = written(files, tmp_path / "soup", key="state_dict_ema")
    with torch.serialization.safe_globals([argparse.Namespace]):
        found = torch.load(place, weights_only=True)
    assert same(found["state_dict_ema"], mean(state(10), state(11)))
    assert "state_dict" not in found
    with pytest.raises(SoupError, match=r"no weights under 'ema'.*there are state_dict"):
        Ingredients(files, options=ReadOptions(key="ema"))


@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "module.module."]
)
@pytest.mark.parametrize("both", [True, False])
def test_names_of_wrappers_are_taken_off(tmp_path, prefix, both):
    for seed in (0, 1):
        before = prefix if both or not seed else ""
        torch.save({before + name: tensor for name, tensor in state(seed).items()}, tmp_path / f"{seed}.pt")
    assert same(uniform_soup([tmp_path / "0.pt", tmp_path / "1.pt"]), WANTED)


def test_names_of_wrappers_inside_are_taken_out():
    wrapped = {name.replace("fc.", "fc._orig_mod."): tensor for name, tensor in state(0).items()}
    assert same(uniform_soup([wrapped, state(1)]), WANTED)
    with pytest.raises(SoupError, match=r"'a' and '_orig_mod.a' are both 'a'"):
        uniform_soup([{"a": torch.ones(1), "_orig_mod.a": torch.zeros(1)}])
    one = {"module.a": torch.ones(1), "b": torch.ones(1)}
    assert uniform_soup([one]).keys() == one.keys()  # not all names have it: it is no wrapper's


def test_prefix_that_is_asked_for(tmp_path):
    for seed in (0, 1):
        content = {**{f"net.{name}": tensor for name, tensor in state(seed).items()}, "loss.scale": torch.ones(1)}
        torch.save(content, tmp_path / f"{seed}.pt")
    some = Ingredients([tmp_path / "0.pt", tmp_path / "1.pt"], options=ReadOptions(strip_prefix="net."))
    assert same(uniform_soup(some), WANTED)
    assert "left out: loss.scale" in some.checkpoints[0].notes[0]
    with pytest.raises(SoupError, match=r"no name begins with 'encoder.'"):
        Ingredients([tmp_path / "0.pt"], options=ReadOptions(strip_prefix="encoder."))


@pytest.mark.parametrize(
    ("shards", "suffix", "index"),
    [(1, "safetensors", True), (3, "safetensors", True), (2, "safetensors", False), (1, "bin", True), (2, "bin", True)],
)
def test_folders_of_hugging_face(tmp_path, shards, suffix, index):
    runs = [hugging_face(tmp_path / f"run{seed}", seed, shards, suffix, index) for seed in (0, 1)]
    (runs[0] / "optimizer.pt").write_bytes(b"no weights")
    (runs[0] / "flax_model.msgpack").write_bytes(b"other weights")
    place = written(runs, tmp_path / "soup")
    stem = "model" if suffix == "safetensors" else "pytorch_model"
    assert sorted(path.name for path in place.iterdir()) == sorted(
        ["config.json", "tokenizer.json", f"{stem}.{suffix}"]
    )
    file = place / f"{stem}.{suffix}"
    assert same(load_file(file) if stem == "model" else torch.load(file, weights_only=True), WANTED)
    if stem == "model":
        with safe_open(file, "pt") as opened:
            assert opened.metadata() == {"format": "pt"}


def test_large_ones_come_out_in_shards_with_an_index(tmp_path):
    some = Ingredients([hugging_face(tmp_path / f"run{seed}", seed, 2) for seed in (0, 1)])
    place = save_like(some.checkpoints[0].form, uniform_soup(some), tmp_path / "soup", shard_bytes=150)
    index = json.loads((place / "model.safetensors.index.json").read_text())
    files = sorted(set(index["weight_map"].values()))
    assert files == sorted(path.name for path in place.glob("*.safetensors"))
    assert len(files) > 2
    assert files[0] == f"model-00001-of-{len(files):05}.safetensors"
    assert all(name in load_file(place / file) for name, file in index["weight_map"].items())
    assert index["metadata"]["total_size"] == sum(tensor.nbytes for tensor in WANTED.values())
    assert same({name: load_file(place / file)[name] for name, file in index["weight_map"].items()}, WANTED)
    assert same(uniform_soup([place]), WANTED)


def test_shards_that_are_missing_are_named(tmp_path):
    run = hugging_face(tmp_path / "a", 0, 2)
    (run / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(SoupError, match=r"names model-00002-of-00002.safetensors, which is not there"):
        Ingredients([run])
    other = hugging_face(tmp_path / "b", 0, 2, index=False)
    (other / "model-00001-of-00002.safetensors").unlink()
    with pytest.raises(SoupError, match=r"shard 1 of 2 of model.safetensors is missing"):
        Ingredients([other])
    (run / "model.safetensors.index.json").write_text("{}")
    with pytest.raises(SoupError, match="is no index of shards"):
        Ingredients([run])


def test_differing_configurations_are_told(tmp_path):
    runs = [hugging_face(tmp_path / f"run{seed}", seed, heads=2 + seed, _name_or_path=str(seed)) for seed in (0, 1)]
    (told,) = saving.differing_configuration([each.form for each in Ingredients(runs).checkpoints])
    assert "run1/config.json: differs" in told
    assert "in heads;" in told
    (runs[1] / "tokenizer.json").write_text('{"other": 1}')
    assert len(saving.differing_configuration([each.form for each in Ingredients(runs).checkpoints])) == 2


def test_a_configuration_names_the_dtype_that_is_written(tmp_path):
    runs = [hugging_face(tmp_path / f"run{seed}", seed, dtype="float32") for seed in (0, 1)]
    some = Ingredients(runs, torch.float16)
    place = save_like(some.checkpoints[0].form, uniform_soup(some), tmp_path / "soup")
    assert json.loads((place / "config.json").read_text())["dtype"] == "float16"
    assert load_file(place / "model.safetensors")["fc.weight"].dtype == torch.float16


def test_files_of_before_pytorch_1_6(tmp_path):
    for seed in (0, 1):
        torch.save(state(seed), tmp_path / f"{seed}.pt", _use_new_zipfile_serialization=False)
    assert same(uniform_soup([tmp_path / "0.pt", tmp_path / "1.pt"]), WANTED)
    assert Ingredients([tmp_path / "0.pt"]).whole


def test_pytorch_files_are_read_in_blocks_from_where_their_tensors_lie(tmp_path):
    values = {**state(0), "turned": torch.randn(3, 5).t(), "part": torch.randn(9)[2:6], "none": torch.zeros(0, 3)}
    torch.save(values, tmp_path / "0.pt")
    (one,) = Ingredients([tmp_path / "0.pt"]).checkpoints
    assert values.keys() - one.places.keys() == {"turned"}
    assert one.whole  # for the one that is not there as it is
    assert same(Ingredients([tmp_path / "0.pt"]).load(0), values)
    torch.save(state(0), tmp_path / "1.pt")
    assert not Ingredients([tmp_path / "1.pt"]).whole


def test_extra_state_of_modules_is_kept(tmp_path):
    for seed in (0, 1):
        torch.save({**state(seed), "fc._extra_state": {"scale": 1.0}}, tmp_path / f"{seed}.pt")
    place = written([tmp_path / "0.pt", tmp_path / "1.pt"], tmp_path / "soup")
    found = torch.load(place, weights_only=True)
    assert found.pop("fc._extra_state") == {"scale": 1.0}
    assert same(found, WANTED)


def test_classes_are_named_and_never_run(tmp_path):
    class_of = {
        "scalar": ({"model": state(0), "best": np.float64(0.5)}, "numpy"),
        "module": (net(0), "left_checkpoints.Net"),
    }
    for name, (content, told) in class_of.items():
        torch.save(content, tmp_path / f"{name}.pt")
        with pytest.raises(SoupError, match=rf"{name}.pt: holds more than tensors \(.*{told}.*nothing in it was run"):
            Ingredients([tmp_path / f"{name}.pt"])
        torch.save(content, tmp_path / f"{name}.pt", _use_new_zipfile_serialization=False)
        with pytest.raises(SoupError, match=rf"{name}.pt: holds more than tensors \(.*{told}"):
            Ingredients([tmp_path / f"{name}.pt"])
    torch.save([*state(0).values()], tmp_path / "list.pt")
    with pytest.raises(SoupError, match=r"list.pt: holds a list, not a state dict"):
        Ingredients([tmp_path / "list.pt"])
    assert Net.__module__ == "left_checkpoints"


def test_several_weights_must_be_chosen_among(tmp_path):
    torch.save({"actor": state(0), "critic": state(1), "epoch": 1}, tmp_path / "a.pt")
    with pytest.raises(SoupError, match="weights under actor, critic: choose with --key"):
        Ingredients([tmp_path / "a.pt"])
    place = written([tmp_path / "a.pt"], tmp_path / "soup", key="critic")
    found = torch.load(place, weights_only=True)
    assert same(found["critic"], state(1))
    assert "actor" not in found


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "git-lfs pointer"),
        (b"\n<!DOCTYPE html>\n<html><body>Sign in</body></html>", "HTML page"),
        (b"<?xml version='1.0'?><Error/>", "XML page"),
        (b"", "is empty"),
        (b"GGUF\x03\x00\x00\x00" + bytes(40), "GGUF"),
        (b"\x1f\x8b\x08" + bytes(40), "gzip"),
        (b"\x80\x02junk of a pickle", "not a whole PyTorch file|more than tensors"),
        (b"PK\x03\x04" + bytes(60), "not a whole PyTorch file"),
        (b"\x40\x00\x00\x00\x00\x00\x00\x00{ no header", "not a whole safetensors file"),
    ],
)
def test_what_is_no_checkpoint_is_called_what_it_is(tmp_path, content, told):
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(SoupError, match=rf"a.safetensors: .*({told})"):
        Ingredients([tmp_path / "a.safetensors"])


def test_types_that_cannot_be_mixed_are_named(tmp_path):
    small = {"w": torch.randn(4, 4).to(torch.float8_e4m3fn)}
    save_file(small, tmp_path / "a.safetensors")
    torch.save(small, tmp_path / "a.pt")
    torch.save({"w": torch.eye(3).to_sparse()}, tmp_path / "b.pt")
    torch.save({"w": torch.ones(2, device="meta")}, tmp_path / "c.pt")
    for name, told in (
        ("a.safetensors", "'w' is of type F8_E4M3"), ("a.pt", "'w' is of type torch.float8_e4m3fn"),
        ("b.pt", "'w' is of type torch.sparse_coo"), ("c.pt", "'w' has no values"),
    ):  # fmt: skip
        with pytest.raises(SoupError, match=f"{name}: {told}"):
            Ingredients([tmp_path / name])


def test_dtypes_are_mixed_where_one_is_asked_for(tmp_path):
    one = state(0)
    other = {n: t.bfloat16() if t.is_floating_point() else t for n, t in state(1).items()}
    with pytest.raises(SoupError, match=r"'embed.weight' is torch.bfloat16.*--dtype"):
        Ingredients([one, other])
    for dtype in (torch.float32, torch.float16, torch.float64):
        soup = uniform_soup(Ingredients([one, other], dtype))
        exact = (one["fc.weight"].double() + other["fc.weight"].double()) / 2
        assert torch.equal(soup["fc.weight"], exact.to(dtype))
        assert soup["places"].dtype == torch.int64


def test_complex_tensors_are_averaged(tmp_path):
    values = [{"w": torch.randn(4, 3, dtype=torch.complex64)} for _ in range(3)]
    exact = sum(each["w"].to(torch.complex128) for each in values) / 3
    torch.testing.assert_close(uniform_soup(values)["w"], exact.to(torch.complex64))
    bad = {"w": values[0]["w"] * math.nan}
    with pytest.raises(SoupError, match="'w' has NaN"):
        uniform_soup([values[0], bad])


def test_what_does_not_fit_its_type_is_refused_and_what_does_is_finite():
    large = [{"w": torch.full((4,), 60000.0).half(), "b": torch.full((4,), 3.38e38).bfloat16()} for _ in range(3)]
    soup = uniform_soup(large)
    assert same(soup, large[0])
    one, other = {"w": torch.full((4,), 60000.0).half()}, {"w": torch.full((4,), -60000.0).half()}
    with pytest.raises(SoupError, match=r"'w': the mixture has values beyond the range of torch.float16.*--dtype"):
        mix(Ingredients([one, other]), [2.0, -1.0])
    assert torch.isfinite(mix(Ingredients([one, other], torch.float32), [2.0, -1.0])["w"]).all()
    with pytest.raises(SoupError, match=r"beyond the range of torch.float16"):
        uniform_soup(Ingredients([{"w": torch.full((2,), 1e30)}] * 2, torch.float16))


class Tied(nn.Module):
    """An embedding and a head that share their weights."""

    def __init__(self, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.embed, self.head = nn.Embedding(6, 4), nn.Linear(4, 6, bias=False)
        self.head.weight = self.embed.weight


@pytest.mark.parametrize("first", ["pt", "safetensors"])
@pytest.mark.parametrize("second", ["pt", "safetensors"])
def test_tied_weights_come_out_as_they_went_in(tmp_path, first, second):
    files = []
    for seed, suffix in enumerate((first, second)):
        files.append(tmp_path / f"{seed}.{suffix}")
        if suffix == "pt":
            torch.save(Tied(seed).state_dict(), files[-1])
        else:
            save_model(Tied(seed), str(files[-1]))
    place = written(files, tmp_path / "soup")
    wanted = (Tied(0).embed.weight.double() + Tied(1).embed.weight.double()).float() / 2
    model = Tied(7)
    if first == "pt":
        found = torch.load(place, weights_only=True)
        assert found["embed.weight"].data_ptr() == found["head.weight"].data_ptr()
        model.load_state_dict(found)
    else:
        load_model(model, str(place))
    torch.testing.assert_close(model.head.weight, wanted)
    torch.testing.assert_close(model.embed.weight, wanted)


@pytest.mark.parametrize("order", [("enc", "dec"), ("dec", "enc")])
@pytest.mark.parametrize("on_disk", [True, False])
def test_a_transpose_stays_a_transpose(tmp_path, order, on_disk):
    some = []
    for seed in range(2):
        weight = torch.randn(4, 4, generator=torch.Generator().manual_seed(seed))
        both = {"enc": weight, "dec": weight.t()}
        some.append({name: both[name] for name in order})
    if on_disk:
        for number, each in enumerate(some):
            torch.save(each, tmp_path / f"{number}.pt")
    soup = uniform_soup([tmp_path / "0.pt", tmp_path / "1.pt"] if on_disk else some)
    wanted = (some[0]["enc"].double() + some[1]["enc"].double()).float() / 2
    assert torch.equal(soup["enc"], wanted)
    assert torch.equal(soup["dec"], wanted.t())
    assert not torch.equal(soup["dec"], soup["enc"])


def test_parts_of_one_tensor_are_not_taken_for_one():
    def whole(seed):
        both = torch.randn(2, 3, generator=torch.Generator().manual_seed(seed))
        return {"a": both[0], "b": both[1]}

    soup = uniform_soup([whole(0), whole(1)])
    assert torch.equal(soup["b"], (whole(0)["b"].double() + whole(1)["b"].double()).float() / 2)
    assert not torch.equal(soup["a"], soup["b"])


def test_weights_that_are_tied_in_one_alone_are_mixed_apart(tmp_path):
    loose = {name: tensor.clone() for name, tensor in Tied(1).state_dict().items()}
    loose["head.weight"] += 1
    with pytest.warns(SoupWarning, match="share a tensor in only one"):
        soup = uniform_soup([Tied(0).state_dict(), loose])
    torch.testing.assert_close(soup["head.weight"], soup["embed.weight"] + 0.5)


@pytest.mark.filterwarnings("error::atp.soups.SoupWarning")
def test_the_order_of_tied_names_does_not_matter():
    one, other = Tied(0).state_dict(), Tied(1).state_dict()
    soup = uniform_soup([one, {name: other[name] for name in reversed(other)}])
    assert soup["embed.weight"] is soup["head.weight"]


def test_weights_in_folders_inside_are_told_and_left_out(tmp_path):
    runs = [hugging_face(tmp_path / f"run{seed}", seed) for seed in (0, 1)]
    (runs[0] / "2_Dense").mkdir()
    save_file({"w": torch.ones(2)}, runs[0] / "2_Dense" / "model.safetensors")
    (runs[0] / "2_Dense" / "config.json").write_text("{}")
    (told,) = saving.differing_configuration([each.form for each in Ingredients(runs).checkpoints])
    assert "2_Dense/model.safetensors: weights in folders inside are neither averaged nor copied" in told
    place = written(runs, tmp_path / "soup")
    assert [path.name for path in (place / "2_Dense").iterdir()] == ["config.json"]
