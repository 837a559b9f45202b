"""A tiny network, and its checkpoints as libraries and scripts leave them."""

from __future__ import annotations

import argparse
import json

import torch
from safetensors.torch import save_file
from torch import nn


class Net(nn.Module):
    """An embedding, a linear layer, BatchNorm, an integer buffer and a head."""

    def __init__(self, words=8):
        super().__init__()
        self.embed = nn.Embedding(words, 4)
        self.fc = nn.Linear(4, 4)
        self.bn = nn.BatchNorm1d(4)
        self.head = nn.Linear(4, words, bias=False)
        self.register_buffer("places", torch.arange(6)[None])

    def forward(self, inputs):
        return self.head(self.bn(self.fc(self.embed(inputs).mean(1))))


def net(seed):
    torch.manual_seed(seed)
    return Net()


def state(seed):
    return {name: tensor.clone() for name, tensor in net(seed).state_dict().items()}


def mean(*states):
    """In float64, and integers as they are."""
    return {
        name: torch.stack([each[name].double() for each in states]).mean(0).to(tensor.dtype)
        for name, tensor in states[0].items()
    }


def same(found, wanted):
    """Whether two state dicts are equal, names, types and values."""
    return found.keys() == wanted.keys() and all(
        found[name].dtype == wanted[name].dtype and torch.equal(found[name], wanted[name]) for name in wanted
    )


def hugging_face(folder, seed, shards=1, suffix="safetensors", index=True, **config):
    """A folder of Hugging Face's libraries, whole or sharded."""
    folder.mkdir(parents=True)
    stem = "model" if suffix == "safetensors" else "pytorch_model"
    values = state(seed)
    names = list(values)
    places = {}
    for number in range(shards):
        file = f"{stem}.{suffix}" if shards == 1 else f"{stem}-{number + 1:05}-of-{shards:05}.{suffix}"
        part = {name: values[name] for name in names[number::shards]}
        save_file(part, folder / file, {"format": "pt"}) if stem == "model" else torch.save(part, folder / file)
        places |= dict.fromkeys(part, file)
    if shards > 1 and index:
        content = {"metadata": {"total_size": 1}, "weight_map": places}
        (folder / f"{stem}.{suffix}.index.json").write_text(json.dumps(content))
    (folder / "config.json").write_text(json.dumps({"model_type": "tiny", **config}))
    (folder / "tokenizer.json").write_text("{}")
    return folder


def of_trainings(seed):
    """Content of PyTorch files by the library or script, with the key of the weights."""
    model, average = net(seed), net(seed + 10)
    weights, ema = model.state_dict(), average.state_dict()
    adam = torch.optim.AdamW(model.parameters())
    model(torch.zeros(2, 3, dtype=torch.long)).sum().backward()
    adam.step()
    optimizer = adam.state_dict()
    lightning = {f"model.{name}": tensor for name, tensor in weights.items()}
    averaged = torch.optim.swa_utils.AveragedModel(model)
    options = argparse.Namespace(lr=1)
    return {
        "plain": (weights, ""),
        "lightning": (
            {
                "epoch": 3, "global_step": 9, "pytorch-lightning_version": "2.5", "state_dict": lightning, "loops": {},
                "callbacks": {}, "optimizer_states": [optimizer], "lr_schedulers": [], "hyper_parameters": options,
            },
            "state_dict",
        ),
        "timm": (
            {
                "epoch": seed, "arch": "tiny", "state_dict": weights, "optimizer": optimizer, "version": 2,
                "args": options, "metric": 70.0, "state_dict_ema": ema,
            },
            "state_dict",
        ),
        "deit": ({"model": weights, "model_ema": ema}, "model"),
        "net": ({"epoch": 1, "net": weights, "optimizer": {}}, "net"),
        "nanogpt": (
            {
                "model": weights, "optimizer": optimizer, "model_args": {"n_layer": 1},
                "best_val_loss": torch.tensor(1.0),
            },
            "model",
        ),
        "deepspeed": ({"module": weights, "global_steps": 3, "optimizer": None}, "module"),
        "own key": ({"epoch": 1, "my_weights": weights}, "my_weights"),
        "swa": (averaged.state_dict(), ""),
    }  # fmt: skip


def adapter(folder, seed, rank=2, alpha=4, **config):
    """A PEFT adapter of one module."""
    folder.mkdir(parents=True)
    generator = torch.Generator().manual_seed(seed)
    factors = {
        "base_model.model.q.lora_A.weight": torch.randn(rank, 6, generator=generator),
        "base_model.model.q.lora_B.weight": torch.randn(5, rank, generator=generator),
    }
    save_file(factors, folder / "adapter_model.safetensors", {"format": "pt"})
    values = {"peft_type": "LORA", "r": rank, "lora_alpha": alpha, "base_model_name_or_path": "tiny", **config}
    (folder / "adapter_config.json").write_text(json.dumps(values))
    return factors
