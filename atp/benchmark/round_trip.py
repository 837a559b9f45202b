"""A written model seen again: its URDF in a simulator, in joint states that were seen, beside what was seen then."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from atp.articulation.articulated_model import Articulation
from atp.articulation.observations import REST, PlayRecord
from atp.metrics import mask_iou
from atp.types import MIN_PART_PIXELS
from envs.camera import Camera
from envs.simulator import look_at_urdf


@dataclass(frozen=True)
class PartSeen:
    """A part of a model in one image.

    Attributes:
        image: Number of the image.
        part: Label.
        last: Whether it is the last image, in which the meshes were seen.
        iou: Of what the model shows of it with what was seen of it.
    """

    image: int
    part: int
    last: bool
    iou: float


def round_trip(model: Articulation, record: PlayRecord, urdf: Path, camera: Camera) -> list[PartSeen]:
    """Render a written model in each joint state that was seen, and compare the parts with those seen then.

    Images are compared from the last one back, for as long as the part that all others hang on had not moved yet, all
    parts were known, and the state of all joints is known.

    Args:
        model: The model, in the world frame.
        record: What it was estimated from.
        urdf: The file that :func:`atp.articulation.urdf_writer.write_urdf` made of it.
        camera: The camera of all images.

    Returns:
        One entry for each part of at least 20 pixels in each of these images.

    Raises:
        ValueError: The simulator does not load the file, or finds other joints in it.
    """
    labels = {part.label: part.label if part.moved else REST for part in model.parts}
    found = list[PartSeen]()
    last = len(record.frames) - 1
    for image in reversed(range(len(record.frames))):
        if image < last and not _comparable(model, record, labels, image):
            break
        positions = {f"joint_{joint.child}": joint.positions[image] if joint.known else 0.0 for joint in model.joints}
        if any(position is None for position in positions.values()):
            break
        shown = look_at_urdf(urdf, {name: position or 0.0 for name, position in positions.items()}, camera)
        for label, part in labels.items():
            seen = record.frames[image].mask(part)
            if np.count_nonzero(seen) >= MIN_PART_PIXELS:
                iou = mask_iou(shown[f"part_{label}"], seen)
                found.append(PartSeen(image, label, image == last, float(iou)))
    return found


def _comparable(model: Articulation, record: PlayRecord, labels: dict[int, int], image: int) -> bool:
    """Whether all parts were known in an image, and the root has stayed since."""
    root = labels[model.root] if model.root is not None else REST
    known = all(part == REST or image > record.born(part) for part in labels.values())
    return known and record.regions(root, image) is None
