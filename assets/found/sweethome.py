"""Articulated models of Sweet Home 3D's furniture libraries (https://www.sweethome3d.com), CC0 and CC BY.

A library is a ``.sh3f`` file, a ZIP of a catalogue with models in Wavefront OBJ; Debian packages five of them as
``sweethome3d-furniture``. In some models groups of faces say by their names what moves (`assets.found.movable_groups`).
Which models are trained on, and how far their hinges open, is in ``splits/sweethome.json``.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from assets.found.found_object import TRAINING, VALIDATION, FoundObject, Offer, SourceMissing, allowed_split
from assets.found.licences import free_licence
from assets.found.movable_groups import is_articulated, write_model

INSTALLED = Path("/usr/share/sweethome3d/furniture")
INSTALL = (
    "apt-get install sweethome3d-furniture, or --sweethome FILE with a .sh3f library, a .jar, "
    "the .deb of that name, or a folder of such files"
)
CATALOGUE = "FurnitureCatalog.properties"
"""How the name of a catalogue ends; translations have a language before the dot."""
_CHOICES = Path(__file__).parent.parent / "splits" / "sweethome.json"
VERSIONS = 2
"""Of a model to train on: as it is, and repainted."""
_MAX_FILE = 200_000_000  # bytes of one file of a library


@dataclass(frozen=True)
class Model:
    """A model of a library.

    Attributes:
        key: Name of its OBJ without the suffix.
        name: What the catalogue calls it.
        author: As the catalogue gives it.
        licence: Of the library, in the words of its catalogue.
        collection: Name of the library.
        size: Width, depth and height in metres.
        rotation: 3 x 3, row by row, that the catalogue has the model turned by; None for none.
        archive: The library's ZIP.
        path: Of the OBJ in the archive.
    """

    key: str
    name: str
    author: str
    licence: str
    collection: str
    size: tuple[float, float, float]
    rotation: tuple[float, ...] | None
    archive: zipfile.ZipFile
    path: str

    def read(self, name: str) -> bytes | None:
        """A file beside the OBJ, None where there is none."""
        wanted = str(PurePosixPath(self.path).parent / name.replace("\\", "/"))
        try:
            if self.archive.getinfo(wanted).file_size > _MAX_FILE:
                return None
            return self.archive.read(wanted)
        except KeyError:
            return None


def offer(seed: int, place: Path | None = None) -> Offer:
    """The articulated models of the libraries.

    Args:
        seed: Of the set; decides the colours of repainted models.
        place: A library, a Debian package of libraries, or a folder of them; None takes what Debian's package
            installs.

    Raises:
        SourceMissing: There is no library.
        ValueError: What is there is no library; the message names the file.
    """
    place = place or INSTALLED
    if not place.exists():
        raise SourceMissing(f"the furniture of Sweet Home 3D is not at {place}: {INSTALL}")
    objects: list[FoundObject] = []
    not_free = 0
    for library in libraries(place):
        for model in read_catalogue(library):
            text = model.read(PurePosixPath(model.path).name)
            if text is None or not is_articulated(text):
                continue
            licence = free_licence(model.licence)
            choice = choices().get(model.key, {})
            if choice.get("leave_out"):
                continue
            if licence is None:
                not_free += 1
                continue
            category = str(choice.get("category", "furniture"))
            split = allowed_split(category, TRAINING if choice.get("train") else VALIDATION)
            for version in range(VERSIONS if split == TRAINING else 1):
                paint = None if version == 0 else [seed, version, *model.key.encode()]
                objects.append(
                    FoundObject(
                        f"sweethome-{model.key}" + (f"-{version}" if version else ""), category, split,
                        f"Sweet Home 3D, {model.collection}: {model.name}", licence, model.author,
                        partial(_write, model, category, choice, paint),
                    )
                )  # fmt: skip
    if not objects and not not_free:
        raise SourceMissing(f"{place}: no library with an articulated model: {INSTALL}")
    return Offer(tuple(objects), not_free)


@cache
def choices() -> dict[str, dict[str, Any]]:
    """What ``splits/sweethome.json`` says of models, by the name of their OBJ."""
    models: dict[str, dict[str, Any]] = json.loads(_CHOICES.read_text("utf-8"))["models"]
    return models


def _write(model: Model, category: str, choice: dict[str, Any], paint: list[int] | None, folder: Path) -> None:
    write_model(
        model.path, model.read, folder, category,
        size=model.size, rotation=model.rotation, limits=choice.get("limits", {}),
        paint=None if paint is None else np.random.default_rng(np.random.SeedSequence(paint)),
    )  # fmt: skip


def libraries(place: Path) -> Iterator[zipfile.ZipFile]:
    """The libraries that a path holds, in the order of their names."""
    if place.is_dir():
        files = sorted(path for path in place.iterdir() if path.suffix in (".sh3f", ".jar", ".deb", ".zip"))
        for path in files:
            yield from libraries(path)
    elif place.suffix == ".deb":
        yield from _of_package(place)
    else:
        try:
            yield zipfile.ZipFile(place)
        except zipfile.BadZipFile as error:
            raise ValueError(f"{place}: is no furniture library of Sweet Home 3D: {error}") from error


def _of_package(path: Path) -> Iterator[zipfile.ZipFile]:
    """The libraries in a Debian package: an ar archive with a tar archive of the files in it."""
    with path.open("rb") as file:
        if file.read(8) != b"!<arch>\n":
            raise ValueError(f"{path}: is no Debian package")
        while header := file.read(60):
            name, length = header[:16].decode("ascii", "replace").strip(" /"), int(header[48:58])
            if name.startswith("data.tar"):
                try:
                    with tarfile.open(fileobj=io.BytesIO(file.read(length))) as tar:
                        members = sorted((m for m in tar if m.name.endswith((".sh3f", ".jar"))), key=lambda m: m.name)
                        contents = [tar.extractfile(member) for member in members]
                        yield from [zipfile.ZipFile(io.BytesIO(some.read())) for some in contents if some]
                except tarfile.ReadError as error:
                    message = f"{path}: cannot be unpacked here ({error}): dpkg-deb -x it and name the folder"
                    raise ValueError(message) from error
                return
            file.seek(length + length % 2, io.SEEK_CUR)


def read_catalogue(archive: zipfile.ZipFile) -> list[Model]:
    """The models that a library's catalogue lists; those it lacks, or whose size it does not give, are left out.

    Args:
        archive: The library.

    Raises:
        ValueError: It has no catalogue.
    """
    names = [name for name in archive.namelist() if name.endswith(CATALOGUE)]
    if not names:
        raise ValueError(f"{archive.filename or 'library'}: has no *{CATALOGUE}, so it is no furniture library")
    general: dict[str, str] = {}
    entries: dict[int, dict[str, str]] = {}
    for line in archive.read(names[0]).decode("latin-1").splitlines():
        match = re.match(r"\s*(\w+)(?:#(\d+))?\s*[=:]\s*(.*?)\s*$", line)
        if match and not line.lstrip().startswith(("#", "!")):
            key, number, value = match.groups()
            (entries.setdefault(int(number), {}) if number else general)[key] = _unescaped(value)
    inside = set(archive.namelist())
    models = []
    for _, entry in sorted(entries.items()):
        path = entry.get("model", "").lstrip("/")
        try:
            size = tuple(float(entry[key]) / 100.0 for key in ("width", "depth", "height"))
        except (KeyError, ValueError):
            continue
        if path in inside and path.lower().endswith(".obj") and min(size) > 0.0:
            turned = entry.get("modelRotation", "").split()
            models.append(
                Model(
                    PurePosixPath(path).stem, entry.get("name", ""), entry.get("creator", "unknown"),
                    entry.get("license", general.get("license", "")), general.get("name", "library"),
                    (size[0], size[1], size[2]), tuple(map(float, turned)) if len(turned) == 9 else None,
                    archive, path,
                )
            )  # fmt: skip
    return models


def _unescaped(value: str) -> str:
    """A value of a Java properties file without its escapes."""
    value = re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), value)
    return re.sub(r"\\(.)", r"\1", value)
