"""Printed marks and natural materials; USB sticks whose cover reaches the plug, safes whose door swings away."""

from __future__ import annotations

import numpy as np
import pytest

from assets.generators import CATEGORY_REGISTRY, Link, decals, textures


def corners(link: Link) -> np.ndarray:
    return np.vstack([visual.mesh.vertices for visual in link.visuals])


def rotated(points: np.ndarray, angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return points[:, :2] @ np.array([[c, s], [-s, c]])


@pytest.mark.parametrize("draw", [decals.glyph_rows, decals.logo, decals.warning, decals.pad])
@pytest.mark.parametrize("size", [64, 96, 128])
def test_marks_cover_some_of_the_texture_and_differ(draw: object, size: int) -> None:
    assert callable(draw)
    masks = [draw(np.random.default_rng(seed), size) for seed in range(12)]
    assert all(mask.shape == (size, size) and mask.dtype == bool for mask in masks)
    assert all(0.005 < mask.mean() < 0.5 for mask in masks)
    assert len({mask.tobytes() for mask in masks}) == len(masks)


@pytest.mark.parametrize("ground", [20, 128, 240])
def test_print_leaves_the_rest_alone_and_stands_out(ground: int) -> None:
    image = np.full((96, 96, 3), ground, np.uint8)
    for seed in range(20):
        result = decals.printed(np.random.default_rng(seed), image)
        changed = (result != image).any(axis=2)
        assert 0.0 < changed.mean() < 0.8
        assert np.abs(result[changed].astype(int) - ground).max(axis=1).min() > 50
    assert (image == ground).all()


def test_a_minority_of_materials_is_printed() -> None:
    names = [textures.any_material(np.random.default_rng([3, seed])).name for seed in range(300)]
    assert 20 < sum("printed" in name for name in names) < 80
    for word in ("metal", "plastic", "wood", "leather", "carbon weave", "rust", "marble"):
        assert any(word in name for name in names)


@pytest.mark.parametrize("draw", [textures.leather, textures.weave, textures.rust, textures.marble])
def test_natural_patterns_vary_and_repeat_without_a_seam(draw: object) -> None:
    assert callable(draw)
    for seed in range(4):
        pattern = draw(np.random.default_rng(seed), 96)
        assert pattern.shape == (96, 96)
        assert pattern.std() > 0.2
        for axis in (0, 1):
            steps = np.abs(np.diff(pattern, axis=axis)).mean(axis=1 - axis)
            seam = np.abs(np.take(pattern, 0, axis) - np.take(pattern, -1, axis)).mean()
            assert seam <= 1.5 * steps.max()


def test_cover_of_a_usb_stick_closes_over_the_body_and_opens_away_from_the_plug() -> None:
    for seed in range(12):
        stick, cover = (obj := CATEGORY_REGISTRY.get("usb").draw(np.random.default_rng([5, seed]))).links
        tip = corners(stick)[:, 0].max()
        (joint,) = obj.joints
        far = corners(cover)
        far = far[np.hypot(far[:, 0], far[:, 1]) > 0.2]
        headings = [
            np.abs(np.degrees(np.arctan2(*rotated(far, angle).mean(axis=0)[::-1])))
            for angle in (joint.lower, joint.upper)
        ]
        assert 20.0 < min(headings) < 55.0
        assert 105.0 < max(headings) < 180.0
        assert np.hypot(far[:, 0], far[:, 1]).max() > 0.8 * tip  # long enough to cover the plug


def test_door_of_a_safe_closes_along_the_front_and_opens_away_from_the_body() -> None:
    for seed in range(12):
        obj = CATEGORY_REGISTRY.get("safe").draw(np.random.default_rng([6, seed]))
        body, door = (corners(link) for link in obj.links)
        side = np.sign(body[:, 1].min() + body[:, 1].max())
        (joint,) = obj.joints
        headings = []
        for angle in (joint.lower, joint.upper):
            points = rotated(door, angle)
            headings.append(abs(np.degrees(np.arctan2(*points[np.argmax(np.hypot(*points.T))][::-1]))))
            assert (side * points[:, 1]).mean() < side * (body[:, 1].min() + body[:, 1].max()) / 2.0
        assert min(headings) < 30.0
        assert max(headings) > 75.0
        assert np.hypot(*door[:, :2].T).max() > 0.6 * np.ptp(body[:, 0])  # it shuts the whole front
