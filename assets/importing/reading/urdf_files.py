"""Which URDF a path means, and what other files are that describe objects."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from pathlib import Path

from assets.importing.reading.plain_xml import parse_xml
from assets.importing.reading.sandbox import ObjectError

_OTHERS = {
    "mujoco": "is MJCF, MuJoCo's format",
    "mujocoinclude": "is a part of MJCF, MuJoCo's format",
    "sdf": "is SDF, Gazebo's format",
    "gazebo": "is SDF, Gazebo's format",
    "COLLADA": "is a COLLADA mesh",
}
_XACRO = "run xacro first, `xacro FILE > object.urdf`, and give the result"
_SUFFIXES = (".xacro", ".xml", ".sdf", ".usd", ".usda", ".usdc", ".usdz")  # of what may describe an object


def find_urdf(path: str | Path) -> Path:
    """The URDF that a path means.

    Args:
        path: A URDF file, or a folder: its ``mobility.urdf``, else the only URDF below it, else the one
            called like the folder or like the beginning of the folder's name (the longest such).

    Raises:
        ObjectError: There is none, or it is not clear which.
    """
    path = absolute(path)
    if path.is_file():
        if path.suffix.lower() == ".xacro":
            raise ObjectError(f"{path}: is a xacro file, from which a URDF is made: {_XACRO}")
        return path
    if not path.is_dir():
        raise ObjectError(f"{path}: no such file or folder")
    if (path / "mobility.urdf").is_file():
        return path / "mobility.urdf"
    found = _below(path, (".urdf",))
    if not found:
        raise ObjectError(f"{path}: no .urdf file below this folder{_what_else(path)}")
    alike = [urdf for urdf in found if path.name.startswith(urdf.stem)]
    longest = max((len(urdf.stem) for urdf in alike), default=0)
    for wanted in (
        found,
        [urdf for urdf in found if urdf.name == "mobility.urdf"],
        [urdf for urdf in alike if len(urdf.stem) == longest],
    ):
        if len(wanted) == 1:
            return wanted[0]
    names = ", ".join(str(urdf.relative_to(path)) for urdf in found)
    raise ObjectError(f"{path}: holds several URDFs ({names}): give the path of the one you mean")


def not_urdf(root: ET.Element) -> str:
    """Why an XML file is no URDF, by its outermost element and its text; empty where it is one."""
    if root.tag in _OTHERS:
        return f"{_OTHERS[root.tag]}; a URDF is read here: convert it"
    if root.tag != "robot":
        return f"the outermost element is <{root.tag}>, a URDF has <robot>"
    for element in root.iter():
        if str(element.tag).startswith("xacro:"):
            return f"holds <{element.tag}>: {_XACRO}"
    return ""


def absolute(path: str | Path) -> Path:
    """A path from the root, with ``~`` read and links left as they are."""
    return Path(os.path.abspath(Path(path).expanduser()))


def _below(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in suffixes and p.is_file())


def _what_else(folder: Path) -> str:
    """What lies in a folder in place of a URDF, for the message."""
    others = _below(folder, _SUFFIXES)
    xacros = [other for other in others if other.suffix.lower() == ".xacro"]
    if xacros:
        return f", but {xacros[0].relative_to(folder)}, from which one is made: {_XACRO}"
    for other in others:
        name = other.relative_to(folder)
        if other.suffix.lower().startswith(".usd"):
            return f"; {name} is USD, and a URDF is read here: convert it"
        try:
            reason = not_urdf(parse_xml(other.read_bytes(), other))
        except (ObjectError, OSError):
            continue
        if not reason:
            return f"; {name} looks like one: give its path"
        if "outermost" not in reason:
            return f"; {name} {reason}"
    return ""
