"""A model as a URDF: closed meshes, and back through the importer with as many parts and joints."""

import math

import numpy as np
import pytest
import trimesh

from assets.importing.prepare import prepare
from atp.articulation.articulate import Articulator
from atp.articulation.observations import Intrinsics
from atp.articulation.urdf_writer import part_mesh, write_urdf
from envs.simulator import Friction, Simulator
from seen_boxes import BODY, DOOR, DRAWER, OBLIQUE, record_of, shifted, turned_about

HINGE = np.array([0.14, -0.065, 0.0])
POSE = (OBLIQUE.position, OBLIQUE.rotation)


def swung(degrees):
    return turned_about([0.0, 0.0, 1.0], HINGE, math.radians(-degrees))


def test_a_part_is_a_closed_solid_where_it_was_seen():
    record = record_of([BODY, DOOR], [[np.eye(4), np.eye(4)]])
    frame = record.frames[0]
    vertices, faces, texture = part_mesh(frame, frame.rest, Intrinsics.centred((90, 90), OBLIQUE.focal))
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    assert mesh.is_watertight
    assert mesh.volume > 0  # faces point outwards
    world = vertices @ OBLIQUE.rotation.T + OBLIQUE.position
    assert world[:, 2].max() == pytest.approx(0.2, abs=0.01)
    assert np.abs(world[:, 0]).max() == pytest.approx(0.15, abs=0.012)
    assert texture.min() >= 0
    assert texture.max() <= 1


def test_the_urdf_has_the_parts_and_joints_of_the_model(tmp_path):
    states = [[np.eye(4), swung(-10)], [np.eye(4), swung(-45)]]
    record = record_of([BODY, DOOR], states)
    model = Articulator(record).articulation(pose=POSE)
    urdf = write_urdf(model, record.frames[-1], tmp_path / "object.urdf")
    prepared = prepare(urdf)
    assert len(prepared.parts) == 2
    (joint,) = prepared.joints
    assert joint.type == "revolute"
    assert math.degrees(joint.upper - joint.lower) == pytest.approx(35, abs=3)
    simulator = Simulator()
    simulator.load(prepared, Friction())
    assert len(simulator.joint_lines()) == 1
    simulator.close()


def test_a_joint_that_is_not_known_is_fixed(tmp_path):
    still = [np.eye(4), np.eye(4)]
    states = [still, [np.eye(4), shifted([0.0, -0.004, 0.0])]]
    record = record_of([BODY, DRAWER], states)
    text = write_urdf(Articulator(record).articulation(pose=POSE), record.frames[-1], tmp_path / "o.urdf").read_text()
    assert 'type="fixed"' in text
    assert "prismatic" not in text


def test_without_depth_there_is_no_urdf(tmp_path):
    record = record_of([BODY, DOOR], [[np.eye(4), swung(-10)], [np.eye(4), swung(-45)]], spoil=lambda depth: None)
    with pytest.raises(ValueError, match="depth"):
        write_urdf(Articulator(record).articulation(), record.frames[-1], tmp_path / "object.urdf")
    assert not list(tmp_path.iterdir())
