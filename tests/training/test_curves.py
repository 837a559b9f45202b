"""Learning curves: entries go on after a stop, rates are averaged over a window, damaged files are named."""

import numpy as np
import pytest
from PIL import Image

from atp.results import learning_curve
from atp.results.learning_curve import CurveEntry
from train.curves import main
from train.runs.curve_file import Curve, read_curve
from train.runs.curve_plot import series


def entries(*values: float) -> list[CurveEntry]:
    return [CurveEntry(100 * (i + 1), {"effective/policy": v}) for i, v in enumerate(values)]


def test_a_curve_goes_on_where_the_checkpoint_was(tmp_path):
    path = tmp_path / "curve.json"
    first = Curve(path)
    for step in (100, 200, 300):
        first.add(step, {"effective/policy": step / 1000})
    again = Curve(path, start=200)  # 300 came after the checkpoint
    again.add(300, {"effective/policy": 0.5})
    assert [(e.interactions, e.rates["effective/policy"]) for e in read_curve(tmp_path)] == [
        (100, 0.1),
        (200, 0.2),
        (300, 0.5),
    ]
    Curve(path).add(100, {})  # a new run in the same folder
    assert read_curve(path) == [CurveEntry(100, {})]


def test_rates_are_averaged_back_over_the_window():
    places, values = series([*entries(0.0, 1.0, 0.5), CurveEntry(400, {})], "effective/policy", 200)
    assert places.tolist() == [100, 200, 300]
    assert values.tolist() == [0.0, 0.5, 0.75]
    assert len(series(entries(1.0), "effective/random", 200)[0]) == 0


def test_command_draws_runs_side_by_side(tmp_path, capsys):
    for name, values in (("touch", (0.1, 0.9)), ("ppo", (0.1, 0.2))):
        (tmp_path / name).mkdir()
        learning_curve.Curve(entries(*values)).write(tmp_path / name / "curve.json")
    runs, out = [str(tmp_path / "touch"), str(tmp_path / "ppo")], tmp_path / "curves.png"
    assert main([*runs, "--labels", "ours-touch", "PPO", "--out", str(out)]) == 0
    both = np.asarray(Image.open(out).convert("RGB"))
    assert main([*runs[:1], "--out", str(tmp_path / "one.png")]) == 0
    one = np.asarray(Image.open(tmp_path / "one.png").convert("RGB"))
    orange = (both == (255, 127, 14)).all(-1)  # the second colour
    assert orange.sum() > 100
    assert not (one == (255, 127, 14)).all(-1).any()
    assert main([*runs, "--labels", "ours", "--out", str(out)]) == 2
    assert "2 runs need as many different --labels" in capsys.readouterr().err


@pytest.mark.parametrize("text", [None, "no JSON", "{}", '[{"effective": 1}]', '[{"interactions": "1"}]', "[3]"])
def test_a_file_that_is_no_curve_is_named(tmp_path, text, capsys):
    if text is not None:
        (tmp_path / "curve.json").write_text(text)
    assert main([str(tmp_path), "--out", str(tmp_path / "curves.png")]) == 2
    assert "curve.json" in capsys.readouterr().err
    assert not (tmp_path / "curves.png").exists()
