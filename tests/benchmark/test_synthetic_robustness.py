"""Scores of motion masks on synthetic image pairs."""

import numpy as np
import pytest

from atp.benchmark.synthetic_robustness import VARIATIONS, score_variation, variation_config
from atp.cli import main
from atp.results.eval import PerceptionScores
from atp.results.robustness import RobustnessResult
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
    config = variation_config("hands")
    row = score_variation(Oracle(config), "hands", 12, 48)
    assert row.methods["agent"] == PerceptionScores(1.0, 0.0)
    assert 0 <= row.methods["dis_flow"].motion_iou < 1
    row = score_variation(Oracle(config, wrong=True), "hands", 12, 48)
    assert row.methods["agent"] == PerceptionScores(0.0, 1.0)


def test_rows_are_one_variation_each():
    assert variation_config("none") == ImagePairConfig.off()
    assert variation_config("all") == ImagePairConfig()
    for name in VARIATIONS[1:-1]:
        on = variation_config(name)
        assert [field for field in vars(on) if getattr(on, field)] == [name]
    with pytest.raises(ValueError, match="unknown variation 'hand'"):
        variation_config("hand")


def test_the_command_writes_what_it_prints(weights, tmp_path, capsys):
    file = tmp_path / "robustness.json"
    arguments = ["--weights", str(weights), "--pairs", "4", "--json", str(file)]
    main(["robustness", "--variations", "none,shake", *arguments])
    result = RobustnessResult.read(file)
    assert [row.variation for row in result.variations] == ["none", "shake"]
    said = capsys.readouterr()
    assert f"| shake | {result.variations[1].methods['agent'].motion_iou:.3f} |" in said.out
    assert "note" not in said.err
    with pytest.raises(SystemExit) as stop:
        main(["robustness", "--variations", "shakes", *arguments])
    assert stop.value.code == 2
    assert "error: --variations: unknown shakes: choose among none, surfaces" in capsys.readouterr().err


def test_the_old_name_of_the_command_works_and_says_so(weights, tmp_path, capsys):
    file = tmp_path / "robustness.json"
    main(["shifts", "--shifts", "shake", "--weights", str(weights), "--pairs", "2", "--json", str(file)])
    assert [row.variation for row in RobustnessResult.read(file).variations] == ["shake"]
    note = "note: atp shifts is called atp robustness now, and its --shifts --variations\n"
    assert capsys.readouterr().err.startswith(note)
