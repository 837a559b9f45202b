"""Docstrings as the site reads them: their cross-references, doctests, tables and literal blocks become Markdown."""

from __future__ import annotations

import re
from typing import Any

import griffe

ROLE = re.compile(r":(?:class|func|meth|mod|attr|data):`~?([\w.]+)`")
TITLED = re.compile(r":(?:class|func|meth|mod|attr|data):`([^`<]+)<([\w.]+)>`")
RULE = re.compile(r"=+(  +=+)+$")


class Docstrings(griffe.Extension):
    """Turns every docstring when it is read."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """See :class:`griffe.Extension`."""
        if obj.docstring:
            obj.docstring.value = markdown(obj.docstring.value, obj.path)


def markdown(text: str, path: str = "") -> str:
    """A docstring in Markdown.

    >>> markdown("See :func:`atp.soups.mean`.")
    'See <autoref identifier="atp.soups.mean" optional><code>atp.soups.mean</code></autoref>.'
    """
    text = ROLE.sub(lambda match: _link(match.group(1), match.group(1)), text)
    text = TITLED.sub(lambda match: _link(match.group(2), match.group(1).strip()), text)
    lines: list[str] = []
    fence = ""
    rules = 0
    for line in text.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        bare = line.strip()
        if not fence and bare.startswith(">>>"):
            fence = "example"
            lines.append(f"{indent}```pycon")
        elif not fence and RULE.match(bare):
            fence, rules = "table", 0
            lines.append(f"{indent}```text")
        if fence == "example" and not bare:
            lines.append(f"{_indent_of(lines)}```")
            fence = ""
        lines.append(line)
        if fence == "table" and RULE.match(bare):
            rules += 1
            if rules == 3:
                lines.append(f"{indent}```")
                fence = ""
    if fence:
        lines.append(f"{_indent_of(lines)}```")
    return re.sub(r"::(?=\n\n +)", ":", "\n".join(lines))


def _link(target: str, text: str) -> str:
    return f'<autoref identifier="{target}" optional><code>{text}</code></autoref>'


def _indent_of(lines: list[str]) -> str:
    """The indent of the fence that is open."""
    opened = next(line for line in reversed(lines) if line.lstrip().startswith("```"))
    return opened[: len(opened) - len(opened.lstrip())]
