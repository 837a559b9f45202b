"""Numbers that all packages agree on, each written here and nowhere else."""

from __future__ import annotations

from typing import Literal

#: From where an object is looked at: see `assets.importing.views.viewing`.
ViewChoice = Literal["auto", "top"] | tuple[float, float]

#: Directions of a push: k * 45 degrees counter-clockwise from world +x, which is image right for a camera that is not
#: tilted; k = 0..7.
DIRECTIONS = 8
#: Labels of parts are 1..15 everywhere; 0 is the background.
MAX_PARTS = 15
#: Fewer pixels than this are noise and not a part, be it seen, moved or remembered; at any
#: resolution.
MIN_PART_PIXELS = 20
#: Side of the image in pixels, unless the weights or an option say otherwise.
RESOLUTION = 90
#: Metres by which an object's position is varied at reset, along each axis of the ground.
RESET_SHIFT = 0.04
#: Metres from the camera to the point that it looks at, and the metres that the longer side of its image shows there.
CAMERA_DISTANCE, VIEW_WIDTH = 1.5, 1.0
