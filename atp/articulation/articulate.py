"""Estimates the model of an object while it is played with: in space where there is depth, else in the image plane."""

from __future__ import annotations

from dataclasses import replace

from atp.articulation.articulated_model import Articulation
from atp.articulation.estimation import ArticulationEstimator
from atp.articulation.image_plane import image_articulation
from atp.articulation.observations import Array, Intrinsics, PlayRecord


class Articulator:
    """A record of play and what was made of it so far.

    Args:
        record: It may grow.
    """

    def __init__(self, record: PlayRecord) -> None:
        self.record = record
        self._estimators: dict[Intrinsics, ArticulationEstimator] = {}

    def estimator(self, camera: Intrinsics | None = None) -> ArticulationEstimator | None:
        """The estimator in space for a camera, which keeps what it has found; None where the camera is not known.

        Args:
            camera: Its intrinsics; None takes those of the record.
        """
        camera = camera or self.record.intrinsics
        if camera is None:
            return None
        if camera not in self._estimators:
            self._estimators[camera] = ArticulationEstimator(replace(self.record, intrinsics=camera))
        return self._estimators[camera]

    def articulation(
        self,
        camera: Intrinsics | None = None,
        pose: tuple[Array, Array] | None = None,
        residual_label: int | None = None,
    ) -> Articulation:
        """The model of the object as it is known now.

        Args:
            camera: Intrinsics; None takes those of the record.
            pose: Position (3,) and rotation (3, 3) of the camera in the world; see
                :meth:`~atp.articulation.estimation.ArticulationEstimator.articulation`.
            residual_label: Label of what never moved, likewise.

        Returns:
            The model: with joints in space where there is depth and the camera is known, else in the image plane.
        """
        estimator = self.estimator(camera)
        missing = "intrinsics are" if estimator is None else "depth is"
        if estimator is not None and all(frame.depth is not None for frame in self.record.frames):
            return estimator.articulation(residual_label, pose)
        found = image_articulation(self.record, residual_label)
        return replace(found, notes=[f"the {missing} missing: joints in the plane of the image alone", *found.notes])
