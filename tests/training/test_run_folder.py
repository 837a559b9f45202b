"""A run's folder that something happened to: refused by name, never trained on in silence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from train.config import LearnerConfig, RunConfig, TrainConfig
from train.runs.command import run_command
from train.runs.run_folder import Diverged, RunFolder, not_finite, open_recorded


@dataclass(frozen=True)
class Options:
    """Options of a run."""

    out: Path = Path("runs/none")
    seed: int = 0


@pytest.fixture
def config(tmp_path):
    """The options of a run that has saved once."""
    made = Options(out=tmp_path / "run", seed=3)
    folder = RunFolder(made)
    folder.write_options()
    folder.save({"written": 1, "weights": {"layer": torch.ones(2)}})
    folder.close()
    return made


def refused(config, says):
    """Whether the folder is refused so; and a folder that is refused is free for others."""
    for _ in range(2):
        with pytest.raises(ValueError, match=says):
            state_of(config)


def state_of(config):
    folder = RunFolder(config)
    try:
        return folder.load()
    finally:
        folder.close()


def test_a_run_whose_options_are_gone_does_not_go_on_with_others(config):
    (config.out / "options.json").unlink()
    refused(Options(out=config.out, seed=4), r"options\.json: missing.*--out")
    refused(config, r"options\.json: missing.*--out")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "3", "[" * 100_000, "\xff"])
def test_options_that_are_none(config, text):
    (config.out / "options.json").write_text(text, encoding="latin-1")
    refused(config, r"options\.json: (is not JSON|must hold an object)")


@pytest.mark.parametrize("name", ["options.json", "checkpoint.pt", "lock"])
def test_a_folder_in_place_of_a_file(config, name):
    (config.out / name).unlink()
    (config.out / name).mkdir()
    refused(config, rf"{name}: (is not JSON|cannot be)")


@pytest.mark.parametrize("state", [[], 3, None, torch.ones(3)])
def test_a_checkpoint_that_is_none(config, state):
    torch.save(state, config.out / "checkpoint.pt")
    refused(config, r"checkpoint\.pt: is no checkpoint")


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 half", b"\x80\x02}q\x00.", b"text", bytes(1000)])
def test_a_damaged_checkpoint(config, data):
    (config.out / "checkpoint.pt").write_bytes(data)
    refused(config, r"checkpoint\.pt: (cannot be read|is no checkpoint)")


def test_weights_that_are_no_numbers_are_neither_saved_nor_gone_on_with(config):
    folder = RunFolder(config)
    broken = {"weights": [{"layer": torch.tensor([1.0, float("nan")])}], "best": float("inf")}
    with pytest.raises(Diverged, match=r"diverged, weights\.0\.layer is NaN.*learning rate"):
        folder.save(broken)
    assert folder.load()["written"] == 1
    folder.close()
    torch.save(broken, config.out / "checkpoint.pt")
    refused(config, r"checkpoint\.pt: weights\.0\.layer is NaN")
    assert not_finite({"a": [torch.ones(1), torch.tensor([2**40])], "b": "text"}) == ""


def test_a_run_that_diverges_ends_with_a_line(capsys):
    class Run:
        def run(self):
            raise Diverged("runs/x: training diverged")

        def close(self):
            pass

    assert run_command(Run) == 1
    assert capsys.readouterr().err == "error: runs/x: training diverged\n"


@pytest.mark.parametrize(
    "options",
    [
        "{}",
        '{"resolution": "48"}',
        '{"resolution": 48, "replay_size": null}',
        '{"resolution": 48, "trials": "8"}',
    ],
)
def test_recorded_play_whose_options_lack_something(config, options):
    (config.out / "options.json").write_text(options)
    with pytest.raises(ValueError, match=r"options\.json: resolution, replay_size or trials"):
        open_recorded(config.out)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (TrainConfig, "epsilon_start"),
        (TrainConfig, "guided"),
        (TrainConfig, "interactions_per_step"),
        (TrainConfig, "temperature"),
        (LearnerConfig, "learning_rate"),
        (LearnerConfig, "weight_decay"),
        (LearnerConfig, "ema"),
        (RunConfig, "envs"),
    ],
)
def test_options_that_are_no_numbers_are_refused_by_name(kind, name, value):
    with pytest.raises(ValueError, match=f"--(learner.)?{name.replace('_', '-')}"):
        kind(**{name: value})
