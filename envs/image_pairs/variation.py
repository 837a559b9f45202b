"""What varies in synthetic image pairs, one by one."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class ImagePairConfig:
    """What varies; everything does unless switched off.

    Attributes:
        surfaces: Textures with the look of photographs; off: those of the generated objects.
        shadows: Cast shadows.
        highlights: Glossy surfaces.
        clutter: Things around the object, inside and outside.
        oblique: Views from the side and from above; off: nearly from the front.
        framing: The object may fill a third of the image or all of it and reach out of it; off: well framed.
        hands: Arms and sticks that enter, in one image or both.
        exposure: The light changes between the images: strength, and from where it comes.
        white_balance: The colour of the light changes too.
        blur: Out of focus, or moving.
        compression: JPEG.
        noise: Of the sensor.
        large_motions: 90 degrees and more; off: a few tens.
        interiors: What was hidden behind what moved is furnished.
        shake: The camera moves a little between the images.
    """

    surfaces: bool = True
    shadows: bool = True
    highlights: bool = True
    clutter: bool = True
    oblique: bool = True
    framing: bool = True
    hands: bool = True
    exposure: bool = True
    white_balance: bool = True
    blur: bool = True
    compression: bool = True
    noise: bool = True
    large_motions: bool = True
    interiors: bool = True
    shake: bool = True

    @classmethod
    def off(cls) -> ImagePairConfig:
        """Nothing varies but the objects."""
        return replace(cls(), **dict.fromkeys(cls.__dataclass_fields__, False))
