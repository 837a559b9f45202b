"""A metric that somebody else's module registers is reported everywhere."""

import json

import pytest

from atp import metrics
from atp.cli import main
from atp.metrics import StepMetric, part_areas


def count_parts(step: metrics.StepData) -> float:
    return float(len(part_areas(step.parts)))


@pytest.fixture
def own_metric(monkeypatch):
    monkeypatch.setattr(metrics.METRICS, "_entries", dict(metrics.METRICS._entries))
    return metrics.register(StepMetric("parts_found", "parts found", "parts", value=count_parts, plotted=True))


def test_own_metric_is_in_the_row_the_table_and_the_plot(own_metric, weights, tmp_path, monkeypatch, capsys):
    from matplotlib.figure import Figure

    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: drawn.append(figure))
    arguments = ["--weights", str(weights), "--policies", "gt-act-mot", "--categories", "pliers", "--episodes", "2"]
    main(["eval", *arguments, "--workers", "1", "--out", str(tmp_path)])

    (row,) = json.loads((tmp_path / "eval.json").read_text())["rows"]
    assert (
        row["parts_found"] == row["parts_found_by_interaction"][-1] == 2
    )  # pliers have two, and true motion finds both
    assert row["spread"]["parts_found"] == 0
    header, _, line = (tmp_path / "eval.md").read_text().splitlines()[4:7]
    cells = dict(zip(header.split(" | "), line.split(" | "), strict=True))
    assert cells["parts found (parts) ↑ |"] == "2.000 |"
    assert "parts found (parts)" in capsys.readouterr().out
    labels = [axes.get_ylabel() for axes in drawn[0].axes]
    assert labels == ["mIoU", "parts found (parts)"]
    assert list(drawn[0].axes[1].lines[0].get_ydata()) == row["parts_found_by_interaction"]
