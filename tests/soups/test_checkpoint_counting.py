"""Which checkpoints of a folder count: each once, in the natural order, and nothing else."""

from __future__ import annotations

import json
import os
import shutil

import pytest
import torch
from left_checkpoints import adapter, hugging_face, state
from safetensors.torch import save_file

from atp.soups import SoupError
from atp.soups.checkpoints.checkpoint_folders import REPORT, find_checkpoints


def names(folder):
    return [str(path.relative_to(folder)) for path in find_checkpoints([folder]).paths]


def left_out(folder):
    return " | ".join(find_checkpoints([folder]).left_out)


def test_natural_order(tmp_path):
    for number in (10, 2, 1):
        save_file(state(number), tmp_path / f"model_{number}.safetensors")
    assert names(tmp_path) == ["model_1.safetensors", "model_2.safetensors", "model_10.safetensors"]


def test_suffixes_of_all_libraries_in_any_case(tmp_path):
    files = ["a.SAFETENSORS", "b.pt", "c.pth", "d.bin", "e.ckpt", "f.pth.tar"]
    for seed, name in enumerate(files):
        torch.save(state(seed), tmp_path / name)
    (tmp_path / "notes.txt").write_text("no weights")
    assert names(tmp_path) == files


def test_folders_of_hugging_face_and_of_its_trainer(tmp_path):
    for number in (1000, 500):
        run = hugging_face(tmp_path / f"checkpoint-{number}", number)
        for name in ("optimizer.pt", "scheduler.pt", "training_args.bin", "rng_state.pth"):
            torch.save({"no": 1}, run / name)
    assert names(tmp_path) == ["checkpoint-500", "checkpoint-1000"]
    assert names(tmp_path / "checkpoint-500") == ["."]
    assert find_checkpoints([tmp_path / "checkpoint-500"]).paths == [tmp_path / "checkpoint-500"]


def test_both_formats_of_one_model_count_once(tmp_path):
    run = hugging_face(tmp_path / "run", 0)
    torch.save(state(0), run / "pytorch_model.bin")
    assert names(tmp_path) == ["run"]
    assert "model.safetensors counts, pytorch_model.bin beside it does not" in left_out(tmp_path)
    flat = tmp_path / "flat"
    flat.mkdir()
    torch.save(state(0), flat / "a.pt")
    save_file(state(0), flat / "a.safetensors")
    torch.save(state(1), flat / "b.pt")
    assert names(flat) == ["a.safetensors", "b.pt"]
    assert "a.safetensors is the same in another format" in left_out(flat)


def test_checkpoints_inside_a_checkpoint_are_told_and_not_counted(tmp_path):
    hugging_face(tmp_path / "out", 0)
    hugging_face(tmp_path / "out" / "checkpoint-500", 1)
    assert find_checkpoints([tmp_path / "out"]).paths == [tmp_path / "out"]
    assert "checkpoint-500 by name" in left_out(tmp_path / "out")


def test_copies_and_links_count_once(tmp_path):
    save_file(state(0), tmp_path / "checkpoint-0.safetensors")
    save_file(state(1), tmp_path / "checkpoint-1.safetensors")
    shutil.copy(tmp_path / "checkpoint-1.safetensors", tmp_path / "last.safetensors")
    os.link(tmp_path / "checkpoint-0.safetensors", tmp_path / "model_best.safetensors")
    assert names(tmp_path) == ["checkpoint-0.safetensors", "checkpoint-1.safetensors"]
    assert left_out(tmp_path).count("counts once") == 2
    twice = find_checkpoints([tmp_path / "checkpoint-0.safetensors"] * 2)
    assert len(twice.paths) == 1
    for number in range(2):
        hugging_face(tmp_path / "runs" / f"run{number}", 5)
    assert names(tmp_path / "runs") == ["run0", "run1"]  # no library's copies: said, and left to the user
    assert "run1: holds the same as" in left_out(tmp_path / "runs")
    (tmp_path / "runs" / "run1").rename(tmp_path / "runs" / "run-best")
    assert len(names(tmp_path / "runs")) == 1


def test_initialisations_and_earlier_soups_are_no_ingredients(tmp_path):
    for name, seed in (("000", 0), ("001", 1), ("initial", 2), ("uniform", 3)):
        save_file(state(seed), tmp_path / f"{name}.safetensors")
    hugging_face(tmp_path / "ties", 4)
    (tmp_path / REPORT).write_text(json.dumps({"written": ["uniform.safetensors", "ties"]}))
    assert names(tmp_path) == ["000.safetensors", "001.safetensors"]
    told = left_out(tmp_path)
    assert "initial.safetensors: is what the others began from (--initial takes it)" in told
    assert told.count("is an earlier soup") == 2
    (tmp_path / REPORT).unlink()
    (tmp_path / "soup.json").write_text(json.dumps({"rows": [{"way": "uniform"}]}))  # of an earlier version
    assert names(tmp_path) == ["000.safetensors", "001.safetensors", "ties"]


def test_adapters_are_folders(tmp_path):
    for seed in (0, 1):
        adapter(tmp_path / f"run{seed}", seed)
    assert names(tmp_path) == ["run0", "run1"]


def test_a_folder_without_any(tmp_path):
    with pytest.raises(SoupError, match="has no checkpoints"):
        find_checkpoints([tmp_path])
    torch.save({}, tmp_path / "optimizer.pt")
    with pytest.raises(SoupError, match=r"has no checkpoints .*left out: .*optimizer.pt: belongs to the training"):
        find_checkpoints([tmp_path])
