"""A written model in the simulator shows its parts where they were seen, in the states in which they were seen."""

import dataclasses
import math

import numpy as np
import pytest

from atp.articulation.articulate import Articulator
from atp.articulation.urdf_writer import write_urdf
from atp.benchmark.joint_episodes import JointEpisodesOptions, run
from atp.benchmark.round_trip import round_trip
from seen_boxes import BODY, DOOR, OBLIQUE, record_of, turned_about

HINGE = np.array([0.14, -0.065, 0.0])
STATES = [[np.eye(4), turned_about([0.0, 0.0, 1.0], HINGE, math.radians(-angle))] for angle in (10, 45, 30, 25)]


@pytest.fixture
def played(tmp_path):
    record = record_of([BODY, DOOR], STATES)
    model = Articulator(record).articulation(pose=(OBLIQUE.position, OBLIQUE.rotation))
    return record, model, write_urdf(model, record.frames[-1], tmp_path / "object.urdf")


def test_parts_are_shown_where_they_were_seen(played):
    found = round_trip(played[1], played[0], played[2], OBLIQUE)
    last = [seen.iou for seen in found if seen.last]
    assert len(last) == 2
    assert min(last) > 0.95
    assert {seen.image for seen in found} == {1, 2, 3}  # in the first one the door was not known
    assert min(seen.iou for seen in found) > 0.6  # other faces of the door show at 45 degrees


def test_a_wrong_joint_shows_them_elsewhere(played):
    record, model, urdf = played
    (joint,) = model.joints
    wrong = dataclasses.replace(model, joints=[dataclasses.replace(joint, pivot=(0.0, 0.0, 1.5))])

    def door_at_45_degrees():
        found = round_trip(model, record, urdf, OBLIQUE)
        return next(seen.iou for seen in found if (seen.image, seen.part) == (1, 2))

    right = door_at_45_degrees()
    write_urdf(wrong, record.frames[-1], urdf)
    assert door_at_45_degrees() < right - 0.15


def test_another_file_is_refused(played):
    record, model, urdf = played
    urdf.write_text(urdf.read_text().replace('"joint_2"', '"hinge"'))
    with pytest.raises(ValueError, match="other joints"):
        round_trip(model, record, urdf, OBLIQUE)
    urdf.write_text("<robot")
    with pytest.raises(ValueError, match="does not load"):
        round_trip(model, record, urdf, OBLIQUE)


@pytest.mark.slow
def test_models_of_play_show_the_parts_again(weights):
    result = run(JointEpisodesOptions("pliers", episodes=6, weights=str(weights), true_masks=True, round_trip=True))
    assert result.models == 6
    assert np.median([seen.iou for seen in result.round_trip]) > 0.8
