"""The wheel, installed in an environment of its own and used from another folder."""

from __future__ import annotations

import os
import site
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def call(*command: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command without what this process has on its path."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**clean, **environment, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    source = out / "source"  # a build leaves files behind
    source.mkdir()
    for name in ("atp", "envs", "assets", "train", "pyproject.toml", "README.md", "LICENSE"):
        (source / name).symlink_to(ROOT / name)
    offline = ("--no-deps", "--no-build-isolation", "--no-index")
    done = call(sys.executable, "-m", "pip", "wheel", "--quiet", *offline, "--wheel-dir", out, ".", cwd=source)
    assert done.returncode == 0, done.stderr
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands of a fresh environment, which borrows the other packages of this one."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    packages = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    done = call(
        sys.executable, "-m", "pip", "--python", folder / "bin/python", "install", "--quiet", "--no-deps", "--no-index",
        wheel, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (packages / "borrowed.pth").write_text("\n".join(site.getsitepackages()))  # a path alone: no editable install of it
    return folder / "bin"


@pytest.mark.slow
def test_wheel_has_what_commands_need_and_no_weights_of_baselines(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for name in (
        "train/configs/default.toml",
        "assets/weights/default/interaction.safetensors",
        "assets/splits/partnet.json",
        "atp/annotation/page.html",
        *(f"{package}/py.typed" for package in ("atp", "envs", "assets", "train")),
    ):
        assert name in names
    shipped = {name.split("/")[2] for name in names if name.startswith("assets/weights/")}
    assert shipped == {"default"}
    assert not [name for name in names if name.startswith(("tests", "docs"))]


@pytest.mark.slow
def test_commands_run_outside_of_the_repository(installed, tmp_path):
    where = call(installed / "python", "-c", "import atp, envs, assets, train; print(atp.__file__)", cwd=tmp_path)
    assert where.stdout.startswith(str(installed.parent)), where.stdout + where.stderr
    play = call(installed / "atp", "play", "--interactions", "1", "--out", "out", cwd=tmp_path)
    assert play.returncode == 0, play.stderr
    assert (tmp_path / "out/result.json").is_file()
    train = call(installed / "python", "-m", "train.atp_train", "--config", "default", "--help", cwd=tmp_path)
    assert train.returncode == 0, train.stderr


@pytest.mark.slow
def test_weights_of_baselines_are_asked_for_by_name(installed, tmp_path):
    done = call(installed / "atp", "play", "--policy", "ppo", "--interactions", "1", cwd=tmp_path)
    assert done.returncode == 2
    assert "assets/weights/ppo of a checkout" in done.stderr
    assert "Traceback" not in done.stderr


def test_make_refuses_another_python_before_it_downloads(tmp_path):
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    (tmp_path / "pyproject.toml").touch()
    old = tmp_path / "python3.9"
    old.write_text(f'#!/bin/sh\nshift\nexec {sys.executable} -c "import sys; sys.version_info = (3, 9, 1); $1"\n')
    old.chmod(0o755)
    for python, message in ((old, "python3.9 is 3.9"), (tmp_path / "none", "no ")):
        done = call("make", "play", f"PYTHON={python}", cwd=tmp_path)
        assert done.returncode != 0
        assert message in done.stdout + done.stderr
        assert "make play PYTHON=" in done.stdout + done.stderr
        assert not (tmp_path / ".venv").exists()


def test_a_config_that_ships_is_read_by_its_name(tmp_path, monkeypatch):
    from train.config import read_config

    monkeypatch.chdir(tmp_path)
    assert read_config(Path("mix")) == read_config(ROOT / "train/configs/mix.toml")
    with pytest.raises(ValueError, match="nothing"):
        read_config(Path("nothing"))
