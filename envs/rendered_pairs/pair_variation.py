"""What varies in rendered pairs."""

from __future__ import annotations

from dataclasses import dataclass, field

from envs.image_pairs import ImagePairConfig


@dataclass(frozen=True)
class RenderedPairConfig:
    """What varies; everything does unless switched off.

    Attributes:
        still: Share of pairs in which nothing of the object moves, whatever else changes.
        agents: Hands, arms, persons, robots, sticks.
        clutter: Things in, on and about the object.
        framing: The object may be small in a large room or be cut off by the frame; off: well framed.
        shake: The camera, or the whole object, shifts by a pixel or two between the images.
        camera: Which of exposure, white balance, blur, noise and compression the camera has.
    """

    still: float = 0.2
    agents: bool = True
    clutter: bool = True
    framing: bool = True
    shake: bool = True
    camera: ImagePairConfig = field(default_factory=ImagePairConfig)
