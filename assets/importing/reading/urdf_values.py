"""Names, numbers and colours in a URDF: what is understood, and what is refused."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from assets.importing.reading.notes import listed
from assets.importing.reading.sandbox import ObjectError
from assets.importing.reading.urdf import Matrix, rpy_to_matrix, transform

_NUMBER = re.compile(r"[+-]?(inf(inity)?|nan|(\d+\.?\d*|\.\d+)(e[+-]?\d+)?)", re.IGNORECASE)
Rgba = tuple[float, float, float, float]
LONGEST_NAME = 250  # letters: a simulator keeps names in fields of 1024 bytes and writes beyond them
FARTHEST = 1e9  # of sizes and places in m: what is larger overflows where it is squared in single precision


@dataclass
class UrdfValues:
    """Reads attributes of one URDF; every complaint names the file.

    Attributes:
        path: The file.
        commas: What had commas between its numbers.
        large: Colours that were written from 0 to 255.
        odd: What had more numbers than wanted, or something behind a number.
    """

    path: Path
    commas: list[str] = field(default_factory=list)
    large: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)

    def fail(self, message: str) -> ObjectError:
        """An error that names the file."""
        return ObjectError(f"{self.path}: {message}")

    def name_of(self, element: ET.Element) -> str:
        """Its name, which must be there."""
        name = element.get("name")
        if not name:
            raise self.fail(f"a <{element.tag}> has no name")
        if len(name) > LONGEST_NAME:
            start = f'a <{element.tag}> is called "{name[:20]}..."'
            raise self.fail(f"{start}, with {len(name)} letters: at most {LONGEST_NAME} are read")
        return name

    def lengths(self, text: str, count: int, what: str) -> tuple[float, ...]:
        """So many `numbers` that are sizes or places, none of them out of all proportion."""
        values = self.numbers(text, count, what)
        if max(map(abs, values)) > FARTHEST:
            raise self.fail(f'{what} is "{text}": numbers must lie between -{FARTHEST:g} and {FARTHEST:g}')
        return values

    def numbers(self, text: str, count: int, what: str) -> tuple[float, ...]:
        """So many finite numbers, with spaces between, or commas; what is behind them is left out, as in PyBullet."""
        if "${" in text or "$(" in text:
            raise self.fail(f'{what} is "{text}": run xacro first, `xacro FILE > object.urdf`')
        words = text.replace(",", " ").split()
        found = [_NUMBER.match(word) for word in words[:count]]
        values = tuple(float(number.group()) for number in found if number)
        if len(values) != count:
            raise self.fail(f'{what} is "{text}", wanted {count} numbers')
        if words != [number.group() for number in found if number]:
            self.odd.append(f'{what} ("{text}")')
        if not all(math.isfinite(value) for value in values):
            raise self.fail(f'{what} is "{text}": numbers must be finite')
        if "," in text:
            self.commas.append(what)
        return values

    def origin(self, element: ET.Element, what: str) -> Matrix:
        """The pose (4, 4) that an element's ``<origin>`` gives; identity without one."""
        origin = element.find("origin")
        if origin is None:
            return np.eye(4)
        xyz = self.lengths(origin.get("xyz", "").strip() or "0 0 0", 3, f"the origin of {what}")
        rpy = self.lengths(origin.get("rpy", "").strip() or "0 0 0", 3, f"the rotation of {what}")
        return transform(xyz, rpy_to_matrix(rpy))

    def colour(self, material: ET.Element) -> Rgba | None:
        """The colour that stands in a ``<material>``; opaque where it has three numbers."""
        colour = material.find("color")
        if colour is None or not colour.get("rgba", "").strip():
            return None
        text = colour.get("rgba", "")
        what = f'the colour "{material.get("name", "")}"'
        count = 3 if len(text.replace(",", " ").split()) == 3 else 4
        values = self.numbers(text, count, what)
        if max(values[:3]) > 1.0:
            self.large.append(what)
            alpha = values[3:] if values[3:] and values[3] <= 1.0 else tuple(v / 255 for v in values[3:])
            values = (*(v / 255 for v in values[:3]), *alpha)
        r, g, b, a = (min(max(value, 0.0), 1.0) for value in (*values, 1.0)[:4])
        return r, g, b, a

    def notes(self) -> list[str]:
        """What was read otherwise than the standard says."""
        notes = []
        if self.commas:
            notes.append(f"commas between numbers are read as spaces: {listed(self.commas)}")
        if self.large:
            notes.append(f"colours above 1 are read as 0 to 255: {listed(self.large)}")
        if self.odd:
            notes.append(f"what is behind the numbers is left out: {listed(self.odd)}")
        return notes
