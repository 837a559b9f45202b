"""Pages of the site that are not in `docs`: the README and its neighbours, results, model cards, and the reference.

What stands in the repository is written once and read in both places, so links are turned here from those of the
repository to those of the site. A file that the site does not have is named, without a link.
"""

from __future__ import annotations

import json
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
#: Files of the repository that are pages, by their name in the site.
PAGES = {
    "index.md": "README.md",
    "architecture.md": "ARCHITECTURE.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
    **{f"weights/{path.parent.name}.md": str(path.relative_to(ROOT))
       for path in sorted((ROOT / "assets/weights").glob("*/README.md"))},
}  # fmt: skip
#: Packages of the reference, and what the site calls them.
PACKAGES = {"atp": "atp: the agent", "envs": "envs: the world", "assets": "assets: objects", "train": "train: learning"}
LINK = re.compile(r"(?<!`)\[([^\]\n]*(?:\n[^\]\n]*)?)\]\(([^)\s]+)\)")


def on_config(config: Any) -> Any:
    """Complete the navigation by the pages that are made of files."""
    results = sorted(path.stem for path in (ROOT / "docs/results").glob("*.md"))
    config["nav"] += [
        {"Results": [f"results/{name}.md" for name in results]},
        {"Model cards": [name for name in PAGES if name.startswith("weights/")]},
        {"Reference": [{title: [f"reference/{name}.md" for name in _folders(package)]}
                       for package, title in PACKAGES.items()]},
    ]  # fmt: skip
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages."""
    made = {name: (ROOT / source).read_text(encoding="utf-8") for name, source in PAGES.items()}
    made |= {f"notebooks/{path.stem}.md": _notebook(path) for path in sorted((ROOT / "docs/notebooks").glob("*.ipynb"))}
    made["one_page.md"] = f"# On one page\n\n```python\n{(ROOT / 'docs/one_page.py').read_text(encoding='utf-8')}```\n"
    for package in PACKAGES:
        made |= {f"reference/{name}.md": _reference(name) for name in _folders(package)}
    for name, text in made.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Turn links of the repository into those of the site."""
    name = page.file.src_uri
    source = PAGES.get(name, f"docs/{name}")
    pages = {source: name for name, source in PAGES.items()} | {"docs/one_page.py": "one_page.md"}
    pages |= {
        f"docs/notebooks/{path.name}": f"notebooks/{path.stem}.md" for path in ROOT.glob("docs/notebooks/*.ipynb")
    }

    def turned(match: re.Match[str]) -> str:
        text, target = match.groups()
        if re.match(r"[a-z]+:|#", target):
            return match.group()
        path, _, anchor = target.partition("#")
        in_repository = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        to = pages.get(in_repository, in_repository.removeprefix("docs/"))
        if files.get_file_from_path(to) is None:
            return text
        here = posixpath.relpath(to, posixpath.dirname(name) or ".")
        return f"[{text}]({here}{'#' + anchor if anchor else ''})"

    if name.startswith("reference/"):
        return markdown
    return LINK.sub(turned, markdown)


def _notebook(path: Path) -> str:
    """A notebook as a page: what it says, and its code."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    texts = ("".join(cell["source"]) for cell in cells)
    return "\n\n".join(
        text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```"
        for cell, text in zip(cells, texts, strict=True)
    )


def _folders(package: str) -> list[str]:
    """The package and the packages in it, by their dotted names."""
    found = sorted(path.parent.relative_to(ROOT) for path in (ROOT / package).rglob("__init__.py"))
    return [".".join(path.parts) for path in found if _modules(".".join(path.parts))]


def _modules(package: str) -> list[str]:
    """Modules directly in a package that say what they are."""
    folder = ROOT / package.replace(".", "/")
    paths = sorted(path for path in folder.glob("*.py") if path.name != "__main__.py")
    names = [package if path.stem == "__init__" else f"{package}.{path.stem}" for path in paths]
    return [name for name, path in zip(names, paths, strict=True) if path.read_text(encoding="utf-8").strip()]


def _reference(package: str) -> str:
    """The page of a package: every module in it."""
    return f"# {package}\n\n" + "\n\n".join(f"::: {name}" for name in _modules(package)) + "\n"
