"""Rendered image pairs: what moved is what its pixels say, agents are apart, and the same seed gives the same pair."""

from __future__ import annotations

import importlib.util
from dataclasses import replace

import numpy as np
import pytest

from envs.rendered_pairs import Library, PicturesMissing, RenderedPairConfig, render_pair
from envs.rendered_pairs.articulated import load_articulated, range_of
from envs.rendered_pairs.chests import chest
from envs.rendered_pairs.gl_context import gl_context
from envs.rendered_pairs.pair_rendering import AGENT, MOVED, Shot
from envs.rendered_pairs.people import Hold, Looks, arm, arm_agent, stick_agent
from envs.rendered_pairs.robots import robot_agent, robots
from envs.rendered_pairs.room_stock import Stock
from envs.rendered_pairs.rooms import Room, lighting
from envs.rendered_pairs.shading import Item, looking_at, renderer
from envs.rendered_pairs.textured_meshes import Surface, box, capsule, joined, mesh_of, moved
from envs.rendered_pairs.things import lidded_box, pot, screen, tool, turned
from urdf_objects import joint, link, write

if importlib.util.find_spec("moderngl") is None:
    pytest.skip("moderngl is not installed", allow_module_level=True)
try:
    gl_context()
except PicturesMissing as error:
    pytest.skip(str(error), allow_module_level=True)

SIDE = 48
QUIET = RenderedPairConfig(still=0.0, agents=False, clutter=False, shake=False)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """One cupboard with a door, as a URDF in metres with its front to -y."""
    folder = tmp_path_factory.mktemp("cupboard")
    write(
        folder / "cupboard.urdf",
        link("body", "0.6 0.5 0.8", rgba="0.8 0.7 0.5 1"),
        link("door", "0.58 0.03 0.78", "0.29 0 0", rgba="0.2 0.3 0.8 1"),
        joint("revolute", "body", "door", "0 0 -1", "0 1.6", 'xyz="-0.29 -0.27 0"'),
    )
    return Library(found=(("cabinet", folder),), drawn=False, stock=Stock())


def pair_of(library: Library, seed: int, config: RenderedPairConfig):
    return render_pair(np.random.default_rng(seed), library, config, SIDE)


def test_same_seed_same_pair(library):
    first, second, other = (pair_of(library, seed, RenderedPairConfig()) for seed in (1, 1, 2))
    for name, kind, shape in (("rgb", np.uint8, (2, SIDE, SIDE, 3)), ("moved", bool, (2, SIDE, SIDE))):
        assert getattr(first, name).dtype == kind
        assert getattr(first, name).shape == shape
    for name in ("rgb", "moved", "agent"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert (first.rgb != other.rgb).any()


def test_what_moved_is_where_the_image_changed(library):
    """Without shake and agents, all that changes beyond noise, light and shadows is in one of the masks."""
    plain = replace(QUIET.camera, **dict.fromkeys(QUIET.camera.__dataclass_fields__, False))
    for seed in range(3):
        pair = pair_of(library, seed, replace(QUIET, camera=plain))
        assert all(mask.any() for mask in pair.moved)
        assert not pair.agent.any()
        change = np.abs(pair.rgb[0].astype(float) - pair.rgb[1]).mean(-1)
        either = pair.moved.any(axis=0)
        assert change[either].mean() > 2 * change[~either].mean()


def test_nothing_moved_in_still_pairs(library):
    for seed in range(4):
        assert not pair_of(library, seed, RenderedPairConfig(still=1.0)).moved.any()


def test_agents_never_count_as_moved(library):
    seen = 0
    for seed in range(8):
        pair = pair_of(library, seed, replace(QUIET, agents=True))
        assert not (pair.moved & pair.agent).any()
        seen += bool(pair.agent.any())
    assert seen >= 2


def shot_of(library: Library) -> Shot:
    """The cupboard, shut and then open, seen from the front."""
    body = library.sample(np.random.default_rng(0)).body
    name = body.movable[0].name
    view = looking_at(np.array([0.3, -2.0, 0.5]), np.zeros(3), 1.0)
    return Shot(body, ({name: 0.0}, {name: 1.2}), (np.eye(4), np.eye(4)), {}, Room(), frozenset({"door"}), (view, view))


def test_bodies_tell_parts_from_agents_and_the_nearest_wins(library):
    shot = shot_of(library)
    shut, opened = (renderer().bodies(shot.items(k), shot.views[k], SIDE) for k in range(2))
    assert (shut == MOVED).any()
    changed = shut != opened
    assert changed.any()
    assert ((shut == MOVED) | (opened == MOVED))[changed].all()
    shot.agents = ([box((0.2, 0.2, 0.2), (0, -0.8, 0), Surface())], [])
    held = renderer().bodies(shot.items(0), shot.views[0], SIDE)
    assert (held == AGENT).any()
    assert (held == MOVED).sum() < (shut == MOVED).sum()
    np.testing.assert_array_equal(held[held != AGENT], shut[held != AGENT])


def test_a_box_is_drawn_where_it_is(library):
    view = looking_at(np.array([0.0, -3.0, 0.0]), np.zeros(3), 2 * np.arctan(0.5))
    shown = renderer().bodies([Item(box((1, 1e-3, 1), (0.5, 0, 0.5), Surface()), body=7)], view, 60) == 7
    expected = np.zeros((60, 60), bool)
    expected[10:30, 30:50] = True  # 60 px * 1 m / 3 m, to the right and up
    assert (shown != expected).sum() <= 2 * 20
    assert shown[12:28, 32:48].all()


def test_light_comes_from_one_side_and_shadows_are_dark():
    light = lighting(np.random.default_rng(0), Stock())
    light = replace(
        light, directions=np.tile([0.0, 0.0, 1.0], (len(light.directions), 1)), colours=light.colours * 0 + 1
    )
    floor = Item(box((4, 4, 0.01), (0, 0, 0), Surface(gloss=0.0)), shadow=False)
    lid = Item(box((0.6, 0.6, 0.02), (0, 0, 0.6), Surface(gloss=0.0)))
    view = looking_at(np.array([0.0, -2.0, 0.5]), np.zeros(3), 1.0)
    bare, shaded = (renderer().draw(items, view, light, SIDE, np.zeros(3), 2.0) for items in ([floor], [floor, lid]))
    middle = (SIDE // 2, SIDE // 2)
    assert shaded[middle].mean() < 0.5 * bare[middle].mean()
    np.testing.assert_allclose(shaded[-4, 4], bare[-4, 4], rtol=0.05)


def test_an_object_is_read_in_metres(library):
    body = load_articulated(library.found[0][1])
    np.testing.assert_allclose(np.ptp(body.bounds({}, ["body"]), axis=0), (0.6, 0.5, 0.8), atol=1e-6)
    assert range_of(body.movable[0]) == (0.0, 1.6)
    assert body.links_moved_by(body.movable[0]) == ["door"]


@pytest.mark.parametrize("make", [pot, lidded_box, tool, screen, chest])
def test_drawn_objects_move_as_a_whole(make):
    """Every joint moves something, by what its limits allow, and the root stays."""
    for seed in range(3):
        body = make(np.random.default_rng(seed))
        assert body.movable
        for each in body.movable:
            low, high = range_of(each)
            assert high > low
            ends = [body.poses({each.name: value}) for value in (low, high)]
            links = body.links_moved_by(each)
            assert any(not np.allclose(ends[0][name], ends[1][name]) for name in links)
            np.testing.assert_allclose(ends[0][body.model.root], ends[1][body.model.root])


def test_doors_of_chests_open_to_the_front():
    for seed in range(6):
        body = chest(np.random.default_rng(seed))
        for each in body.movable:
            shut, opened = (body.bounds({each.name: value}, [each.child]) for value in (0.0, 0.5 * range_of(each)[1]))
            assert opened[0, 1] < shut[0, 1] - 0.01


def test_an_arm_reaches_what_it_holds():
    rng = np.random.default_rng(3)
    hold = Hold(np.array([0.4, 0.2, 0.9]), np.array([0.0, -1.0, 0.0]))
    meshes = arm(rng, Looks.sample(rng), np.array([0.1, -0.3, 1.2]), hold)
    points = np.concatenate([mesh.points for mesh in meshes])
    assert np.linalg.norm(points - hold.point, axis=1).min() < 0.05


@pytest.mark.parametrize("make", [arm_agent, robot_agent, stick_agent])
def test_agents_hold_still_unless_what_they_hold_moves(make):
    rng = np.random.default_rng(1)
    holds = tuple(Hold(np.array([x, 0.0, 0.8]), np.array([0.0, -1.0, 0.0])) for x in (0.0, 0.2))
    eye = np.array([0.0, -2.0, 1.5])
    if make is robot_agent:
        if not robots():
            pytest.skip("pybullet_data has no robots")
        draw = robot_agent(rng, holds, 0.0)
    else:
        draw = arm_agent(rng, eye, holds, 0.0) if make is arm_agent else stick_agent(rng, eye)
    first, again, other = (np.concatenate([m.points for m in draw(hold)]) for hold in (holds[0], *holds))
    np.testing.assert_allclose(first, again)
    assert np.linalg.norm(first - holds[0].point, axis=1).min() < 0.1
    assert np.linalg.norm(other - holds[1].point, axis=1).min() < 0.1


def test_meshes_are_joined_by_surface_and_moved():
    red, blue = Surface((1, 0, 0)), Surface((0, 0, 1))
    parts = [box((1, 1, 1), (0, 0, 0), red), box((1, 1, 1), (3, 0, 0), blue), box((1, 1, 1), (5, 0, 0), red)]
    both = joined(parts)
    assert [mesh.surface for mesh in both] == [red, blue]
    assert sum(len(mesh.vertices) for mesh in both) == sum(len(mesh.vertices) for mesh in parts)
    turn = moved(parts[1], turned(np.pi / 2, (0, 0, 1.0)))
    np.testing.assert_allclose(turn.points.mean(axis=0), (0, 3, 1), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(turn.vertices[:, 3:6], axis=1), 1, atol=1e-6)


def test_normals_are_round_where_faces_meet_flatly_and_sharp_elsewhere():
    cube = box((1, 1, 1), (0, 0, 0), Surface())
    assert (np.abs(cube.vertices[:, 3:6]).max(axis=1) > 0.999).all()
    ball = capsule(np.zeros(3), np.array([0, 0, 1e-6]), 1.0, 1.0, Surface(), 24)
    outward = ball.points / np.linalg.norm(ball.points, axis=1, keepdims=True)
    assert ((outward * ball.vertices[:, 3:6]).sum(axis=1) > 0.99).all()
    fold = np.array([[[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[1, 0, 0], [1, 1, 0.05], [0, 1, 0]]], float)
    normals = mesh_of(fold, Surface()).vertices[:, 3:6]
    np.testing.assert_allclose(normals[1], normals[3], atol=1e-6)
