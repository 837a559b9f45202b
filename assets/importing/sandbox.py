"""What an object that others made may do: hold plain XML, refer to files in its own folder, nothing else."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from collections.abc import Collection
from pathlib import Path
from urllib.parse import unquote

_PACKAGE_LEVELS = 4  # how many folders above a URDF may be its package
_URDF_FOLDERS = ("urdf", "urdfs", "robots")  # conventional folders inside a package that hold its URDFs


class ObjectError(ValueError):
    """An object that cannot be used; the message names the file and what is wrong with it."""


class _PlainTreeBuilder(ET.TreeBuilder):
    """Builds a tree and refuses document type definitions, the door to entity bombs and outside files."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise ObjectError("holds a document type definition (DTD), which no URDF needs: remove it")


def parse_xml(text: bytes, path: Path) -> ET.Element:
    """Parse XML without a DTD; ``path`` is where it came from, for the message.

    Raises:
        ObjectError: It is not well-formed, or holds a DTD.
    """
    try:
        return ET.fromstring(text, ET.XMLParser(target=_PlainTreeBuilder()))
    except ObjectError as error:
        raise ObjectError(f"{path}: {error}") from None
    except (ET.ParseError, ValueError, LookupError) as error:  # the latter two: encodings it does not know
        raise ObjectError(f"{path}: not well-formed XML: {error}") from error


def package_folder(urdf: Path, names: Collection[str] = ()) -> Path:
    """The folder that an object's files must stay in.

    Args:
        urdf: The URDF file.
        names: Package names that its ``package://`` paths use.

    Returns:
        The nearest folder above the URDF with a ``package.xml``; else the nearest one called like one of
        ``names``; else, for a URDF in a folder called ``urdf``, ``urdfs`` or ``robots``, the folder above
        it; else the URDF's own folder. A home folder, and what lies above one, is nobody's package.
    """
    home = Path.home()
    nearest = list(urdf.absolute().parents)[:_PACKAGE_LEVELS]
    above = [p for p in nearest if p not in (home, *home.parents) and len(p.parts) > 2] or nearest[:1]
    for folder in above:
        if (folder / "package.xml").is_file():
            return folder
    for folder in above:
        if folder.name in names:
            return folder
    if above[0].name in _URDF_FOLDERS and len(above) > 1:
        return above[1]
    return above[0]


def package_name(filename: str) -> str | None:
    """The package that a ``package://name/...`` path names, None for any other path."""
    if not filename.startswith("package://"):
        return None
    return filename.removeprefix("package://").split("/")[0]


def find_mesh(filename: str, urdf: Path, folder: Path) -> Path:
    """The file that a mesh's name in a URDF means.

    Args:
        filename: Relative to the URDF, absolute, ``file://`` or ``package://name/...``; the last is looked
            for in a folder above the URDF that is called ``name``, or whose ``package.xml`` says so, then in
            a folder ``name`` beside the URDF or above, then in the folders above the URDF themselves.
        urdf: The URDF file.
        folder: The object's folder.

    Returns:
        An existing file inside the object's folder.

    Raises:
        ObjectError: The mesh is missing, or lies outside the folder, be it by its name or by a link.
    """
    if not filename:
        raise ObjectError(f"{urdf}: a <mesh> has no filename")
    inside = folder.resolve()
    for candidate in _candidates(filename, urdf, folder):
        # The name is judged before the disk is asked, so that nothing outside is even looked for.
        plain = Path(os.path.normpath(candidate))
        if not (plain.is_relative_to(folder) or plain.is_relative_to(inside)):
            raise ObjectError(f'{urdf}: mesh "{filename}" lies outside the object\'s folder {folder}')
        if not plain.is_file():
            continue
        if not plain.resolve().is_relative_to(inside):
            raise ObjectError(f'{urdf}: mesh "{filename}" is a link that leads out of the folder {folder}')
        return plain
    raise ObjectError(f'{urdf}: mesh "{filename}" is missing; looked for it in the object\'s folder {folder}')


def _candidates(filename: str, urdf: Path, folder: Path) -> list[Path]:
    scheme, separator, rest = filename.partition("://")
    if not separator:
        return [urdf.parent / filename]
    if scheme == "file":
        return [urdf.parent / unquote(rest)]
    if scheme != "package":
        raise ObjectError(f'{urdf}: mesh "{filename}": only plain, file:// and package:// paths are known')
    package, _, inside = rest.partition("/")
    above = [p for p in urdf.parents if p.is_relative_to(folder)]
    named = [p for p in above if p.name == package or _manifest_name(p) == package]
    beside = [p / package for p in above if (p / package).is_dir()]
    return [p / inside for p in (*named, *beside, *above)]


def _manifest_name(folder: Path) -> str | None:
    """The name that a folder's ``package.xml`` gives it, None where there is none to read."""
    manifest = folder / "package.xml"
    if not manifest.is_file():
        return None
    try:
        return (parse_xml(manifest.read_bytes(), manifest).findtext("name") or "").strip() or None
    except ObjectError:  # no URDF: what is in it hinders nobody
        return None
