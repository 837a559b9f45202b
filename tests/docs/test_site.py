"""The documentation as a site: its links and its reference."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / f"docs/_site/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_docstrings_become_markdown():
    pytest.importorskip("griffe")
    markdown = load("docstrings").markdown
    link = '<autoref identifier="atp.a.b" optional><code>{}</code></autoref>'
    assert markdown("See :func:`~atp.a.b`, :class:`that <atp.a.b>`.") == (
        f"See {link.format('atp.a.b')}, {link.format('that')}."
    )
    assert markdown("One.\n\n>>> 1 + 1\n2\n\nMore.") == "One.\n\n```pycon\n>>> 1 + 1\n2\n```\n\nMore."
    assert markdown("    >>> 1\n    1") == "    ```pycon\n    >>> 1\n    1\n    ```"
    table = "==  ==\na   b\n==  ==\n1   2\n==  =="
    assert markdown(f"{table}\n\nMore.") == f"```text\n{table}\n```\n\nMore."
    assert markdown("So::\n\n    code") == "So:\n\n    code"


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_its_pages_are_there(tmp_path):
    pytest.importorskip("mkdocs")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    start = (tmp_path / "index.html").read_text()
    assert 'href="objects/#found-objects"' in start  # a link of the README
    assert 'href="weights/default/"' in start
    agent = (tmp_path / "reference/atp/index.html").read_text()
    assert 'id="atp.agent.Agent.from_pretrained"' in agent
    assert not re.search(r":(func|class|meth|mod):", agent)
    assert "../.." not in re.findall(r'href="([^"]*ARCHITECTURE[^"]*)"', start)
