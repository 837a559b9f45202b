"""Callbacks that leave a soup at the end of a training."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch
from left_checkpoints import hugging_face, mean, same, state
from safetensors.torch import load_file

from atp.soups.training_callbacks import leave_soup, lightning_callback, trainer_callback

pytestmark = pytest.mark.filterwarnings("ignore::atp.soups.SoupWarning")


def library(monkeypatch, name, **contents):
    """A library with nothing but what a callback needs."""
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        module = ModuleType(".".join(parts[:count]))
        module.__dict__.update(contents if count == len(parts) else {"__path__": []})
        monkeypatch.setitem(sys.modules, module.__name__, module)


class Base:
    """Stands for a library's callback."""


def test_of_hugging_face(tmp_path, monkeypatch):
    library(monkeypatch, "transformers", TrainerCallback=Base)
    for number in (500, 1000, 1500):
        hugging_face(tmp_path / f"checkpoint-{number}", number)
    callback = trainer_callback(last=2)
    assert isinstance(callback, Base)
    arguments = SimpleNamespace(output_dir=str(tmp_path))
    callback.on_train_end(arguments, SimpleNamespace(is_world_process_zero=False), None, model=None)
    assert not (tmp_path / "soup").exists()
    callback.on_train_end(arguments, SimpleNamespace(is_world_process_zero=True), None, model=None)
    found = load_file(tmp_path / "soup" / "uniform" / "model.safetensors")
    assert same(found, mean(state(1000), state(1500)))


def test_of_lightning(tmp_path, monkeypatch):
    library(monkeypatch, "lightning.pytorch", Callback=Base)
    for epoch in (1, 2):
        content = {"state_dict": {f"net.{name}": tensor for name, tensor in state(epoch).items()}, "epoch": epoch}
        torch.save(content, tmp_path / f"epoch={epoch}.ckpt")
    trainer = SimpleNamespace(is_global_zero=True, checkpoint_callback=SimpleNamespace(dirpath=str(tmp_path)))
    lightning_callback().on_fit_end(trainer, None)
    found = torch.load(tmp_path / "soup" / "uniform.ckpt", weights_only=True)
    assert found["epoch"] == 1
    assert torch.equal(found["state_dict"]["net.fc.weight"], mean(state(1), state(2))["fc.weight"])


def test_one_checkpoint_alone_leaves_no_soup(tmp_path):
    hugging_face(tmp_path / "checkpoint-500", 0)
    assert leave_soup(tmp_path, tmp_path / "soup") is None
