"""Find the files that an object's URDF names, as people's files name them."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from assets.importing.reading.notes import listed
from assets.importing.reading.plain_xml import parse_xml
from assets.importing.reading.sandbox import ObjectError

_LEVELS = 5  # folders above a URDF that its names may start from
_STAMPED = 1000  # folders at most that are watched for a missing file
_DRIVE = re.compile(r"([A-Za-z]:)?[\\/]")  # what an absolute path begins with, on any system


@dataclass
class FileFinder:
    """Looks for the files of one object.

    A name is tried as written, then unescaped (``%20``), with slashes for backslashes, and in another case. Where
    that leads nowhere and there is a ``root``, the file is looked for below it by the end of its path.

    Attributes:
        urdf: The URDF file, which relative names start from.
        folder: The object's folder. Nothing outside it is read, or even looked for.
        root: A further folder to look in, which the user has named; None for none.
        odd: What was not found as written: the name, and the file inside its folder.
        missing: Names of files that are not there.
        stamps: Folders in which a missing file would appear.
    """

    urdf: Path
    folder: Path
    root: Path | None = None
    odd: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    stamps: set[Path] = field(default_factory=set)

    def find(self, filename: str, what: str = "mesh") -> Path | None:
        """The file that a name in a URDF means.

        Args:
            filename: Relative to the URDF, absolute, ``file://`` or ``package://name/...``; the last is looked for in
                a folder above the URDF that is called ``name``, or whose ``package.xml`` says so, then in a folder
                ``name`` beside the URDF or above, then in the folders above the URDF themselves.
            what: What it is, for messages.

        Returns:
            An existing file inside the object's folder or the further one, None where it is missing.

        Raises:
            ObjectError: The name leads out of the folder, be it by itself or by a link, or is of no kind known here.
        """
        filename = filename.strip()
        if not filename:
            raise ObjectError(f"{self.urdf}: a <{what}> has no filename")
        say = f'{self.urdf}: {what} "{filename}"'
        if "$(" in filename or "${" in filename:
            raise ObjectError(f"{say} is for xacro to expand: run xacro first, `xacro FILE > object.urdf`")
        places = list(self._places(filename, say))
        found = self._among(places, say)
        if found is None and self.root is not None:
            found = self._below(self.root, filename, say)
        if found is not None:
            if found[1]:
                home = self.root if self.root and found[0].is_relative_to(self.root) else self.folder
                self.odd[filename] = str(found[0].relative_to(home))
            return found[0]
        absolute = _is_absolute(_without_scheme(filename))
        outside = absolute or not any(self._inside(base / variants(name)[-1]) for base, name, _ in places)
        if outside and self.root is None:
            if absolute:
                raise ObjectError(
                    f"{say} is a path of another machine, or outside the object's folder {self.folder}: "
                    f"say where such files are with --mesh-root FOLDER (mesh_root in Python)"
                )
            raise ObjectError(
                f"{say} lies outside the object's folder {self.folder}: give the folder that holds all of the object, "
                f"or say where such files are with --mesh-root FOLDER (mesh_root in Python)"
            )
        self.missing[filename] = what
        self.stamps.update(self._appears_in(places))
        return None

    def notes(self) -> list[str]:
        """What was found elsewhere than written, and what was not found."""
        notes = []
        if self.odd:
            pairs = listed(f'"{name}" is {found}' for name, found in self.odd.items())
            notes.append(f"files that are not called as written: {pairs}")
        for what, kind in (("mesh", "meshes"), ("texture", "textures")):
            names = [name for name, missing in self.missing.items() if missing == what]
            if names:
                notes.append(f"{kind} that are not there are left out: {listed(names)}")
        return notes

    def _places(self, filename: str, say: str) -> Iterator[tuple[Path, str, bool]]:
        """Folders to start from, the name from there, and whether that is what was written."""
        scheme, separator, rest = filename.partition("://")
        if not separator:
            yield self.urdf.parent, filename, True
            if not _is_absolute(filename):
                for further in list(self.urdf.parents)[1:_LEVELS]:  # from a folder further up, as PyBullet does
                    yield further, filename, False
        elif scheme.lower() == "file":
            yield self.urdf.parent, rest, _is_absolute(rest)
        elif scheme.lower() == "package":
            package, _, inside = rest.partition("/")
            inside = inside.lstrip("/")
            above = [p for p in self.urdf.parents if p.is_relative_to(self.folder)]
            for p in above:
                if package and (p.name == package or _manifest_name(p) == package):
                    yield p, inside, True
            for p in above:
                if package and (p / package).is_dir():
                    yield p / package, inside, True
            for p in above:
                yield p, inside, False
        else:
            raise ObjectError(f"{say}: only plain, file:// and package:// paths are known: write it as one of them")

    def _among(self, places: list[tuple[Path, str, bool]], say: str) -> tuple[Path, bool] | None:
        """The first place that holds a file, and whether its name is not as written."""
        for exact in (True, False):
            for base, name, written in places:
                for variant in variants(name):
                    plain = self._inside(base / variant)
                    if plain is None:
                        continue  # judged by its name, so that nothing outside is even looked for
                    place = plain if exact else found_below(self.folder, plain)
                    if place is None or not place.is_file():
                        continue
                    if not place.resolve().is_relative_to(self.folder.resolve()):
                        raise ObjectError(f"{say} is a link that leads out of the folder {self.folder}")
                    return place, not (exact and written and variant == name)
        return None

    def _inside(self, path: Path) -> Path | None:
        return plain_inside(path, self.folder)

    def _below(self, root: Path, filename: str, say: str) -> tuple[Path, bool] | None:
        """The file below the further folder whose path ends most like the name."""
        parts = _parts(filename)
        wanted = [_folded(part) for part in parts]
        for start in range(len(parts)):
            place = found_below(root, root.joinpath(*parts[start:]))
            if place is not None and place.is_file():
                return self._not_linked_out(place, root, say), True
        found = []
        for folder, _, names in os.walk(root):
            alike = (Path(folder) / name for name in names if wanted and _folded(name) == wanted[-1])
            found += [place for place in alike if place.is_file()]  # no pipe, whose reader would wait for ever
        if not found:
            return None
        if len(found) > 1:
            raise ObjectError(f"{say} could be any of {listed(map(str, sorted(found)))}: give a nearer --mesh-root")
        return self._not_linked_out(found[0], root, say), True

    @staticmethod
    def _not_linked_out(place: Path, root: Path, say: str) -> Path:
        if not place.resolve().is_relative_to(root.resolve()):
            raise ObjectError(f"{say} is a link that leads out of the folder {root}")
        return place

    def _appears_in(self, places: list[tuple[Path, str, bool]]) -> Iterator[Path]:
        """The nearest folders that are there of all that were looked in: they change when the file appears."""
        for base, name, _ in places:
            place = self._inside(base / name.replace("\\", "/"))
            while place is not None and not place.is_dir():
                place = place.parent
            if place is not None:
                yield place
        if self.root is not None:
            yield from (Path(folder) for folder, _, _ in islice(os.walk(self.root), _STAMPED))


def plain_inside(path: Path, folder: Path) -> Path | None:
    """A path without detours, None where it leads out of a folder; the disk is asked about the folder alone."""
    plain = Path(os.path.normpath(path))
    home = folder.resolve()
    if plain.is_relative_to(folder):
        return plain
    return folder / plain.relative_to(home) if plain.is_relative_to(home) else None


def _is_absolute(name: str) -> bool:
    return _DRIVE.match(name) is not None


def _without_scheme(filename: str) -> str:
    scheme, separator, rest = filename.partition("://")
    return rest if separator else scheme


def variants(name: str) -> list[str]:
    """A name as written, then unescaped, then with slashes, then both."""
    slashes = name.replace("\\", "/")
    return list(dict.fromkeys([name, unquote(name), slashes, unquote(slashes)]))


def _parts(filename: str) -> list[str]:
    plain = variants(_without_scheme(filename))[-1]
    return [part for part in PurePosixPath(plain).parts if part not in ("/", ".", "..") and not part.endswith(":")]


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def found_below(folder: Path, path: Path) -> Path | None:
    """What is there below a folder under a path, but for upper and lower case; None where there is nothing."""
    place = folder
    for part in path.relative_to(folder).parts:
        if not (place / part).exists():
            try:
                alike = sorted(name for name in os.listdir(place) if _folded(name) == _folded(part))
            except OSError:
                return None
            if not alike:
                return None
            part = alike[0]
        place = place / part
    return place


def _manifest_name(folder: Path) -> str | None:
    """The name that a folder's ``package.xml`` gives it, None where there is none to read."""
    manifest = folder / "package.xml"
    if not manifest.is_file():
        return None
    try:
        return (parse_xml(manifest.read_bytes(), manifest).findtext("name") or "").strip() or None
    except ObjectError:  # no URDF: what is in it hinders nobody
        return None
