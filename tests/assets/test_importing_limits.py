"""Limits of joints as people's files have them, and objects of more parts than there are labels."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from assets.conventions import MAX_PARTS
from assets.importing.prepare import PreparedObject, prepare
from urdf_objects import joint, link, prepared_points, write

pytestmark = pytest.mark.usefixtures("cache")

TURN = pytest.approx(2 * math.pi)


def hinge(folder: Path, kind: str, limits: str | None, extra: str = "") -> PreparedObject:
    """Two boxes and a joint, whose elements may be more."""
    moving = joint(kind, "a", "b", "1 0 0" if kind == "prismatic" else "0 0 1", limits)
    return prepare(
        write(folder / "o.urdf", link("a"), link("b", "0.5 0.1 0.1"), moving.replace("</joint>", f"{extra}</joint>"))
    )


@pytest.mark.parametrize(
    ("limits", "kind", "lower", "upper", "note"),
    [
        ("-1 1", "revolute", -1, 1, ""),
        ("1 -1", "revolute", -1, 1, "swapped"),
        ("-1e16 1e16", "continuous", -math.pi, math.pi, "beyond reason"),
        ("-inf inf", "continuous", -math.pi, math.pi, "beyond reason"),
        ("-6.2831853 6.2831853", "continuous", -math.pi, math.pi, ""),
        ("0 90", "revolute", 0, TURN, "look like degrees"),
        ("-45 0", "revolute", -2 * math.pi, 0, "look like degrees"),
        ("-180 180", "continuous", -math.pi, math.pi, "look like degrees"),
        ("0 360", "revolute", 0, TURN, "look like degrees"),
        ("0 20.5", "revolute", 0, TURN, "more than two turns"),
        (None, "continuous", -math.pi, math.pi, ""),
        ("-1.57. 1rad", "revolute", -1.57, 1, "behind the numbers"),
    ],
)
def test_limits_of_hinges(tmp_path: Path, limits: str | None, kind: str, lower: float, upper: float, note: str) -> None:
    prepared = hinge(tmp_path, "revolute", limits)
    (moving,) = prepared.joints
    assert (moving.type, moving.lower, moving.upper) == (kind, pytest.approx(lower), upper)
    assert [note in said for said in prepared.notes] == [True] * bool(note)


@pytest.mark.parametrize(
    ("limits", "note"),
    [(None, "without limits"), ("-1e16 1e16", "beyond reason"), ("-1e9 1e9", "beyond reason"), ("1e8 1e9", "beyond")],
)
def test_slides_without_limits_keep_their_part_in_view(tmp_path: Path, limits: str | None, note: str) -> None:
    prepared = hinge(tmp_path, "prismatic", limits)
    (moving,) = prepared.joints
    assert (moving.lower, moving.upper) == (-0.1, 0.1)
    assert any(note in said and "a_b" in said for said in prepared.notes)
    assert prepared.radius == pytest.approx(0.36)


def test_slides_far_from_where_they_begin_stay_there(tmp_path: Path) -> None:
    (moving,) = hinge(tmp_path, "prismatic", "2 2.5").joints
    assert 0 < moving.upper - moving.lower < moving.lower


@pytest.mark.parametrize("kind", ["revolute", "prismatic"])
def test_zero_limits_load_with_a_note_that_says_how_to_give_some(tmp_path: Path, kind: str) -> None:
    prepared = hinge(tmp_path, kind, "0 0")
    assert len(prepared.parts) == 1
    (note,) = prepared.notes
    assert "a_b" in note
    assert "cannot move" in note
    assert "<limit lower" in note


def test_numbers_with_commas_and_too_many_numbers(tmp_path: Path) -> None:
    plain, commas, many = (tmp_path / name / "o.urdf" for name in ("plain", "commas", "many"))
    for path, xyz in ((plain, "0.1 0.2 0"), (commas, "0.1, 0.2,0"), (many, "0.1 0.2 0 0")):
        write(path, link("a"), link("b"), joint("revolute", "a", "b", origin=f'xyz="{xyz}"'))
    np.testing.assert_allclose(prepared_points(prepare(commas)), prepared_points(prepare(plain)))
    np.testing.assert_allclose(prepared_points(prepare(many)), prepared_points(prepare(plain)))
    assert "commas" in prepare(commas).notes[0]
    assert "behind the numbers" in prepare(many).notes[0]
    assert not prepare(plain).notes


def test_a_joint_that_mimics_another_is_said_to_be_free(tmp_path: Path) -> None:
    prepared = hinge(tmp_path, "revolute", "-1 1", '<mimic joint="other" multiplier="-1"/>')
    assert len(prepared.parts) == 2
    assert any("mimic" in note and "free" in note and "a_b" in note for note in prepared.notes)


def test_of_too_many_parts_the_largest_are_played_with(tmp_path: Path) -> None:
    sizes = {f"p{number}": 0.05 + 0.01 * (number * 7 % 20) for number in range(20)}
    ranked = sorted(sizes, key=lambda name: -sizes[name])
    path = write(
        tmp_path / "o.urdf",
        link("body", "0.1 0.1 0.02"),  # not the largest, but what all hang on
        *(link(name, f"{size} {size} 0.02", at="0.3 0 0") for name, size in sizes.items()),
        *(joint("revolute", "body", name, limits="0 1") for name in sizes),
        link("cap", "0.01 0.01 0.01", at="0.3 0 0.1"),  # on the largest of all, and too small itself
        joint("prismatic", ranked[0], "cap", limits="0 0.1"),
    )
    prepared = prepare(path)
    assert len(prepared.parts) == MAX_PARTS
    assert {part[0] for part in prepared.parts} == {"body", *ranked[: MAX_PARTS - 1]}
    assert set(ranked[MAX_PARTS - 1 :]) < set(prepared.parts[0])
    assert next(part for part in prepared.parts if part[0] == ranked[0]) == (ranked[0], "cap")
    assert len(prepared.joints) == MAX_PARTS - 1
    assert any("of 22 parts the 15 largest" in note and ranked[-1] in note for note in prepared.notes)
    joints = {j.attrib["name"]: j for j in ET.parse(prepared.urdf).getroot().findall("joint")}
    small = joints[f"body_{ranked[-1]}"]
    assert small.attrib["type"] == "fixed"
    origin = small.find("origin")
    assert origin is not None
    assert float(origin.attrib["rpy"].split()[2]) == pytest.approx(0.5)  # the middle of its range


def test_a_cap_that_turns_and_slides_is_one_part(tmp_path: Path) -> None:
    path = write(
        tmp_path / "o.urdf",
        link("bottle", "0.1 0.1 0.2"),
        link("between", None),
        link("cap", "0.12 0.12 0.04", at="0 0 0.15"),
        joint("continuous", "bottle", "between", limits=None),
        joint("prismatic", "between", "cap", limits="0 0.1"),
    )
    prepared = prepare(path)
    assert prepared.parts == (("bottle",), ("cap",))
    assert [(j.type, j.parent, j.child) for j in prepared.joints] == [("continuous", 0, 1), ("prismatic", 0, 1)]
