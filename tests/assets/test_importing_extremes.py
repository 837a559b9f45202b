"""What a simulator does not survive is refused or cut before it sees it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pybullet
import pytest

from assets.importing.joints.few_links import MOST_LINKS
from assets.importing.prepare import prepare
from assets.importing.reading.urdf import ObjectError
from urdf_objects import CUBE, image_from_above, joint, link, load, mesh_link, write

pytestmark = pytest.mark.usefixtures("cache")


def pair(first: str, second: str, axis: str = "0 0 1", origin: str = "") -> tuple[str, ...]:
    return first, second, joint("revolute", "a", "b", axis, origin=origin)


@pytest.mark.parametrize(
    ("elements", "says"),
    [
        ((link("a" * 1100),), "1100 letters"),
        (
            (link("a"), link("b"), joint("revolute", "a", "b").replace('name="a_b"', f'name="{"j" * 300}"')),
            "300 letters",
        ),
        (pair(link("a"), link("b", "1e300 1 1")), "must lie between"),
        (pair(link("a"), link("b", at="0 1e200 0")), "must lie between"),
        (pair(link("a"), link("b"), origin='xyz="1e38 0 0"'), "must lie between"),
        (pair(link("a"), mesh_link("b", "cube.obj", "1e30 1 1")), "must lie between"),
        (pair(link("a"), mesh_link("b", "far.obj")), "scale it down"),
        ((link("l0"), *(link(f"l{n}") + joint("fixed", "l0", f"l{n}") for n in range(1, 1500))), "1500 links"),
        (
            (link("l0"), *(link(f"l{n}", None) + joint("revolute", f"l{n - 1}", f"l{n}") for n in range(1, 300))),
            "300 links that move",
        ),
    ],
)
def test_too_much_is_refused_by_name(tmp_path: Path, elements: tuple[str, ...], says: str) -> None:
    CUBE.export(tmp_path / "cube.obj")
    (tmp_path / "far.obj").write_text("v 0 0 0\nv 1e30 0 0\nv 0 1 0\nf 1 2 3\n")
    path = write(tmp_path / "o.urdf", *elements)
    with pytest.raises(ObjectError, match=says) as error:
        prepare(path)
    assert str(path) in str(error.value)


def test_the_length_of_an_axis_says_nothing(tmp_path: Path) -> None:
    plain, huge = (
        prepare(write(tmp_path / name / "o.urdf", *pair(link("a"), link("b", "0.5 0.1 0.1"), axis)))
        for name, axis in (("plain", "1 2 2"), ("huge", "5e307 1e308 1e308"))
    )
    assert huge.urdf.read_text() == plain.urdf.read_text()


@pytest.mark.parametrize("shape", ["star", "chain"])
def test_an_object_of_many_links_is_played_with(tmp_path: Path, client: int, shape: str) -> None:
    count = 160
    links = [
        link("l0", "2 2 0.1"),
        *(link(f"l{n}", "0.1 0.1 0.2", f"{n % 13 * 0.15 - 1} 0.4 0") for n in range(1, count)),
    ]
    joints = [
        joint("revolute", "l0" if shape == "star" else f"l{n - 1}", f"l{n}", limits="0 0.2") for n in range(1, count)
    ]
    prepared = prepare(write(tmp_path / "o.urdf", *links, *joints), "top")
    assert len(prepared.parts) == 15
    body, moving, _ = load(prepared, client)
    assert pybullet.getNumJoints(body, physicsClientId=client) < MOST_LINKS + 5
    for part in prepared.joints:
        pybullet.getLinkState(body, moving[part.name], physicsClientId=client)
    assert image_from_above(client)[2].sum() > 500


def test_links_that_are_put_together_stay_where_they_are(
    tmp_path: Path, client: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    elements = (
        link("a", "1 0.2 0.1"),
        link("b", "0.1 0.3 0.1", "0.2 0 0", "0.9 0.1 0.1 1"),
        link("c", "0.5 0.1 0.1", "0.25 0 0", "0.1 0.1 0.9 1"),
        link("d", "0.1 0.2 0.2", "0 0.1 0", "0.1 0.9 0.1 1"),
        joint("fixed", "a", "b", origin='xyz="0.2 0.1 0" rpy="0 0 0.7"'),
        joint("revolute", "b", "c", origin='xyz="0.3 0 0.1" rpy="0 0 -0.4"'),
        joint("fixed", "c", "d", origin='xyz="0.4 0 0" rpy="0.3 0 0.2"'),
    )
    images = []
    for most in (100, 2):
        monkeypatch.setattr("assets.importing.joints.few_links.MOST_LINKS", most)
        prepared = prepare(write(tmp_path / str(most) / "o.urdf", *elements), "top")
        body, _, links = load(prepared, client)
        assert [part[0] for part in prepared.parts] == ["a", "c"]
        assert ("d" in links) == (most == 100)
        images.append(image_from_above(client)[0].astype(int))
        pybullet.removeBody(body, client)
    assert np.abs(images[0] - images[1]).max() <= 2
