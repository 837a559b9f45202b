"""Solids in space: where they lie, how large they are, that they are closed."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from assets.generators import forms
from assets.generators.casework import plain


def closed(mesh: object) -> bool:
    return bool(mesh.is_watertight and mesh.is_winding_consistent and mesh.volume > 0.0)  # type: ignore[attr-defined]


def test_a_straight_wire_is_a_prism_between_its_ends() -> None:
    mesh = forms.wire([(0.0, 0.0, 1.0), (0.0, 3.0, 1.0), (0.0, 4.0, 1.0)], 0.1, sides=6)
    assert closed(mesh)
    assert mesh.volume == pytest.approx(4.0 * 1.5 * np.sqrt(3.0) * 0.1**2)  # a hexagon's area times the length
    np.testing.assert_allclose(mesh.bounds[:, 1], [0.0, 4.0])


def test_a_closed_wire_has_no_ends_and_is_as_long_as_its_line() -> None:
    turn = np.arange(60) * np.pi / 30
    ring = np.column_stack([np.cos(turn), np.sin(turn), np.full(60, 0.5)])
    mesh = forms.wire(ring, 0.02, closed=True, sides=12)
    assert closed(mesh)
    assert mesh.volume == pytest.approx(np.pi * 0.02**2 * 2.0 * np.pi, rel=0.06)  # of a torus
    assert mesh.euler_number == 0


def test_a_wire_bends_in_space_without_a_twist() -> None:
    line = [(0.0, 0.0, 0.0), (0.0, 0.0, 0.3), (0.2, 0.0, 0.4), (0.2, 0.3, 0.4)]
    mesh = forms.wire(forms.rounded_line(line, 0.05), 0.01)
    assert closed(mesh)
    length = 0.3 + np.hypot(0.2, 0.1) + 0.3
    assert 0.85 * length < mesh.volume / (1.5 * np.sqrt(3.0) * 0.01**2) < length


@pytest.mark.parametrize("axis", [(0.0, 0.0, 1.0), (0.0, -1.0, 0.0), (0.6, 0.0, 0.8)])
def test_a_turned_body_stands_on_its_place_along_its_axis(axis: tuple[float, float, float]) -> None:
    mesh = forms.turned([(0.2, 0.0), (0.1, 0.5)], (1.0, 2.0, 3.0), axis, sides=40)
    assert closed(mesh)
    assert mesh.volume == pytest.approx(np.pi * 0.5 / 3.0 * (0.04 + 0.02 + 0.01), rel=0.01)  # of a cone's frustum
    along = (mesh.vertices - (1.0, 2.0, 3.0)) @ np.array(axis)
    np.testing.assert_allclose([along.min(), along.max()], [0.0, 0.5], atol=1e-9)


@pytest.mark.parametrize(
    ("axis", "bounds"),
    [
        ("x", [[5.0, 1.0, 2.0], [6.0, 3.0, 7.0]]),
        ("y", [[1.0, 5.0, 2.0], [3.0, 6.0, 7.0]]),
        ("z", [[1.0, 2.0, 5.0], [3.0, 7.0, 6.0]]),
    ],
)
def test_a_panel_lies_where_its_outline_says(axis: str, bounds: list[list[float]]) -> None:
    mesh = forms.upright_panel(shapely.box(1.0, 2.0, 3.0, 7.0), axis, 5.0, 6.0)
    assert closed(mesh)
    np.testing.assert_allclose(mesh.bounds, bounds)


def test_a_rounded_line_keeps_its_ends_and_cuts_its_corners() -> None:
    line = forms.rounded_line([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)], 0.2, steps=4)
    np.testing.assert_allclose(line[[0, -1]], [(0.0, 0.0), (1.0, 1.0)])
    assert np.linalg.norm(line - (1.0, 0.0), axis=1).min() == pytest.approx(0.1 / np.sqrt(2.0))
    assert len(forms.rounded_line([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)], 0.2, closed=True)) == 12


def test_a_baked_texture_shows_once_on_each_side_of_a_block_and_upright() -> None:
    mesh = forms.block((1.0, 2.0, 3.0), (0.0, 0.0, 1.0))
    uv = forms.fitted_uv(mesh)
    for axis in range(3):
        for side in (-1.0, 1.0):
            some = mesh.face_normals[:, axis] * side > 0.9
            np.testing.assert_allclose([uv[some].min(axis=(0, 1)), uv[some].max(axis=(0, 1))], [[0.0, 0.0], [1.0, 1.0]])
    upright = np.abs(mesh.face_normals[:, 2]) < 0.1
    np.testing.assert_allclose(uv[upright][..., 1], (mesh.triangles[upright][..., 2] - 1.0) / 2.0)


def test_a_body_has_one_visual_for_each_material_and_surface() -> None:
    red, blue = (plain(np.random.default_rng(seed)) for seed in (1, 2))
    body = forms.Body("lid")
    low, high = forms.block((0, 0, 0), (1, 1, 1)), forms.block((2, 0, 0), (3, 1, 1))
    body.add(red, low, high)
    body.add(blue, low)
    body.add_baked(red, low)
    link = body.link(forms.lifted(4.0))
    assert [len(visual.mesh.faces) for visual in link.visuals] == [24, 12, 12]
    assert [visual.uv is None for visual in link.visuals] == [True, True, False]
    np.testing.assert_allclose(link.visuals[0].mesh.bounds, [[0, 0, 4], [3, 1, 5]])
    np.testing.assert_allclose(low.bounds, [[0, 0, 0], [1, 1, 1]])  # the meshes given stay as they are
