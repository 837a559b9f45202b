"""Training in several processes under `torchrun`: one set of weights, and exact resume."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

ROOT = Path(__file__).parents[2]
TOML = """
total_interactions = 120
envs = 2
workers = 1
resolution = 48
learning_starts = 20
interactions_per_step = 10
replay_size = 80
checkpoint_every = 20
log_every = 20
threads = 1
device = "cpu"

[learner]
width = 8
batch_size = 4
"""


def start(folder, *options):
    config = folder.parent / "run.toml"
    config.write_text(TOML)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["-m", "train.atp_train", "--config", str(config), "--out", str(folder), *options]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT, env=os.environ
    )


@pytest.mark.slow
def test_two_processes_train_one_set_of_weights_and_go_on_exactly(tmp_path):
    process = start(tmp_path / "whole")
    told = process.communicate(timeout=300)[0]
    assert process.returncode == 0, told
    assert [int(number) for number in re.findall(r"^(\d+) ", told, re.M)] == [20, 40, 60, 80, 100, 120]
    assert (tmp_path / "whole" / "replay-1.npy").exists()
    state = torch.load(tmp_path / "whole" / "checkpoint.pt", weights_only=True)
    assert state["processes"] == 2
    assert state["written"] == 60  # of each
    assert state["learner"]["steps"] == 10

    process = start(tmp_path / "stopped")
    for line in process.stdout:
        if line.startswith("60 "):
            process.send_signal(signal.SIGTERM)
            break
    told = process.communicate(timeout=120)[0]
    assert "the same command resumes from here" in told
    process = start(tmp_path / "stopped")
    told = process.communicate(timeout=300)[0]
    assert process.returncode == 0, told
    for name in ("interaction", "part"):
        mine, wanted = (load_file(tmp_path / run / "weights" / f"{name}.safetensors") for run in ("stopped", "whole"))
        assert mine.keys() == wanted.keys()
        assert all(torch.equal(mine[key], wanted[key]) for key in mine)

    command = [sys.executable, "-m", "train.atp_train", "--config", str(tmp_path / "run.toml")]
    command += ["--out", str(tmp_path / "whole")]
    alone = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert alone.returncode == 2
    assert "2 processes played here, not 1" in alone.stderr
