from __future__ import annotations

import json
import os
import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file

from atp import checkpoint
from atp.checkpoint import (
    CheckpointError,
    load_checkpoint,
    load_networks,
    resolve_pretrained,
    save_checkpoint,
)
from atp.networks import InteractionNetwork, PartNetwork


@pytest.fixture
def networks():
    torch.manual_seed(0)
    return {"interaction": InteractionNetwork(8, 16), "part": PartNetwork(8)}


@pytest.fixture
def folder(tmp_path, networks):
    save_checkpoint(tmp_path / "saved", networks, {"seed": 3, "renderer": "tiny"})
    return tmp_path / "saved"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_weights_come_back_exactly_in_the_stored_precision(tmp_path, networks, dtype):
    save_checkpoint(tmp_path / "saved", networks, {"seed": 3}, dtype)
    config, states = load_checkpoint(tmp_path / "saved")
    assert config["seed"] == 3
    assert states.keys() == networks.keys()
    for name, network in networks.items():
        expected = network.state_dict()
        assert states[name].keys() == expected.keys()
        for key, value in states[name].items():
            assert value.dtype == dtype
            assert torch.equal(value, expected[key].to(dtype))


def test_channels_last_networks_are_saved_alike(tmp_path, networks, folder):
    moved = {name: network.to(memory_format=torch.channels_last) for name, network in networks.items()}
    save_checkpoint(tmp_path / "other", moved, {"seed": 3, "renderer": "tiny"})
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "other" / path.name).read_bytes()


def test_networks_are_built_as_saved_and_give_the_same_maps(folder, networks):
    config, loaded = load_networks(folder)
    assert config["networks"]["interaction"]["arguments"] == {"width": 8, "vector": 16}
    image, memory = torch.rand(1, 5, 24, 24), torch.rand(1, 2, 24, 24)
    hold = torch.tensor([[3, 4]])
    for network in loaded.values():
        assert not network.training
        assert next(network.parameters()).dtype == torch.float32
    with torch.no_grad():
        expected = networks["interaction"].half().float()(image, memory, hold)
        for found, true in zip(loaded["interaction"](image, memory, hold), expected, strict=True):
            torch.testing.assert_close(found, true, atol=1e-4, rtol=1e-4)


def test_saving_replaces_a_folder_whole_and_leaves_nothing_beside_it(folder, networks):
    (folder / "old.safetensors").write_bytes(b"")
    save_checkpoint(folder, networks, {"seed": 4})
    assert sorted(p.name for p in folder.iterdir()) == [
        "config.json",
        "interaction.safetensors",
        "part.safetensors",
    ]
    assert load_checkpoint(folder)[0]["seed"] == 4
    assert [p.name for p in folder.parent.iterdir()] == ["saved"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e6])
def test_weights_that_cannot_be_stored_leave_the_old_checkpoint(folder, networks, value):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with torch.no_grad():
        networks["part"].encoder.stem[0].weight[0, 0, 0, 0] = value
    with pytest.raises(CheckpointError, match=r"'part' has weights .* encoder\.stem\.0\.weight"):
        save_checkpoint(folder, networks, {})
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_unknown_network_class_is_not_saved(tmp_path):
    with pytest.raises(CheckpointError, match="unknown class Linear"):
        save_checkpoint(tmp_path / "saved", {"part": torch.nn.Linear(2, 2)}, {})


def refused(folder, match):
    with pytest.raises(CheckpointError, match=match) as caught:
        load_checkpoint(folder)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize("name", ["config.json", "part.safetensors"])
def test_missing_file_is_named(folder, name):
    (folder / name).unlink()
    refused(folder, name)


def test_missing_folder_is_named(tmp_path):
    refused(tmp_path / "nowhere", r"nowhere/config\.json")


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
@pytest.mark.parametrize("name", ["config.json", "part.safetensors"])
def test_what_is_no_file_is_not_waited_for(folder, name, kind):
    (folder / name).unlink()
    if kind == "pipe":
        os.mkfifo(folder / name)
    elif kind == "device":
        (folder / name).symlink_to("/dev/zero")
    else:
        (folder / name).mkdir()
    refused(folder, rf"{name}: cannot be read \(not a regular file\)")


def test_a_config_that_nests_without_end_is_refused(folder):
    (folder / "config.json").write_text("[" * 100_000)
    refused(folder, r"config\.json: is not JSON")


def edit(path, change):
    state = load_file(path)
    change(state)
    save_file(state, path)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (
            lambda s: s.pop("exchanges.0.norm.weight"),
            r"part\.safetensors.*lacks 'exchanges\.0\.norm\.weight'",
        ),
        (lambda s: s.update(x=torch.zeros(1)), r"part\.safetensors.*has 'x'"),
        (
            lambda s: s.update({"encoder.stem.1.bias": torch.zeros(9).half()}),
            r"stem\.1\.bias' has shape \(9,\)",
        ),
        (lambda s: s.update({"encoder.stem.1.bias": torch.zeros(8)}), r"stem\.1\.bias' is torch\.float32"),
        (lambda s: s["encoder.stem.1.bias"].fill_(float("nan")), r"stem\.1\.bias' has NaN"),
        (lambda s: s["encoder.stem.1.bias"].fill_(float("inf")), r"stem\.1\.bias' has NaN or inf"),
    ],
)
def test_foreign_or_broken_tensors_are_refused(folder, change, match):
    edit(folder / "part.safetensors", change)
    refused(folder, match)


def test_weights_of_another_network_are_refused(folder):
    (folder / "part.safetensors").write_bytes((folder / "interaction.safetensors").read_bytes())
    refused(folder, r"part\.safetensors: not weights of the network")


@pytest.mark.parametrize("content", [b"", b"hello", b"\x00" * 100, b"\xff" * 100])
def test_what_is_not_safetensors_is_refused(folder, content):
    (folder / "part.safetensors").write_bytes(content)
    refused(folder, r"part\.safetensors: is not a whole safetensors")


def test_truncated_file_is_refused(folder):
    path = folder / "part.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    refused(folder, r"part\.safetensors: is not a whole safetensors")


class Trap:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("how", ["pickle", "torch"])
def test_pickle_is_refused_and_not_run(folder, tmp_path, how):
    path = folder / "part.safetensors"
    if how == "pickle":
        path.write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    else:
        torch.save({"x": Trap(tmp_path / "sprung")}, path)
    refused(folder, r"part\.safetensors: is a pickle file")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda c: c.update(format=99), "format 1"),
        (lambda c: c.update(dtype="int8"), "dtype"),
        (lambda c: c.update(dtype=["float16"]), "dtype"),
        (lambda c: c.pop("networks"), "networks"),
        (lambda c: c["networks"].update({"../part": c["networks"]["part"]}), r"'\.\./part'"),
        (lambda c: c["networks"]["part"].update({"class": "Linear"}), "'part' is not one of"),
        (lambda c: c["networks"]["part"].update(arguments={"depth": 3}), "do not suit PartNetwork"),
        (lambda c: c["networks"]["part"].update(arguments={"width": -8}), "do not suit PartNetwork"),
        (lambda c: c["networks"]["part"].update(arguments={"width": 16}), "has shape"),
        (lambda c: c["networks"]["part"].update(arguments=None), "do not suit PartNetwork"),
    ],
)
def test_wrong_configs_are_refused(folder, change, match):
    config = json.loads((folder / "config.json").read_text())
    change(config)
    (folder / "config.json").write_text(json.dumps(config))
    refused(folder, match)


@pytest.mark.parametrize("text", ["", "{", "[]", "\x80"])
def test_config_that_is_not_json_is_refused(folder, text):
    (folder / "config.json").write_bytes(text.encode("latin-1"))
    refused(folder, r"config\.json")


def test_agent_needs_both_networks(tmp_path, networks):
    save_checkpoint(tmp_path / "saved", {"part": networks["part"]}, {})
    assert load_checkpoint(tmp_path / "saved")[1].keys() == {"part"}
    with pytest.raises(CheckpointError, match="needs a network 'interaction'"):
        load_networks(tmp_path / "saved")


def test_one_network_can_be_read_without_the_file_of_the_other(folder, networks, monkeypatch):
    (folder / "part.safetensors").unlink()
    config, loaded = load_networks(folder, ("interaction",))
    assert config["networks"].keys() == {"interaction", "part"}
    assert loaded.keys() == {"interaction"}
    refused(folder, r"part\.safetensors")
    monkeypatch.setattr(checkpoint, "_shipped", lambda: folder.parent)
    assert checkpoint.available() == []  # no agent


def test_pretrained_is_found_by_path_and_by_name(folder, monkeypatch):
    assert resolve_pretrained(folder) == folder
    monkeypatch.setattr(checkpoint, "_shipped", lambda: folder.parent)
    assert resolve_pretrained("saved") == folder
    with pytest.raises(CheckpointError, match=r"other: .*names: saved"):
        resolve_pretrained("other")


def test_weights_of_an_earlier_name_are_found_and_the_new_name_is_said():
    with pytest.warns(FutureWarning, match="'video' are now 'default'"):
        assert resolve_pretrained("video") == resolve_pretrained("default")


@pytest.mark.parametrize("name", checkpoint.available())
def test_shipped_weights_load_and_are_small(name):
    path = resolve_pretrained(name)
    load_networks(path)
    assert all(file.stat().st_size < 10_000_000 for file in path.iterdir())
