"""The house itself: imports flow one way, a folder is one idea, functions stay short."""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: Packages, each of which may import those after it.
PACKAGES = ("train", "atp", "envs", "assets")
#: Entries of a package's folder that are not folders, at most.
MOST_ENTRIES = {"atp": 12, "train": 10}
#: Lines of a function without its docstring, at most.
MOST_LINES = 60
#: Names that several modules may have, since they mean the same in each: a subcommand and what it is about.
SHARED_NAMES = {"__init__", "__main__", *(path.stem for path in (ROOT / "atp" / "commands").glob("*.py"))}


@cache
def modules() -> dict[str, Path]:
    """Every module of the packages, by its dotted name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def syntax(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(module: str) -> set[str]:
    """Modules of the packages that a module imports, wherever in its code and for types alone too."""
    names: set[str] = set()
    for node in ast.walk(syntax(modules()[module])):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                names.add(inner if inner in modules() else node.module)
    return {name for name in names if name in modules()} - {module}


def room(module: str) -> str:
    """The folder that a module stands in; the module itself where that is the package's own folder."""
    folder = modules()[module].parent.relative_to(ROOT).parts
    return ".".join(folder) if len(folder) > 1 else module


def circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """Strongly connected components of more than one node."""
    reachable: dict[str, set[str]] = {}
    for start in arrows:
        seen: set[str] = set()
        left = [start]
        while left:
            for target in arrows.get(left.pop(), set()) - seen:
                seen.add(target)
                left.append(target)
        reachable[start] = seen
    together = {
        tuple(sorted({start, *(n for n in reachable[start] if start in reachable.get(n, set()))})) for start in arrows
    }
    return [list(names) for names in together if len(names) > 1]


def test_packages_import_one_way():
    for module in modules():
        above = PACKAGES[: PACKAGES.index(module.split(".")[0])]
        wrong = [name for name in imported(module) if name.split(".")[0] in above]
        assert not wrong, f"{module} imports {', '.join(wrong)}: packages import one way, {' -> '.join(PACKAGES)}"


def test_no_circle_between_modules():
    assert not circles({module: imported(module) for module in modules()})


def test_no_arrow_back_up_between_folders():
    arrows: dict[str, set[str]] = {}
    for module in modules():
        here = room(module)
        arrows.setdefault(here, set()).update(other for name in imported(module) if (other := room(name)) != here)
    assert not circles(arrows)


def test_circles_are_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
    assert not circles({"a": {"b", "c"}, "b": {"c"}, "c": set()})


@pytest.mark.parametrize("package", MOST_ENTRIES)
def test_few_entries_lie_flat(package):
    entries = [path.name for path in (ROOT / package).iterdir() if path.is_file() and path.suffix == ".py"]
    assert len(entries) <= MOST_ENTRIES[package], sorted(entries)


def test_a_module_name_means_one_thing():
    names = Counter(path.stem for path in modules().values() if path.parent.name != "commands")
    twice = sorted(name for name, count in names.items() if count > 1 and name not in SHARED_NAMES)
    assert not twice, [str(path.relative_to(ROOT)) for path in modules().values() if path.stem in twice]


def test_the_simulator_alone_imports_pybullet():
    users = {
        path.relative_to(ROOT).as_posix()
        for path in modules().values()
        for node in ast.walk(syntax(path))
        if (isinstance(node, ast.Import) and any(alias.name.split(".")[0] == "pybullet" for alias in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "pybullet")
    }
    assert users - {path for path in users if path.startswith("train/bench/")} == {"envs/simulator.py"}


def test_networks_know_nothing_of_gymnasium():
    for path in (ROOT / "atp" / "networks").glob("*.py"):
        assert "gymnasium" not in path.read_text(encoding="utf-8"), path


def test_functions_are_short():
    long = []
    for path in modules().values():
        for node in ast.walk(syntax(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[0]
                documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
                docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
                lines = (node.end_lineno or 0) - node.lineno + 1 - docstring
                if lines > MOST_LINES:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {lines}")
    assert not long, long
