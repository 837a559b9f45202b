"""Objects of the split mix: closed solids of few triangles, thin wires, parts that clear each other and show."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import trimesh

from assets import MIX_CATEGORIES, Instance, prepare
from assets.catalog import generate
from assets.conventions import MAX_PARTS, MIN_PART_PIXELS
from assets.generators import CATEGORY_REGISTRY, GeneratedObject, Joint, Link
from assets.writer import write_partnet_folder
from envs.play import ArticulatedPlay

DRAWS = 10


def draw(category: str, seed: int) -> GeneratedObject:
    return CATEGORY_REGISTRY.get(category).draw(np.random.default_rng([13, seed]))


def span(joint: Joint, share: float) -> float:
    return 2.0 * math.pi * share if joint.type == "continuous" else joint.lower + share * (joint.upper - joint.lower)


def solid(link: Link) -> trimesh.Trimesh:
    """One solid of all that a link is made of, its pieces overlapping or apart."""
    pieces = [piece for visual in link.visuals for piece in visual.mesh.split(only_watertight=False)]
    return trimesh.boolean.union(pieces, engine="manifold")


def placed(obj: GeneratedObject, solids: list[trimesh.Trimesh], share: float) -> list[trimesh.Trimesh]:
    """Copies of the links' solids with every joint at a share of its range."""
    poses = [np.eye(4)]
    for joint in obj.joints:
        position = span(joint, share)
        if joint.type == "prismatic":
            move = trimesh.transformations.translation_matrix(position * np.array(joint.axis))
        else:
            move = trimesh.transformations.rotation_matrix(position, joint.axis, joint.origin)
        poses.append(poses[joint.parent] @ move)
    return [mesh.copy().apply_transform(pose) for mesh, pose in zip(solids, poses, strict=True)]


@pytest.mark.parametrize("category", MIX_CATEGORIES)
def test_meshes_are_closed_solids_of_few_triangles(category: str) -> None:
    for seed in range(DRAWS):
        obj = draw(category, seed)
        meshes = [visual.mesh for link in obj.links for visual in link.visuals]
        assert all(mesh.is_watertight and mesh.is_winding_consistent for mesh in meshes)
        pieces = [piece for mesh in meshes for piece in mesh.split(only_watertight=False)]
        assert all(piece.is_watertight and piece.volume > 0.0 for piece in pieces)  # none is flat or inside out
        assert sum(len(mesh.faces) for mesh in meshes) <= 2500
        corners = np.vstack([mesh.bounds for mesh in meshes])
        assert -0.001 < corners[:, 2].min() < 0.004
        assert 0.3 < np.linalg.norm(np.ptp(corners, axis=0)) < 1.2


@pytest.mark.parametrize("category", MIX_CATEGORIES)
def test_joints_form_a_tree_and_have_room(category: str) -> None:
    kinds = set()
    for seed in range(3 * DRAWS):
        obj = draw(category, seed)
        assert [joint.child for joint in obj.joints] == list(range(1, len(obj.links)))
        assert 2 <= len(obj.links) <= 6
        for joint in obj.joints:
            kinds.add(joint.type)
            assert joint.parent < joint.child
            assert np.linalg.norm(joint.axis) == pytest.approx(1.0)
            assert joint.lower <= 0.0 <= joint.upper
            if joint.type != "continuous":
                assert joint.upper - joint.lower > (0.04 if joint.type == "prismatic" else np.radians(30.0))
    assert kinds == {
        "wire_frame": {"revolute"},
        "rotor": {"revolute", "continuous"},
    }.get(category, {"revolute", "prismatic"})


@pytest.mark.parametrize("category", MIX_CATEGORIES)
def test_parts_do_not_run_into_what_carries_them(category: str) -> None:
    for seed in range(DRAWS):
        obj = draw(category, seed)
        solids = [solid(link) for link in obj.links]
        for share in (0.0, 0.4, 1.0):
            meshes = placed(obj, solids, share)
            for joint in obj.joints:
                one, other = meshes[joint.parent], meshes[joint.child]
                common = trimesh.boolean.intersection([one, other], engine="manifold")
                volume = 0.0 if common.is_empty else abs(common.volume)
                assert volume < 0.02 * min(one.volume, other.volume), (seed, joint.child, share)


def test_wires_are_thin_and_a_few_pixels_wide_once_fitted(cache: Path) -> None:
    widths = []
    for seed in range(DRAWS):
        obj = draw("wire_frame", seed)
        prepared = prepare(write_partnet_folder(obj, cache / f"{seed}"))
        middle = placed(obj, [solid(link) for link in obj.links], 0.5)
        points = np.vstack([mesh.vertices for mesh in middle])[:, :2]
        scale = 2.0 * prepared.radius / np.linalg.norm(np.ptp(points, axis=0))  # at most by the factor sqrt(2)
        # Of a long round wire, volume over area is half its radius.
        widths += [90.0 * scale * 4.0 * mesh.volume / mesh.area for mesh in middle]
    assert 0.8 < min(widths) < 2.5
    assert max(widths) < 6.0


@pytest.mark.parametrize("category", MIX_CATEGORIES)
@pytest.mark.usefixtures("cache")
def test_nearly_every_part_shows_at_reset(category: str) -> None:
    env = ArticulatedPlay(split="mix", category=category)
    shown, parts = 0, 0
    try:
        for index in range(DRAWS):
            labels = env.reset(seed=index, options={"index": index})[1]["privileged"]["labels"]
            counts = np.bincount(labels.ravel(), minlength=MAX_PARTS + 1)[1:]
            shown += int((counts >= MIN_PART_PIXELS).sum())
            parts += len(generate(Instance(category, index, "mix")).links)
    finally:
        env.close()
    assert shown >= 0.9 * parts


def test_many_materials_are_baked_for_their_mesh_and_some_objects_are_of_one_plain_colour() -> None:
    baked = plain = 0
    for category, seed in itertools.product(MIX_CATEGORIES, range(DRAWS)):
        obj = draw(category, seed)
        visuals = [visual for link in obj.links for visual in link.visuals]
        for visual in visuals:
            if visual.uv is not None:
                assert visual.uv.shape == (len(visual.mesh.faces), 3, 2)
                assert -1e-9 <= visual.uv.min() <= visual.uv.max() <= 1.0 + 1e-9
        baked += any(visual.uv is not None for visual in visuals)
        first = {id(link.visuals[0].material) for link in obj.links}
        plain += len(first) == 1 and obj.links[0].visuals[0].material.name == "plain"
    assert 0.25 < baked / (DRAWS * len(MIX_CATEGORIES)) < 0.9
    assert plain >= 3


def test_texture_coordinates_of_a_mesh_reach_its_file(tmp_path: Path) -> None:
    obj = next(o for o in (draw("rotor", s) for s in range(40)) if o.notes["kind"] == "globe")
    folder = write_partnet_folder(obj, tmp_path / "globe")
    number, visual = next(
        (i, v) for i, v in enumerate(v for link in obj.links for v in link.visuals) if v.uv is not None
    )
    rows = [line.split() for line in (folder / f"textured_objs/original-{number}.obj").read_text().splitlines()]
    places = np.array([row[1:] for row in rows if row[0] == "vt"], dtype=float)
    corners = np.array([[c.split("/")[1] for c in row[1:]] for row in rows if row[0] == "f"], dtype=int) - 1
    assert visual.uv is not None
    np.testing.assert_allclose(places[corners], visual.uv, atol=1e-5)


def test_a_continuous_joint_has_no_limits_in_the_file_and_goes_all_the_way_round(cache: Path) -> None:
    obj = next(o for o in (draw("rotor", s) for s in range(40)) if o.joints[0].type == "continuous")
    folder = write_partnet_folder(obj, cache / "rotor")
    joint = ElementTree.parse(folder / "mobility.urdf").getroot().findall("joint")[1]
    assert joint.attrib["type"] == "continuous"
    assert joint.find("limit") is None
    ranges = [(joint.lower, joint.upper) for joint in prepare(folder).joints]
    assert (-math.pi, math.pi) in [pytest.approx(some) for some in ranges]


def test_an_instance_is_the_same_each_time_and_unlike_the_next(tmp_path: Path) -> None:
    for category in MIX_CATEGORIES:
        texts = []
        for name, index in (("one", 3), ("again", 3), ("other", 4)):
            folder = write_partnet_folder(generate(Instance(category, index, "mix")), tmp_path / f"{category}-{name}")
            texts.append(b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()))
        assert texts[0] == texts[1] != texts[2]
