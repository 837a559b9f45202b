"""Reading the documents of the repository, for the tests of them."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: Documents that people write; what is generated into them stands between markers.
WRITTEN = sorted(
    path.relative_to(ROOT)
    for pattern in ("*.md", "docs/*.md", "assets/weights/*/README.md")
    for path in ROOT.glob(pattern)
    if path.name != "CHANGELOG.md"  # it tells of names that are gone
)
GENERATED = re.compile(r"<!-- report: [\w-]+ -->.*?<!-- end -->", re.DOTALL)
BLOCK = re.compile(r"(<!-- not run[^\n]*-->\n)?```(\w+)\n(.*?)```", re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Snippet:
    """A block of code; ``name`` is the file that its first line names, else one made up."""

    document: Path
    language: str
    name: str
    code: str
    runs: bool


def text_of(document: Path) -> str:
    """A document without what is generated into it."""
    return GENERATED.sub("", (ROOT / document).read_text("utf-8"))


def snippets(document: Path, language: str) -> list[Snippet]:
    """Blocks of a language, in order."""
    found = []
    for number, (skipped, kind, code) in enumerate(BLOCK.findall(text_of(document))):
        named = re.match(r"# (\w+\.py)\n", code)
        name = named[1] if named else f"snippet_{number}.py"
        if kind == language:
            found.append(Snippet(document, kind, name, code, not skipped))
    return found


def inline_code(document: Path) -> list[str]:
    """What stands in backticks in the text, outside of blocks."""
    return CODE.findall(BLOCK.sub("", text_of(document)))


def commands(document: Path) -> list[list[str]]:
    """Commands of this project, in blocks and in the text, as words after ``atp`` or ``python -m``."""
    lines: list[str] = []
    variables: dict[str, str] = {}
    for snippet in snippets(document, "bash"):
        for line in snippet.code.replace("\\\n", " ").splitlines():
            assigned = re.match(r'(\w+)="([^"]*)"$', line.strip())
            if assigned:
                variables[f"${assigned[1]}"] = assigned[2]
                continue
            for name, value in variables.items():
                line = line.replace(name, value)
            lines.append(line)
    lines += inline_code(document)
    found = []
    for line in lines:
        line = line.replace("-m act-the-part", "")
        match = re.search(r"(?:^|[\s/])(atp (?=[a-z-]+)|python -m (?=train\.)|-m (?=train\.))(.*)$", line)
        if match:
            words = shlex.split(match[2], comments=True)
            found.append((["atp"] if match[1].startswith("atp") else []) + words)
    return found
