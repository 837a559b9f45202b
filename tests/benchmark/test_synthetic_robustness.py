"""Scores of motion masks on synthetic image pairs."""

import json

import numpy as np
import pytest

from atp.benchmark.synthetic_robustness import SHIFTS, score_shift, shift_config
from atp.cli import main
from envs.image_pairs import ImagePairConfig, synthesize_pair


class Oracle:
    """Knows the masks of the pairs that are scored, in their order; says so, or the opposite."""

    def __init__(self, config: ImagePairConfig, wrong: bool = False) -> None:
        self.pairs = [synthesize_pair(np.random.default_rng(1_000_000 + i), config, 48, 0.2) for i in range(12)]
        self.wrong, self.place = wrong, 0

    def segment_motion_batch(self, before, after):
        masks = np.stack([pair.moved for pair in self.pairs[self.place : self.place + len(before)]])
        for pair, shown in zip(self.pairs[self.place :], before, strict=False):
            assert np.array_equal(pair.rgb[0], shown["rgb"])
        self.place += len(before)
        masks = ~masks if self.wrong else masks
        return masks[:, 0], masks[:, 1]


def test_truth_scores_one_and_its_opposite_zero():
    config = shift_config("hands")
    row = score_shift(Oracle(config), "hands", 12, 48)
    assert row["agent"] == {"motion_iou": 1.0, "false_motion_rate": 0.0}
    assert 0 <= row["dis_flow"]["motion_iou"] < 1
    row = score_shift(Oracle(config, wrong=True), "hands", 12, 48)
    assert row["agent"] == {"motion_iou": 0.0, "false_motion_rate": 1.0}


def test_rows_are_one_switch_each():
    assert shift_config("none") == ImagePairConfig.off()
    assert shift_config("all") == ImagePairConfig()
    for name in SHIFTS[1:-1]:
        on = shift_config(name)
        assert [field for field in vars(on) if getattr(on, field)] == [name]
    with pytest.raises(ValueError, match="unknown shift 'hand'"):
        shift_config("hand")


def test_the_command_writes_what_it_prints(weights, tmp_path, capsys):
    file = tmp_path / "shifts.json"
    arguments = ["--weights", str(weights), "--pairs", "4", "--json", str(file)]
    main(["shifts", "--shifts", "none,shake", *arguments])
    result = json.loads(file.read_text())
    assert [row["shift"] for row in result["shifts"]] == ["none", "shake"]
    assert "| shake |" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        main(["shifts", "--shifts", "shakes", *arguments])
    assert stop.value.code == 2
