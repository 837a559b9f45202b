"""The notebooks run from the first cell to the last, and find what they say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs/notebooks").glob("*.ipynb"))
#: What each notebook must have come to, appended to its cells.
CLAIMS = {
    "play": "assert miou(parts, true_labels_visible(info['privileged']['labels'])) > 0.6",
    "clip": "assert all(mask_iou(evidence.moved, truth) > 0.5 for evidence, truth in zip((first, second), pair.moved))",
    "soup": "assert accuracy(uniform_soup(fine_tunes), test) > sum(singles) / len(singles)",
}


def cells(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def test_every_notebook_has_a_claim_and_no_output_is_stored():
    assert {path.stem for path in NOTEBOOKS} == set(CLAIMS)
    for path in NOTEBOOKS:
        assert all(cell["cell_type"] == "markdown" or cell["outputs"] == [] for cell in cells(path))


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path):
    code = ["".join(cell["source"]) for cell in cells(path) if cell["cell_type"] == "code"]
    script = tmp_path / "notebook.py"
    script.write_text("\n\n".join([*code, CLAIMS[path.stem]]), encoding="utf-8")
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
