"""From a record of play to an articulated model.

For each part and interaction the rigid motion A (:mod:`atp.articulation.rigid_motion`), for each pair of parts the
relative motions, for each pair the joint that explains them (:mod:`atp.articulation.joints`), of all pairs the tree
(:mod:`atp.articulation.tree`).

Of parent p and child q in interaction k, x goes to B x with B = A_p^-1 A_q, as seen by somebody who sits on p. What p
did later takes it to the last image: with C the motion of p from there on, C B C^-1 moves about the axis as it lies in
the last image. The positions of a joint are the sums of its moves, 0 in the last image.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy.spatial.transform import Rotation

from atp.articulation.articulated_model import Articulation, CameraModel, JointEntry, PartEntry, vector
from atp.articulation.joints import LEAST_SHIFT, LEAST_TURN, RelativeMotion, fit_joint
from atp.articulation.observations import REST, Array, Frame, Intrinsics, PlayRecord
from atp.articulation.rigid_motion import (
    IDENTITY,
    MovedPart,
    PartView,
    RigidMotion,
    after,
    inverse,
    rigid_motion,
)
from atp.articulation.tree import Pair, joint_tree
from atp.ground import ground_normal, ground_plane
from atp.types import Mask

#: A motion that fits worse than this mean cost is not believed.
MOST_COST = 3.0


class ArticulationEstimator:
    """Estimates joints while a record grows: each interaction is looked at once.

    Args:
        record: What was seen; it may grow. Frames without depth say nothing.

    Raises:
        ValueError: The record has no intrinsics.
    """

    def __init__(self, record: PlayRecord) -> None:
        if record.intrinsics is None:
            raise ValueError("without intrinsics there are no metres: give those of the camera, or see image_plane")
        self.record, self.camera = record, record.intrinsics
        self._motions: dict[tuple[int, int], RigidMotion | None] = {}
        self._normals: dict[int, Array | None] = {}

    def motion(self, part: int, step: int) -> RigidMotion | None:
        """The motion of a part in an interaction.

        Args:
            part: A label of the record.
            step: Number of the interaction.

        Returns:
            The motion, the identity where it stayed; None where it moved and nobody can tell how.
        """
        name = self.record.identity(part, step)
        if (name, step) not in self._motions:
            self._motions[name, step] = self._estimated(name, step)
        return self._motions[name, step]

    def update(self) -> None:
        """Look at all interactions that were not looked at yet."""
        for step in range(len(self.record.moved)):
            for part in self.record.parts:
                self.motion(part, step)

    def articulation(self, residual_label: int | None = None, pose: tuple[Array, Array] | None = None) -> Articulation:
        """The articulated model.

        Args:
            residual_label: Label of what never moved; None for the lowest that no part has.
            pose: The camera's position (3,) and rotation (3, 3) in the world, its columns the camera's axes; None:
                axes and pivots are given in the camera frame alone.

        Returns:
            The model; joints of which too little was seen are ``unknown``.
        """
        record, notes = self.record, list[str]()
        last = record.frames[-1]
        parts = record.parts
        taken = {part for part in parts if part != REST}
        if residual_label is None or residual_label in taken:
            residual_label = next(label for label in range(1, 257) if label not in taken)
        names = {part: residual_label if part == REST else part for part in parts}
        entries = [PartEntry(names[part], int(np.count_nonzero(last.mask(part))), part != REST) for part in parts]
        if len(parts) < 2:
            notes.append("fewer than two parts were told apart: there is no joint")
            return Articulation(names[parts[0]] if parts else None, entries, [], notes=notes)
        root = REST if REST in parts else max(parts, key=lambda part: int(np.count_nonzero(last.mask(part))))
        camera = _camera_model(self.camera, pose)
        points = {part: _points(last, last.mask(part), self.camera) for part in parts}
        tree = joint_tree([self._pair(first, second) for first, second in combinations(parts, 2)], points, root)
        joints = [self._entry(parent, child, pair, names, camera) for parent, child, pair in tree]
        notes += [
            f"part {joint.child} moved too little against part {joint.parent} to tell their joint"
            for joint in joints
            if joint.type == "unknown"
        ]
        return Articulation(names[root], entries, joints, camera=camera, notes=notes)

    def relative_motions(self, first: int, second: int) -> tuple[list[RelativeMotion], list[int]]:
        """Motions of one part as seen from another one, in the camera frame of the last image.

        Args:
            first: Label of the part seen from.
            second: Label of the other one.

        Returns:
            The motions, latest first, as far back as the first can be followed; and the steps in which the second
            could not.
        """
        record = self.record
        later, found, lost = IDENTITY, list[RelativeMotion](), list[int]()
        for step in reversed(range(len(record.moved))):
            one, other = self.motion(first, step), self.motion(second, step)
            if one is None:
                return found, [*lost, *range(step + 1)]
            if record.identity(first, step) != record.identity(second, step):
                if other is None:
                    lost.append(step)
                elif not (one.matrix is IDENTITY and other.matrix is IDENTITY):
                    later_step = after(later, one.matrix)
                    found.append(_relative(step, one, other, later_step, later))
            later = after(later, one.matrix)
        return found, lost

    def _pair(self, first: int, second: int) -> Pair:
        """The joint of two parts, seen from the one that moved less often."""
        if self._moves(first) > self._moves(second):
            first, second = second, first
        motions, _ = self.relative_motions(first, second)
        fit = fit_joint(motions)
        return Pair(first, second, fit, fit.misfit)

    def _moves(self, part: int) -> int:
        steps = range(len(self.record.moved))
        motions = [self.motion(part, step) for step in steps]
        return sum(motion is None or motion.matrix is not IDENTITY for motion in motions)

    def _entry(self, parent: int, child: int, pair: Pair, names: dict[int, int], camera: CameraModel) -> JointEntry:
        fit, seen = pair.fit, len(pair.fit.positions)
        if fit.type not in ("revolute", "prismatic"):
            return JointEntry(names[parent], names[child], fit.type, evidence=_rounded(fit.evidence), interactions=seen)
        axis = vector(fit.axis if pair.first == parent else -fit.axis)
        pivot = vector(fit.pivot)
        axis_world, pivot_world = camera.to_world(axis, pivot)
        turns = fit.type == "revolute"
        positions = self._positions(pair)
        known = [position for position in positions if position is not None]
        return JointEntry(
            names[parent], names[child], fit.type, axis, pivot if turns else None, axis_world,
            pivot_world if turns else None, _rounded(min(known)), _rounded(max(known)), positions,
            _rounded(fit.axis_sigma), _rounded(fit.pivot_sigma) if turns else None, _rounded(fit.evidence), seen,
        )  # fmt: skip

    def _positions(self, pair: Pair) -> list[float | None]:
        """Of a joint in each image, 0 in the last; None where it could not be followed."""
        motions, lost = self.relative_motions(pair.first, pair.second)
        moves = {motion.step: float(move) for motion, move in zip(motions, pair.fit.positions, strict=True)}
        positions: list[float | None] = [0.0]
        for step in reversed(range(len(self.record.moved))):
            last = positions[-1]
            positions.append(None if last is None or step in lost else _rounded(last - moves.get(step, 0.0)))
        return positions[::-1]

    def _estimated(self, name: int, step: int) -> RigidMotion | None:
        regions, camera = self.record.regions(name, step), self.camera
        first, second = self.record.frames[step : step + 2]
        if regions is None:
            return RigidMotion(IDENTITY, np.zeros(3), np.zeros((6, 6)), 0.0)
        if first.depth is None or second.depth is None:
            return None
        moved = MovedPart(PartView(first, regions.before, camera), PartView(second, regions.after, camera))
        found = rigid_motion(moved, self._normal(step))
        return None if found is None or found.cost > MOST_COST else found

    def _normal(self, step: int) -> Array | None:
        """(3,) the ground's unit normal towards the camera; None where there is no ground."""
        if step not in self._normals:
            depth = self.record.frames[step].depth
            plane = None if depth is None else ground_plane(depth)
            self._normals[step] = None
            if depth is not None and plane is not None:
                height, width = depth.shape
                camera = self.camera
                self._normals[step] = ground_normal(plane, (height, width), camera.focal, camera.row, camera.col)
        return self._normals[step]


def _relative(step: int, one: RigidMotion, other: RigidMotion, before: Array, later: Array) -> RelativeMotion:
    """What the other did as seen from the one, taken to the last image by what the one did from this step on.

    Args:
        step: Number of the interaction.
        one: Motion of the part seen from.
        other: Motion of the other part.
        before: (3, 4) takes the one from the image before to the last one.
        later: (3, 4) takes it there from the image after.
    """
    centre = one.centre if other.matrix is IDENTITY else other.centre
    there = other.matrix[:, :3] @ centre + other.matrix[:, 3]
    matrix = after(after(later, other.matrix), inverse(before))
    covariance = other.covariance.copy()
    if one.matrix is not IDENTITY:
        arm = there - (one.matrix[:, :3] @ one.centre + one.matrix[:, 3])
        lever = np.eye(6)
        lever[3:, :3] = np.cross(np.eye(3), arm).T
        covariance = covariance + lever @ one.covariance @ lever.T
    turn = np.kron(np.eye(2), later[:, :3])
    return RelativeMotion(
        step, matrix, before[:, :3] @ centre + before[:, 3], turn @ covariance @ turn.T, _carried(one, centre)
    )


def _carried(motion: RigidMotion, centre: Array) -> bool:
    """Whether a motion takes what is about a point so far that a joint's motion would show."""
    rotation, shift = motion.matrix[:, :3], motion.matrix @ np.append(centre, 1.0) - centre
    turn = np.linalg.norm(Rotation.from_matrix(rotation).as_rotvec())
    return bool(turn >= LEAST_TURN or np.linalg.norm(shift) >= LEAST_SHIFT)


def _camera_model(camera: Intrinsics, pose: tuple[Array, Array] | None) -> CameraModel:
    principal = (camera.row, camera.col)
    if pose is None:
        return CameraModel(camera.focal, principal)
    right, down, forward = (vector(row) for row in np.asarray(pose[1]))
    return CameraModel(camera.focal, principal, vector(pose[0]), (right, down, forward))


def _points(frame: Frame, mask: Mask, camera: Intrinsics) -> Array:
    """(3, n) of the pixels of a mask that have depth."""
    if frame.depth is None:
        return np.zeros((3, 0))
    read = mask & np.isfinite(frame.depth) & (frame.depth > 0)
    rows, cols = np.nonzero(read)
    return camera.points(rows, cols, frame.depth[rows, cols])


def _rounded(value: float) -> float:
    """JSON has no infinity, and nobody needs more digits."""
    return round(float(np.clip(value, -1e6, 1e6)), 6)
