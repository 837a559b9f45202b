"""A run whose machine vanishes resumes elsewhere from its copy, exactly."""

from __future__ import annotations

import shutil
import signal
from dataclasses import replace

import numpy as np
import pytest

from tiny_run import TINY, assert_same_run, run
from train.data.records import record_type
from train.data.replay import Replay
from train.learning.collector import Collector
from train.runs.mirror import Mirror


def test_a_run_goes_on_from_its_copy(tmp_path, monkeypatch, capsys):
    assert run(replace(TINY, out=tmp_path / "whole"))
    play = Collector.play

    def interrupted(self, networks, replay, *arguments):
        if replay.written == 70:
            signal.raise_signal(signal.SIGINT)
        return play(self, networks, replay, *arguments)

    mirrored = replace(TINY, mirror=f"file://{tmp_path}/copy")
    with monkeypatch.context() as patch:
        patch.setattr(Collector, "play", interrupted)
        assert not run(replace(mirrored, out=tmp_path / "first"))
    shutil.rmtree(tmp_path / "first")  # the machine is gone
    with pytest.raises(ValueError, match="other values of seed"):
        run(replace(mirrored, out=tmp_path / "other", seed=5))
    second = tmp_path / "second"
    assert run(replace(mirrored, out=second))
    shutil.copytree(tmp_path / "whole" / "tensorboard", second / "tensorboard", dirs_exist_ok=True)
    for file in (second / "tensorboard").iterdir():  # the log stayed on the first machine
        if file.name not in {each.name for each in (tmp_path / "whole" / "tensorboard").iterdir()}:
            file.unlink()
    assert_same_run(second, tmp_path / "whole")
    weights = tmp_path / "copy" / "weights"
    assert (weights / "part.safetensors").read_bytes() == (second / "weights" / "part.safetensors").read_bytes()


def records_of(numbers):
    records = np.zeros(len(numbers), record_type(16, 16))
    records["action"][:, 0] = numbers
    return records


def test_pieces_are_copied_once_and_the_newest_come_back(tmp_path):
    replay = Replay(tmp_path / "a.npy", 16, 16, capacity=20, slack=10)
    mirror = Mirror(str(tmp_path / "copy"), tmp_path)
    for start in (0, 12, 24, 36):
        replay.append(records_of(range(start, start + 12)))
        mirror.push(replay)
        mirror.push(replay)
    names = sorted(path.name for path in (tmp_path / "copy" / "interactions-0").iterdir())
    assert names == [f"{first:09}-{first + 12:09}.npy" for first in (0, 12, 24, 36)]
    for written in (48, 40):
        again = Replay(tmp_path / f"{written}.npy", 16, 16, capacity=20, slack=10)
        mirror.fill(again, written)
        assert again.written == written
        np.testing.assert_array_equal(again.newest(20)["action"][:, 0], np.arange(written - 20, written))
    (tmp_path / "copy" / "interactions-0" / names[2]).unlink()
    with pytest.raises(ValueError, match="interactions from 28 on are missing"):
        mirror.fill(Replay(tmp_path / "c.npy", 16, 16, capacity=20, slack=10), 48)


def test_address_that_cannot_be_used(tmp_path):
    with pytest.raises(ValueError, match="--mirror nowhere://x: cannot be used"):
        Mirror("nowhere://x", tmp_path)
