"""What the documents say is so: snippets run, commands and options exist, links and names lead somewhere."""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import io
import os
import re
import subprocess
import sys
import tomllib
from functools import cache, partial

import pytest
from documents import ROOT, WRITTEN, commands, inline_code, snippets, text_of

from atp.version import __version__

PACKAGES = ("atp", "envs", "assets", "train")
README_LINES = 200


def test_readme_is_short():
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= README_LINES


def test_ten_lines_are_ten():
    code = snippets("README.md", "python")[0].code
    assert len([line for line in code.splitlines() if line.strip()]) == 10


@pytest.mark.parametrize("document", [d for d in WRITTEN if snippets(d, "python")], ids=str)
def test_snippets_run_as_files(document, tmp_path):
    found = snippets(document, "python")
    for snippet in found:
        (tmp_path / snippet.name).write_text(snippet.code, "utf-8")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}", "OMP_NUM_THREADS": "1"}
    for snippet in found:
        if snippet.runs:
            done = subprocess.run(
                [sys.executable, snippet.name],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                timeout=120,
            )
            assert done.returncode == 0, f"{document}, {snippet.name}:\n{done.stderr}"


#: Uses what the documents add: a category, a policy, a metric, a clip source and a soup method.
USE = """
import gymnasium as gym
import numpy as np
import torch
import my_clips, my_metrics
from my_task import task
from atp.clips import read_clip
from atp.metrics import METRICS
from atp.playing.episode import play_episode
from atp.playing.policies import make_policy
from atp.soups.comparison import compare
from tiny_agent import tiny_agent

assert "part_count" in METRICS

env, agent = gym.make("envs:ArticulatedPlay-v0", category="my_objects:tongs", split="test", resolution=48), tiny_agent()
observation, info = env.reset(seed=0)
assert info["category"] == "tongs"
policy = make_policy("my_policies:PushRight", env, agent, np.random.default_rng(0))
played = list(play_episode(env, agent, policy, observation))
assert [step.action[4] for step in played] == [0] * 5

frames = np.zeros((60, 40, 50, 3), np.uint8)
frames[:, 10:20, 10:20] = 200
frames[30:, 10:20, 10:20], frames[30:, 10:20, 25:35] = 0, 200
np.savez("frames.npz", frames=frames)
clip = read_clip("frames.npz", "my_clips:archive")
assert clip.footage.shape == (40, 50)
assert clip.footage.count == 60

job = task()
checkpoints = [torch.nn.Linear(8, 2).state_dict() for _ in range(3)]
rows = {row["way"]: row for row in compare(checkpoints, job, methods=("uniform", "my_soups:best-two"))["rows"]}
assert len(rows["best two"]["chosen"]) == 2
"""


def test_extensions_of_the_documents_work(tmp_path):
    for document in ("README.md", "CONTRIBUTING.md", "docs/soups.md"):
        for snippet in snippets(document, "python"):
            (tmp_path / snippet.name).write_text(snippet.code, "utf-8")
    (tmp_path / "use.py").write_text(USE, "utf-8")
    path = f"{tmp_path}:{ROOT}:{ROOT / 'tests' / 'support'}"
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "ATP_CACHE": str(tmp_path / "cache")}
    done = subprocess.run([sys.executable, "use.py"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@cache
def help_of(module: str, *subcommand: str) -> str:
    """The help of ``atp NAME`` or of a module of `train`."""
    arguments = [*subcommand, "--help"]
    if module == "atp":
        start = partial(importlib.import_module("atp.cli").main, arguments)
    else:
        package = importlib.util.find_spec(module).submodule_search_locations is not None
        start = importlib.import_module(f"{module}.__main__" if package else module).main
    sys.argv = [module, *arguments]
    with contextlib.redirect_stdout(io.StringIO()) as out, pytest.raises(SystemExit) as ended:
        start()
    assert ended.value.code in (0, None)
    return out.getvalue()


@pytest.mark.parametrize("document", [d for d in WRITTEN if commands(d)], ids=str)
def test_commands_and_options_exist(document, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    for words in commands(document):
        command = words[:2] if words[0] == "atp" else words[:1]
        text = help_of(*command) + " --config --help"
        for option in (word.partition("=")[0] for word in words if word.startswith("--")):
            assert re.search(rf"{re.escape(option)}(?![\w-])", text), f"{document}: {' '.join(command)} has no {option}"


@pytest.mark.parametrize("document", WRITTEN, ids=str)
def test_options_in_the_text_exist(document, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    known = {("train.atp_train",), ("atp", "eval")}
    known |= {tuple(words[:2] if words[0] == "atp" else words[:1]) for words in commands(document)}
    text = "".join(help_of(*command) for command in known) + "--config --check"
    for option in (code.split()[0] for code in inline_code(document) if code.startswith("--")):
        assert re.search(rf"{re.escape(option)}(?![\w-])", text), f"{document}: {option}"


@pytest.mark.parametrize("document", WRITTEN, ids=str)
def test_links_lead_somewhere(document):
    for target in re.findall(r"\]\(([^)\s]+)\)", (ROOT / document).read_text("utf-8")):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / document).parent / path if path else ROOT / document
        assert file.exists(), f"{document}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}, target


@pytest.mark.parametrize("document", WRITTEN, ids=str)
def test_files_and_modules_that_are_named_exist(document):
    for code in inline_code(document):
        for path in re.findall(r"(?<![\w/.])(?:atp|envs|assets|train|tests|docs)/[\w/.-]*\w/?(?![\w*])", code):
            if not re.search(r"[A-Z]{2}", path):  # NAME stands for another word
                assert (ROOT / path).exists(), f"{document}: {path}"
        if re.fullmatch(rf"(?:{'|'.join(PACKAGES)})(?:\.\w+)+(?:\(.*\))?", code):
            assert resolves(code.partition("(")[0]), f"{document}: {code}"


def resolves(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    for split in range(len(parts), 0, -1):
        with contextlib.suppress(ModuleNotFoundError):
            found = importlib.import_module(".".join(parts[:split]))
            for attribute in parts[split:]:
                if not hasattr(found, attribute) and attribute not in getattr(found, "__annotations__", {}):
                    return False
                found = getattr(found, attribute, None)
            return True
    return False


def test_modules_that_the_changelog_sends_to_exist():
    rows = re.findall(r"^\| `[\w.]+` \| (.*) \|$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert len(rows) > 50
    for name in re.findall(r"`([\w.]+)`", " ".join(rows)):
        assert importlib.util.find_spec(name), name


def test_arrows_between_folders_are_imports():
    missing = drawn_arrows() - imports_between_nodes()
    assert not missing, f"drawn, but no import: {sorted(missing)}"


def test_imports_between_folders_follow_the_arrows():
    arrows = drawn_arrows()
    assert len(arrows) > 40
    hidden = [(left, right) for left, right in imports_between_nodes() if right not in reachable(left, arrows)]
    assert not hidden, f"imports that no arrows lead along: {sorted(hidden)}"
    assert not [node for node in node_places() if node in reachable(node, arrows)], "arrows in a circle"


def test_every_module_is_in_the_image():
    """But for commands and each package's __init__.py, as the text says."""
    commands = {"atp.cli", *(f"train.{path.stem}" for path in (ROOT / "train").glob("*.py") if path.stem != "config")}
    for module in modules():
        assert node_of(module) or module in commands or module in PACKAGES, module


def drawn_arrows():
    """Pairs of nodes between which ARCHITECTURE.md draws an arrow."""
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    arrows = re.findall(r"^    (\w+) --> ([\w &]+)$", text, re.MULTILINE)
    return {(left, right) for left, rights in arrows for right in rights.split(" & ")}


@cache
def node_places():
    """Files and folders that each node of the image in ARCHITECTURE.md stands for, as dotted names."""
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    places = {}
    for package, rest, label in re.findall(r'^        ([a-z]+)_(\w+)\["([^"]*)"\]$', text, re.MULTILINE):
        names = re.findall(r"(\w+)(?:\.py|/)", label.partition(": ")[0])
        assert names, label
        assert all((ROOT / package / n).is_dir() or (ROOT / package / f"{n}.py").is_file() for n in names), label
        places[f"{package}_{rest}"] = [f"{package}.{name}" for name in names]
    return places


@cache
def node_of(module):
    """The node that a module belongs to, None where it is not in the image."""
    module = {"assets": "assets.catalog", "envs": "envs.play"}.get(module, module)  # what these packages give
    own = ".".join(module.split(".")[:2])
    return next((node for node, places in node_places().items() if own in places), None)


@cache
def modules():
    """Files of the packages by dotted name."""
    files = [file for package in PACKAGES for file in python_files(ROOT / package)]
    return {".".join(f.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): f for f in files}


@cache
def imports_between_nodes():
    """Pairs of nodes of which the first imports the second, anywhere in its code."""
    found = set()
    for module, file in modules().items():
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                inner = [f"{node.module}.{alias.name}" for alias in node.names]
                names = [name if name in modules() else node.module for name in inner]
            found |= {(node_of(module), node_of(name)) for name in names if name in modules()}
    return {(left, right) for left, right in found if left and right and left != right}


def reachable(start, arrows):
    """Nodes to which arrows lead from one, in any number of steps."""
    seen, left = set(), [start]
    while left:
        here = left.pop()
        ahead = {right for origin, right in arrows if origin == here} - seen
        seen |= ahead
        left += ahead
    return seen


def python_files(place):
    return [place] if place.is_file() else sorted(place.rglob("*.py"))


def test_registrations_that_are_named_exist():
    table = (ROOT / "ARCHITECTURE.md").read_text("utf-8").partition("## Extension points")[2]
    names = set(re.findall(r"`@?(\w+)(?:\.add|\.register)?\(", table)) | set(re.findall(r"`([A-Z_]{4,})`", table))
    assert len(names) > 7
    sources = "".join(file.read_text("utf-8") for package in PACKAGES for file in python_files(ROOT / package))
    for name in names:
        assert re.search(rf"^(?:def |class )?{name}\b", sources, re.MULTILINE), name


def test_citation_is_of_this_version():
    assert re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text("utf-8"), re.MULTILINE)[1] == __version__


def test_tools_of_pre_commit_are_installed_by_make_setup():
    tools = re.findall(r"entry: \.venv/bin/(\S+)", (ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    installed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]["dev"]
    assert set(tools) == {"ruff", "mypy", "codespell"} <= {re.match(r"[\w-]+", each)[0] for each in installed}


def test_generated_figures_stand_between_markers():
    for document in WRITTEN:
        text = (ROOT / document).read_text("utf-8")
        assert text.count("<!-- report:") == text.count("<!-- end -->"), document
        assert "<!-- report:" not in text_of(document)
