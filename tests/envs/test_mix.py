"""Playing with a mix of objects."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.catalog import TRAIN_CATEGORIES
from envs.play import ArticulatedPlay


def test_every_source_of_a_mix_counts_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many categories and objects it has."""
    monkeypatch.setenv("ATP_FOUND", str(tmp_path))  # where none are
    env = ArticulatedPlay(split="mix", resolution=32)
    choices = {instance.category for instance in env._instances}
    assert len(choices) > 1.4 * len(TRAIN_CATEGORIES)
    monkeypatch.setattr("envs.play.instance_folder", lambda category, *_: Path(category))
    picked = []
    monkeypatch.setattr("envs.play.prepare", lambda folder, *_: picked.append(str(folder)) or 1 / 0)
    for seed in range(400):
        with pytest.raises(ZeroDivisionError):
            env.reset(seed=seed)
    assert 160 < sum(name in TRAIN_CATEGORIES for name in picked) < 240
    assert set(picked) == choices
    env.close()
