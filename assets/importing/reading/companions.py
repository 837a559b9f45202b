"""Files that a mesh refers to: material libraries, textures, buffers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from assets.importing.reading.file_finder import found_below, plain_inside, variants
from assets.importing.reading.plain_xml import is_pointer


@dataclass
class Companions:
    """Looks for the files that one mesh names, as `assets.importing.reading.file_finder` does for a URDF.

    Attributes:
        mesh: The mesh, which names start from.
        folder: The object's folder, outside which nothing is read or even looked for.
        files: What was found; for what was not, the folder in which it would appear.
        missing: Names of what was not found.
        inside: Whether every name stays in the folder.
        exact: Whether all that was found is called as written, so that others will find it too.
    """

    mesh: Path
    folder: Path
    files: list[Path] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    inside: bool = True
    exact: bool = True

    def find(self, *names: str) -> Path | None:
        """The first of these that is a file, None where there is none; the last one is then missing."""
        names = tuple(name.strip() for name in names if name.strip())
        for name in names:
            for exact in (True, False):
                for variant in variants(name):
                    found = self._at(self.mesh.parent / variant, exact)
                    if found is not None:
                        self.files.append(found)
                        if pointer(found):
                            self.missing.append(f"{name} (a Git LFS pointer: run `git lfs pull`)")
                            return None
                        self.exact &= exact and variant == name
                        return found
        if names:
            if plain_inside(self.mesh.parent / variants(names[-1])[-1], self.folder) is None:
                self.inside = False
            self.missing.append(names[-1])
            self.files.append(self.mesh.parent)
        return None

    def _at(self, path: Path, exact: bool) -> Path | None:
        plain = plain_inside(path, self.folder)
        place = plain if plain is None or exact else found_below(self.folder, plain)
        if place is None or not place.is_file():
            return None
        if not place.resolve().is_relative_to(self.folder.resolve()):
            self.inside = False
            return None
        return place


def pointer(path: Path) -> bool:
    """Whether a file is the pointer that Git LFS leaves in its place."""
    with path.open("rb") as file:
        return is_pointer(file.read(64))
