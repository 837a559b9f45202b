"""Makes the set of found objects in a folder, and says where everything in it comes from."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.conventions import MAX_PARTS
from assets.files import atomic_folder, write_json, write_text
from assets.found.found_object import FoundObject, check_names
from assets.importing.joints.limits import plain_joints
from assets.importing.joints.parts import part_tree
from assets.importing.reading.urdf import ObjectError
from assets.importing.reading.urdf_reader import load_urdf
from assets.importing.shapes.meshes import read_mesh

VERSION = 2
"""Of the objects: raise it when the same source should give another one."""
INDEX, LICENCES = "index.json", "LICENCES.md"
LONGEST = 100.0  # m, of a slide


@dataclass(frozen=True)
class Report:
    """What came of it.

    Attributes:
        made: Names of the objects made now.
        kept: Names of those that were there.
        broken: Reasons why others are left out.
        entries: Of the index.
    """

    made: tuple[str, ...]
    kept: tuple[str, ...]
    broken: tuple[str, ...]
    entries: tuple[dict[str, Any], ...]


def build(
    out: Path, objects: Sequence[FoundObject], seed: int, progress: Callable[[str], None] = lambda name: None
) -> Report:
    """Make the objects that are not there yet, then the index and the table of licences of all that are.

    Args:
        out: The set's folder.
        objects: What the sources have.
        seed: Of the set; objects of another seed or version are made again.
        progress: Called with the name of each object when it is done.

    Raises:
        ValueError: Two objects have one name.
        OSError: The folder cannot be written.
    """
    check_names(objects)
    made, kept, broken = [], [], []
    for found in objects:
        folder = out / found.name
        if _stamp(folder) == (VERSION, seed):
            kept.append(found.name)
        else:
            reason = _make(found, folder, seed)
            if reason:
                broken.append(reason)
            else:
                made.append(found.name)
        progress(found.name)
    entries = _entries(out, seed)
    write_json(out / INDEX, {"version": VERSION, "seed": seed, "objects": entries})
    write_text(out / LICENCES, _licences(entries))
    return Report(tuple(made), tuple(kept), tuple(broken), tuple(entries))


def _make(found: FoundObject, folder: Path, seed: int) -> str | None:
    """Make an object's folder; why it cannot be used, else None."""
    try:
        with atomic_folder(folder) as stage:
            found.write(stage)
            meta = {
                "category": found.category, "name": found.name, "split": found.split, "parts": _count_parts(stage),
                "source": found.source, "licence": found.licence, "author": found.author,
                "seed": seed, "found_version": VERSION,
            }  # fmt: skip
            write_json(stage / "meta.json", meta)
    except ValueError as error:
        return f"{found.name}: {error}"
    return None


def _count_parts(folder: Path) -> int:
    """How many parts an object has.

    Raises:
        ObjectError: It cannot be played with.
    """
    model = load_urdf(folder / "mobility.urdf", folder)
    meshes = {visual.geometry.mesh for link in model.links.values() for visual in link.visuals}
    for mesh in sorted(path for path in meshes if path):
        read_mesh(mesh, model.path, folder)
    tree = part_tree(plain_joints(model, LONGEST, []))
    if not tree.children:
        raise ObjectError("no joint moves a part")
    if len(tree.parts) > MAX_PARTS:
        raise ObjectError(f"{len(tree.parts)} parts, more than the {MAX_PARTS} that have labels")
    return len(tree.parts)


def _stamp(folder: Path) -> tuple[int, int] | None:
    """Version and seed of an object that is there, None where there is none."""
    meta = _meta(folder)
    return None if meta is None else (meta["found_version"], meta["seed"])


def _meta(folder: Path) -> dict[str, Any] | None:
    """The ``meta.json`` of a found object, None where there is none."""
    try:
        meta: dict[str, Any] = json.loads((folder / "meta.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return meta if isinstance(meta, dict) and {"found_version", "seed", "split", "category"} <= meta.keys() else None


def _entries(out: Path, seed: int) -> list[dict[str, Any]]:
    """What the index says of every object of this version and seed that is there, whichever sources are."""
    entries = []
    numbers: Counter[tuple[str, str]] = Counter()
    for folder in sorted(path for path in out.iterdir() if path.is_dir() and not path.name.startswith(".")):
        meta = _meta(folder)
        if meta is None or (meta["found_version"], meta["seed"]) != (VERSION, seed):
            continue
        group = (meta["split"], meta["category"])
        wanted = ("name", "category", "split", "parts", "source", "licence", "author")
        entries.append({"index": numbers[group], **{key: meta[key] for key in wanted}})
        numbers[group] += 1
    return entries


def _licences(entries: Sequence[dict[str, Any]]) -> str:
    """A table of where every object is from, which a licence that asks for attribution wants kept with it."""
    lines = [
        "# Licences of found objects",
        "",
        "All were changed: converted to URDF, given joints and limits where they had none, stretched to their size,",
        "some repainted. CC BY: https://creativecommons.org/licenses/by/3.0/, CC0:",
        "https://creativecommons.org/publicdomain/zero/1.0/, Apache: https://www.apache.org/licenses/LICENSE-2.0.",
        "",
        "| name | source | licence | author |",
        "| --- | --- | --- | --- |",
    ]
    for entry in entries:
        cells = (str(entry[key]).replace("|", "\\|") for key in ("name", "source", "licence", "author"))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
