"""Boxes anywhere in space, seen by a camera whose depth is known exactly, and their play as a record."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from scipy.spatial.transform import Rotation

from atp.articulation.observations import Frame, Intrinsics, PlayRecord
from envs.camera import Camera

SHAPE = (90, 90)
OBLIQUE = Camera.above(*SHAPE, elevation=math.radians(50), target_height=0.1)
ABOVE = Camera.above(*SHAPE)

#: Centre and sides in metres: a body on the ground, and a door before it, a drawer above it, a lid on it.
BODY = ((0.0, 0.05, 0.1), (0.3, 0.2, 0.2))
DOOR = ((0.0, -0.065, 0.1), (0.28, 0.02, 0.18))
DRAWER = ((0.0, -0.09, 0.1), (0.24, 0.08, 0.1))
LID = ((0.0, 0.05, 0.21), (0.3, 0.2, 0.02))


def turned_about(axis, through, angle):
    """(4, 4) turn about an axis through a point."""
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_rotvec(np.array(axis) * angle).as_matrix()
    pose[:3, 3] = through - pose[:3, :3] @ through
    return pose


def shifted(by):
    """(4, 4) shift."""
    pose = np.eye(4)
    pose[:3, 3] = by
    return pose


def look(boxes, poses, camera=OBLIQUE):
    """Depth (H, W) float32, labels 1.. (H, W) uint8 and image of boxes on the ground, each with its pose."""
    rays = camera.rays.astype(np.float64)
    depths = [-camera.position[2] / np.minimum(rays[..., 2], -1e-6)]
    for (centre, sides), pose in zip(boxes, poses, strict=True):
        start = pose[:3, :3].T @ (camera.position - pose[:3, 3]) - centre
        there = rays @ pose[:3, :3]
        there = np.where(np.abs(there) < 1e-9, 1e-9, there)
        ends = np.stack([(-np.array(sides) / 2 - start) / there, (np.array(sides) / 2 - start) / there])
        near, far = ends.min(axis=0).max(axis=-1), ends.max(axis=0).min(axis=-1)
        depths.append(np.where(near < far, near, np.inf))
    depth, labels = np.min(depths, axis=0).astype(np.float32), np.argmin(depths, axis=0).astype(np.uint8)
    colours = np.array([[200, 200, 200], [150, 90, 60], [60, 120, 160], [90, 160, 70], [160, 60, 150]], np.uint8)
    return depth, labels, colours[labels]


def record_of(boxes, states, camera=OBLIQUE, spoil=lambda depth: depth, camera_known=True):
    """A record of play with exact masks. Box 0 is what never moves by itself, unless its poses differ.

    Args:
        boxes: As for :func:`look`.
        states: For each image the poses of all boxes.
        camera: Sees them.
        spoil: Changes depth.
        camera_known: Whether the record has intrinsics.
    """
    seen = [look(boxes, poses, camera) for poses in states]
    moves = [
        [not np.allclose(one, other) for one, other in zip(before, after, strict=True)]
        for before, after in pairwise(states)
    ]
    known = np.zeros(len(boxes) + 1, bool)

    def frame(at):
        depth, labels, rgb = seen[at]
        moved = known[labels]
        return Frame(rgb, spoil(depth), np.where(moved, labels, 0).astype(np.uint8), (labels > 0) & ~moved)

    intrinsics = Intrinsics.centred(SHAPE, camera.focal) if camera_known else None
    record = PlayRecord(intrinsics, [frame(0)])
    for step, moved in enumerate(moves):
        codes = np.array([False, *moved])
        known |= codes
        record.add(codes[seen[step][1]], codes[seen[step + 1][1]], frame(step + 1))
    return record
