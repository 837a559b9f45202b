"""Generated objects: closed solids, hinges where the links meet, links that do not run into each other."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
import trimesh
from shapely import affinity
from shapely.geometry import MultiPolygon, Point, Polygon, box
from shapely.ops import unary_union

from assets.catalog import CATEGORIES
from assets.generators import CATEGORY_REGISTRY, GeneratedObject, Link, textures
from assets.generators import geometry as geo

DRAWS = 8
PARTS = {category: {2} for category in CATEGORIES} | {
    "eyeglasses": {3}, "multilink": {3}, "drawers": {2, 3, 4}, "double_door": {3}, "chain4": {4}, "chain5": {5}
}  # fmt: skip


def draw(category: str, seed: int) -> GeneratedObject:
    return CATEGORY_REGISTRY.get(category).draw(np.random.default_rng([11, seed]))


def solid(link: Link) -> trimesh.Trimesh:
    return trimesh.boolean.union([visual.mesh for visual in link.visuals], engine="manifold")


def footprint(link: Link, angle: float = 0.0, about: tuple[float, ...] = (0.0, 0.0, 0.0)) -> Polygon | MultiPolygon:
    """Shadow of a link on the plane, from its triangles alone, rotated by ``angle`` about a point."""
    shadows = []
    for visual in link.visuals:
        triangles = visual.mesh.triangles[np.abs(visual.mesh.face_normals[:, 2]) > 1e-6, :, :2]
        shadows += [Polygon(triangle).buffer(1e-6) for triangle in triangles]
    return geo.rotated(unary_union(shadows), angle, about)


@pytest.mark.parametrize("category", sorted(CATEGORIES))
def test_every_mesh_is_a_closed_solid_of_few_triangles(category: str) -> None:
    seen = set()
    for seed in range(DRAWS):
        obj = draw(category, seed)
        seen.add(len(obj.links))
        assert len(obj.joints) == len(obj.links) - 1
        meshes = [visual.mesh for link in obj.links for visual in link.visuals]
        assert all(mesh.is_watertight and mesh.is_winding_consistent and mesh.volume > 0 for mesh in meshes)
        assert sum(len(mesh.faces) for mesh in meshes) <= 2500
    assert seen == PARTS[category]


@pytest.mark.parametrize("category", sorted(CATEGORIES))
def test_size_and_thickness(category: str) -> None:
    for seed in range(DRAWS):
        obj = draw(category, seed)
        corners = np.vstack([visual.mesh.bounds for link in obj.links for visual in link.visuals])
        low, high = corners.min(axis=0), corners.max(axis=0)
        assert -1e-6 <= low[2] < 0.003
        assert high[2] < 0.15
        assert 0.3 < np.linalg.norm(high[:2] - low[:2]) < 1.2
        for link in obj.links:
            z = np.vstack([visual.mesh.bounds[:, 2] for visual in link.visuals])
            assert 0.007 < z.max() - z.min() < 0.12


@pytest.mark.parametrize("category", sorted(CATEGORIES))
def test_joints_move_parts_in_the_plane_with_room_both_ways_and_form_a_tree(category: str) -> None:
    for seed in range(DRAWS):
        obj = draw(category, seed)
        assert [joint.child for joint in obj.joints] == list(range(1, len(obj.links)))
        for joint in obj.joints:
            assert joint.parent < joint.child
            assert joint.type == ("prismatic" if category == "drawers" else "revolute")
            assert joint.lower < 0.0 < joint.upper
            if joint.type == "prismatic":
                assert joint.axis[2] == 0.0
                assert np.linalg.norm(joint.axis) == pytest.approx(1.0)
                assert 0.1 < joint.upper - joint.lower < 0.4
                continue
            assert joint.axis == (0.0, 0.0, 1.0)
            assert np.radians(20.0) < joint.upper - joint.lower < np.radians(240.0)


@pytest.mark.parametrize("category", sorted(CATEGORIES))
def test_links_overlap_at_their_joint_and_both_show_from_above(category: str) -> None:
    for seed in range(4):
        obj = draw(category, seed)
        for joint in obj.joints:
            middle = 0.5 * (joint.lower + joint.upper)
            parent = footprint(obj.links[joint.parent])
            if joint.type == "prismatic":
                child = affinity.translate(footprint(obj.links[joint.child]), *middle * np.array(joint.axis))
                assert parent.intersection(child).area > 0.1 * child.area  # it has not come out
            else:
                pivot = Point(joint.origin[:2])
                child = footprint(obj.links[joint.child], middle, joint.origin)
                for shape in (parent, child):  # a rivet's hole is no gap in the link
                    parts = shape.geoms if isinstance(shape, MultiPolygon) else [shape]
                    assert any(Polygon(part.exterior).contains(pivot) for part in parts)
            for one, other in ((parent, child), (child, parent)):
                assert one.difference(other).area > 0.35 * one.area


def poses(obj: GeneratedObject, positions: Sequence[float]) -> list[np.ndarray]:
    """Pose (4, 4) of every link with the joints at the given positions."""
    result = [np.eye(4)]
    for joint, position in zip(obj.joints, positions, strict=True):
        if joint.type == "prismatic":
            move = trimesh.transformations.translation_matrix(position * np.array(joint.axis))
        else:
            move = trimesh.transformations.rotation_matrix(position, joint.axis, joint.origin)
        result.append(result[joint.parent] @ move)
    return result


@pytest.mark.parametrize("category", sorted(CATEGORIES))
def test_links_never_run_into_each_other(category: str) -> None:
    for seed in range(4):
        obj = draw(category, seed)
        solids = [solid(link) for link in obj.links]
        count = {1: 5, 2: 3}.get(len(obj.joints), 2)  # positions of each joint; every combination is tried
        ranges = [np.linspace(joint.lower, joint.upper, count) for joint in obj.joints]
        for positions in itertools.product(*ranges):
            placed = [mesh.copy() for mesh in solids]
            for mesh, pose in zip(placed, poses(obj, positions), strict=True):
                mesh.apply_transform(pose)
            for one, other in itertools.combinations(placed, 2):
                if np.any(one.bounds[0] > other.bounds[1]) or np.any(other.bounds[0] > one.bounds[1]):
                    continue
                common = trimesh.boolean.intersection([one, other], engine="manifold")
                assert common.is_empty or abs(common.volume) < 1e-9


def test_scissors_open_between_a_narrow_and_a_wide_angle() -> None:
    # The opening angle is the angle between the blades' tips seen from the rivet.
    for seed in range(DRAWS):
        obj = draw("scissors", seed)
        joint = obj.joints[0]
        tips = []
        for link in obj.links:
            points = np.vstack([visual.mesh.vertices for visual in link.visuals])[:, :2]
            tips.append(points[np.argmax(points[:, 0])])
        headings = np.arctan2([tip[1] for tip in tips], [tip[0] for tip in tips])
        drawn = headings[0] - headings[1]
        opening = sorted(abs(drawn - angle) for angle in (joint.lower, joint.upper))
        assert np.radians(0.0) < opening[0] < np.radians(40.0)
        assert np.radians(55.0) < opening[1] < np.radians(120.0)


def test_pair_looks_alike_in_about_half_of_the_objects() -> None:
    for category in ("scissors", "pliers"):
        same = 0
        for seed in range(40):
            a, b = draw(category, seed).links
            same += {id(v.material) for v in a.visuals} <= {id(v.material) for v in b.visuals} or {
                id(v.material) for v in b.visuals
            } <= {id(v.material) for v in a.visuals}
        assert 12 <= same <= 32


def test_draws_differ_and_repeat() -> None:
    for category in CATEGORIES:
        first, again, other = draw(category, 1), draw(category, 1), draw(category, 2)
        mesh = first.links[1].visuals[0].mesh
        np.testing.assert_array_equal(mesh.vertices, again.links[1].visuals[0].mesh.vertices)
        assert not np.array_equal(mesh.bounds, other.links[1].visuals[0].mesh.bounds)


@pytest.mark.parametrize("chamfer", [0.0, 0.1])
def test_slab_volume(chamfer: float) -> None:
    plate = Polygon(box(0, 0, 4, 3).exterior, [box(1, 1, 2, 2).exterior.coords])
    mesh = geo.slab(plate, 1.0, 2.0, chamfer)
    assert mesh.is_watertight
    # Plate of area 11 and edges 14 + 4; the chamfer takes c^2/2 along them, less at outer corners, more at
    # those of the hole, where the mitre is rounded: a few c^3.
    assert mesh.volume == pytest.approx(11.0 - 0.5 * chamfer**2 * 18.0, abs=3.0 * chamfer**3 + 1e-9)
    np.testing.assert_allclose(mesh.bounds, [[0, 0, 1], [4, 3, 2]], atol=1e-9)


def test_slab_keeps_points_on_straight_edges() -> None:
    touching = Polygon([(0, 0), (1, 0), (2, 0), (2, 1), (1.0, 1.0), (0, 1)])
    assert geo.slab(touching, 0.0, 1.0).volume == pytest.approx(2.0)


def test_slab_refuses_no_height() -> None:
    with pytest.raises(ValueError, match="top > bottom"):
        geo.slab(box(0, 0, 1, 1), 0.5, 0.5)


def test_texture_coordinates_follow_the_grain_and_stay_positive() -> None:
    mesh = geo.slab(box(-1, -1, 1, 1), 0.0, 0.5)
    uv = geo.corner_uv(mesh, repeat=0.5, grain=np.pi / 2)
    assert uv.shape == (len(mesh.faces), 3, 2)
    assert uv.min() >= 0.0
    up = mesh.face_normals[:, 2] > 0.9
    # The first texture axis runs along +y: 2 m are 4 repeats; the second along -x.
    y, x = mesh.triangles[up][..., 1], mesh.triangles[up][..., 0]
    np.testing.assert_allclose(np.ptp(uv[up][..., 0]), 4.0)
    np.testing.assert_allclose(uv[up][..., 0] - 2.0 * y, uv[up][0, 0, 0] - 2.0 * y[0, 0], atol=1e-9)
    np.testing.assert_allclose(uv[up][..., 1] + 2.0 * x, uv[up][0, 0, 1] + 2.0 * x[0, 0], atol=1e-9)


@pytest.mark.parametrize("draw_pattern", [textures.brushed, textures.plastic, textures.wood])
def test_smooth_textures_repeat_without_a_seam(draw_pattern: object) -> None:
    assert callable(draw_pattern)
    for seed in range(5):
        pattern = draw_pattern(np.random.default_rng(seed), 64)
        for axis in (0, 1):
            inside = np.abs(np.diff(pattern, axis=axis)).max()
            seam = np.abs(np.take(pattern, 0, axis) - np.take(pattern, -1, axis)).max()
            assert seam <= 1.5 * inside


def test_materials_are_small_rgb_images() -> None:
    for seed in range(20):
        material = textures.any_material(np.random.default_rng(seed))
        size = material.texture.shape[0]
        assert material.texture.dtype == np.uint8
        assert material.texture.shape == (size, size, 3)
        assert 64 <= size <= 128
        assert material.texture.std(axis=(0, 1)).max() > 0.5
