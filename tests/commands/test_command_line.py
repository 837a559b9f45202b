"""The command line itself: it answers at once, and helps who mistypes."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import pytest

from atp.cli import COMMANDS, main
from atp.version import __version__

ROOT = Path(__file__).parents[2]
#: What takes long to import.
HEAVY = {"torch", "numpy", "scipy", "trimesh", "cv2", "gymnasium", "rich", "typeguard", "matplotlib"}
#: Commands whose options import more: a tuple that is compared by typeguard, or the page of annotation.
HEAVY_OPTIONS = {"annotate", "clip", "eval", "soup"}

ASK = """
import sys
from atp.cli import main
for line in sys.argv[1:]:
    try:
        main(line.split())
    except SystemExit:
        pass
print("loaded:", *sys.modules)
"""


def ask(*lines: str) -> tuple[str, set[str], float]:
    """What command lines print in a new process, the modules that were loaded then, and its CPU seconds."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    before = cpu()
    done = subprocess.run(
        [sys.executable, "-c", ASK, *lines], env=environment, capture_output=True, text=True, check=True
    )
    text, _, loaded = done.stdout.rpartition("loaded: ")
    return text + done.stderr, set(loaded.split()), cpu() - before


def cpu() -> float:
    """CPU seconds of the processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_help_and_mistakes_import_nothing_heavy():
    names = sorted(set(COMMANDS) - HEAVY_OPTIONS)
    text, loaded, _ = ask("--help", "plya", *(f"{name} --no-such-option" for name in names))
    assert not loaded & HEAVY
    assert not loaded & {COMMANDS[name].module for name in names if name != "soup"}
    assert not [name for name in names if f"run atp {name} --help" not in text]
    for name in COMMANDS:
        assert re.search(rf"^  {name}  +\w.{{10,}}", text, re.MULTILINE), name


def test_answers_take_little_more_than_python():
    bare, answer = [], []
    for _ in range(3):
        before = cpu()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        bare.append(cpu() - before)
        answer.append(ask("play --categry pliers")[2])
    assert min(answer) < 10 * min(bare)  # with PyTorch and trimesh 60 and more


def test_version(capsys):
    main(["--version"])
    assert capsys.readouterr().out == f"atp {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plya"], "did you mean play"),
        (["xrobustness"], "did you mean robustness"),
        (["xyzzy"], "xyzzy: there is no such command; `atp --help` lists all"),
        (["completion"], "name a shell"),
        (["completion", "fish"], "{bash,zsh,tcsh}"),
    ],
)
def test_mistyped_commands_get_a_suggestion(arguments, message, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "said"), [(ValueError("no"), True), (gym.error.ResetNeeded("no"), True), (KeyError("no"), False)]
)
def test_errors_of_the_environment_are_said_and_faults_of_ours_are_not_hidden(error, said, monkeypatch, capsys):
    def broken(options: object) -> None:
        raise error

    monkeypatch.setattr("atp.commands.report.main", broken)
    with pytest.raises(SystemExit if said else KeyError) as raised:
        main(["report"])
    if said:
        assert raised.value.code == 2
        assert capsys.readouterr().err == "error: no\n"


def test_a_mistyped_option_gets_a_suggestion(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["play", "--categry", "pliers"])
    assert ended.value.code == 2
    assert "--category" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_help_ends_with_examples_that_can_be_typed(name, capsys):
    with pytest.raises(SystemExit):
        main([name, "--help"])
    text = capsys.readouterr().out
    assert not re.search(r":\w+:`|``", text), "markup of Sphinx"
    examples = text.partition("examples:\n")[2].strip().splitlines()
    assert len(examples) == len(COMMANDS[name].examples) > 0
    for line in examples:
        for option in re.findall(r"--[\w-]+", line.partition("#")[0]):
            assert option in text.partition("examples:")[0], option


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_knows_commands_and_options(shell, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["completion", shell])
    assert not ended.value.code
    script = capsys.readouterr().out
    for word in ("import-davis", "--interactions", "--second-look"):
        assert word in script


REGISTERED = """
import {first}
import gymnasium
assert "ArticulatedPlay-v0" in gymnasium.registry
env = gymnasium.make("{name}", disable_env_checker=True)
assert type(env.unwrapped).__name__ == "ArticulatedPlay"
"""


@pytest.mark.parametrize(
    ("first", "name"),
    [("atp", "ArticulatedPlay-v0"), ("envs", "ArticulatedPlay-v0"), ("atp", "atp:ArticulatedPlay-v0")],
)
def test_the_environment_is_registered_whatever_is_imported_first(first, name):
    done = subprocess.run(
        [sys.executable, "-c", REGISTERED.format(first=first, name=name)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("name", "place"), [("envs", "envs.py"), ("assets", "assets/__init__.py"), ("assets", "assets/x")]
)
def test_a_package_of_the_same_name_is_named(name, place, tmp_path):
    own = tmp_path / place
    own.parent.mkdir(exist_ok=True)
    own.write_text("raise SystemExit('executed')")
    done = subprocess.run(
        [sys.executable, "-c", "import atp"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
    )
    if place.endswith("x"):  # a folder that is no package comes after every package
        assert done.returncode == 0, done.stderr
        return
    assert "ImportError" in done.stderr
    assert f"{name!r}" in done.stderr
    assert str(own) in done.stderr
    assert "rename" in done.stderr
